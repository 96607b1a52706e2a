"""Short ways to write events, approvals and snapshots in scenario tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from signets.core.merchant.model import Merchant
from signets.core.settlement.model import (
    DecidedBy,
    EventKind,
    EventResult,
    LifecycleEvent,
    OurApproval,
    SeenTotals,
    Snapshot,
    Totals,
)

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
K = EventKind
OK, NO, HUH = EventResult.APPROVED, EventResult.DECLINED, EventResult.UNKNOWN


def at(minute: float) -> datetime:
    """A time, in minutes after the start."""
    return START + timedelta(minutes=minute)


def event(
    kind: EventKind,
    amount: int = 0,
    *,
    minute: float = 0,
    result: EventResult = OK,
    by: DecidedBy | None = None,
    token: str | None = None,
    currency: str = "USD",
    merchant: tuple[int, str] | None = None,
    raw_kind: str = "",
) -> LifecycleEvent:
    """One event; authorizations are decided by us unless told otherwise."""
    asked = kind in (K.AUTHORIZATION, K.BALANCE_INQUIRY)
    return LifecycleEvent(
        token=token or f"{kind.value}-{amount}-{minute}-{result.value}",
        kind=kind,
        result=result,
        amount=amount,
        currency=currency,
        created=at(minute),
        merchant_amount=merchant[0] if merchant else None,
        merchant_currency=merchant[1] if merchant else None,
        decided_by=by or (DecidedBy.US if asked else DecidedBy.NOBODY),
        raw_kind=raw_kind,
    )


def sequence(*steps: tuple[EventKind, int] | LifecycleEvent) -> list[LifecycleEvent]:
    """Events a day apart, in the order given."""
    return [
        step if isinstance(step, LifecycleEvent) else event(step[0], step[1], minute=1440.0 * i)
        for i, step in enumerate(steps)
    ]


def approval(amount: int, *, minute: float = 0, void: bool = False) -> OurApproval:
    """One approval of ours."""
    return OurApproval(
        decision_id=f"dec-{amount}-{minute}", amount=amount, decided_at=at(minute), void=void
    )


def totals(held: int, settled: int, *, count: int, minute: float = 0) -> SeenTotals:
    """What the issuer says stands, from a snapshot of ``count`` events."""
    return SeenTotals(
        totals=Totals(held=held, settled=settled), event_count=count, updated=at(minute)
    )


def snapshot(
    events: list[LifecycleEvent],
    *,
    updated: float,
    standing: tuple[int, int] | None = None,
) -> Snapshot:
    """A whole transaction as an issuer sent it; ``standing`` is (held, settled)."""
    return Snapshot(
        transaction_token="txn-token",
        card_token="card-token",
        currency="USD",
        merchant=Merchant(descriptor="OPENAI *CHATGPT"),
        created=START,
        updated=at(updated),
        events=tuple(events),
        totals=Totals(held=standing[0], settled=standing[1]) if standing else None,
    )
