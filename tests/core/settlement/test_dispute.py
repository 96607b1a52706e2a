"""The life of a claim, and what it does to a transaction's amounts in any order of arrival."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations, product

import pytest

from signets.core.errors import Refusal
from signets.core.settlement.dispute import TRANSITIONS, DisputeState, check_transition
from signets.core.settlement.fold import fold
from signets.core.settlement.model import (
    EventKind,
    EventResult,
    LifecycleEvent,
    SeenTotals,
    Totals,
)
from signets.core.settlement.state import TransactionState

AT = datetime(2026, 11, 24, tzinfo=UTC)


def event(step: int, kind: EventKind, amount: int) -> LifecycleEvent:
    return LifecycleEvent(
        token=f"{step}",
        kind=kind,
        result=EventResult.APPROVED,
        amount=amount,
        currency="USD",
        created=AT + timedelta(hours=step),
    )


def folded(*steps: tuple[EventKind, int]) -> TransactionState:
    """A clearing of $20.00 and these steps, the same in every order of arrival."""
    made = [event(0, EventKind.CLEARING, 2000)]
    made += [event(n, kind, amount) for n, (kind, amount) in enumerate(steps, start=1)]
    states = {fold(currency="USD", events=order) for order in list(permutations(made))[:120]}
    assert len(states) == 1
    return states.pop()


@pytest.mark.parametrize(("before", "after"), [*product(DisputeState, DisputeState)])
def test_the_whole_table(before: DisputeState, after: DisputeState) -> None:
    """What the table does not list is refused, and the refusal says what would be possible."""
    if after in TRANSITIONS[before]:
        check_transition(before, after)
        return
    with pytest.raises(Refusal) as caught:
        check_transition(before, after)
    assert caught.value.code == "dispute_state"
    assert (not TRANSITIONS[before]) == caught.value.message.endswith("nothing")


def test_a_claim_moves_money_only_when_it_is_won() -> None:
    """Open: disputed. Lost: spend again. Won: recovered. Cleared never changes."""
    opened = (EventKind.DISPUTE_OPENED, 1500)
    state = folded(opened)
    assert (state.cleared, state.disputed, state.recovered, state.status) == (
        2000,
        1500,
        0,
        "disputed",
    )
    assert state.exposure() == 2000
    lost = folded(opened, (EventKind.DISPUTE_LOST, 1500))
    assert (lost.disputed, lost.recovered, lost.status) == (0, 0, "settled")
    won = folded(opened, (EventKind.DISPUTE_WON, 1000), (EventKind.DISPUTE_LOST, 500))
    assert (won.disputed, won.recovered, won.exposure()) == (0, 1000, 1000)


def test_a_provisional_credit_never_stands_on_more_than_is_claimed() -> None:
    """Granted, partly taken back, and gone with the outcome; no budget has any of it."""
    opened = (EventKind.DISPUTE_OPENED, 1500)
    granted = (EventKind.PROVISIONAL_CREDIT, 1500)
    state = folded(opened, granted, (EventKind.PROVISIONAL_REVERSED, 400))
    assert (state.provisional, state.disputed, state.exposure()) == (1100, 1500, 2000)
    assert folded(opened, (EventKind.PROVISIONAL_CREDIT, 9000)).provisional == 1500
    for outcome in (EventKind.DISPUTE_WON, EventKind.DISPUTE_LOST):
        assert folded(opened, granted, (outcome, 1500)).provisional == 0
    assert folded(granted).provisional == 0


def test_a_claim_does_not_age_the_issuers_totals() -> None:
    """A claim's events are ours: totals that cover all of the network's stay the newest word."""
    totals = SeenTotals(totals=Totals(held=0, settled=2000), event_count=1, updated=AT)
    events = [event(0, EventKind.CLEARING, 2000), event(1, EventKind.DISPUTE_OPENED, 2000)]
    state = fold(currency="USD", events=events, totals=totals)
    assert (state.needs_reread, state.totals_differ, state.disputed) == (False, False, 2000)
