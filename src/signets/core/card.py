"""A virtual card: locked by default, open only for an approved intent's window."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from signets.core.errors import Refusal, RefusalKind
from signets.core.intent import Usage


class CardState(StrEnum):
    """``locked`` ⇄ ``open`` → ``closed``. Frozen is a separate switch, not a state."""

    LOCKED = "locked"
    OPEN = "open"
    CLOSED = "closed"


TRANSITIONS: dict[CardState, frozenset[CardState]] = {
    CardState.LOCKED: frozenset({CardState.OPEN, CardState.CLOSED}),
    CardState.OPEN: frozenset({CardState.LOCKED, CardState.CLOSED}),
    CardState.CLOSED: frozenset(),
}


class LimitPeriod(StrEnum):
    """Over what the spending limit counts."""

    LIFETIME = "lifetime"
    MONTH = "month"


def check_transition(before: CardState, after: CardState) -> None:
    """Refuse a move that the table does not list.

    Raises:
        Refusal: ``card_state`` (conflict).
    """
    if after not in TRANSITIONS[before]:
        raise Refusal(
            RefusalKind.CONFLICT,
            "card_state",
            f"a card that is `{before}` cannot become `{after}`",
        )


class UnlockWindow(msgspec.Struct, frozen=True, kw_only=True):
    """When a card is open, and for which intent.

    ``closes_at`` is the end of the window proper. ``consumed_at`` is when a ``single`` intent was
    used; from then on the card stays open only for the grace, or to ``closes_at``, whichever is
    first, so that increments and re-authorizations of that purchase still pass.
    """

    intent_id: str
    opens_at: datetime
    closes_at: datetime
    consumed_at: datetime | None = None

    def ends_at(self, grace: timedelta) -> datetime:
        """When our lock holds again."""
        if self.consumed_at is None:
            return self.closes_at
        return min(self.closes_at, self.consumed_at + grace)

    def is_open(self, now: datetime, grace: timedelta) -> bool:
        """Half-open: the first instant is inside, the last is not."""
        return self.opens_at <= now < self.ends_at(grace)


def consumes(usage: Usage) -> bool:
    """Whether the first approval uses the intent up."""
    return usage is Usage.SINGLE
