"""The life of a claim: ``opened -> submitted -> won | lost | withdrawn``.

Money follows it: what is claimed stands as a receivable from ``opened`` on, what the issuer credits
before the outcome stands in an account of its own, and no budget has anything back before ``won``.
"""

from __future__ import annotations

from enum import StrEnum

from signets.core.errors import Refusal, RefusalKind


class DisputeState(StrEnum):
    """Where a claim stands; the last three are final."""

    OPENED = "opened"
    SUBMITTED = "submitted"
    WON = "won"
    LOST = "lost"
    WITHDRAWN = "withdrawn"


#: The whole table; the database guards the same one.
TRANSITIONS: dict[DisputeState, frozenset[DisputeState]] = {
    DisputeState.OPENED: frozenset({DisputeState.SUBMITTED, DisputeState.WITHDRAWN}),
    DisputeState.SUBMITTED: frozenset(
        {DisputeState.WON, DisputeState.LOST, DisputeState.WITHDRAWN}
    ),
    DisputeState.WON: frozenset(),
    DisputeState.LOST: frozenset(),
    DisputeState.WITHDRAWN: frozenset(),
}


def check_transition(before: DisputeState, after: DisputeState) -> None:
    """Nothing, where the claim may go there.

    Raises:
        Refusal: ``dispute_state``.
    """
    allowed = TRANSITIONS[before]
    if after not in allowed:
        listed = ", ".join(sorted(allowed)) or "nothing"
        raise Refusal(
            RefusalKind.CONFLICT,
            "dispute_state",
            f"a dispute that is `{before}` cannot become `{after}`; it can become: {listed}",
        )
