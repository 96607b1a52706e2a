"""A folded transaction as ledger balances, and a message as the reason of an entry."""

from __future__ import annotations

from signets.core.ledger import EntryKind, Position
from signets.core.settlement.model import EventKind
from signets.core.settlement.state import TransactionState

_KINDS = {
    EventKind.AUTHORIZATION: EntryKind.AUTHORIZATION,
    EventKind.ADVICE: EntryKind.ADVICE,
    EventKind.REVERSAL: EntryKind.REVERSAL,
    EventKind.EXPIRY: EntryKind.EXPIRY,
    EventKind.CLEARING: EntryKind.CLEARING,
    EventKind.FINANCIAL: EntryKind.CLEARING,
    EventKind.REFUND: EntryKind.REFUND,
    EventKind.REFUND_REVERSAL: EntryKind.REFUND_REVERSAL,
    EventKind.DISPUTE_OPENED: EntryKind.DISPUTE_OPENED,
    EventKind.PROVISIONAL_CREDIT: EntryKind.PROVISIONAL_CREDIT,
    EventKind.PROVISIONAL_REVERSED: EntryKind.PROVISIONAL_CREDIT,
    EventKind.DISPUTE_WON: EntryKind.DISPUTE_WON,
    EventKind.DISPUTE_LOST: EntryKind.DISPUTE_LOST,
}


def position_of(state: TransactionState, *, matched: bool, fees: int = 0) -> Position:
    """The balances that ``state`` asks for.

    Args:
        state: The transaction.
        matched: Whether an intent covers it.
        fees: Fees and currency difference inside what cleared, from its verdict; minor units.
    """
    return Position(
        held=state.held,
        cleared=state.cleared,
        refunded=state.refunded,
        disputed=state.disputed,
        recovered=state.recovered,
        provisional=state.provisional,
        fees=fees,
        matched=matched,
    )


def entry_kind(kind: EventKind) -> EntryKind:
    """The reason of the entry that a message of this kind leads to.

    A message that moves nothing by itself can still change the books, because the issuer's new
    totals came with it: that is a correction.
    """
    return _KINDS.get(kind, EntryKind.CORRECTION)
