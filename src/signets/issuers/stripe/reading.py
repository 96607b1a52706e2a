"""Stripe's authorizations and transactions in Signets' normal form. Pure.

A Stripe webhook carries one object, without totals, and says nothing of what the object looked
like before. So every event is derived from the object alone, under a token that means the same in
every version of it, and the fold takes the union over versions in any order:

- a request (``request_history``) is ``iauth_…#1``, ``#2``, …; it never changes again;
- a movement of money is its own object, ``ipi_…``;
- what was reversed is *cumulative*, ``iauth_…#reversed``: of two versions the larger is the later,
  and that is the one the fold keeps;
- the end of the hold is ``#expired`` or ``#closed``.

The sums are Stripe's own: ``amount`` is what was authorized less what was reversed, and a capture
does not lower it (docs.stripe.com/issuing/migration-from-beta). The larger holds that Stripe places
at fuel pumps are not in the object; a virtual card cannot be used there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from signets.app.ports import BodyUnreadable
from signets.core.authorization.request import AuthorizationRequest, RequestKind
from signets.core.merchant.model import Merchant
from signets.core.reasons import ISSUER_DECLINED
from signets.core.settlement.model import (
    DecidedBy,
    EventKind,
    EventResult,
    LifecycleEvent,
    Snapshot,
)
from signets.issuers.fields import Json, find, integer, mapping, optional_text, text
from signets.issuers.stripe.answers import DECIDED_BY, REASONS
from signets.issuers.stripe.fields import boolean, identity, moment, objects
from signets.issuers.stripe.older import modern

_Read = TypeVar("_Read")

_CAPTURES = frozenset({"capture", "cash_withdrawal"})
_REFUNDS = frozenset({"refund", "refund_reversal"})
# Decided by whom an approval is simply one.
_HEARD = frozenset({DecidedBy.US, DecidedBy.ISSUER})
# The end of a hold is replayed behind every capture that the object shows.
_BEHIND = timedelta(microseconds=1)


def read_request(body: Json) -> AuthorizationRequest:
    """The authorization inside ``issuing_authorization.request``.

    The amount is ``pending_request.amount``: what would be held *in addition*. ``amount`` of the
    authorization is what earlier requests came to, and is not asked for again.

    Raises:
        BodyUnreadable: naming the field.
    """
    authorization = modern(body)
    pending = "pending_request"
    mapping(authorization, pending)
    amount = integer(authorization, f"{pending}.amount")
    merchant_amount = integer(authorization, f"{pending}.merchant_amount")
    if amount < 0 or merchant_amount < 0:
        raise BodyUnreadable(f"{pending}.amount", f"a debit of {amount} minor units makes no sense")
    currency = text(authorization, f"{pending}.currency").upper()
    merchant_currency = text(authorization, f"{pending}.merchant_currency").upper()
    created = moment(authorization, "created")
    earlier = len(objects(authorization, "request_history"))
    said = (amount, currency, merchant_amount, merchant_currency, created.isoformat(), earlier)
    return AuthorizationRequest(
        request_id=text(authorization, "id"),
        kind=RequestKind.PURCHASE,
        card_token=identity(authorization, "card"),
        amount=amount,
        currency=currency,
        merchant_amount=merchant_amount,
        merchant_currency=merchant_currency,
        merchant=read_merchant(mapping(authorization, "merchant_data")),
        created=created,
        fingerprint=hashlib.sha256("\n".join(map(str, said)).encode()).hexdigest(),
        amount_is_additional=True,
        partial_approval=find(authorization, f"{pending}.is_amount_controllable") is True,
    )


def read_merchant(merchant: Json) -> Merchant:
    """Stripe's ``merchant_data``. The name can be missing: it then matches no vendor.

    Raises:
        BodyUnreadable: naming the field.
    """
    return Merchant(
        descriptor=optional_text(merchant, "name") or "",
        network_id=optional_text(merchant, "network_id"),
        mcc=optional_text(merchant, "category_code"),
        country=(optional_text(merchant, "country") or "").upper() or None,
        city=optional_text(merchant, "city"),
        state=optional_text(merchant, "state"),
        postal_code=optional_text(merchant, "postal_code"),
        url=optional_text(merchant, "url"),
    )


def read_object(body: Json) -> Snapshot:
    """An authorization or a transaction, told apart by ``object``.

    Raises:
        BodyUnreadable: naming the field.
    """
    kind = text(body, "object")
    if kind == "issuing.authorization":
        return read_authorization(body)
    if kind == "issuing.transaction":
        return read_transaction(body)
    raise BodyUnreadable("object", f"`object` {kind!r} is no authorization and no transaction")


def read_transaction(transaction: Json) -> Snapshot:
    """A Transaction: one event of its authorization, or of its own where it has none.

    Raises:
        BodyUnreadable: naming the field.
    """
    linked = find(transaction, "authorization")
    event = _movement(transaction)
    token = event.token if linked is None else identity(transaction, "authorization")
    return Snapshot(
        transaction_token=token,
        card_token=identity(transaction, "card"),
        currency=event.currency,
        merchant=read_merchant(mapping(transaction, "merchant_data")),
        created=event.created,
        updated=event.created,
        events=(event,),
        status=event.raw_kind,
    )


def read_authorization(body: Json) -> Snapshot:
    """An Authorization with its transactions.

    Raises:
        BodyUnreadable: naming the field.
    """
    authorization = modern(body)
    created = moment(authorization, "created")
    requests = _requests(authorization, created)
    movements = _each(authorization, "transactions", _movement)
    events = (*requests, *movements, *_releases(authorization, requests, movements))
    return Snapshot(
        transaction_token=text(authorization, "id"),
        card_token=identity(authorization, "card"),
        currency=text(authorization, "currency").upper(),
        merchant=read_merchant(mapping(authorization, "merchant_data")),
        created=created,
        updated=max((created, *(event.created for event in events))),
        events=events,
        status=text(authorization, "status"),
    )


def _movement(transaction: Json) -> LifecycleEvent:
    kind, amount = text(transaction, "type"), integer(transaction, "amount")
    # The sign tells the direction: negative takes money from us.
    if kind in _CAPTURES:
        moved = EventKind.CLEARING if amount <= 0 else EventKind.CORRECTION_CREDIT
    elif kind in _REFUNDS:
        moved = EventKind.REFUND if amount >= 0 else EventKind.REFUND_REVERSAL
    else:
        moved = EventKind.UNKNOWN
    return LifecycleEvent(
        token=text(transaction, "id"),
        kind=moved,
        result=EventResult.APPROVED,
        amount=abs(amount),
        currency=text(transaction, "currency").upper(),
        created=moment(transaction, "created"),
        merchant_amount=abs(integer(transaction, "merchant_amount")),
        merchant_currency=text(transaction, "merchant_currency").upper(),
        raw_kind=kind,
    )


def _each(body: Json, path: str, read: Callable[[Json], _Read]) -> list[_Read]:
    """Every object of a list, read; an error names its place."""
    found: list[_Read] = []
    for index, item in enumerate(objects(body, path)):
        try:
            found.append(read(item))
        except BodyUnreadable as error:
            field = f"{path}.{index}.{error.field}"
            raise BodyUnreadable(field, f"in `{field}`: {error.message}") from error
    return found


def _requests(authorization: Json, created: datetime) -> list[LifecycleEvent]:
    """What was asked, oldest first, numbered from 1: a token never changes its meaning."""
    history = _each(authorization, "request_history", _request)
    history.sort(key=lambda event: event.created)
    if not history and (boolean(authorization, "approved") or not _is_pending(authorization)):
        # No history, but an outcome: the oldest bodies tell no more.
        history = [replace(_request(authorization), created=created)]
    named: list[LifecycleEvent] = []
    for number, event in enumerate(history, start=1):
        asked = replace(event, token=f"{text(authorization, 'id')}#{number}")
        if event.result is not EventResult.APPROVED or event.decided_by in _HEARD:
            named.append(asked)
            continue
        # We were not heard, and money is held all the same: what we were asked, and what was done.
        named.append(
            replace(asked, result=EventResult.UNKNOWN, decided_by=DecidedBy.TIMEOUT, reason="")
        )
        named.append(replace(asked, token=f"{asked.token}:stand_in", decided_by=DecidedBy.STAND_IN))
    return named


def _request(entry: Json) -> LifecycleEvent:
    """One entry of ``request_history``: what was asked *in addition*, and the answer."""
    approved = boolean(entry, "approved")
    reason = optional_text(entry, "reason") or ""
    return LifecycleEvent(
        token="",
        kind=EventKind.AUTHORIZATION,
        result=EventResult.APPROVED if approved else EventResult.DECLINED,
        amount=abs(integer(entry, "amount")),
        currency=text(entry, "currency").upper(),
        created=moment(entry, "created"),
        merchant_amount=abs(integer(entry, "merchant_amount")),
        merchant_currency=text(entry, "merchant_currency").upper(),
        decided_by=DECIDED_BY.get(reason, DecidedBy.ISSUER),
        raw_kind="request",
        raw_result=reason,
        reason="" if approved else REASONS.get(reason, ISSUER_DECLINED),
    )


def _is_pending(authorization: Json) -> bool:
    return text(authorization, "status") == "pending"


def _releases(
    authorization: Json,
    requests: Sequence[LifecycleEvent],
    movements: Sequence[LifecycleEvent],
) -> list[LifecycleEvent]:
    """What the object says was given back of what its approved requests held."""
    held = [event for event in requests if event.result is EventResult.APPROVED]
    if not held:
        return []
    captures = [event for event in movements if event.kind is EventKind.CLEARING]
    token, status = text(authorization, "id"), text(authorization, "status")
    total, captured = _sum(held), _sum(captures)
    stands = min(captured, total)
    if status != "reversed":
        stands = max(stands, min(total, integer(authorization, "amount")))
    found: list[LifecycleEvent] = []
    last = max(event.created for event in held)
    if stands < total:
        found.append(
            replace(
                held[-1],
                token=f"{token}#reversed",
                kind=EventKind.REVERSAL,
                amount=total - stands,
                created=last,
                merchant_amount=_merchant_reversed(authorization, status, held, captures),
                decided_by=DecidedBy.NOBODY,
                raw_kind=status,
                raw_result="",
            )
        )
    untold = status != "pending" and not objects(authorization, "request_history")
    if untold or (status in ("expired", "closed") and captured < stands):
        # The amount of an expiry moves nothing. It tells versions apart: the first one of an
        # expiry (a late capture lowers it), the last one of a closing (captures raise it).
        found.append(
            LifecycleEvent(
                token=f"{token}#{status}" if status == "expired" else f"{token}#closed",
                kind=EventKind.EXPIRY,
                result=EventResult.APPROVED,
                amount=stands - captured if status == "expired" else captured,
                currency=held[-1].currency,
                created=max((last, *(event.created for event in captures))) + _BEHIND,
                raw_kind=status,
            )
        )
    return found


def _merchant_reversed(
    authorization: Json,
    status: str,
    held: Sequence[LifecycleEvent],
    captures: Sequence[LifecycleEvent],
) -> int:
    total = sum(event.merchant_amount or 0 for event in held)
    captured = min(total, sum(event.merchant_amount or 0 for event in captures))
    if status == "reversed":
        return total - captured
    return total - max(captured, min(total, integer(authorization, "merchant_amount")))


def _sum(events: Sequence[LifecycleEvent]) -> int:
    return sum(event.amount for event in events)
