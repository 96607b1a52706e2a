"""Lithic's newer dispute object, which ``dispute_transaction.*`` tells of, as a pure function.

Source: ``DisputeV2`` of the SDK 0.133 and of lithic-openapi. Amounts are minor units.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from psycopg.rows import DictRow

from signets.issuers.sandbox.engine.base import Json
from signets.issuers.sandbox.engine.purchase import Purchase
from signets.issuers.sandbox.lithic_face.transaction import merchant_object
from signets.issuers.sandbox.lithic_face.wire import stamp

_LOST = {"CASE_LOST": "LOST", "WITHDRAWN": "WITHDRAWN"}


def credit_event(amount: int, now: datetime, *, reverse: bool) -> Json:
    """A provisional credit of the cardholder, or its being taken back."""
    action = "PROVISIONAL_CREDIT_REVERSED" if reverse else "PROVISIONAL_CREDIT_GRANTED"
    return {
        "token": str(uuid.uuid4()),
        "type": "CARDHOLDER_LIABILITY",
        "created": stamp(now),
        "data": {"action": action, "amount": amount, "reason": None},
    }


def managed_object(row: DictRow, purchase: Purchase, account_token: str, now: datetime) -> Json:
    """The claim with all that Lithic did about it; ``row["credits"]`` are its events."""
    amount, disposition = row["amount"], _disposition(row)
    recovered = amount if disposition == "WON" else 0
    denied = amount if disposition in ("LOST", "WITHDRAWN") else 0
    return {
        "token": str(row["token"]),
        "account_token": account_token,
        "card_token": purchase.card_token,
        "case_id": None,
        "claim_token": None,
        "created": stamp(row["created"]),
        "currency": purchase.rate.billing_currency,
        "disposition": disposition,
        "events": row["credits"],
        "liability_allocation": {
            "denied_amount": denied,
            "original_amount": amount,
            "recovered_amount": recovered,
            "remaining_amount": amount - recovered - denied,
            "written_off_amount": 0,
        },
        "merchant": merchant_object(purchase.merchant),
        "network": "VISA",
        "status": "OPEN" if disposition is None else "CLOSED",
        "transaction_series": {
            "related_transaction_event_token": None,
            "related_transaction_token": purchase.token,
            "type": "DISPUTE",
        },
        "updated": stamp(now),
    }


def _disposition(row: DictRow) -> str | None:
    if row["status"] == "CASE_WON":
        return "WON"
    return _LOST.get(row["resolution_reason"], "LOST") if row["status"] == "CASE_CLOSED" else None
