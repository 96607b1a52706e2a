"""The issuer of a simulated world: what it knows of each transaction, as whole snapshots.

Its totals are its own arithmetic (Lithic's: a clearing closes as much of the hold as it clears),
never Signets'.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from signets.core.merchant.model import Merchant
from signets.core.settlement.model import (
    DecidedBy,
    EventKind,
    EventResult,
    LifecycleEvent,
    Snapshot,
    Totals,
)

_BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Record:
    """One transaction at the issuer."""

    token: str
    card_token: str
    merchant: Merchant
    created: datetime
    events: list[LifecycleEvent] = field(default_factory=list)
    unsaid: list[int] = field(default_factory=list)  # taken, but not told yet
    held: int = 0
    settled: int = 0

    @property
    def refunded(self) -> int:
        return sum(
            event.amount if event.kind is EventKind.REFUND else -event.amount
            for event in self.events
            if event.kind in (EventKind.REFUND, EventKind.REFUND_REVERSAL)
        )


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that the issuer says happened, in the plainest words.

    ``approved``: an authorization that went through; ``timeout``: one that we approved and the
    issuer declined because it did not hear us in time.
    """

    what: str
    amount: int
    approved: bool = False
    timeout: bool = False


@dataclass(frozen=True, slots=True)
class Amounts:
    """What a transaction comes to."""

    held: int = 0
    cleared: int = 0
    refunded: int = 0


def plainly(events: Sequence[LifecycleEvent]) -> list[Happened]:
    """The issuer's events as a list of what happened."""
    words = {
        EventKind.AUTHORIZATION: "authorize",
        EventKind.ADVICE: "set_hold",
        EventKind.CLEARING: "clear",
        EventKind.REVERSAL: "reverse",
        EventKind.EXPIRY: "expire",
        EventKind.REFUND: "refund",
        EventKind.REFUND_REVERSAL: "take_back",
    }
    return [
        Happened(
            words[event.kind],
            event.amount,
            approved=event.result is EventResult.APPROVED,
            timeout=event.decided_by is DecidedBy.TIMEOUT and event.result is EventResult.DECLINED,
        )
        for event in events
    ]


def amounts_after(told: Sequence[Happened], held: int = 0) -> Amounts:
    """What they come to, from ``held``: a clearing closes as much of the hold as it clears."""
    cleared = refunded = 0
    for one in told:
        match one.what:
            case "authorize" if one.approved:
                held += one.amount
            case "set_hold":
                held = one.amount
            case "clear":
                held, cleared = held - min(held, one.amount), cleared + one.amount
            case "reverse":
                held -= min(held, one.amount)
            case "expire":
                held = 0
            case "refund":
                refunded += one.amount
            case "take_back":
                refunded -= one.amount
    return Amounts(held, cleared, refunded)


class Network:
    """All transactions of one world. Time is the issuer's own: a second per event."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self._ticks = itertools.count(1)

    def now(self) -> datetime:
        return _BEGIN + timedelta(seconds=next(self._ticks))

    def record(self, token: str, card_token: str, merchant: Merchant) -> Record:
        """The transaction, new where nothing happened yet."""
        if token not in self.records:
            self.records[token] = Record(token, card_token, merchant, self.now())
        return self.records[token]

    def authorize(
        self, record: Record, amount: int, *, approved: bool, by: DecidedBy = DecidedBy.US
    ) -> None:
        """An authorization, or an increment where one is there already."""
        result = EventResult.APPROVED if approved else EventResult.DECLINED
        self._add(record, EventKind.AUTHORIZATION, amount, result=result, by=by)
        record.held += amount if approved else 0

    def take(self, record: Record, amount: int) -> None:
        """An authorization that it tells of later, before anything else of this transaction."""
        record.unsaid.append(amount)

    def stand_in(self, record: Record, amount: int) -> None:
        """Nobody answered in time, and the network approved by itself."""
        self._add(
            record,
            EventKind.AUTHORIZATION,
            amount,
            result=EventResult.UNKNOWN,
            by=DecidedBy.TIMEOUT,
        )
        self._add(record, EventKind.ADVICE, amount, by=DecidedBy.STAND_IN)
        record.held = amount

    def clear(self, record: Record, amount: int) -> None:
        self._add(record, EventKind.CLEARING, amount)
        record.held -= min(record.held, amount)
        record.settled += amount

    def reverse(self, record: Record, amount: int) -> None:
        self._add(record, EventKind.REVERSAL, amount)
        record.held -= min(record.held, amount)

    def expire(self, record: Record) -> None:
        self._add(record, EventKind.EXPIRY, record.held)
        record.held = 0

    def refund(self, record: Record, amount: int) -> None:
        self._add(record, EventKind.REFUND, amount)
        record.settled -= amount

    def take_refund_back(self, record: Record, amount: int) -> None:
        self._add(record, EventKind.REFUND_REVERSAL, amount)
        record.settled += amount

    def counted(self, card_token: str) -> int:
        """The most that a limit over the card's life can count: nothing is ever given back."""
        total = 0
        for record in self.records.values():
            if record.card_token != card_token:
                continue
            held = 0
            for one in plainly(record.events):
                above = one.amount
                if one.what in ("clear", "set_hold"):
                    above = max(0, one.amount - held)
                elif one.what != "authorize" or not one.approved:
                    above = 0
                total += above
                held = amounts_after([one], held).held
            total += sum(record.unsaid)
        return total

    def snapshot(self, record: Record) -> Snapshot:
        """The transaction as it stands, whole."""
        return Snapshot(
            transaction_token=record.token,
            card_token=record.card_token,
            currency="USD",
            merchant=record.merchant,
            created=record.created,
            updated=record.events[-1].created if record.events else record.created,
            events=tuple(record.events),
            totals=Totals(held=record.held, settled=record.settled),
        )

    def _add(
        self,
        record: Record,
        kind: EventKind,
        amount: int,
        *,
        result: EventResult = EventResult.APPROVED,
        by: DecidedBy = DecidedBy.NOBODY,
    ) -> None:
        while record.unsaid:
            self.authorize(record, record.unsaid.pop(0), approved=True)
        record.events.append(
            LifecycleEvent(
                token=f"{record.token}-{len(record.events)}",
                kind=kind,
                result=result,
                amount=amount,
                currency="USD",
                created=self.now(),
                merchant_amount=amount,
                merchant_currency="USD",
                decided_by=by,
                reason="" if result is not EventResult.DECLINED else "card_locked",
            )
        )
