"""Short ways to write requests and facts in scenario tables. Money in cents, time in minutes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from signets.core.authorization.decision import Check, CheckStatus, Decision
from signets.core.authorization.facts import (
    CardFacts,
    Facts,
    IntentFacts,
    KnownRequest,
    LiveAuthorization,
)
from signets.core.authorization.request import AuthorizationRequest, RequestKind
from signets.core.card import CardState, UnlockWindow
from signets.core.intent import Bounds, IntentState, Usage
from signets.core.merchant.model import MatchResult, Merchant, MerchantLock, MerchantMatch
from signets.core.policy.model import Budget, Cap, Measure, Period, Scope, Window
from signets.core.reasons import Reason
from signets.core.velocity import Exposure
from signets.core.velocity import Usage as Used

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
GRACE = 10  # minutes
MATCH = MerchantMatch(result=MatchResult.MATCH, confidence=95, vendor="openai.com", rule="name")


def at(minute: float) -> datetime:
    """So many minutes after noon."""
    return NOON + timedelta(minutes=minute)


def match(result: str = "match", vendor: str | None = "openai.com") -> MerchantMatch:
    """An answer of the matcher."""
    return MerchantMatch(result=MatchResult(result), confidence=50, vendor=vendor, rule="a rule")


def ask(
    amount: int = 2000,
    *,
    id: str = "req_1",
    currency: str = "USD",
    merchant: tuple[int, str] | None = None,
    kind: str = "purchase",
    additional: bool = False,
    mcc: str | None = "5734",
    country: str | None = "US",
) -> AuthorizationRequest:
    """An issuer's question; the merchant's amount is the billing amount unless given."""
    merchant_amount, merchant_currency = merchant or (amount, currency)
    return AuthorizationRequest(
        request_id=id,
        kind=RequestKind(kind),
        card_token="tok_1",
        amount=amount,
        currency=currency,
        merchant_amount=merchant_amount,
        merchant_currency=merchant_currency,
        merchant=Merchant(descriptor="OPENAI *CREDITS", mcc=mcc, country=country),
        created=NOON,
        fingerprint=f"{id}/{amount}",
        amount_is_additional=additional,
    )


def card(**changes: Any) -> CardFacts:
    """An open $50 card on which 2200 are reserved for the intent of :func:`single`."""
    made = CardFacts(
        card_id="card_1",
        agent_id="agent_1",
        state=CardState.OPEN,
        frozen=(),
        lock=MerchantLock(vendors=("openai.com",)),
        currency="USD",
        spending_limit=5000,
        per_authorization_limit=None,
        exposure=Exposure(reserved=2200),
    )
    return replace(made, **changes)


def single(expected: int = 2000, maximum: int = 2200, **changes: Any) -> IntentFacts:
    """An approved intent for one purchase, expected 2000, at most 2200."""
    made = IntentFacts(
        intent_id="int_1",
        state=IntentState.APPROVED,
        bounds=Bounds(usage=Usage.SINGLE, max_total=maximum, max_per_charge=maximum, max_count=1),
        currency="USD",
        expected_amount=expected,
        vendor="openai.com",
        used=0,
        charges=0,
        reserved=maximum,
    )
    return replace(made, **changes)


def several(
    total: int = 2200, per_charge: int = 1000, count: int = 3, **changes: Any
) -> IntentFacts:
    """An approved intent for several charges in one window."""
    bounds = Bounds(usage=Usage.WINDOW, max_total=total, max_per_charge=per_charge, max_count=count)
    return single(total, total, bounds=bounds, **changes)


def unlocked(
    opens: float = 0, closes: float = 30, *, used: float | None = None, intent: str = "int_1"
) -> UnlockWindow:
    """The card's window, in minutes after noon; ``used``: when the single intent was consumed."""
    return UnlockWindow(
        intent_id=intent,
        opens_at=at(opens),
        closes_at=at(closes),
        consumed_at=None if used is None else at(used),
    )


def before(
    amount: int = 2000,
    *,
    minute: float = 0,
    intent: str | None = "int_1",
    intent_amount: int | None = None,
    verification: bool = False,
) -> KnownRequest:
    """What was approved under the same request id."""
    return KnownRequest(
        approved_amount=amount,
        approved_intent_amount=amount if intent_amount is None else intent_amount,
        first_approved_at=at(minute),
        intent_id=intent,
        verification=verification,
    )


def verified(amount: int) -> KnownRequest:
    """A verification was approved under the same request id."""
    return before(amount, intent=None, intent_amount=0, verification=True)


def held(amount: int = 2000, *, intent: str | None = "int_0", **changes: Any) -> LiveAuthorization:
    """Another live authorization of the card."""
    made = LiveAuthorization(
        request_id="req_0", vendor="openai.com", amount=amount, currency="USD", intent_id=intent
    )
    return replace(made, **changes)


def cap(
    *,
    count: int | None = None,
    amount: int | None = None,
    seconds: int | None = None,
    period: Period | None = None,
    measure: Measure = Measure.APPROVED,
    name: str = "cap",
    currency: str = "USD",
) -> Cap:
    """A cap on the card; rolling 10 minutes unless another window is given."""
    if seconds is None and period is None:
        seconds = 600
    return Cap(
        name=name,
        scope=(Scope.CARD,),
        window=Window(seconds=seconds, period=period),
        measure=measure,
        max_count=count,
        max_amount=amount,
        currency=currency if amount is not None else None,
    )


def used(count: int = 0, amount: int = 0, oldest: float | None = None) -> Used:
    """What stands in a cap's window."""
    return Used(count=count, amount=amount, oldest=None if oldest is None else at(oldest))


def budget(amount: int, *, name: str = "month", currency: str = "USD", **changes: Any) -> Budget:
    """A monthly budget of the organization."""
    made = Budget(
        name=name,
        scope=(Scope.ORGANIZATION,),
        period=Period.MONTH,
        amount=amount,
        currency=currency,
    )
    return replace(made, **changes)


def world(**changes: Any) -> Facts:
    """The card open for :func:`single`'s intent from 12:00 to 12:30, nothing in the way."""
    made = Facts(card=card(), match=MATCH, window=unlocked(), intent=single())
    return replace(made, **changes)


def check_of(decision: Decision, reason: Reason) -> Check:
    """The result of one check."""
    [found] = [check for check in decision.checks if check.reason is reason]
    return found


def failing(decision: Decision) -> list[Reason]:
    """The reasons of all failing checks, in order."""
    return [one.reason for one in decision.checks if one.status is CheckStatus.FAILED]
