"""Why a card authorization is approved or declined: one pure function.

``decide(request, facts, now)`` evaluates **every** check and records each result; the first that
fails, in the order of :class:`signets.core.reasons.Reason`, names the reason. The real-time path,
the batch, the replay audit and ``explain`` call this same function.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from signets.core.authorization.decision import Check, CheckStatus, Decision, DecisionKind
from signets.core.authorization.facts import CardFacts, Facts, IntentFacts
from signets.core.authorization.request import AuthorizationRequest, RequestKind
from signets.core.card import CardState
from signets.core.fx import comparable
from signets.core.intent import IntentState, Usage
from signets.core.merchant.model import MatchResult
from signets.core.money import EXPONENTS, format_minor
from signets.core.policy.model import Cap, Period, Scope, Window
from signets.core.reasons import CATALOGUE, PRECEDENCE, Reason
from signets.core.velocity import CapResult, check_budget, check_cap, room_in

#: About one US dollar, for currencies whose unit is worth far less. Everything else: one unit.
_SMALL = {"JPY": 150, "KRW": 1400, "INR": 9000, "VND": 26_000, "HUF": 36_000, "IDR": 1_700_000}

_PASSED = CheckStatus.PASSED
_FAILED = CheckStatus.FAILED
_EXEMPT = CheckStatus.EXEMPT
_UNKNOWN = CheckStatus.UNKNOWN


def small_amount(currency: str, overrides: tuple[tuple[str, int], ...] = ()) -> int:
    """The largest amount, in minor units, that counts as an account verification."""
    for code, minor in overrides:
        if code == currency:
            return minor
    return _SMALL.get(currency, 10 ** EXPONENTS[currency])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """The request as the checks see it. ``asked`` is the difference that is asked for."""

    request: AuthorizationRequest
    facts: Facts
    now: datetime
    kind: DecisionKind
    asked: int
    asked_merchant: int
    intent: IntentFacts | None
    intent_amount: int | None  # asked, in the intent's currency; None: not comparable


def decide(request: AuthorizationRequest, facts: Facts, now: datetime) -> Decision:
    """Decide on one request that has not been answered before.

    Args:
        request: The issuer's question, in normal form.
        facts: Everything gathered under the organization's lock.
        now: When the decision commits, timezone-aware.
    """
    case = _case(request, facts, now)
    card = facts.card
    if card is None:
        checks = (_fail(Reason.CARD_UNKNOWN, "issuer"),) + tuple(
            Check(reason, _UNKNOWN) for reason in Reason if reason is not Reason.CARD_UNKNOWN
        )
        return _declined(case, checks, capped_by=())
    caps = _check_caps(case)
    checks = (
        Check(Reason.CARD_UNKNOWN, _PASSED),
        _card_closed(card),
        _frozen(card),
        _card_locked(case, card),
        *_merchant(case),
        _category(case),
        _country(case),
        _currency(case, card),
        _duplicate(case),
        _open_intent(case),
        _intent_amount(case),
        _spending_limit(case, card),
        _velocity(caps),
        _budget(case),
    )
    if any(check.status is _FAILED for check in checks):
        return _declined(case, checks, tuple(cap.name for cap, result in caps if not result.fits))
    return _approved(case, checks)


def _case(request: AuthorizationRequest, facts: Facts, now: datetime) -> _Case:
    known = facts.known
    asked, asked_merchant = request.amount, request.merchant_amount
    if known is not None and not request.amount_is_additional:
        asked = max(0, request.amount - known.approved_amount)
        # The merchant's own currency of the difference, in proportion; exact where they agree.
        asked_merchant = (
            asked
            if request.currency == request.merchant_currency
            else max(0, request.merchant_amount - known.approved_intent_amount)
        )
    intent = _covering_intent(facts)
    if request.kind is RequestKind.CREDIT:
        kind = DecisionKind.CREDIT
    elif known is not None and not known.verification:
        kind = DecisionKind.INCREMENT
    elif _is_verification(request, facts, intent, asked):
        kind = DecisionKind.VERIFICATION
    else:
        kind = DecisionKind.PURCHASE
    amount: int | None = None
    if intent is not None:
        amount = comparable(
            intent.currency, asked, request.currency, asked_merchant, request.merchant_currency
        )
    return _Case(
        request=request,
        facts=facts,
        now=now,
        kind=kind,
        asked=0 if kind is DecisionKind.CREDIT else asked,
        asked_merchant=asked_merchant,
        intent=intent,
        intent_amount=amount,
    )


def _covering_intent(facts: Facts) -> IntentFacts | None:
    """The intent of the window; an increment belongs to the intent that was charged first."""
    if facts.intent is None:
        return None
    if facts.known is not None and facts.known.intent_id not in (None, facts.intent.intent_id):
        return None
    return facts.intent


def _is_verification(
    request: AuthorizationRequest, facts: Facts, intent: IntentFacts | None, asked: int
) -> bool:
    if request.kind is RequestKind.BALANCE_INQUIRY or asked == 0:
        return True
    limit = small_amount(request.currency, facts.verification.max_amounts)
    # An intent for so little is meant as a purchase, so its charge is one.
    small_purchase = intent is not None and intent.expected_amount <= small_amount(
        intent.currency, facts.verification.max_amounts
    )
    return asked <= limit and not small_purchase


def _fail(
    reason: Reason,
    level: str,
    detail: str = "",
    *,
    room: int | None = None,
    opens_at: datetime | None = None,
) -> Check:
    sentence = detail or CATALOGUE[reason].sentence
    return Check(reason, _FAILED, level, sentence, room, opens_at)


def _card_closed(card: CardFacts) -> Check:
    if card.state is CardState.CLOSED:
        return _fail(Reason.CARD_CLOSED, "card")
    return Check(Reason.CARD_CLOSED, _PASSED)


def _frozen(card: CardFacts) -> Check:
    if card.frozen:
        level = card.frozen[-1]
        return _fail(Reason.FROZEN, level, f"the {level} is frozen")
    return Check(Reason.FROZEN, _PASSED)


def _card_locked(case: _Case, card: CardFacts) -> Check:
    known, window = case.facts.known, case.facts.window
    if case.kind is DecisionKind.CREDIT:
        return Check(Reason.CARD_LOCKED, _EXEMPT)
    if case.kind is DecisionKind.INCREMENT and known is not None:
        within_grace = case.now < known.first_approved_at + case.facts.grace
        if within_grace:
            return Check(Reason.CARD_LOCKED, _EXEMPT)
    if (
        card.state is CardState.OPEN
        and window is not None
        and window.is_open(case.now, case.facts.grace)
    ):
        return Check(Reason.CARD_LOCKED, _PASSED)
    return _fail(Reason.CARD_LOCKED, "card")


def _merchant(case: _Case) -> tuple[Check, Check]:
    match = case.facts.match
    if case.kind is DecisionKind.CREDIT:
        return (
            Check(Reason.MERCHANT_MISMATCH, _EXEMPT),
            Check(Reason.MERCHANT_UNVERIFIED, _EXEMPT),
        )
    if match is None:
        return (
            Check(Reason.MERCHANT_MISMATCH, _PASSED),
            _fail(Reason.MERCHANT_UNVERIFIED, "card", "the merchant was not examined"),
        )
    mismatch = Check(Reason.MERCHANT_MISMATCH, _PASSED)
    unverified = Check(Reason.MERCHANT_UNVERIFIED, _PASSED)
    seen = f"`{case.request.merchant.descriptor}`"
    lock = ", ".join(case.facts.card.lock.vendors) if case.facts.card else ""
    if match.result is MatchResult.NO_MATCH:
        mismatch = _fail(
            Reason.MERCHANT_MISMATCH, "card", f"{seen} is not {lock}: {match.rule}"
        )
        unverified = Check(Reason.MERCHANT_UNVERIFIED, _UNKNOWN)
    elif match.result is MatchResult.UNVERIFIED:
        unverified = _fail(
            Reason.MERCHANT_UNVERIFIED, "card", f"{seen} is not proven to be {lock}: {match.rule}"
        )
    return mismatch, unverified


def _category(case: _Case) -> Check:
    mcc = case.request.merchant.mcc
    if case.kind is not DecisionKind.CREDIT and mcc in case.facts.blocked_categories:
        return _fail(Reason.CATEGORY_BLOCKED, "policy", f"policy blocks category {mcc}")
    return Check(Reason.CATEGORY_BLOCKED, _PASSED)


def _country(case: _Case) -> Check:
    country = case.request.merchant.country
    if case.kind is not DecisionKind.CREDIT and country in case.facts.blocked_countries:
        return _fail(Reason.COUNTRY_BLOCKED, "policy", f"policy blocks country {country}")
    return Check(Reason.COUNTRY_BLOCKED, _PASSED)


def _currency(case: _Case, card: CardFacts) -> Check:
    if case.kind is DecisionKind.CREDIT:
        return Check(Reason.CURRENCY_MISMATCH, _EXEMPT)
    if case.request.currency != card.currency:
        return _fail(
            Reason.CURRENCY_MISMATCH,
            "card",
            f"the card is in {card.currency} and the issuer bills {case.request.currency}",
        )
    if case.intent is not None and case.intent_amount is None:
        return _fail(
            Reason.CURRENCY_MISMATCH,
            "intent",
            f"the intent is in {case.intent.currency}; the charge is in "
            f"{case.request.merchant_currency}, billed in {case.request.currency}",
        )
    return Check(Reason.CURRENCY_MISMATCH, _PASSED)


def _duplicate(case: _Case) -> Check:
    """Same vendor and amount within tolerance as a live authorization of this card.

    Exempt: increments and verifications; an intent for several charges; and the first charge of
    an intent of its own, because the duplicate question was answered when it was approved.
    """
    exempt = Check(Reason.DUPLICATE_CHARGE, _EXEMPT)
    match, intent = case.facts.match, case.intent
    if case.kind is not DecisionKind.PURCHASE or match is None or match.vendor is None:
        return exempt
    if intent is not None and intent.bounds.usage is not Usage.SINGLE:
        return exempt
    usable = intent is not None and _usable(case, intent)
    tolerance = case.facts.tolerance
    for other in case.facts.live:
        same = (
            other.request_id != case.request.request_id
            and other.vendor == match.vendor
            and other.currency == case.request.currency
            and case.asked <= tolerance.maximum(other.amount)
            and other.amount <= tolerance.maximum(case.asked)
        )
        own_intent = usable and intent is not None and other.intent_id != intent.intent_id
        if same and not own_intent:
            return _fail(
                Reason.DUPLICATE_CHARGE,
                "card",
                f"{format_minor(other.amount, other.currency)} at {other.vendor} is already "
                "authorized on this card",
            )
    return Check(Reason.DUPLICATE_CHARGE, _PASSED)


def _usable(case: _Case, intent: IntentFacts) -> bool:
    """Whether the intent has a charge left."""
    live = intent.state in (IntentState.APPROVED, IntentState.AUTHORIZED)
    return live and intent.charges < intent.bounds.max_count


def _open_intent(case: _Case) -> Check:
    if case.kind in (DecisionKind.VERIFICATION, DecisionKind.CREDIT):
        return Check(Reason.NO_OPEN_INTENT, _EXEMPT)
    intent = case.intent
    if intent is None:
        return _fail(Reason.NO_OPEN_INTENT, "intent")
    if case.kind is DecisionKind.INCREMENT:
        live = intent.state in (IntentState.APPROVED, IntentState.AUTHORIZED)
        return Check(Reason.NO_OPEN_INTENT, _PASSED) if live else _fail(
            Reason.NO_OPEN_INTENT, "intent", f"the intent is {intent.state}"
        )
    if not _usable(case, intent):
        used = f"all {intent.bounds.max_count} charges of the intent are used"
        if intent.bounds.usage is Usage.SINGLE:
            used = "the intent was for one purchase, which has been made"
        return _fail(Reason.NO_OPEN_INTENT, "intent", used)
    return Check(Reason.NO_OPEN_INTENT, _PASSED)


def _intent_amount(case: _Case) -> Check:
    if case.kind in (DecisionKind.VERIFICATION, DecisionKind.CREDIT):
        return Check(Reason.AMOUNT_EXCEEDS_INTENT, _EXEMPT)
    intent, amount = case.intent, case.intent_amount
    if intent is None or amount is None:
        return Check(Reason.AMOUNT_EXCEEDS_INTENT, _UNKNOWN)
    room = max(0, intent.bounds.max_total - intent.used)
    per_charge = intent.bounds.max_per_charge
    if case.kind is DecisionKind.INCREMENT and case.facts.known is not None:
        per_charge = max(0, per_charge - case.facts.known.approved_intent_amount)
    room = min(room, per_charge)
    if amount > room:
        return _fail(
            Reason.AMOUNT_EXCEEDS_INTENT,
            "intent",
            f"{format_minor(amount, intent.currency)} is above the "
            f"{format_minor(room, intent.currency)} that the intent still allows",
            room=room if intent.currency == case.request.currency else None,
        )
    return Check(Reason.AMOUNT_EXCEEDS_INTENT, _PASSED, room=room)


def _covered(case: _Case) -> int:
    """How much of the asked amount the intent has reserved already."""
    if case.intent is None or case.kind is DecisionKind.VERIFICATION:
        return 0
    return case.intent.reserved


def _spending_limit(case: _Case, card: CardFacts) -> Check:
    room = room_in(
        card.spending_limit, card.exposure, covered=_covered(case), refunds_restore=False
    )
    if card.per_authorization_limit is not None:
        room = min(room, card.per_authorization_limit)
    if case.asked > room:
        return _fail(
            Reason.SPENDING_LIMIT_EXCEEDED,
            "card",
            f"{format_minor(case.asked, card.currency)} is above the "
            f"{format_minor(room, card.currency)} left on the card",
            room=room,
        )
    return Check(Reason.SPENDING_LIMIT_EXCEEDED, _PASSED, room=room)


def _check_caps(case: _Case) -> list[tuple[Cap, CapResult]]:
    if case.kind is DecisionKind.CREDIT:
        return []
    results = [
        (
            cap,
            check_cap(
                cap,
                usage,
                amount=case.asked,
                currency=case.request.currency,
                counts=case.kind is not DecisionKind.INCREMENT,
                now=case.now,
                zone=case.facts.zone,
            ),
        )
        for cap, usage in case.facts.caps
    ]
    limit = case.facts.verification.per_day
    if case.kind is DecisionKind.VERIFICATION and case.facts.verifications_today >= limit:
        results.append((_VERIFICATION_CAP, _verification_result(limit)))
    return results


_VERIFICATION_CAP = Cap(
    name="verifications", scope=(Scope.CARD,), window=Window(period=Period.DAY)
)


def _verification_result(limit: int) -> CapResult:
    return CapResult(
        fits=False,
        room_amount=None,
        opens_at=None,
        sentence=f"policy allows {limit} verifications per card and day",
    )


def _velocity(caps: list[tuple[Cap, CapResult]]) -> Check:
    failed = [result for _, result in caps if not result.fits]
    if not failed:
        return Check(Reason.VELOCITY_EXCEEDED, _PASSED)
    rooms = [result.room_amount for result in failed if result.room_amount is not None]
    opens = [result.opens_at for result in failed]
    latest = max((at for at in opens if at is not None), default=None)
    return _fail(
        Reason.VELOCITY_EXCEEDED,
        "policy",
        "; ".join(result.sentence for result in failed),
        room=min(rooms, default=0),
        opens_at=latest if None not in opens else None,
    )


def _budget(case: _Case) -> Check:
    if case.kind is DecisionKind.CREDIT:
        return Check(Reason.BUDGET_EXCEEDED, _EXEMPT)
    covered = _covered(case)
    smallest: int | None = None
    for budget, used in case.facts.budgets:
        fits, room = check_budget(
            budget, used, amount=case.asked, covered=covered, currency=case.request.currency
        )
        smallest = room if smallest is None else min(smallest, room)
        if not fits:
            return _fail(
                Reason.BUDGET_EXCEEDED,
                "policy",
                f"budget `{budget.name}` has {format_minor(room, case.request.currency)} left",
                room=room,
            )
    return Check(Reason.BUDGET_EXCEEDED, _PASSED, room=smallest)


def _counted_vendor(case: _Case) -> str | None:
    match = case.facts.match
    return match.vendor if match is not None and match.result is MatchResult.MATCH else None


def _approved(case: _Case, checks: tuple[Check, ...]) -> Decision:
    covers = case.kind in (DecisionKind.PURCHASE, DecisionKind.INCREMENT)
    intent = case.intent if covers else None
    return Decision(
        approved=True,
        reason=None,
        kind=case.kind,
        checks=checks,
        hold=case.asked,
        intent_amount=(case.intent_amount or 0) if intent is not None else 0,
        intent_id=intent.intent_id if intent is not None else None,
        vendor=_counted_vendor(case),
        counts=case.kind in (DecisionKind.PURCHASE, DecisionKind.VERIFICATION),
        consumes=(
            case.kind is DecisionKind.PURCHASE
            and intent is not None
            and intent.bounds.usage is Usage.SINGLE
        ),
        sentence="every check passed",
    )


def _declined(case: _Case, checks: tuple[Check, ...], capped_by: tuple[str, ...]) -> Decision:
    failed = sorted(
        (check for check in checks if check.status is _FAILED),
        key=lambda check: PRECEDENCE[check.reason],
    )
    first = failed[0]
    breaker = case.facts.breaker
    known_card = case.facts.card is not None
    return Decision(
        approved=False,
        reason=first.reason,
        kind=case.kind,
        checks=checks,
        intent_id=case.intent.intent_id if case.intent is not None else None,
        vendor=_counted_vendor(case),
        counts=case.kind is not DecisionKind.INCREMENT,
        capped_by=capped_by,
        trips_breaker=known_card and case.facts.recent_declines + 1 >= breaker.declines,
        sentence=first.detail,
        level=first.level,
        would_pass=_would_pass(case, failed),
    )


def _would_pass(case: _Case, failed: list[Check]) -> str:
    """What would pass, over *all* failing checks: the smallest room, or the latest opening."""
    amount_reasons = {
        Reason.AMOUNT_EXCEEDS_INTENT,
        Reason.SPENDING_LIMIT_EXCEEDED,
        Reason.VELOCITY_EXCEEDED,
        Reason.BUDGET_EXCEEDED,
    }
    if any(check.reason not in amount_reasons for check in failed):
        return CATALOGUE[failed[0].reason].remedy
    parts = []
    rooms = [check.room for check in failed]
    if all(room is not None and room > 0 for room in rooms):
        least = min(room for room in rooms if room is not None)
        parts.append(f"at most {format_minor(least, case.request.currency)} now")
    opens = [check.opens_at for check in failed]
    latest = max((at for at in opens if at is not None), default=None)
    if latest is not None and None not in opens:
        parts.append(f"after {latest:%Y-%m-%d %H:%M:%S}Z")
    return " or ".join(parts) or CATALOGUE[failed[0].reason].remedy
