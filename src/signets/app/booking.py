"""What a change of one transaction does to exposure and ledger: one composition of core rules.

Pure: the authorization path calls it for a batch, the event path for one transaction, and both
write what it returns.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from signets.app.records import ExposureRow, Transaction
from signets.core.ledger import (
    Position,
    Posting,
    Reservation,
    Subject,
    postings_between,
    reservation_postings,
)


class Booking(msgspec.Struct, frozen=True, kw_only=True):
    """The new exposure row of the subject, and the postings that lead there.

    ``left`` is the transaction's own row, emptied, where an intent has come to cover it.
    """

    exposure: ExposureRow
    postings: tuple[Posting, ...]
    left: ExposureRow | None = None

    @property
    def exposures(self) -> tuple[ExposureRow, ...]:
        """Every row to be written."""
        return (self.exposure,) if self.left is None else (self.left, self.exposure)


def position(transaction: Transaction | None) -> Position:
    """Where the transaction's balances stand, from its stored amounts."""
    if transaction is None:
        return Position()
    return Position(
        held=transaction.held,
        cleared=transaction.cleared,
        refunded=transaction.refunded,
        disputed=transaction.disputed,
        recovered=transaction.recovered,
        provisional=transaction.provisional,
        fees=transaction.fees,
        matched=transaction.intent_id is not None,
    )


def _refunded(transaction: Transaction | None) -> int:
    """What of the transaction's own spend came back; an unlinked refund is credit, not room."""
    if transaction is None:
        return 0
    return min(transaction.cleared, transaction.refunded + transaction.recovered)


def moved(before: Transaction | None, after: Transaction) -> bool:
    """Whether an intent has come to cover what stood under the transaction itself before.

    A verification becomes a purchase so: by an increment, or by clearing.
    """
    return before is not None and before.intent_id is None and after.intent_id is not None


def standing(before: Transaction | None, after: Transaction, exposure: ExposureRow) -> ExposureRow:
    """``exposure`` with the transaction's amounts as they stand after the change."""
    counted = None if moved(before, after) else before
    return replace(
        exposure,
        held=exposure.held + after.held - (counted.held if counted else 0),
        cleared=exposure.cleared + after.cleared - (counted.cleared if counted else 0),
        refunded=exposure.refunded + _refunded(after) - _refunded(counted),
    )


def book(
    before: Transaction | None,
    after: Transaction,
    exposure: ExposureRow,
    *,
    reserved: int,
    was_open: bool,
    is_open: bool,
    own: ExposureRow | None = None,
) -> Booking:
    """Move one transaction from ``before`` to ``after``.

    Args:
        exposure: The row of its intent (or its own, where no intent covers it).
        reserved: What the intent's approval reserved (0 where no intent covers it).
        was_open: Whether the reservation was open before the change.
        is_open: Whether it still is after it.
        own: The transaction's own row; only read where the transaction :func:`moved`.
    """
    stands = standing(before, after, exposure)
    old = Reservation(reserved=reserved, used=exposure.held + exposure.cleared, open=was_open)
    new = Reservation(reserved=reserved, used=stands.held + stands.cleared, open=is_open)
    postings = postings_between(
        position(before),
        position(after),
        currency=after.currency,
        subject=Subject(
            card_id=exposure.card_id, intent_id=after.intent_id, transaction_id=after.id
        ),
        reservation=(old, new),
    )
    left = None
    if before is not None and own is not None and moved(before, after):
        left = replace(
            own,
            held=own.held - before.held,
            cleared=own.cleared - before.cleared,
            refunded=own.refunded - _refunded(before),
        )
    row = replace(stands, reserved=new.remaining())
    return Booking(exposure=row, postings=postings, left=left)


def reserve(exposure: ExposureRow, *, reserved: int, intent_id: str) -> Booking:
    """Approval: set the intent's maximum aside."""
    return _reservation(exposure, reserved, intent_id, was_open=False, is_open=True)


def release(exposure: ExposureRow, *, reserved: int, intent_id: str) -> Booking:
    """The intent ended: give back what it did not use."""
    was_open = exposure.reserved > 0
    return _reservation(exposure, reserved, intent_id, was_open=was_open, is_open=False)


def _reservation(
    exposure: ExposureRow, reserved: int, intent_id: str, *, was_open: bool, is_open: bool
) -> Booking:
    used = exposure.held + exposure.cleared
    after = Reservation(reserved=reserved, used=used, open=is_open)
    postings = reservation_postings(
        Reservation(reserved=reserved, used=used, open=was_open),
        after,
        currency=exposure.currency,
        subject=Subject(card_id=exposure.card_id, intent_id=intent_id),
    )
    return Booking(exposure=replace(exposure, reserved=after.remaining()), postings=postings)
