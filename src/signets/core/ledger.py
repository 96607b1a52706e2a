"""Double entry: money and spending capacity move from one account to another, never alone.

A :class:`Posting` has one source and one destination, so an unbalanced entry cannot be written
(the idea is Formance's). Postings are never composed by hand for a case: a transaction and an
intent have a *target* (:class:`Position`, :class:`Reservation`), and the ledger books the
difference between the target before and the target after. So whatever order an issuer's events
arrive in, the balances end the same; only the journal's order differs.

Two layers, each balanced in itself:

* capacity (memorandum): ``limit_available`` → ``intent_reserved`` → ``auth_held`` and back.
  ``limit_available`` starts at 0 and goes below it; what a card may still spend is its limit
  plus this balance minus what it has cleared.
* money: ``issuer_payable`` owes what cleared; the other side is spend, fees, claims or credits.

The cases and their postings are written in docs/reference/posting-table.md, which a test holds
against this module. Balances are debits minus credits, in minor units.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec


class Account(StrEnum):
    """Every account, in the order in which differences are paired."""

    INTENT_RESERVED = "intent_reserved"  # approved, not yet asked for
    AUTH_HELD = "auth_held"  # authorized, not yet cleared
    LIMIT_AVAILABLE = "limit_available"  # the other side of both
    CARD_CLEARED = "card_cleared"  # spend that an intent covers
    UNMATCHED_SUSPENSE = "unmatched_suspense"  # spend that no intent covers (yet)
    FEES_FX = "fees_fx"  # fees and currency differences inside what cleared
    DISPUTED_RECEIVABLE = "disputed_receivable"  # claims open
    PROVISIONAL_CREDIT = "provisional_credit"  # credited on them before their outcome
    REFUND_CREDIT = "refund_credit"  # money that came back
    ISSUER_PAYABLE = "issuer_payable"  # what is owed to the issuer


_CAPACITY = (Account.INTENT_RESERVED, Account.AUTH_HELD, Account.LIMIT_AVAILABLE)
_MONEY = tuple(account for account in Account if account not in _CAPACITY)


class EntryKind(StrEnum):
    """Why an entry was made. It describes; the postings come from the positions."""

    INTENT_APPROVED = "intent_approved"
    INTENT_AMENDED = "intent_amended"
    INTENT_ENDED = "intent_ended"  # the unused reservation is released
    AUTHORIZATION = "authorization"
    INCREMENT = "increment"
    ADVICE = "advice"
    REVERSAL = "reversal"
    EXPIRY = "expiry"
    HOLD_RELEASED = "hold_released"  # an approval of ours that the issuer never took
    CLEARING = "clearing"
    REFUND = "refund"
    REFUND_REVERSAL = "refund_reversal"
    CORRECTION = "correction"
    DISPUTE_OPENED = "dispute_opened"
    PROVISIONAL_CREDIT = "provisional_credit"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"
    FEES_FX = "fees_fx"  # a verdict told fees and currency difference from price
    MATCHED = "matched"  # spend in suspense found its intent, or lost it


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a posting is about; balances are kept by any of these.

    ``card_id`` is ``None`` for money of a card that is not ours.
    """

    card_id: str | None
    intent_id: str | None = None
    transaction_id: str | None = None


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """``amount`` > 0 minor units move from ``credit`` (source) to ``debit`` (destination)."""

    debit: Account
    credit: Account
    amount: int
    currency: str
    subject: Subject

    def __post_init__(self) -> None:
        if isinstance(self.amount, bool) or not isinstance(self.amount, int):
            raise TypeError("Posting.amount must be an int of minor units")
        if self.amount <= 0:
            raise ValueError("a posting moves a positive amount; swap debit and credit instead")
        if self.debit is self.credit:
            raise ValueError("a posting moves between two different accounts")
        if (self.debit in _CAPACITY) is not (self.credit in _CAPACITY):
            raise ValueError("a posting never mixes capacity and money")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One immutable journal entry: why, and at least one posting."""

    kind: EntryKind
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        if not self.postings:
            raise ValueError("an entry has at least one posting")


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Where a transaction's balances must stand. Minor units, none negative but ``fees``.

    Attributes:
        held: Hold, unconfirmed part included.
        cleared: Gross cleared, corrections included; the issuer is owed this.
        refunded: Money that came back.
        disputed: Claims open.
        recovered: Claims won.
        provisional: What the issuer credited on open claims, and takes back where they are lost.
        fees: The part of ``cleared`` that is fees and currency difference (may be a gain).
        matched: Whether an intent covers the spend; else it stands in suspense.
    """

    held: int = 0
    cleared: int = 0
    refunded: int = 0
    disputed: int = 0
    recovered: int = 0
    provisional: int = 0
    fees: int = 0
    matched: bool = True

    def __post_init__(self) -> None:
        least = min(self.held, self.cleared, self.refunded, self.disputed, self.recovered)
        if least < 0 or self.provisional < 0:
            raise ValueError("no amount of a position but `fees` may be negative")

    def balances(self) -> dict[Account, int]:
        """The target balance of every account the transaction touches; they sum to zero."""
        spend = Account.CARD_CLEARED if self.matched else Account.UNMATCHED_SUSPENSE
        return {
            Account.AUTH_HELD: self.held,
            Account.LIMIT_AVAILABLE: -self.held,
            spend: self.cleared - self.fees - self.disputed - self.recovered,
            Account.FEES_FX: self.fees,
            Account.DISPUTED_RECEIVABLE: self.disputed,
            Account.PROVISIONAL_CREDIT: -self.provisional,
            Account.REFUND_CREDIT: -self.refunded,
            Account.ISSUER_PAYABLE: (
                self.refunded + self.recovered + self.provisional - self.cleared
            ),
        }


class Reservation(msgspec.Struct, frozen=True, kw_only=True):
    """Where an intent's reservation must stand, in minor units of the billing currency.

    Attributes:
        reserved: The maximum that approval reserved.
        used: Held + cleared over *all* transactions of the intent; it may be above ``reserved``
            (a clearing cannot be refused), and falls again when a hold is given back.
        open: False once the intent has ended: what is unused is released.
    """

    reserved: int = 0
    used: int = 0
    open: bool = True

    def __post_init__(self) -> None:
        if self.reserved < 0 or self.used < 0:
            raise ValueError("no amount of a reservation may be negative")

    def remaining(self) -> int:
        """What is still reserved."""
        return max(0, self.reserved - self.used) if self.open else 0

    def balances(self) -> dict[Account, int]:
        """The target balances; they sum to zero."""
        left = self.remaining()
        return {Account.INTENT_RESERVED: left, Account.LIMIT_AVAILABLE: -left}


def postings_between(
    before: Position,
    after: Position,
    *,
    currency: str,
    subject: Subject,
    reservation: tuple[Reservation, Reservation] | None = None,
) -> tuple[Posting, ...]:
    """The postings that bring a transaction from one position to the next; empty if none.

    Pass its intent's ``(before, after)`` reservation along when the change of ``held + cleared``
    changes the intent's use, so that an authorization turns reservation into hold in one posting.
    """
    change = _difference(before.balances(), after.balances())
    if reservation is not None:
        old, new = reservation
        for account, amount in _difference(old.balances(), new.balances()).items():
            change[account] = change.get(account, 0) + amount
    return _pair(change, currency, subject)


def reservation_postings(
    before: Reservation, after: Reservation, *, currency: str, subject: Subject
) -> tuple[Posting, ...]:
    """The postings of an intent alone: approved, amended, ended, returned; empty if none."""
    return _pair(_difference(before.balances(), after.balances()), currency, subject)


def entry(kind: EntryKind, postings: tuple[Posting, ...]) -> Entry | None:
    """An entry, or ``None`` where nothing moves (a $0 verification, a repeated event)."""
    return Entry(kind=kind, postings=postings) if postings else None


def balances(postings: Iterable[Posting]) -> dict[tuple[Account, str], int]:
    """Debits minus credits per account and currency; accounts at zero are left out."""
    sums: dict[tuple[Account, str], int] = {}
    for posting in postings:
        for account, amount in (
            (posting.debit, posting.amount),
            (posting.credit, -posting.amount),
        ):
            key = (account, posting.currency)
            sums[key] = sums.get(key, 0) + amount
    return {key: amount for key, amount in sums.items() if amount}


def _difference(before: Mapping[Account, int], after: Mapping[Account, int]) -> dict[Account, int]:
    change = dict(after)
    for account, amount in before.items():
        change[account] = change.get(account, 0) - amount
    return change


def _pair(change: Mapping[Account, int], currency: str, subject: Subject) -> tuple[Posting, ...]:
    """Pair what falls with what rises, within each layer, in account order."""
    postings: list[Posting] = []
    for layer in (_CAPACITY, _MONEY):
        sources = [(one, -amount) for one in layer if (amount := change.get(one, 0)) < 0]
        for target in layer:
            wanted = change.get(target, 0)
            while wanted > 0:
                source, available = sources.pop(0)
                moved = min(wanted, available)
                postings.append(
                    Posting(
                        debit=target,
                        credit=source,
                        amount=moved,
                        currency=currency,
                        subject=subject,
                    )
                )
                wanted -= moved
                if available > moved:
                    sources.insert(0, (source, available - moved))
    return tuple(postings)
