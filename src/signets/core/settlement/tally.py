"""Replays a transaction's messages, in order, on one set of amounts.

The fold runs it on the billing amounts and, where they say something else, on the merchant's.
Sources: Lithic "transaction flow", "expiring authorizations"; Stripe Issuing "transactions".
"""

from __future__ import annotations

from signets.core.settlement.model import DecidedBy, EventKind, EventResult, LifecycleEvent

#: A clearing cannot be refused: where its result is unreadable, the money is booked all the same.
_UNREFUSABLE = frozenset({EventKind.CLEARING, EventKind.CORRECTION_DEBIT})

_STILL = frozenset({EventKind.CREDIT_AUTHORIZATION, EventKind.BALANCE_INQUIRY, EventKind.UNKNOWN})


def moves_money(event: LifecycleEvent) -> bool:
    """Whether a message can change any amount: a declined one never does."""
    if event.kind in _STILL:
        return False
    if event.result is EventResult.APPROVED:
        return True
    return event.result is EventResult.UNKNOWN and event.kind in _UNREFUSABLE


class Tally:
    """Running amounts, in minor units. Mutable, and private to one fold."""

    __slots__ = (
        "authorized",
        "cleared",
        "disputed",
        "expired",
        "force_post",
        "held",
        "late_clearing",
        "provisional",
        "recovered",
        "refunded",
        "released",
        "reversed",
        "single_message",
    )

    def __init__(self, held: int, *, authorized_before: bool) -> None:
        self.authorized = self.held = held
        self.reversed = self.expired = self.cleared = self.refunded = 0
        self.disputed = self.recovered = self.provisional = 0
        self.single_message = 0  # cleared by FINANCIAL and still reversible
        self.released = False  # the hold was given back, and not by a clearing
        self.late_clearing = False
        self.force_post: bool | None = False if authorized_before else None

    def apply(self, event: LifecycleEvent, amount: int) -> None:
        """Apply one message that :func:`moves_money`; ``amount`` is a magnitude."""
        match event.kind:
            case EventKind.AUTHORIZATION:
                self._raise_hold(amount)
            case EventKind.ADVICE:
                self._advise(amount)
            case EventKind.REVERSAL:
                self._reverse(amount)
            case EventKind.EXPIRY:
                self.released = self.released or self.held > 0
                self.expired += self.held
                self.held = 0
            case EventKind.CLEARING:
                self._clear(amount)
            case EventKind.FINANCIAL:
                if self.force_post is None:
                    self.force_post = event.decided_by is DecidedBy.NOBODY
                self.authorized += amount
                self.cleared += amount
                self.single_message += amount
            case EventKind.REFUND:
                self.refunded += amount
            case EventKind.REFUND_REVERSAL:
                self.refunded = max(0, self.refunded - amount)
            case EventKind.CORRECTION_DEBIT:
                self.cleared += amount
            case EventKind.CORRECTION_CREDIT:
                off = min(self.cleared, amount)
                self.cleared -= off
                self.refunded += amount - off
            case EventKind.DISPUTE_OPENED:
                self.disputed += amount
            case EventKind.PROVISIONAL_CREDIT:
                self.provisional = min(self.disputed, self.provisional + amount)
            case EventKind.PROVISIONAL_REVERSED:
                self.provisional = max(0, self.provisional - amount)
            case EventKind.DISPUTE_WON:
                self._decide(amount)
                self.recovered += amount
            case EventKind.DISPUTE_LOST:
                self._decide(amount)

    def _decide(self, amount: int) -> None:
        """The claim shrinks, and a provisional credit never stands on more than is claimed."""
        self.disputed = max(0, self.disputed - amount)
        self.provisional = min(self.provisional, self.disputed)

    def _raise_hold(self, amount: int) -> None:
        self.force_post = self.force_post or False
        self.authorized += amount
        self.held += amount
        self.released = False

    def _advise(self, amount: int) -> None:
        """The new absolute hold."""
        if amount > self.held:
            self._raise_hold(amount - self.held)
        else:
            self._reverse(self.held - amount)

    def _reverse(self, amount: int) -> None:
        """Off the hold; what is left of it off a single message; never below zero."""
        off = min(self.held, amount)
        self.released = self.released or (off > 0 and off == self.held)
        self.held -= off
        back = min(self.single_message, amount - off)
        self.single_message -= back
        self.cleared -= back
        self.reversed += off + back

    def _clear(self, amount: int) -> None:
        """Money moves; the hold shrinks by as much, and a larger clearing closes it."""
        if self.force_post is None:
            self.force_post = True
        if self.released and self.held == 0:
            self.late_clearing = True
        self.held -= min(self.held, amount)
        self.cleared += amount
