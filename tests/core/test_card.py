"""Cards: moves, and when a window is open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from signets.core.card import TRANSITIONS, CardState, UnlockWindow, check_transition, consumes
from signets.core.errors import Refusal
from signets.core.intent import Usage

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
GRACE = timedelta(minutes=10)


def _at(minute: int) -> datetime:
    return NOON + timedelta(minutes=minute)


@pytest.mark.parametrize(("before", "after"), list(product(CardState, CardState)), ids=str)
def test_moves_are_the_table_and_no_more(before: CardState, after: CardState):
    """locked and open change places, both can close, closed is for good."""
    if after in TRANSITIONS[before]:
        check_transition(before, after)
        return
    with pytest.raises(Refusal) as refused:
        check_transition(before, after)
    assert refused.value.code == "card_state"


@pytest.mark.parametrize(
    ("consumed", "ends"),
    [(None, 30), (0, 10), (5, 15), (20, 30), (25, 30)],
)
def test_a_window_is_open_from_its_first_instant_to_before_its_end(consumed: int | None, ends: int):
    """Start inclusive, end exclusive; once used, the grace or the window's end comes first."""
    window = UnlockWindow(
        intent_id="int_1",
        opens_at=_at(0),
        closes_at=_at(30),
        consumed_at=None if consumed is None else _at(consumed),
    )
    assert window.ends_at(GRACE) == _at(ends)
    assert not window.is_open(_at(0) - TICK, GRACE)
    assert window.is_open(_at(0), GRACE)
    assert window.is_open(_at(ends) - TICK, GRACE)
    assert not window.is_open(_at(ends), GRACE)


def test_only_a_single_intent_is_used_up_by_one_charge():
    """Intents for several charges stay open."""
    assert [usage for usage in Usage if consumes(usage)] == [Usage.SINGLE]
