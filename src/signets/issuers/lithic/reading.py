"""Lithic's Auth Stream requests, transactions, cards and disputes in our normal form. Pure.

Source: lithic-openapi ``card_authorization.approval_request`` and ``transaction``.
"""

from __future__ import annotations

import hashlib

from signets.app.ports import BodyUnreadable, IssuerCard, IssuerCardState
from signets.core.authorization.request import AuthorizationRequest, RequestKind
from signets.core.issuer_controls import CardControls
from signets.core.merchant.model import Merchant
from signets.core.settlement.model import (
    DecidedBy,
    EventKind,
    EventResult,
    LifecycleEvent,
    Snapshot,
    Totals,
)
from signets.issuers.countries import alpha_2
from signets.issuers.fields import Json, find, integer, mapping, optional_text, text
from signets.issuers.lithic.declines import OURS, RESULTS, TIMEOUTS, our_reason
from signets.issuers.lithic.fields import currency, moment

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
#: ``status`` of a real-time request; a transaction has other words.
REQUEST_STATUSES = frozenset(_REQUEST_KINDS)
#: Where the amount that is asked for stands, the best place first: object, amount, currency.
_ASKED_PLACES = (
    ("amounts.hold", "amounts.hold.amount", "amounts.hold.currency"),
    ("amounts.cardholder", "amounts.cardholder.amount", "amounts.cardholder.currency"),
)
_FIRST_CURRENCY = "USD"
_STATES = {
    "OPEN": IssuerCardState.OPEN,
    "PAUSED": IssuerCardState.PAUSED,
    "CLOSED": IssuerCardState.CLOSED,
}
_ASKED = frozenset(kind for kind in _REQUEST_KINDS if kind in _EVENT_KINDS)


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
    amount, billed_in = _asked_amount(body)
    merchant_amount, merchant_currency = _merchant_amount(body)
    if kind is RequestKind.CREDIT:
        amount, merchant_amount = abs(amount), abs(merchant_amount)
    if amount < 0 or merchant_amount < 0:
        raise BodyUnreadable("amounts", f"a debit of {amount} minor units makes no sense")
    created = moment(body, "created")
    said = (
        f"{status}\n{amount}\n{billed_in}\n{merchant_amount}\n{merchant_currency}\n"
        f"{created.isoformat()}"
    )
    return AuthorizationRequest(
        request_id=text(body, "token"),
        kind=kind,
        card_token=text(body, "card.token"),
        amount=amount,
        currency=billed_in,
        merchant_amount=merchant_amount,
        merchant_currency=merchant_currency,
        merchant=read_merchant(mapping(body, "merchant")),
        created=created,
        fingerprint=hashlib.sha256(said.encode()).hexdigest(),
        partial_approval=find(body, "pos.terminal.partial_approval_capable") is True,
        merchant_initiated=find(body, "transaction_initiator") == "MERCHANT",
    )


def _asked_amount(body: Json) -> tuple[int, str]:
    for place, amount, billed_in in _ASKED_PLACES:
        if find(body, place) is not None:
            return integer(body, amount), currency(body, billed_in)
    named = "amount" if find(body, "amount") is not None else "authorization_amount"
    return integer(body, named), _old_currency(body)


def _merchant_amount(body: Json) -> tuple[int, str]:
    if find(body, "amounts.merchant") is not None:
        return (
            integer(body, "amounts.merchant.amount"),
            currency(body, "amounts.merchant.currency"),
        )
    if find(body, "amounts") is None and find(body, "merchant_currency") is None:
        return _asked_amount(body)  # of the time before other currencies
    return integer(body, "merchant_amount"), currency(body, "merchant_currency")


def _old_currency(body: Json) -> str:
    """The billing currency of a body without ``amounts``.

    Bodies older than ``cardholder_currency`` are of the time when Lithic billed in US dollars only.
    """
    if find(body, "cardholder_currency") is None:
        return _FIRST_CURRENCY
    return currency(body, "cardholder_currency")


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


def read_snapshot(body: Json) -> Snapshot:
    """A whole Transaction, from a webhook or the API; also one that is older than ``amounts``.

    Raises:
        BodyUnreadable: naming the field.
    """
    raw = find(body, "events")
    if not isinstance(raw, list):
        raise BodyUnreadable("events", "`events` must be a list")
    billed_in = _billed_in(body)
    events: list[LifecycleEvent] = []
    for index, event in enumerate(raw):
        try:
            events.append(_read_event(event, events, billed_in))
        except BodyUnreadable as error:
            field = f"events.{index}.{error.field}"
            raise BodyUnreadable(field, f"in `{field}`: {error.message}") from error
    created = moment(body, "created")
    if find(body, "updated") is not None:
        updated = moment(body, "updated")
    else:
        updated = max([created, *(event.created for event in events)])
    return Snapshot(
        transaction_token=text(body, "token"),
        card_token=text(body, "card_token" if find(body, "card_token") else "card.token"),
        currency=billed_in,
        merchant=read_merchant(mapping(body, "merchant")),
        created=created,
        updated=updated,
        events=tuple(events),
        totals=_totals(body),
        status=optional_text(body, "status") or "",
    )


def _billed_in(body: Json) -> str:
    if find(body, "amounts") is None:
        return _old_currency(body)
    return currency(body, "amounts.cardholder.currency")


def _totals(body: Json) -> Totals | None:
    """The issuer's own sums; ``None`` for a body that is older than them."""
    if find(body, "amounts") is None:
        return None
    # Lithic writes debits negative here. A hold of the other sign announces money to us.
    return Totals(
        held=max(0, -integer(body, "amounts.hold.amount")),
        settled=-integer(body, "amounts.settlement.amount"),
    )


def _read_event(event: object, before: list[LifecycleEvent], billed_in: str) -> LifecycleEvent:
    if not isinstance(event, dict):
        raise BodyUnreadable("", "must be an object")
    raw_kind, raw_result = text(event, "type"), text(event, "result")
    kind = _EVENT_KINDS.get(raw_kind, EventKind.UNKNOWN)
    if raw_result == "APPROVED":
        result = EventResult.APPROVED
    else:
        result = EventResult.DECLINED if raw_result in RESULTS else EventResult.UNKNOWN
    has_merchant = find(event, "amounts.merchant") is not None
    is_old = find(event, "amounts") is None
    return LifecycleEvent(
        token=text(event, "token"),
        kind=kind,
        result=result,
        amount=abs(integer(event, "amount")) if is_old else _event_amount(event),
        currency=billed_in if is_old else currency(event, "amounts.cardholder.currency"),
        created=moment(event, "created"),
        merchant_amount=abs(integer(event, "amounts.merchant.amount")) if has_merchant else None,
        merchant_currency=currency(event, "amounts.merchant.currency") if has_merchant else None,
        decided_by=_decided_by(event, raw_kind, result, before),
        raw_kind=raw_kind,
        raw_result=raw_result,
        reason=our_reason(raw_result, _details(event)) if result is EventResult.DECLINED else "",
    )


def _event_amount(event: Json) -> int:
    """The magnitude. Lithic leaves the finer fields at 0 on some events: the first that is not."""
    candidates = [abs(integer(event, "amounts.cardholder.amount"))]
    if find(event, "amounts.settlement") is not None:
        candidates.insert(0, abs(integer(event, "amounts.settlement.amount")))
    if find(event, "amount") is not None:
        candidates.append(abs(integer(event, "amount")))
    return next((amount for amount in candidates if amount), 0)


def _details(event: Json) -> list[str]:
    details = find(event, "detailed_results")
    return [one for one in details if isinstance(one, str)] if isinstance(details, list) else []


def _decided_by(
    event: Json, raw_kind: str, result: EventResult, before: list[LifecycleEvent]
) -> DecidedBy:
    """Who decided, as far as Lithic tells.

    ``CARD_PAUSED`` can be Lithic's own check or our answer: read as the issuer's. Whoever holds a
    stored decision under this transaction's token knows better.
    """
    said = set(_details(event)) or {text(event, "result")}
    said |= {text(event, "result")} & TIMEOUTS
    if raw_kind == "AUTHORIZATION_ADVICE" and result is EventResult.APPROVED:
        asked = [earlier for earlier in before if earlier.kind is EventKind.AUTHORIZATION]
        unanswered = any(earlier.decided_by is DecidedBy.TIMEOUT for earlier in asked)
        return DecidedBy.STAND_IN if unanswered or not asked else DecidedBy.NOBODY
    if raw_kind not in _ASKED:
        return DecidedBy.NOBODY
    if said & TIMEOUTS:
        return DecidedBy.TIMEOUT
    if result is EventResult.DECLINED and not said & OURS:
        return DecidedBy.ISSUER
    return DecidedBy.US


def read_card(body: Json) -> IssuerCard:
    """Lithic's Card. Number and CVV, where the body has them, are not looked at.

    Raises:
        BodyUnreadable: naming the field.
    """
    return IssuerCard(
        token=text(body, "token"),
        last_four=_digits(body, "last_four", 4),
        exp_month=_month(body),
        exp_year=_year(body),
        state=card_state(text(body, "state")),
        controls=_controls(body),
    )


def _controls(body: Json) -> CardControls | None:
    """``spend_limit`` 0 is none; one of another duration is not what we set."""
    if find(body, "spend_limit") is None:
        return None
    limit = integer(body, "spend_limit")
    forever = find(body, "spend_limit_duration") == "FOREVER"
    return CardControls(backstop=limit if limit > 0 and forever else None)


def card_state(word: str) -> IssuerCardState:
    """Of Lithic's ``state``; PENDING_… and newer words are not usable, like a paused card."""
    return _STATES.get(word, IssuerCardState.PAUSED)


def _digits(body: Json, path: str, length: int) -> str:
    value = text(body, path)
    if len(value) != length or not (value.isascii() and value.isdigit()):
        raise BodyUnreadable(path, f"`{path}` must be {length} digits")
    return value


def _month(body: Json) -> int | None:
    if find(body, "exp_month") is None:
        return None
    month = int(_digits(body, "exp_month", 2))
    if not 1 <= month <= 12:
        raise BodyUnreadable("exp_month", "`exp_month` must be 01 to 12")
    return month


def _year(body: Json) -> int | None:
    return None if find(body, "exp_year") is None else int(_digits(body, "exp_year", 4))
