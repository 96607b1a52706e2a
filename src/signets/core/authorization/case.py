"""The case: a request beside what was approved under its id before, and what that makes of it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from signets.core.authorization.decision import DecisionKind
from signets.core.authorization.facts import Facts, IntentFacts
from signets.core.authorization.request import AuthorizationRequest, RequestKind
from signets.core.fx import comparable
from signets.core.money import EXPONENTS

#: About one US dollar, for currencies whose unit is worth far less or more. Others: one unit.
_SMALL = {
    "BHD": 375,
    "CLF": 250,
    "HUF": 36_000,
    "IDR": 1_700_000,
    "INR": 9_000,
    "JOD": 700,
    "JPY": 150,
    "KRW": 1_400,
    "KWD": 300,
    "OMR": 385,
    "VND": 26_000,
}


def small_amount(currency: str, overrides: tuple[tuple[str, int], ...] = ()) -> int:
    """The largest amount, in minor units, that counts as an account verification.

    0 for a code that is no currency: nothing in it is small.
    """
    for code, minor in overrides:
        if code == currency:
            return minor
    if currency not in EXPONENTS:
        return 0
    unit: int = 10 ** EXPONENTS[currency]
    return _SMALL.get(currency, unit)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """The request as the checks see it.

    Attributes:
        before: What we approved under this request id already, in the billing currency.
        asked: What is asked for beyond that, in the billing currency: what an approval adds to
            the hold.
        intent: The intent that would pay.
        intent_amount: What the approval would use of it, in its currency; ``None`` where neither
            the merchant's nor the billing currency is the intent's. It is ``asked``, converted,
            but where a *verification* under the same id has become a purchase: the intent pays
            the whole transaction, and the verification used none of it yet.
    """

    request: AuthorizationRequest
    facts: Facts
    now: datetime
    kind: DecisionKind
    before: int
    asked: int
    intent: IntentFacts | None
    intent_amount: int | None

    @property
    def within_grace(self) -> bool:
        """Whether it is an increment that still passes when the window is over."""
        known = self.facts.known
        return (
            self.kind is DecisionKind.INCREMENT
            and known is not None
            and self.now < known.first_approved_at + self.facts.grace
        )


def build_case(request: AuthorizationRequest, facts: Facts, now: datetime) -> Case:
    """What the request asks for, and as what: purchase, increment, verification or credit."""
    before = facts.known.approved_amount if facts.known is not None else 0
    whole, asked = request.amount, max(0, request.amount - before)
    if request.amount_is_additional:
        whole, asked = before + request.amount, request.amount
    if request.kind is not RequestKind.PURCHASE:
        # A credit or a balance inquiry asks for no money, whatever amount it names.
        whole = asked = 0
    intent = _paying_intent(facts)
    kind = _kind(request, facts, intent, whole)
    return Case(
        request=request,
        facts=facts,
        now=now,
        kind=kind,
        before=before,
        asked=asked,
        intent=intent,
        intent_amount=_intent_amount(request, facts, intent, kind) if intent else None,
    )


def _paying_intent(facts: Facts) -> IntentFacts | None:
    """The intent of the window; an increment belongs to the intent that was charged first."""
    if facts.intent is None:
        return None
    if facts.known is not None and facts.known.intent_id not in (None, facts.intent.intent_id):
        return None
    return facts.intent


def _kind(
    request: AuthorizationRequest, facts: Facts, intent: IntentFacts | None, whole: int
) -> DecisionKind:
    known = facts.known
    if request.kind is RequestKind.CREDIT:
        return DecisionKind.CREDIT
    if request.kind is RequestKind.BALANCE_INQUIRY:
        return DecisionKind.VERIFICATION
    # Only what an intent paid for can be incremented: more on a verification is a purchase.
    if known is not None and not known.verification and known.intent_id is not None:
        return DecisionKind.INCREMENT
    if whole == 0:
        return DecisionKind.VERIFICATION
    overrides = facts.verification.max_amounts
    # An intent for so little is meant as a purchase, so its charge is one.
    small_purchase = intent is not None and intent.expected_amount <= small_amount(
        intent.currency, overrides
    )
    # The whole amount: many small increments under one id are not many verifications.
    if whole <= small_amount(request.currency, overrides) and not small_purchase:
        return DecisionKind.VERIFICATION
    return DecisionKind.PURCHASE


def _intent_amount(
    request: AuthorizationRequest, facts: Facts, intent: IntentFacts, kind: DecisionKind
) -> int | None:
    if kind in (DecisionKind.CREDIT, DecisionKind.VERIFICATION):
        return 0
    amount = comparable(
        intent.currency,
        request.amount,
        request.currency,
        request.merchant_amount,
        request.merchant_currency,
    )
    known = facts.known
    if amount is None or known is None:
        return amount
    if not request.amount_is_additional:
        # Both are whole amounts in the intent's currency, so the difference is exact.
        return max(0, amount - known.approved_intent_amount)
    if kind is DecisionKind.PURCHASE and request.amount > 0:
        # What was only verified before joins the purchase, in proportion, rounded up.
        return amount - (-amount * known.approved_amount // request.amount)
    return amount
