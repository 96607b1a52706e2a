"""What a purchase came to that nobody expected, and whether a person was told.

Judged from the issuer's own objects and from raw events, not from the fold that writes the flags:
a flag that the fold forgets is found here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from signets.core.settlement.model import DecidedBy, EventKind, EventResult, LifecycleEvent
from signets.issuers.sandbox.scenarios import Books

_ASKED = frozenset({EventKind.AUTHORIZATION, EventKind.FINANCIAL})
_NOT_OURS = frozenset({"no_intent", "force_post", "stand_in"})
_TOO_MUCH = _NOT_OURS | {"amount_above_maximum", "currency", "wrong_merchant"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One purchase at the end. Minor units.

    Attributes:
        books: What the issuer's own objects show.
        maximum: What our approvals allow of it; nothing where we approved nothing.
        said: Every flag and note of its verdict.
    """

    books: Books
    events: Sequence[LifecycleEvent]
    maximum: int
    said: frozenset[str]


def untold(facts: Facts) -> list[str]:
    """Every surprise that carries neither a flag nor the note that is made for it."""
    books = facts.books
    taken = books.held + books.cleared
    found: list[tuple[bool, frozenset[str], str]] = [
        (taken > facts.maximum, _TOO_MUCH, f"{taken} is held and taken, {facts.maximum} approved"),
        (
            books.cleared > 0 and not any(map(_lets_pass, facts.events)),
            frozenset({"force_post"}),
            "money was taken that no request had asked for",
        ),
        (
            taken > 0 and any(map(_by_others, facts.events)),
            frozenset({"stand_in"}),
            "others approved in our place",
        ),
        (
            books.refunded > books.cleared,
            frozenset({"credit"}),
            "more came back than was taken",
        ),
        (
            any(event.kind is EventKind.UNKNOWN for event in facts.events),
            frozenset({"unknown_event"}),
            "the issuer sent what nobody can read",
        ),
        (
            _cleared_late(facts.events),
            frozenset({"late_clearing"}) | _NOT_OURS,
            "money was taken after the hold had ended",
        ),
    ]
    return [words for happened, told_by, words in found if happened and not facts.said & told_by]


def _lets_pass(event: LifecycleEvent) -> bool:
    """A request, or an advice in its place, that went through or was not heard."""
    asked = event.kind in _ASKED or event.kind is EventKind.ADVICE
    return asked and event.result is not EventResult.DECLINED


def _by_others(event: LifecycleEvent) -> bool:
    return event.decided_by is DecidedBy.STAND_IN and event.result is EventResult.APPROVED


def _cleared_late(events: Sequence[LifecycleEvent]) -> bool:
    """A clearing a whole second or more after the last hold had been given back."""
    ends = [one.created for one in events if one.kind is EventKind.EXPIRY]
    clearings = [one.created for one in events if one.kind is EventKind.CLEARING]
    return bool(ends and clearings) and max(clearings) > min(ends)
