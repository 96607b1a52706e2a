"""The single checks of an authorization, one function each, in the order of precedence.

A check says only whether *it* would decline. None of them relies on another: that the first
failing one names the reason is :mod:`signets.core.authorization.decide`'s rule.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache

import msgspec

from signets.core.authorization.case import Case
from signets.core.authorization.decision import Check, CheckStatus, DecisionKind
from signets.core.authorization.duplicate import SPENDABLE, charge_left, compared
from signets.core.authorization.facts import CardFacts
from signets.core.card import CardState
from signets.core.merchant.model import MatchResult
from signets.core.money import format_minor
from signets.core.policy.model import Cap, Period, Scope, Window
from signets.core.reasons import CATALOGUE, Reason
from signets.core.velocity import CapResult, check_budget, check_cap, next_period_start, room_in

_PASSED, _FAILED = CheckStatus.PASSED, CheckStatus.FAILED
_EXEMPT, _UNKNOWN = CheckStatus.EXEMPT, CheckStatus.UNKNOWN

_PAID_BY_INTENT = frozenset({DecisionKind.PURCHASE, DecisionKind.INCREMENT})

#: How many verifications a card may have a day. A policy's caps cannot take this name.
_VERIFICATION_CAP = Cap(
    name="(verifications)", scope=(Scope.CARD,), window=Window(period=Period.DAY)
)


class Checked(msgspec.Struct, frozen=True):
    """Every check's result, in order, and the names of the caps that do not fit.

    ``failed`` are the failing ones among the checks, in order of precedence.
    """

    checks: tuple[Check, ...]
    capped_by: tuple[str, ...]
    failed: tuple[Check, ...]


@cache
def _plain(reason: Reason, status: CheckStatus) -> Check:
    """A result that says nothing more: a few dozen values, asked for many times a decision."""
    return Check(reason, status)


def run_checks(case: Case) -> Checked:
    """Evaluate every check, each exactly once."""
    card = case.facts.card
    if card is None:
        unknown = tuple(_plain(one, _UNKNOWN) for one in Reason if one is not Reason.CARD_UNKNOWN)
        failed = _fail(Reason.CARD_UNKNOWN, "issuer")
        return Checked((failed, *unknown), (), (failed,))
    caps = _caps(case)
    checks = (
        _plain(Reason.CARD_UNKNOWN, _PASSED),
        _card_closed(card),
        _frozen(card),
        _card_locked(case, card),
        *_merchant(case, card),
        _category(case),
        _country(case),
        _currency(case, card),
        _duplicate(case),
        _open_intent(case),
        _amount(case),
        _spending_limit(case, card),
        _velocity(case, caps),
        _budget(case),
    )
    return Checked(
        checks,
        tuple([cap.name for cap, result in caps if not result.fits]),
        tuple([check for check in checks if check.status is _FAILED]),
    )


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
    return _plain(Reason.CARD_CLOSED, _PASSED)


def _frozen(card: CardFacts) -> Check:
    if card.frozen:
        level = card.frozen[-1]
        return _fail(Reason.FROZEN, level, f"the {level} is frozen")
    return _plain(Reason.FROZEN, _PASSED)


def _card_locked(case: Case, card: CardFacts) -> Check:
    window = case.facts.window
    if case.kind is DecisionKind.CREDIT or case.within_grace:
        return _plain(Reason.CARD_LOCKED, _EXEMPT)
    open_now = window is not None and window.is_open(case.now, case.facts.grace)
    if card.state is CardState.OPEN and open_now:
        return _plain(Reason.CARD_LOCKED, _PASSED)
    return _fail(Reason.CARD_LOCKED, "card")


def _merchant(case: Case, card: CardFacts) -> tuple[Check, Check]:
    """The lock, and on a card locked to several vendors also the one that the intent names."""
    match, intent = case.facts.match, case.intent
    mismatch, unverified = Reason.MERCHANT_MISMATCH, Reason.MERCHANT_UNVERIFIED
    if case.kind is DecisionKind.CREDIT:
        return _plain(mismatch, _EXEMPT), _plain(unverified, _EXEMPT)
    if match is None:
        return (
            _plain(mismatch, _UNKNOWN),
            _fail(unverified, "card", "the merchant was not examined"),
        )
    seen = f"`{case.request.merchant.descriptor}`"
    lock = ", ".join(card.lock.vendors)
    if match.result is MatchResult.NO_MATCH:
        detail = f"{seen} is not {lock}: {match.rule}"
        return _fail(mismatch, "card", detail), _plain(unverified, _UNKNOWN)
    if match.result is MatchResult.UNVERIFIED:
        detail = f"{seen} is not proven to be {lock}: {match.rule}"
        return _plain(mismatch, _PASSED), _fail(unverified, "card", detail)
    if case.kind in _PAID_BY_INTENT and intent is not None and match.vendor != intent.vendor:
        detail = f"{seen} is {match.vendor}, and the intent is for {intent.vendor}"
        return _fail(mismatch, "intent", detail), _plain(unverified, _PASSED)
    return _plain(mismatch, _PASSED), _plain(unverified, _PASSED)


def _category(case: Case) -> Check:
    return _blocked(
        case,
        Reason.CATEGORY_BLOCKED,
        case.request.merchant.mcc,
        case.facts.blocked_categories,
        "category",
    )


def _country(case: Case) -> Check:
    return _blocked(
        case,
        Reason.COUNTRY_BLOCKED,
        case.request.merchant.country,
        case.facts.blocked_countries,
        "country",
    )


def _blocked(
    case: Case, reason: Reason, value: str | None, blocked: tuple[str, ...], what: str
) -> Check:
    if case.kind is DecisionKind.CREDIT:
        return _plain(reason, _EXEMPT)
    if value is None and blocked:
        # Not sent, so not judged; the lock has to know the merchant all the same.
        return _plain(reason, _UNKNOWN)
    if value in blocked:
        return _fail(reason, "policy", f"policy blocks {what} {value}")
    return _plain(reason, _PASSED)


def _currency(case: Case, card: CardFacts) -> Check:
    request, intent = case.request, case.intent
    if case.kind is DecisionKind.CREDIT:
        return _plain(Reason.CURRENCY_MISMATCH, _EXEMPT)
    if request.currency != card.currency:
        return _fail(
            Reason.CURRENCY_MISMATCH,
            "card",
            f"the card is in {card.currency} and the issuer bills {request.currency}",
        )
    if case.kind in _PAID_BY_INTENT and intent is not None and case.intent_amount is None:
        return _fail(
            Reason.CURRENCY_MISMATCH,
            "intent",
            f"the intent is in {intent.currency}; the charge is in "
            f"{request.merchant_currency}, billed in {request.currency}",
        )
    return _plain(Reason.CURRENCY_MISMATCH, _PASSED)


def _duplicate(case: Case) -> Check:
    """Same vendor and amount within tolerance as a live authorization of this card."""
    others = compared(case)
    if others is None:
        return _plain(Reason.DUPLICATE_CHARGE, _EXEMPT)
    most = case.facts.tolerance.maximum
    for other in others:
        if case.asked <= most(other.amount) and other.amount <= most(case.asked):
            return _fail(
                Reason.DUPLICATE_CHARGE,
                "card",
                f"{format_minor(other.amount, other.currency)} at {other.vendor} is already "
                "authorized on this card",
            )
    return _plain(Reason.DUPLICATE_CHARGE, _PASSED)


def _open_intent(case: Case) -> Check:
    """The intent is live, the card is open for *it*, and it has a charge left."""
    reason, intent, window = Reason.NO_OPEN_INTENT, case.intent, case.facts.window
    if case.kind not in _PAID_BY_INTENT:
        return _plain(reason, _EXEMPT)
    if intent is None:
        return _fail(reason, "intent")
    increment = case.kind is DecisionKind.INCREMENT
    if increment:
        problem = None if intent.state in SPENDABLE else f"the intent is {intent.state}"
    else:
        problem = charge_left(intent)
    if problem is None and not case.within_grace:
        # Another intent's window opens the card for that intent's charges alone. Without any
        # window it is the card that is locked.
        others = window is not None and window.intent_id != intent.intent_id
        problem = "the window of the intent that pays is over" if others else None
    return _plain(reason, _PASSED) if problem is None else _fail(reason, "intent", problem)


def _amount(case: Case) -> Check:
    reason, intent, amount = Reason.AMOUNT_EXCEEDS_INTENT, case.intent, case.intent_amount
    if case.kind not in _PAID_BY_INTENT:
        return _plain(reason, _EXEMPT)
    if intent is None or amount is None:
        return _plain(reason, _UNKNOWN)
    per_charge = intent.bounds.max_per_charge
    if case.kind is DecisionKind.INCREMENT and case.facts.known is not None:
        per_charge -= case.facts.known.approved_intent_amount
    left = max(0, min(intent.bounds.max_total - intent.used, per_charge))
    room = None
    if intent.currency == case.request.currency:
        room = max(0, left - (amount - case.asked))
    if amount > left:
        return _fail(
            reason,
            "intent",
            f"{format_minor(amount, intent.currency)} is above the "
            f"{format_minor(left, intent.currency)} that the intent still allows",
            room=room,
        )
    return Check(reason, _PASSED, room=room)


def _covered(case: Case) -> int:
    """How much of the asked amount the intent has reserved already, billing currency."""
    return case.intent.reserved if case.intent and case.kind in _PAID_BY_INTENT else 0


def _spending_limit(case: Case, card: CardFacts) -> Check:
    reason = Reason.SPENDING_LIMIT_EXCEEDED
    if case.kind is DecisionKind.CREDIT:
        return _plain(reason, _EXEMPT)
    room = room_in(
        card.spending_limit, card.exposure, covered=_covered(case), refunds_restore=False
    )
    where = "left on the card"
    if card.per_authorization_limit is not None:
        # Of the whole authorization: increments do not start anew.
        single = max(0, card.per_authorization_limit - case.before)
        if single < room:
            room, where = single, "that the card allows for one authorization"
    if case.asked > room:
        return _fail(
            reason,
            "card",
            f"{format_minor(case.asked, card.currency)} is above the "
            f"{format_minor(room, card.currency)} {where}",
            room=room,
        )
    return Check(reason, _PASSED, room=room)


def _caps(case: Case) -> list[tuple[Cap, CapResult]]:
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
        result = CapResult(
            fits=False,
            room_amount=0,
            opens_at=next_period_start(Period.DAY, case.now, "UTC") if limit > 0 else None,
            sentence=f"policy allows {limit} verifications per card and day",
        )
        results.append((_VERIFICATION_CAP, result))
    return results


def _velocity(case: Case, caps: list[tuple[Cap, CapResult]]) -> Check:
    if case.kind is DecisionKind.CREDIT:
        return _plain(Reason.VELOCITY_EXCEEDED, _EXEMPT)
    failed = [result for _, result in caps if not result.fits]
    if not failed:
        return _plain(Reason.VELOCITY_EXCEEDED, _PASSED)
    opens = [result.opens_at for result in failed if result.opens_at is not None]
    return _fail(
        Reason.VELOCITY_EXCEEDED,
        "policy",
        "; ".join(result.sentence for result in failed),
        room=min(result.room_amount or 0 for result in failed),
        opens_at=max(opens) if len(opens) == len(failed) else None,
    )


def _budget(case: Case) -> Check:
    reason, currency = Reason.BUDGET_EXCEEDED, case.request.currency
    if case.kind is DecisionKind.CREDIT:
        return _plain(reason, _EXEMPT)
    rooms: list[int] = []
    problems: list[str] = []
    for budget, used in case.facts.budgets:
        fits, room = check_budget(
            budget, used, amount=case.asked, covered=_covered(case), currency=currency
        )
        rooms.append(room)
        if fits:
            continue
        if budget.currency == currency:
            problems.append(f"budget `{budget.name}` has {format_minor(room, currency)} left")
        else:
            problems.append(
                f"budget `{budget.name}` is in {budget.currency} and cannot judge {currency}"
            )
    smallest = min(rooms, default=None)
    if problems:
        return _fail(reason, "policy", "; ".join(problems), room=smallest)
    return Check(reason, _PASSED, room=smallest)
