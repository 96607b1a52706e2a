"""Random lives of a card: no bound is ever exceeded, and the answers are the naive model's."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.authorization.builders import ask
from tests.core.authorization.naive import History, Intent
from tests.core.authorization.simulator import (
    BUDGET,
    CAPS,
    LIMIT,
    PER_AUTHORIZATION,
    PER_DAY,
    Path,
)

from signets.core.authorization.decide import decide
from signets.core.authorization.decision import DecisionKind
from signets.core.intent import Usage
from signets.core.policy.model import Measure

ids = st.sampled_from(["r1", "r2", "r3", "r4", "r5", "r6"])
amounts = st.one_of(st.integers(0, 120), st.integers(101, 3200), st.sampled_from([1000, 2000]))
steps = st.one_of(
    st.tuples(st.just("open"), st.sampled_from([Usage.SINGLE, Usage.WINDOW]), amounts),
    st.tuples(st.just("ask"), ids, amounts),
    st.tuples(st.just("ask"), ids, amounts),
    st.tuples(st.just("ask"), ids, amounts),
    st.tuples(st.just("reverse"), ids, st.none()),
    st.tuples(st.just("wait"), st.sampled_from([1, 299, 300, 301, 599, 600, 900, 1200]), st.none()),
)
lives = st.lists(steps, max_size=40)


def _open(path: Path, history: History, usage: Usage, amount: int) -> None:
    amount = max(amount, 101)
    if path.open(usage, amount):
        one = usage is Usage.SINGLE
        history.intents.append(
            Intent(
                total=amount,
                each=amount if one else max(1, amount * 2 // 3),
                count=1 if one else 3,
                single=one,
                opened=path.now,
            )
        )


def _ask(path: Path, history: History, request_id: str, amount: int) -> None:
    request = ask(amount, id=request_id)
    made = decide(request, path.facts(request_id), path.now)
    expected, full = history.answer(request_id, amount, path.now)
    assert made.approved is expected, (made.reason, made.sentence)
    assert set(made.capped_by) == full
    path.apply(request_id, made)


def _assert_within_bounds(path: Path) -> None:
    """Invariants 2 and 3: card, budget, intents and caps, to the cent and to the count."""
    exposure = path.exposure()
    assert exposure.total(refunds_restore=False) <= min(LIMIT, BUDGET)
    assert all(one.live <= PER_AUTHORIZATION for one in path.requests.values())
    for intent_id, intent in path.intents.items():
        mine = [one.live for one in path.requests.values() if one.intent_id == intent_id]
        assert intent.used == sum(mine) <= intent.bounds.max_total
        assert all(amount <= intent.bounds.max_per_charge for amount in mine)
        assert intent.charges == len(mine) <= intent.bounds.max_count
    for cap in CAPS:
        inside = [
            made
            for when, made in path.events
            if path.now - when < timedelta(seconds=cap.window.seconds or 0)
            and (made.approved or cap.measure is Measure.ATTEMPTS)
            and cap.name not in made.capped_by
        ]
        assert cap.max_count is None or sum(one.counts for one in inside) <= cap.max_count
        assert cap.max_amount is None or sum(one.asked for one in inside) <= cap.max_amount
    today = [
        made
        for when, made in path.events
        if made.approved
        and made.kind is DecisionKind.VERIFICATION
        and when.date() == path.now.date()
    ]
    assert len(today) <= PER_DAY


@settings(max_examples=150, deadline=None)
@given(lives)
def test_no_life_of_a_card_exceeds_a_bound(life: list[tuple[str, object, object]]):
    """Whatever is opened, asked, asked again and reversed: bounds hold, and both models agree."""
    path, history = Path(), History()
    for what, one, other in life:
        if what == "open":
            _open(path, history, one, other)
        elif what == "ask":
            _ask(path, history, one, other)
        elif what == "reverse":
            path.reverse(one)
            history.charges.pop(one, None)
        else:
            path.pass_time(one)
            history.open_intent(path.now)
        _assert_within_bounds(path)
