"""Lithic's real-time question (Auth Stream Access): build it and read the answer.

Source: docs.lithic.com/docs/auth-stream-access-asa and the ``card_authorization.approval_request``
webhook of lithic-openapi.
"""

from __future__ import annotations

import uuid

import msgspec

from signets.issuers.sandbox.engine.base import Json
from signets.issuers.sandbox.engine.checks import declined
from signets.issuers.sandbox.engine.faces import Asked, Attempt
from signets.issuers.sandbox.engine.purchase import (
    Cause,
    Check,
    Kind,
    Verdict,
    Verification,
    standing,
)
from signets.issuers.sandbox.lithic_face.transaction import merchant_object, pos_object
from signets.issuers.sandbox.lithic_face.wire import stamp

EVENT_TYPE = "card_authorization.approval_request"


class _Answer(msgspec.Struct):
    """The part of the answer that decides; Lithic takes more fields."""

    result: str
    token: str | None = None
    approved_amount: int | None = None


def question(asked: Asked) -> Json:
    """The body of a request. Its amount is the whole amount to hold, positive for a debit."""
    presented, card = asked.presented, asked.card
    rate, kind = presented.rate, presented.kind
    whole = presented.amount + (standing(asked.purchase.moves).held if asked.purchase.moves else 0)
    sign = -1 if presented.is_credit else 1
    amount, merchant_amount = sign * whole, sign * rate.merchant_of(whole)
    held = {"amount": amount, "currency": rate.billing_currency}
    single_message = kind in (Kind.FINANCIAL_AUTHORIZATION, Kind.FINANCIAL_CREDIT_AUTHORIZATION)
    return {
        "acquirer_fee": 0,
        "amount": amount,
        "amounts": {
            "cardholder": {**held, "conversion_rate": rate.conversion},
            "hold": None if single_message else held,
            "merchant": {"amount": merchant_amount, "currency": rate.merchant_currency},
            "settlement": held if single_message else None,
        },
        "authorization_amount": amount,
        "avs": _avs(presented.verification),
        "card": {
            "last_four": card["last_four"],
            "memo": card["memo"],
            "spend_limit": card["spend_limit"],
            "spend_limit_duration": card["spend_limit_duration"],
            "state": card["state"],
            "tags": card["tags"],
            "token": str(card["token"]),
            "type": card["type"],
        },
        "cardholder_currency": rate.billing_currency,
        "cash_amount": 0,
        "conversion_rate": float(rate.conversion),
        "created": stamp(asked.now),
        "event_token": str(uuid.uuid4()),
        "event_type": EVENT_TYPE,
        "merchant": merchant_object(presented.merchant),
        "merchant_amount": merchant_amount,
        "merchant_currency": rate.merchant_currency,
        "name_validation": None,
        "network": "VISA",
        "network_risk_score": None,
        "pos": pos_object(partial_approval=presented.partial_approval),
        "service_location": None,
        "settled_amount": 0,
        "status": kind.upper(),
        "token": asked.purchase.token,
        "token_info": None,
        "transaction_initiator": "CARDHOLDER",
    }


def _avs(found: Verification) -> Json:
    """Lithic's ``avs``, with its one word for both halves of an address."""
    line1, postal_code = found.address_line1, found.address_postal_code
    match = "MISMATCH"
    if line1 is postal_code is Check.NOT_PROVIDED:
        match = "NOT_PRESENT"
    elif line1 is Check.MATCH:
        match = "MATCH" if postal_code is Check.MATCH else "MATCH_ADDRESS_ONLY"
    elif postal_code is Check.MATCH:
        match = "MATCH_ZIP_ONLY"
    return {
        "address": found.line1,
        "address_on_file_match": match,
        "zipcode": found.postal_code,
    }


def read_answer(attempt: Attempt, content: Json) -> Verdict:
    """What an answer means. Anything but a well-formed approval declines."""
    malformed = declined(Cause.MALFORMED)
    if attempt.status_code is not None and attempt.status_code >= 500:
        return declined(Cause.TIMEOUT)
    if attempt.status_code != 200:
        return malformed
    try:
        answer = msgspec.json.decode(attempt.response_body or "", type=_Answer)
    except msgspec.DecodeError:
        return malformed
    if answer.token is not None and answer.token != content["token"]:
        return malformed
    if answer.result != "APPROVED":
        return Verdict(approved=False, cause=Cause.ANSWERED, words=answer.result)
    partial = answer.approved_amount
    if partial is not None and not (
        content["pos"]["terminal"]["partial_approval_capable"] and 0 < partial <= content["amount"]
    ):
        return malformed
    return Verdict(approved=True, cause=Cause.ANSWERED, approved_amount=partial)
