"""Signets' decline codes in Lithic's words.

Lithic knows ten results and no plain "declined"; the merchant's bank turns them into a network
response code. Source: lithic-openapi ``asa-response``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: Our code -> Lithic's ``result``.
DECLINE_RESULTS: Mapping[str, str] = MappingProxyType(
    {
        "card_unknown": "SUSPECTED_FRAUD",
        "card_closed": "CARD_PAUSED",
        "frozen": "CARD_PAUSED",
        "card_locked": "CARD_PAUSED",
        "merchant_mismatch": "UNAUTHORIZED_MERCHANT",
        "merchant_unverified": "UNAUTHORIZED_MERCHANT",
        "category_blocked": "UNAUTHORIZED_MERCHANT",
        "country_blocked": "UNAUTHORIZED_MERCHANT",
        "currency_mismatch": "UNAUTHORIZED_MERCHANT",
        "duplicate_charge": "VELOCITY_EXCEEDED",
        "no_open_intent": "CARD_PAUSED",
        "amount_exceeds_intent": "INSUFFICIENT_FUNDS",
        "spending_limit_exceeded": "INSUFFICIENT_FUNDS",
        "velocity_exceeded": "VELOCITY_EXCEEDED",
        "budget_exceeded": "INSUFFICIENT_FUNDS",
        "unreadable": "SUSPECTED_FRAUD",
        "unavailable": "CARD_PAUSED",
    }
)

#: What a code outside the table becomes: an answer must decline, never fail.
OTHER_DECLINE = "SUSPECTED_FRAUD"
