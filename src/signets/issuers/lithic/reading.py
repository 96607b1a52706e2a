"""Lithic's Auth Stream requests and transactions in Signets' normal form. Pure.

Source: lithic-openapi ``card_authorization.approval_request`` and ``transaction``.
"""

from __future__ import annotations

import hashlib

from signets.app.ports import BodyUnreadable
from signets.core.authorization.request import AuthorizationRequest, RequestKind
from signets.core.merchant.model import Merchant
from signets.core.settlement.model import (
    DecidedBy,
    EventKind,
    EventResult,
    LifecycleEvent,
    Snapshot,
    Totals,
)
from signets.issuers.lithic.countries import alpha_2
from signets.issuers.lithic.fields import (
    Json,
    find,
    integer,
    mapping,
    moment,
    optional_text,
    text,
)

_REQUEST_KINDS = {
    "AUTHORIZATION": RequestKind.PURCHASE,
    "FINANCIAL_AUTHORIZATION": RequestKind.PURCHASE,
    "BALANCE_INQUIRY": RequestKind.BALANCE_INQUIRY,
    "CREDIT_AUTHORIZATION": RequestKind.CREDIT,
    "FINANCIAL_CREDIT_AUTHORIZATION": RequestKind.CREDIT,
}

_EVENT_KINDS = {
    "AUTHORIZATION": EventKind.AUTHORIZATION,
    "AUTHORIZATION_ADVICE": EventKind.ADVICE,
    "AUTHORIZATION_REVERSAL": EventKind.REVERSAL,
    "AUTHORIZATION_EXPIRY": EventKind.EXPIRY,
    "BALANCE_INQUIRY": EventKind.BALANCE_INQUIRY,
    "CLEARING": EventKind.CLEARING,
    "CORRECTION_CREDIT": EventKind.CORRECTION_CREDIT,
    "CORRECTION_DEBIT": EventKind.CORRECTION_DEBIT,
    "CREDIT_AUTHORIZATION": EventKind.CREDIT_AUTHORIZATION,
    "CREDIT_AUTHORIZATION_ADVICE": EventKind.CREDIT_AUTHORIZATION,
    "FINANCIAL_AUTHORIZATION": EventKind.FINANCIAL,
    "FINANCIAL_CREDIT_AUTHORIZATION": EventKind.REFUND,
    "RETURN": EventKind.REFUND,
    "RETURN_REVERSAL": EventKind.REFUND_REVERSAL,
}
_ASKED = frozenset(kind for kind in _REQUEST_KINDS if kind in _EVENT_KINDS)

#: Results that say no. ``APPROVED`` says yes; ``UNKNOWN_HOST_TIMEOUT`` and whatever Lithic adds
#: later say neither.
_DECLINES = frozenset(
    (
        "ACCOUNT_PAUSED",
        "ACCOUNT_STATE_TRANSACTION_FAIL",
        "BANK_CONNECTION_ERROR",
        "BANK_NOT_VERIFIED",
        "CARD_CLOSED",
        "CARD_PAUSED",
        "DECLINED",
        "FRAUD_ADVICE",
        "IGNORED_TTL_EXPIRY",
        "SUSPECTED_FRAUD",
        "INACTIVE_ACCOUNT",
        "INCORRECT_PIN",
        "INVALID_CARD_DETAILS",
        "INSUFFICIENT_FUNDS",
        "INSUFFICIENT_FUNDS_PRELOAD",
        "INVALID_TRANSACTION",
        "MERCHANT_BLACKLIST",
        "ORIGINAL_NOT_FOUND",
        "PREVIOUSLY_COMPLETED",
        "SINGLE_USE_RECHARGED",
        "SWITCH_INOPERATIVE_ADVICE",
        "UNAUTHORIZED_MERCHANT",
        "USER_TRANSACTION_LIMIT",
    )
)
#: Details that can come from our own answer; any other detail of a decline is the issuer's.
_OURS = frozenset(
    (
        "CUSTOM_ASA_RESULT",
        "MALFORMED_ASA_RESPONSE",
        "UNAUTHORIZED_MERCHANT",
        "INSUFFICIENT_FUNDS",
        "SUSPECTED_FRAUD",
        "ADDRESS_INCORRECT",
        "CARDHOLDER_CHALLENGED",
        "DRIVER_NUMBER_INVALID",
        "VEHICLE_NUMBER_INVALID",
    )
)
#: Our nearest reason for the issuer's own declines; others keep the issuer's word.
_REASONS = {
    "ACCOUNT_PAUSED": "frozen",
    "CARD_CLOSED": "card_closed",
    "CARD_PAUSED": "card_locked",
    "INSUFFICIENT_FUNDS": "spending_limit_exceeded",
    "MERCHANT_BLACKLIST": "merchant_mismatch",
    "SINGLE_USE_RECHARGED": "no_open_intent",
    "UNAUTHORIZED_MERCHANT": "merchant_mismatch",
    "USER_TRANSACTION_LIMIT": "spending_limit_exceeded",
}
_TIMEOUTS = frozenset({"CUSTOMER_ASA_TIMEOUT", "UNKNOWN_HOST_TIMEOUT"})


def read_request(body: Json) -> AuthorizationRequest:
    """An Auth Stream Access request.

    The amount is that of the hold where one is named, else the cardholder's: the *whole* amount,
    also on a second request under the same token.

    Raises:
        BodyUnreadable: naming the field.
    """
    status = text(body, "status")
    kind = _REQUEST_KINDS.get(status)
    if kind is None:
        raise BodyUnreadable("status", f"`status` {status!r} is not known")
    amount, currency = _asked_amount(body)
    merchant_amount, merchant_currency = _merchant_amount(body)
    if kind is RequestKind.CREDIT:
        amount, merchant_amount = abs(amount), abs(merchant_amount)
    if amount < 0 or merchant_amount < 0:
        raise BodyUnreadable("amounts", f"a debit of {amount} minor units makes no sense")
    created = moment(body, "created")
    said = (status, amount, currency, merchant_amount, merchant_currency, created.isoformat())
    return AuthorizationRequest(
        request_id=text(body, "token"),
        kind=kind,
        card_token=text(body, "card.token"),
        amount=amount,
        currency=currency,
        merchant_amount=merchant_amount,
        merchant_currency=merchant_currency,
        merchant=read_merchant(mapping(body, "merchant")),
        created=created,
        fingerprint=hashlib.sha256("\n".join(map(str, said)).encode()).hexdigest(),
        partial_approval=find(body, "pos.terminal.partial_approval_capable") is True,
        merchant_initiated=find(body, "transaction_initiator") == "MERCHANT",
    )


def _asked_amount(body: Json) -> tuple[int, str]:
    for name in ("hold", "cardholder"):
        if find(body, f"amounts.{name}") is not None:
            return (
                integer(body, f"amounts.{name}.amount"),
                text(body, f"amounts.{name}.currency").upper(),
            )
    return integer(body, "amount"), text(body, "cardholder_currency").upper()


def _merchant_amount(body: Json) -> tuple[int, str]:
    if find(body, "amounts.merchant") is not None:
        return (
            integer(body, "amounts.merchant.amount"),
            text(body, "amounts.merchant.currency").upper(),
        )
    return integer(body, "merchant_amount"), text(body, "merchant_currency").upper()


def read_merchant(merchant: Json) -> Merchant:
    """Lithic's ``merchant``.

    Raises:
        BodyUnreadable: naming the field.
    """
    return Merchant(
        descriptor=text(merchant, "descriptor"),
        acceptor_id=optional_text(merchant, "acceptor_id"),
        mcc=optional_text(merchant, "mcc"),
        country=alpha_2(optional_text(merchant, "country") or ""),
        city=optional_text(merchant, "city"),
        state=optional_text(merchant, "state"),
        postal_code=optional_text(merchant, "postal_code"),
        phone=optional_text(merchant, "phone_number"),
    )


def read_snapshot(transaction: Json) -> Snapshot:
    """A whole Transaction, from a webhook or the API.

    Raises:
        BodyUnreadable: naming the field.
    """
    raw = find(transaction, "events")
    if not isinstance(raw, list):
        raise BodyUnreadable("events", "`events` must be a list")
    events: list[LifecycleEvent] = []
    for index, event in enumerate(raw):
        try:
            events.append(_read_event(event, events))
        except BodyUnreadable as error:
            field = f"events.{index}.{error.field}"
            raise BodyUnreadable(field, f"in `{field}`: {error.message}") from error
    return Snapshot(
        transaction_token=text(transaction, "token"),
        card_token=text(transaction, "card_token"),
        currency=text(transaction, "amounts.cardholder.currency").upper(),
        merchant=read_merchant(mapping(transaction, "merchant")),
        created=moment(transaction, "created"),
        updated=moment(transaction, "updated"),
        events=tuple(events),
        # Lithic writes debits negative here. A hold of the other sign announces money to us.
        totals=Totals(
            held=max(0, -integer(transaction, "amounts.hold.amount")),
            settled=-integer(transaction, "amounts.settlement.amount"),
        ),
        status=optional_text(transaction, "status") or "",
    )


def _read_event(event: object, before: list[LifecycleEvent]) -> LifecycleEvent:
    if not isinstance(event, dict):
        raise BodyUnreadable("", "must be an object")
    raw_kind, raw_result = text(event, "type"), text(event, "result")
    kind = _EVENT_KINDS.get(raw_kind, EventKind.UNKNOWN)
    if raw_result == "APPROVED":
        result = EventResult.APPROVED
    else:
        result = EventResult.DECLINED if raw_result in _DECLINES else EventResult.UNKNOWN
    has_merchant = find(event, "amounts.merchant") is not None
    return LifecycleEvent(
        token=text(event, "token"),
        kind=kind,
        result=result,
        amount=_event_amount(event),
        currency=text(event, "amounts.cardholder.currency").upper(),
        created=moment(event, "created"),
        merchant_amount=abs(integer(event, "amounts.merchant.amount")) if has_merchant else None,
        merchant_currency=(
            text(event, "amounts.merchant.currency").upper() if has_merchant else None
        ),
        decided_by=_decided_by(event, raw_kind, result, before),
        raw_kind=raw_kind,
        raw_result=raw_result,
        reason=_REASONS.get(raw_result, raw_result) if result is EventResult.DECLINED else "",
    )


def _event_amount(event: Json) -> int:
    """The magnitude. Lithic leaves the finer fields at 0 on some events: the first that is not."""
    candidates = [abs(integer(event, "amounts.cardholder.amount"))]
    if find(event, "amounts.settlement") is not None:
        candidates.insert(0, abs(integer(event, "amounts.settlement.amount")))
    if find(event, "amount") is not None:
        candidates.append(abs(integer(event, "amount")))
    return next((amount for amount in candidates if amount), 0)


def _decided_by(
    event: Json, raw_kind: str, result: EventResult, before: list[LifecycleEvent]
) -> DecidedBy:
    """Who decided, as far as Lithic tells.

    ``CARD_PAUSED`` can be Lithic's own check or our answer: read as the issuer's. Whoever holds a
    stored decision under this transaction's token knows better.
    """
    details = find(event, "detailed_results")
    named = details if isinstance(details, list) and details else [text(event, "result")]
    said = {detail for detail in named if isinstance(detail, str)}
    said |= {text(event, "result")} & _TIMEOUTS
    if raw_kind == "AUTHORIZATION_ADVICE" and result is EventResult.APPROVED:
        asked = [earlier for earlier in before if earlier.kind is EventKind.AUTHORIZATION]
        unanswered = any(earlier.decided_by is DecidedBy.TIMEOUT for earlier in asked)
        return DecidedBy.STAND_IN if unanswered or not asked else DecidedBy.NOBODY
    if raw_kind not in _ASKED:
        return DecidedBy.NOBODY
    if said & _TIMEOUTS:
        return DecidedBy.TIMEOUT
    if result is EventResult.DECLINED and not said & _OURS:
        return DecidedBy.ISSUER
    return DecidedBy.US
