"""Surprises are found in the issuer's own objects, whatever the fold says of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from signets.core.settlement.model import DecidedBy, EventKind, EventResult, LifecycleEvent
from signets.issuers.sandbox.scenarios import Books
from signets.processes.surprises import Facts, untold

T0 = datetime(2026, 11, 24, tzinfo=UTC)


def event(
    kind: EventKind, after: int = 0, by: DecidedBy = DecidedBy.US, result: str = "approved"
) -> LifecycleEvent:
    return LifecycleEvent(
        token=f"{kind}{after}",
        kind=kind,
        result=EventResult(result),
        amount=100,
        currency="USD",
        created=T0 + timedelta(seconds=after),
        decided_by=by,
    )


ASKED = event(EventKind.AUTHORIZATION)
TAKEN = event(EventKind.CLEARING, 1, DecidedBy.NOBODY)
DECLINED = event(EventKind.AUTHORIZATION, result="declined")


@pytest.mark.parametrize(
    ("books", "events", "maximum", "told_by"),
    [
        (Books(cleared=101), (ASKED, TAKEN), 100, "amount_above_maximum"),
        (Books(held=101), (ASKED,), 100, "amount_above_maximum"),
        (Books(cleared=100), (TAKEN,), 100, "force_post"),
        (Books(cleared=100), (DECLINED, TAKEN), 100, "force_post"),
        (
            Books(held=100),
            (DECLINED, event(EventKind.ADVICE, 1, DecidedBy.STAND_IN)),
            100,
            "stand_in",
        ),
        (Books(cleared=50, refunded=51), (ASKED, TAKEN), 100, "credit"),
        (Books(), (event(EventKind.UNKNOWN),), 100, "unknown_event"),
        (
            Books(cleared=100),
            (ASKED, event(EventKind.EXPIRY, 1), event(EventKind.CLEARING, 2)),
            100,
            "late_clearing",
        ),
    ],
)
def test_each_surprise_is_found_unless_it_is_told(
    books: Books, events: tuple[LifecycleEvent, ...], maximum: int, told_by: str
) -> None:
    """One each, gone with the one flag or note that is made for it, and not with another."""
    said = frozenset({"partial"})
    assert len(untold(Facts(books=books, events=events, maximum=maximum, said=said))) == 1
    said |= {told_by}
    assert untold(Facts(books=books, events=events, maximum=maximum, said=said)) == []


@pytest.mark.parametrize("held", [0, 40])
def test_the_usual_purchase_is_no_surprise(held: int) -> None:
    """Up to the maximum to the cent, an expiry after the clearing, a refund of all of it."""
    events = (ASKED, TAKEN, event(EventKind.EXPIRY, 5))
    books = Books(held=held, cleared=100 - held, refunded=100 - held)
    assert untold(Facts(books=books, events=events, maximum=100, said=frozenset())) == []
