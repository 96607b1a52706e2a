"""Short builders for verdict tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from signets.core.intent import Usage
from signets.core.merchant.model import MatchResult, MerchantMatch
from signets.core.policy.model import Flag, FlagAction, Level, Outcome, Policy
from signets.core.settlement.fold import fold
from signets.core.settlement.model import (
    DecidedBy,
    EventKind,
    EventResult,
    LifecycleEvent,
    OurApproval,
)
from signets.core.verification import IntentTerms, Verdict, verify

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
END = START + timedelta(minutes=30)
K = EventKind


def policy(**actions: FlagAction) -> Policy:
    """A policy whose flag actions are the defaults but for ``actions``."""
    return Policy(
        time_zone="UTC",
        default=Outcome.ESCALATE,
        organization=Level(level="organization"),
        flag_actions=tuple((Flag(name), action) for name, action in actions.items()),
    )


def terms(**change: Any) -> IntentTerms:
    """$20.00 at openai.com, at most $22.00, in a window of 30 minutes."""
    base: dict[str, Any] = {
        "usage": Usage.SINGLE,
        "expected": 2000,
        "maximum": 2200,
        "currency": "USD",
        "vendors": ("openai.com",),
        "window_start": START,
        "window_end": END,
    }
    return IntentTerms(**{**base, **change})


def match(
    result: MatchResult = MatchResult.MATCH, vendor: str | None = "openai.com"
) -> MerchantMatch:
    """The matcher's answer."""
    return MerchantMatch(result=result, confidence=90, vendor=vendor, rule="descriptor rule")


def story(
    *steps: tuple[Any, ...],
    approved: int | None = 2000,
    at: datetime = START,
    currency: str = "USD",
    result: EventResult = EventResult.APPROVED,
) -> Any:
    """A folded transaction: (kind, amount[, merchant amount, its currency]) an hour apart.

    ``result`` is that of its authorizations.
    """
    events = [
        LifecycleEvent(
            token=f"e{i}",
            kind=step[0],
            result=result if step[0] is K.AUTHORIZATION else EventResult.APPROVED,
            amount=step[1],
            currency=currency,
            created=at + timedelta(hours=i),
            merchant_amount=step[2] if len(step) > 2 else None,
            merchant_currency=step[3] if len(step) > 2 else None,
            decided_by=DecidedBy.US if step[0] is K.AUTHORIZATION else DecidedBy.NOBODY,
        )
        for i, step in enumerate(steps)
    ]
    ours = (
        () if approved is None else (OurApproval(decision_id="d", amount=approved, decided_at=at),)
    )
    return fold(currency=currency, events=events, approvals=ours)


def verdict(transaction: Any, intent: IntentTerms | None, **more: Any) -> Verdict:
    """:func:`verify` with a matching merchant and the default policy."""
    given: dict[str, Any] = {"match": match(), "policy": policy(), **more}
    return verify(intent=intent, transaction=transaction, **given)
