"""The issuer of a simulated world: what it knows of each transaction, as whole snapshots.

Its totals are its own arithmetic (Lithic's: a clearing closes as much of the hold as it clears),
never Signets'.
"""

from __future__ import annotations

import itertools
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
    held: int = 0
    settled: int = 0

    @property
    def refunded(self) -> int:
        return sum(
            event.amount if event.kind is EventKind.REFUND else -event.amount
            for event in self.events
            if event.kind in (EventKind.REFUND, EventKind.REFUND_REVERSAL)
        )


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
