"""Stripe's Issuing objects as pure functions of what the network keeps.

Fields and enums: the ``stripe`` SDK 16.1 (API 2026-10-28). Signs are Stripe's: an authorization's
amounts are positive, a Transaction's are negative where money leaves.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg.rows import DictRow

from signets.issuers.sandbox.engine.base import Json
from signets.issuers.sandbox.engine.faces import Presented
from signets.issuers.sandbox.engine.purchase import (
    ASKED,
    MONEY,
    Cause,
    Kind,
    Merchant,
    Move,
    Purchase,
    Verdict,
    standing,
)
from signets.issuers.sandbox.stripe_face.categories import category_of
from signets.issuers.sandbox.stripe_face.wire import object_id, seconds

_NO_CONTROLS: Json = {
    "allowed_card_presences": None,
    "allowed_categories": None,
    "allowed_merchant_countries": None,
    "blocked_card_presences": None,
    "blocked_categories": None,
    "blocked_merchant_countries": None,
    "spending_limits": [],
    "spending_limits_currency": None,
}
_STATUS = {"OPEN": "active", "PAUSED": "inactive", "CLOSED": "canceled"}
_REASONS = {
    Cause.CARD_CLOSED: "card_canceled",
    Cause.CARD_PAUSED: "card_inactive",
    Cause.CARDHOLDER: "cardholder_inactive",
    Cause.CARD_EXPIRED: "card_expired",
    Cause.EXPIRY_MISMATCH: "verification_failed",
    Cause.CVC_MISMATCH: "verification_failed",
    Cause.MALFORMED: "webhook_error",
    Cause.TIMEOUT: "webhook_timeout",
    Cause.STAND_IN: "network_fallback",
    Cause.UNASKED: "card_active",
}


def cardholder_object(row: DictRow) -> Json:
    """A Cardholder."""
    details = row["details"]
    unaccepted = needs_terms(details)
    return {
        "id": object_id("ich", row["token"]),
        "object": "issuing.cardholder",
        "billing": {"address": _address(details["billing"]["address"])},
        "company": {"tax_id_provided": True} if details["type"] == "company" else None,
        "created": seconds(row["created"]),
        "email": details.get("email"),
        "individual": _individual(details),
        "livemode": False,
        "metadata": details.get("metadata") or {},
        "name": details["name"],
        "phone_number": details.get("phone_number"),
        "preferred_locales": [],
        "requirements": {
            "disabled_reason": "requirements.past_due" if unaccepted else None,
            "past_due": unaccepted,
        },
        "spending_controls": {**_NO_CONTROLS, **(details.get("spending_controls") or {})},
        "status": row["status"],
        "type": details["type"],
    }


def _address(given: Json) -> Json:
    names = ("city", "country", "line1", "line2", "postal_code", "state")
    return {name: given.get(name) for name in names}


def _individual(details: Json) -> Json | None:
    if details["type"] != "individual":
        return None
    given = details.get("individual") or {}
    accepted = (given.get("card_issuing") or {}).get("user_terms_acceptance") or {}
    return {
        "card_issuing": {
            "user_terms_acceptance": {
                name: accepted.get(name) for name in ("date", "ip", "user_agent")
            }
        },
        "dob": None,
        "first_name": given.get("first_name"),
        "last_name": given.get("last_name"),
        "verification": {"document": None},
    }


def needs_terms(details: Json) -> list[str]:
    """What a person in the United States must still accept before a card can be active."""
    if details["type"] != "individual" or details["billing"]["address"].get("country") != "US":
        return []
    given = (details.get("individual") or {}).get("card_issuing") or {}
    accepted = given.get("user_terms_acceptance") or {}
    path = "individual.card_issuing.user_terms_acceptance"
    return [f"{path}.{name}" for name in ("date", "ip") if not accepted.get(name)]


def card_object(row: DictRow, cardholder: DictRow, secrets: Json | None = None) -> Json:
    """A Card; ``secrets`` (number, cvc) only where they were expanded on a retrieve."""
    controls = row["controls"]
    currency = row["currency"].lower() if controls.get("spending_limits") else None
    eligible = {"eligible": True, "ineligible_reason": None}
    return {
        "id": object_id("ic", row["token"]),
        "object": "issuing.card",
        "brand": "Visa",
        "cancellation_reason": row["cancellation_reason"],
        "cardholder": cardholder_object(cardholder),
        "created": seconds(row["created"]),
        "currency": row["currency"].lower(),
        "exp_month": row["exp_month"],
        "exp_year": row["exp_year"],
        "financial_account": None,
        "last4": row["last_four"],
        "latest_fraud_warning": None,
        "lifecycle_controls": None,
        "livemode": False,
        "metadata": row["tags"],
        "personalization_design": None,
        "replaced_by": None,
        "replacement_for": None,
        "replacement_reason": None,
        "second_line": None,
        "shipping": None,
        "spending_controls": {
            **_NO_CONTROLS,
            **controls,
            "spending_limits_currency": currency,
        },
        "status": _STATUS[row["state"]],
        "type": "virtual",
        "wallets": {
            "apple_pay": eligible,
            "google_pay": eligible,
            "primary_account_identifier": None,
        },
        **(secrets or {}),
    }


def merchant_data(merchant: Merchant) -> Json:
    """Stripe's ``merchant_data``."""
    return {
        "category": category_of(merchant.mcc),
        "category_code": merchant.mcc,
        "city": merchant.city,
        "country": merchant.country,
        "name": merchant.name,
        "network_id": merchant.network_id,
        "postal_code": merchant.postal_code,
        "state": merchant.state,
        "tax_id": None,
        "terminal_id": merchant.terminal_id,
        "url": merchant.url,
    }


def authorization_status(purchase: Purchase) -> str:
    """Stripe's ``status``; that of a purchase without authorization is never shown."""
    if not purchase.moves:
        return "pending"
    stands = standing(purchase.moves)
    undone = purchase.moves[-1].verdict.cause is Cause.UNDONE
    if stands.closed or (not stands.approved and not undone):
        return "closed"
    if stands.held or (stands.released is None and not stands.money):
        return "pending"
    if stands.released is Kind.AUTHORIZATION_EXPIRY:
        return "expired"
    return "closed" if stands.money else "reversed"


def authorization_object(
    purchase: Purchase, card: Json, *, pending: Presented | None = None
) -> Json:
    """An Authorization; ``pending`` is what its ``issuing_authorization.request`` asks for."""
    stands = standing(purchase.moves)
    amount, merchant_amount = stands.authorized, stands.merchant_authorized
    rate = purchase.rate if pending is None else pending.rate
    if pending is None and not stands.approved and stands.released is None:
        amount, merchant_amount = purchase.rate.billing, purchase.rate.merchant
    return {
        "id": object_id("iauth", purchase.token),
        "object": "issuing.authorization",
        "amount": amount,
        "amount_details": {"atm_fee": None, "cashback_amount": None},
        "approved": stands.approved,
        "authorization_method": "online",
        "balance_transactions": [],
        "card": card,
        "card_presence": "not_present",
        "cardholder": card["cardholder"]["id"],
        "created": seconds(purchase.created),
        "currency": rate.billing_currency.lower(),
        "fleet": None,
        "fraud_challenges": None,
        "fuel": None,
        "livemode": False,
        "merchant_amount": merchant_amount,
        "merchant_currency": rate.merchant_currency.lower(),
        "merchant_data": merchant_data(purchase.merchant),
        "metadata": purchase.metadata,
        "network_data": {
            "acquiring_institution_id": None,
            "system_trace_audit_number": None,
            "transaction_id": purchase.network_id,
        },
        "pending_request": None if pending is None else _pending_request(pending),
        "request_history": _request_history(purchase),
        "status": authorization_status(purchase),
        "token": None,
        "transactions": [
            transaction_object(purchase, move, card["cardholder"]["id"])
            for move in purchase.moves
            if is_transaction(move)
        ],
        "treasury": None,
        "verification_data": {
            "address_line1_check": purchase.verification.address_line1,
            "address_postal_code_check": purchase.verification.address_postal_code,
            "authentication_exemption": None,
            "cvc_check": purchase.verification.cvc,
            "expiry_check": purchase.verification.expiry,
            "postal_code": purchase.verification.postal_code or None,
            "three_d_secure": None,
        },
        "verified_by_fraud_challenge": None,
        "wallet": None,
    }


def _pending_request(presented: Presented) -> Json:
    """``amount`` is the additional amount to hold."""
    rate = presented.rate
    return {
        "amount": presented.amount,
        "amount_details": {"atm_fee": None, "cashback_amount": None},
        "currency": rate.billing_currency.lower(),
        "is_amount_controllable": presented.partial_approval,
        "merchant_amount": rate.merchant_of(presented.amount),
        "merchant_currency": rate.merchant_currency.lower(),
        "network_risk_score": None,
    }


def _request_history(purchase: Purchase) -> list[Json]:
    """Every request and its answer, the oldest first."""
    found: list[Json] = []
    ignored: Move | None = None
    for move in purchase.moves:
        stood_in = move.verdict.cause is Cause.STAND_IN
        if move.kind in ASKED and stood_in:
            ignored = move  # its answer was ignored: the network's approval follows
        elif move.kind in ASKED or stood_in:
            asked = move if ignored is None else ignored
            found.append(_request(purchase, asked, move.verdict, move.at))
            ignored = None
    return found


def _request(purchase: Purchase, asked: Move, verdict: Verdict, at: datetime) -> Json:
    approved = verdict.approved
    return {
        "amount": asked.rate.billing,
        "amount_details": {"atm_fee": None, "cashback_amount": None},
        "approved": approved,
        "authorization_code": purchase.authorization_code if approved else None,
        "created": seconds(at),
        "currency": asked.rate.billing_currency.lower(),
        "merchant_amount": asked.rate.merchant,
        "merchant_currency": asked.rate.merchant_currency.lower(),
        "network_risk_score": None,
        "reason": _reason(verdict),
        "reason_message": verdict.words or None if verdict.cause is Cause.MALFORMED else None,
        "requested_at": seconds(asked.at),
    }


def _reason(verdict: Verdict) -> str:
    if verdict.cause is Cause.ANSWERED:
        return "webhook_approved" if verdict.approved else "webhook_declined"
    if verdict.cause is Cause.CARDHOLDER and verdict.words == "blocked":
        return "cardholder_blocked"
    return _REASONS.get(verdict.cause, "spending_controls")


def is_transaction(move: Move) -> bool:
    """Whether a move is a Transaction of its own."""
    return move.kind in MONEY and move.verdict.approved


def is_refund(move: Move) -> bool:
    """``refund`` rather than ``capture``; one taken back is a refund of a negative amount."""
    return move.credit or move.kind is Kind.RETURN_REVERSAL


def transaction_object(purchase: Purchase, move: Move, cardholder_id: str) -> Json:
    """A Transaction. ``authorization`` is null where the purchase began without one."""
    sign = 1 if move.credit else -1
    linked = purchase.moves[0].kind in ASKED
    content: dict[str, Any] = {
        "id": object_id("ipi", move.token),
        "object": "issuing.transaction",
        "amount": sign * move.rate.billing,
        "amount_details": {"atm_fee": None, "cashback_amount": None},
        "authorization": object_id("iauth", purchase.token) if linked else None,
        "balance_transaction": None,
        "card": object_id("ic", purchase.card_token),
        "cardholder": cardholder_id,
        "created": seconds(move.at),
        "currency": move.rate.billing_currency.lower(),
        "dispute": None,
        "livemode": False,
        "merchant_amount": sign * move.rate.merchant,
        "merchant_currency": move.rate.merchant_currency.lower(),
        "merchant_data": merchant_data(purchase.merchant),
        "metadata": {},
        "network_data": {
            "authorization_code": purchase.authorization_code if linked else None,
            "processing_date": f"{move.at:%Y-%m-%d}",
            "transaction_id": purchase.network_id,
        },
        "purchase_details": None,
        "token": None,
        "treasury": None,
        "type": "refund" if is_refund(move) else "capture",
        "wallet": None,
    }
    return content
