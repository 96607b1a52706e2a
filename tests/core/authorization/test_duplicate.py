"""The duplicate check needs the nearest amounts alone, however much the card holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.core.authorization.builders import MATCH, NOON, ask, at, held
from tests.core.authorization.test_properties import any_facts, requests

from signets.core.authorization.decide import decide
from signets.core.authorization.decision import Decision
from signets.core.authorization.duplicate import deciding
from signets.core.authorization.facts import Facts, LiveAuthorization
from signets.core.authorization.request import AuthorizationRequest
from signets.core.policy.model import Tolerance
from signets.core.reasons import Reason

live = st.lists(
    st.builds(
        held,
        st.integers(1, 3000),
        intent=st.sampled_from(["int_0", "int_1", None]),
        request_id=st.sampled_from(["req_0", "req_1", "req_2"]),
        vendor=st.sampled_from(["openai.com"] * 4 + ["a.com", None]),
        currency=st.sampled_from(["USD"] * 4 + ["EUR"]),
    ),
    max_size=12,
)
tolerances = st.builds(
    Tolerance, basis_points=st.integers(0, 5000), absolute=st.sampled_from([0, 1, 50, 900])
)


def told(decision: Decision) -> tuple[object, ...]:
    """All of a decision but for which of several equal charges its sentence names."""
    return (
        replace(decision, checks=(), sentence=""),
        decision.sentence if decision.reason is not Reason.DUPLICATE_CHARGE else None,
        [
            replace(check, detail="") if check.reason is Reason.DUPLICATE_CHARGE else check
            for check in decision.checks
        ],
    )


@given(any_facts(), requests, live, tolerances, st.integers(0, 60))
def test_what_can_decide_decides_as_everything_does(
    facts: Facts,
    request: AuthorizationRequest,
    others: list[LiveAuthorization],
    tolerance: Tolerance,
    minute: int,
) -> None:
    """With the nearest live amounts a decision is the one that all live amounts make."""
    everything = replace(facts, live=tuple(others), tolerance=tolerance)
    few = replace(everything, live=deciding(request, everything, at(minute)))
    assert told(decide(request, few, at(minute))) == told(decide(request, everything, at(minute)))


def test_of_many_charges_two_are_kept() -> None:
    """A card with thousands of live charges stores two of them with a decision."""
    many = tuple(held(n, request_id=f"req_{n}") for n in range(1, 5000, 2))
    facts = Facts(card=None, match=MATCH, live=many)
    kept = deciding(ask(2000, id="req"), facts, NOON)
    assert [one.amount for one in kept] == [1999, 2001]
