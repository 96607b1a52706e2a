"""Lithic's Transaction object as a pure function of a purchase.

Signs are Lithic's: amounts on the transaction are negative for a debit; amounts in an event are
magnitudes with ``effective_polarity``. Source: docs.lithic.com "transaction flow" and the
``transaction`` schema of lithic-openapi.
"""

from __future__ import annotations

from signets.issuers.sandbox.engine.base import Json
from signets.issuers.sandbox.engine.purchase import (
    MONEY,
    Cause,
    Kind,
    Merchant,
    Move,
    Purchase,
    Verdict,
    standing,
)
from signets.issuers.sandbox.lithic_face.wire import stamp

#: Answered ``result`` -> (event ``result``, event ``detailed_results[0]``).
_ANSWERED_NO = {
    "AVS_INVALID": ("DECLINED", "ADDRESS_INCORRECT"),
    "CARD_PAUSED": ("CARD_PAUSED", "CARD_PAUSED"),
    "CHALLENGE": ("DECLINED", "CARDHOLDER_CHALLENGED"),
    "DRIVER_NUMBER_INVALID": ("DECLINED", "DRIVER_NUMBER_INVALID"),
    "INSUFFICIENT_FUNDS": ("INSUFFICIENT_FUNDS", "INSUFFICIENT_FUNDS"),
    "SUSPECTED_FRAUD": ("SUSPECTED_FRAUD", "SUSPECTED_FRAUD"),
    "UNAUTHORIZED_MERCHANT": ("UNAUTHORIZED_MERCHANT", "UNAUTHORIZED_MERCHANT"),
    "VEHICLE_NUMBER_INVALID": ("DECLINED", "VEHICLE_NUMBER_INVALID"),
    "VELOCITY_EXCEEDED": ("USER_TRANSACTION_LIMIT", "CUSTOM_ASA_RESULT"),
}
_DECLINED = {
    Cause.CARD_CLOSED: ("CARD_CLOSED", "CARD_CLOSED"),
    Cause.SINGLE_USE_CARD: ("CARD_CLOSED", "SINGLE_USE_CARD_REATTEMPTED"),
    Cause.CARD_PAUSED: ("CARD_PAUSED", "CARD_PAUSED"),
    Cause.MERCHANT_LOCK: ("UNAUTHORIZED_MERCHANT", "MERCHANT_LOCKED_CARD_ATTEMPTED_ELSEWHERE"),
    Cause.SPEND_LIMIT: ("USER_TRANSACTION_LIMIT", "CARD_SPEND_LIMIT_EXCEEDED"),
    Cause.RULE: ("DECLINED", "AUTH_RULE"),
    Cause.CARD_EXPIRED: ("INVALID_CARD_DETAILS", "CARD_EXPIRED"),
    Cause.EXPIRY_MISMATCH: ("INVALID_CARD_DETAILS", "CARD_EXPIRY_DATE_INCORRECT"),
    Cause.CVC_MISMATCH: ("INVALID_CARD_DETAILS", "CARD_SECURITY_CODE_INCORRECT"),
    Cause.MALFORMED: ("DECLINED", "MALFORMED_ASA_RESPONSE"),
    Cause.TIMEOUT: ("DECLINED", "CUSTOMER_ASA_TIMEOUT"),
    Cause.STAND_IN: ("UNKNOWN_HOST_TIMEOUT", "CUSTOMER_ASA_TIMEOUT"),
    Cause.UNDONE: ("DECLINED", "OTHER"),
    Cause.ORIGINAL_NOT_FOUND: ("DECLINED", "ORIGINAL_NOT_FOUND"),
}


def words_of(verdict: Verdict) -> tuple[str, str]:
    """``result`` and first ``detailed_results`` of a decision."""
    if verdict.approved:
        return "APPROVED", "APPROVED"
    if verdict.cause is Cause.ANSWERED:
        return _ANSWERED_NO.get(verdict.words, ("DECLINED", "CUSTOM_ASA_RESULT"))
    return _DECLINED[verdict.cause]


def merchant_object(merchant: Merchant) -> Json:
    """Lithic's ``merchant``."""
    return {
        "acceptor_id": merchant.network_id,
        "acquiring_institution_id": "333301802529120",
        "city": merchant.city,
        "country": merchant.country,
        "descriptor": merchant.name,
        "mcc": merchant.mcc,
        "phone_number": None,
        "postal_code": None,
        "state": merchant.state,
        "street_address": None,
    }


def pos_object(*, partial_approval: bool) -> Json:
    """An online purchase: the only kind of place where an agent buys."""
    return {
        "entry_mode": {
            "card": "NOT_PRESENT",
            "cardholder": "ELECTRONIC_ORDER",
            "pan": "ECOMMERCE",
            "pin_entered": False,
        },
        "terminal": {
            "acceptor_terminal_id": None,
            "attended": False,
            "card_retention_capable": False,
            "on_premise": False,
            "operator": "CARDHOLDER",
            "partial_approval_capable": partial_approval,
            "pin_capability": "NOT_CAPABLE",
            "type": "ECOMMERCE",
        },
    }


def event_object(move: Move, network_id: str) -> Json:
    """One entry of ``events[]``."""
    rate = move.rate
    result, detail = words_of(move.verdict)
    settlement = {
        "amount": rate.billing,
        "conversion_rate": "1.000000",
        "currency": rate.billing_currency,
    }
    return {
        "token": move.token,
        "account_type": None,
        "amount": rate.billing,
        "amounts": {
            "cardholder": {
                "amount": rate.billing,
                "conversion_rate": rate.conversion,
                "currency": rate.billing_currency,
            },
            "merchant": {"amount": rate.merchant, "currency": rate.merchant_currency},
            "settlement": settlement if move.kind in MONEY else None,
        },
        "created": stamp(move.at),
        "detailed_results": [detail],
        "effective_polarity": "CREDIT" if move.credit else "DEBIT",
        "network_info": {
            "acquirer": {
                "acquirer_reference_number": network_id if move.kind is Kind.CLEARING else None,
                "retrieval_reference_number": None,
            },
            "amex": None,
            "mastercard": None,
            "visa": {
                "original_transaction_id": move.original_network_id,
                "transaction_id": network_id,
            },
        },
        "network_specific_data": None,
        "result": result,
        "rule_results": list(move.verdict.rules),
        "type": move.kind.upper(),
    }


def transaction_status(purchase: Purchase) -> str:
    """Lithic's ``status``."""
    stands = standing(purchase.moves)
    if stands.money:
        undone = stands.money == {Kind.RETURN, Kind.RETURN_REVERSAL} and stands.settled == 0
        return "VOIDED" if undone else "SETTLED"
    if not stands.approved:
        return "DECLINED"
    if stands.held:
        return "PENDING"
    if stands.released is not None:
        return "VOIDED" if stands.released is Kind.AUTHORIZATION_REVERSAL else "EXPIRED"
    return "SETTLED" if purchase.moves[0].kind is Kind.BALANCE_INQUIRY else "PENDING"


def _result(purchase: Purchase) -> str:
    """The first event's result, until an advice or a clearing brings its own."""
    deciding = [
        move for move in purchase.moves if move.kind in (Kind.AUTHORIZATION_ADVICE, Kind.CLEARING)
    ]
    return words_of((deciding[-1] if deciding else purchase.moves[0]).verdict)[0]


def transaction_object(purchase: Purchase, account_token: str) -> Json:
    """The whole Transaction."""
    stands, rate = standing(purchase.moves), purchase.rate
    whole, merchant_whole = (
        stands.held + stands.settled,
        stands.merchant_held + stands.merchant_settled,
    )
    return {
        "token": purchase.token,
        "account_token": account_token,
        "acquirer_fee": 0,
        "acquirer_reference_number": None,
        "amount": -(stands.settled or stands.held),
        "amounts": {
            "cardholder": {
                "amount": -whole,
                "conversion_rate": rate.conversion,
                "currency": rate.billing_currency,
            },
            "hold": {"amount": -stands.held, "currency": rate.billing_currency},
            "merchant": {"amount": -merchant_whole, "currency": rate.merchant_currency},
            "settlement": {"amount": -stands.settled, "currency": rate.billing_currency},
        },
        "authorization_amount": -rate.billing,
        "authorization_code": purchase.authorization_code,
        "avs": {
            "address": purchase.verification.line1,
            "zipcode": purchase.verification.postal_code,
        },
        "card_token": purchase.card_token,
        "cardholder_authentication": None,
        "created": stamp(purchase.created),
        "events": [event_object(move, purchase.network_id) for move in purchase.moves],
        "financial_account_token": None,
        "merchant": merchant_object(purchase.merchant),
        "merchant_amount": -merchant_whole,
        "merchant_authorization_amount": -rate.merchant,
        "merchant_currency": rate.merchant_currency,
        "network": "VISA",
        "network_risk_score": None,
        "pos": pos_object(partial_approval=purchase.partial_approval),
        "result": _result(purchase),
        "service_location": None,
        "settled_amount": -stands.settled,
        "status": transaction_status(purchase),
        "tags": {},
        "token_info": None,
        "updated": stamp(purchase.updated),
    }
