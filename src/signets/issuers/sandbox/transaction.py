"""Lithic's Transaction object as a pure function of its header and its events.

Signs are Lithic's: amounts on the transaction are negative for a debit; amounts in an event are
magnitudes with ``effective_polarity``. Source: docs.lithic.com "transaction flow" and the
``transaction`` schema of lithic-openapi.
"""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from signets.core.money import EXPONENTS
from signets.issuers.sandbox.wire import Json, stamp

CREDIT_TYPES = frozenset(
    {
        "CREDIT_AUTHORIZATION",
        "CREDIT_AUTHORIZATION_ADVICE",
        "FINANCIAL_CREDIT_AUTHORIZATION",
        "RETURN",
        "CORRECTION_CREDIT",
        "AUTHORIZATION_REVERSAL",
        "AUTHORIZATION_EXPIRY",
    }
)
_HOLD_TYPES = frozenset({"AUTHORIZATION", "CREDIT_AUTHORIZATION", "CREDIT_AUTHORIZATION_ADVICE"})
_MONEY_TYPES = frozenset(
    {
        "CLEARING",
        "FINANCIAL_AUTHORIZATION",
        "FINANCIAL_CREDIT_AUTHORIZATION",
        "RETURN",
        "RETURN_REVERSAL",
        "CORRECTION_DEBIT",
        "CORRECTION_CREDIT",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What one merchant amount costs in the billing currency; both in minor units."""

    billing: int
    billing_currency: str
    merchant: int
    merchant_currency: str

    def merchant_of(self, billing: int) -> int:
        """``billing`` in the merchant's currency, half up."""
        if self.billing == 0:
            return billing
        return (2 * billing * self.merchant + self.billing) // (2 * self.billing)

    @property
    def conversion(self) -> str:
        """Lithic's ``conversion_rate``: billing units per merchant unit, six decimals."""
        if self.billing == 0 or self.merchant == 0:
            return "1.000000"
        billing = Decimal(self.billing).scaleb(-EXPONENTS[self.billing_currency])
        merchant = Decimal(self.merchant).scaleb(-EXPONENTS[self.merchant_currency])
        return f"{billing / merchant:.6f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the events of a transaction amount to; a debit is positive here."""

    held: int
    settled: int
    status: str
    result: str


def merchant_object(
    *, descriptor: str, acceptor_id: str, mcc: str, city: str, state: str, country: str
) -> Json:
    """Lithic's ``merchant``."""
    return {
        "acceptor_id": acceptor_id,
        "acquiring_institution_id": "333301802529120",
        "city": city,
        "country": country,
        "descriptor": descriptor,
        "mcc": mcc,
        "phone_number": None,
        "postal_code": None,
        "state": state,
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


def new_event(
    kind: str,
    amount: int,
    rate: Rate,
    now: datetime,
    *,
    result: str = "APPROVED",
    detail: str = "APPROVED",
    network_id: str,
    credit: bool | None = None,
) -> Json:
    """One entry of ``events[]``; ``amount`` is a magnitude in billing minor units."""
    is_credit = kind in CREDIT_TYPES if credit is None else credit
    settlement = (
        {
            "amount": amount,
            "conversion_rate": "1.000000",
            "currency": rate.billing_currency,
        }
        if kind in _MONEY_TYPES
        else None
    )
    return {
        "token": str(uuid.uuid4()),
        "account_type": None,
        "amount": amount,
        "amounts": {
            "cardholder": {
                "amount": amount,
                "conversion_rate": rate.conversion,
                "currency": rate.billing_currency,
            },
            "merchant": {
                "amount": rate.merchant_of(amount),
                "currency": rate.merchant_currency,
            },
            "settlement": settlement,
        },
        "created": stamp(now),
        "detailed_results": [detail],
        "effective_polarity": "CREDIT" if is_credit else "DEBIT",
        "network_info": {
            "acquirer": {
                "acquirer_reference_number": network_id if kind == "CLEARING" else None,
                "retrieval_reference_number": None,
            },
            "amex": None,
            "mastercard": None,
            "visa": {"original_transaction_id": None, "transaction_id": network_id},
        },
        "network_specific_data": None,
        "result": result,
        "rule_results": [],
        "type": kind,
    }


def stands(events: list[Json]) -> Standing:
    """Fold the events, in the network's order."""
    held = settled = 0
    result, released, approved, money = events[0]["result"], "", False, set[str]()
    for event in events:
        kind, amount = event["type"], event["amounts"]["cardholder"]["amount"]
        if kind in ("AUTHORIZATION_ADVICE", "CLEARING"):
            result = event["result"]
        if event["result"] != "APPROVED":
            if kind == "AUTHORIZATION_ADVICE":
                approved, held = False, 0
            continue
        approved = True
        sign = -1 if event["effective_polarity"] == "CREDIT" else 1
        if kind in _HOLD_TYPES:
            held += sign * amount
        elif kind == "AUTHORIZATION_ADVICE":
            held = amount
        elif kind in ("AUTHORIZATION_REVERSAL", "AUTHORIZATION_EXPIRY"):
            held = _toward_zero(held, amount) if kind == "AUTHORIZATION_REVERSAL" else 0
            released = "VOIDED" if kind == "AUTHORIZATION_REVERSAL" else "EXPIRED"
        elif kind in _MONEY_TYPES:
            if kind == "CLEARING":
                held = _toward_zero(held, amount)
            settled += sign * amount
            money.add(kind)
    if money:
        undone = money == {"RETURN", "RETURN_REVERSAL"} and settled == 0
        status = "VOIDED" if undone else "SETTLED"
    elif not approved:
        status = "DECLINED"
    elif held:
        status = "PENDING"
    else:
        inquiry = events[0]["type"] == "BALANCE_INQUIRY"
        status = released or ("SETTLED" if inquiry else "PENDING")
    return Standing(held=held, settled=settled, status=status, result=result)


def _toward_zero(held: int, amount: int) -> int:
    return max(0, held - amount) if held >= 0 else min(0, held + amount)


def new_transaction(
    *, token: str, account_token: str, card_token: str, merchant: Json, pos: Json, now: datetime
) -> Json:
    """A transaction without events; :func:`with_events` completes it."""
    return {
        "token": token,
        "account_token": account_token,
        "acquirer_fee": 0,
        "acquirer_reference_number": None,
        "authorization_code": f"{secrets.randbelow(10**6):06d}",
        "avs": {"address": "", "zipcode": ""},
        "card_token": card_token,
        "cardholder_authentication": None,
        "created": stamp(now),
        "events": [],
        "financial_account_token": None,
        "merchant": merchant,
        "network": "VISA",
        "network_risk_score": None,
        "pos": pos,
        "service_location": None,
        "tags": {},
        "token_info": None,
    }


def with_events(transaction: Json, new: list[Json], rate: Rate, now: datetime) -> Json:
    """The transaction after ``new``, with every derived field set."""
    events = [*transaction["events"], *new]
    standing = stands(events)
    whole = standing.held + standing.settled
    first = events[0]["amounts"]["cardholder"]["amount"]
    amounts: dict[str, Any] = {
        "cardholder": {
            "amount": -whole,
            "conversion_rate": rate.conversion,
            "currency": rate.billing_currency,
        },
        "hold": {"amount": -standing.held, "currency": rate.billing_currency},
        "merchant": {
            "amount": -rate.merchant_of(whole),
            "currency": rate.merchant_currency,
        },
        "settlement": {"amount": -standing.settled, "currency": rate.billing_currency},
    }
    return {
        **transaction,
        "amount": -(standing.settled or standing.held),
        "amounts": amounts,
        "authorization_amount": -first,
        "events": events,
        "merchant_amount": amounts["merchant"]["amount"],
        "merchant_authorization_amount": -rate.merchant_of(first),
        "merchant_currency": rate.merchant_currency,
        "result": standing.result,
        "settled_amount": -standing.settled,
        "status": standing.status,
        "updated": stamp(now),
    }


def rate_of(transaction: Json) -> Rate:
    """The rate of the transaction's first event: it stays for the life of the transaction."""
    first = transaction["events"][0]["amounts"]
    return Rate(
        billing=first["cardholder"]["amount"],
        billing_currency=first["cardholder"]["currency"],
        merchant=first["merchant"]["amount"],
        merchant_currency=first["merchant"]["currency"],
    )


def network_id_of(transaction: Json) -> str:
    """Visa's transaction id, the same on every event of one purchase."""
    return str(transaction["events"][0]["network_info"]["visa"]["transaction_id"])


def new_network_id() -> str:
    """A fresh 15-digit Visa transaction id."""
    return f"{secrets.randbelow(10**15):015d}"


def held_of(transaction: Json) -> int:
    """What is still held, debits positive."""
    return -int(transaction["amounts"]["hold"]["amount"])
