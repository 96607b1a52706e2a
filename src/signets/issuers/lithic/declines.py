"""Lithic's declines in our words.

Source: lithic-openapi ``decline_result`` and ``detailed_result``. The detail is the finer of the
two and goes first; a word that is newer than these tables is ``issuer_declined``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from signets.core.reasons import ISSUER_DECLINED

#: ``result`` of a decline -> our nearest reason. ``APPROVED`` says yes; ``UNKNOWN_HOST_TIMEOUT``
#: and whatever Lithic adds later say neither yes nor no.
RESULTS: Mapping[str, str] = MappingProxyType(
    {
        "ACCOUNT_PAUSED": "frozen",
        "ACCOUNT_STATE_TRANSACTION_FAIL": "frozen",
        "BANK_CONNECTION_ERROR": ISSUER_DECLINED,
        "BANK_NOT_VERIFIED": ISSUER_DECLINED,
        "CARD_CLOSED": "card_closed",
        "CARD_PAUSED": "card_locked",
        "DECLINED": ISSUER_DECLINED,
        "FRAUD_ADVICE": ISSUER_DECLINED,
        "IGNORED_TTL_EXPIRY": ISSUER_DECLINED,
        "INACTIVE_ACCOUNT": "frozen",
        "INCORRECT_PIN": ISSUER_DECLINED,
        "INSUFFICIENT_FUNDS": "spending_limit_exceeded",
        "INSUFFICIENT_FUNDS_PRELOAD": "spending_limit_exceeded",
        "INVALID_CARD_DETAILS": ISSUER_DECLINED,
        "INVALID_TRANSACTION": ISSUER_DECLINED,
        "MERCHANT_BLACKLIST": "merchant_mismatch",
        "ORIGINAL_NOT_FOUND": ISSUER_DECLINED,
        "PREVIOUSLY_COMPLETED": "duplicate_charge",
        "SINGLE_USE_RECHARGED": "no_open_intent",
        "SUSPECTED_FRAUD": ISSUER_DECLINED,
        "SWITCH_INOPERATIVE_ADVICE": ISSUER_DECLINED,
        "UNAUTHORIZED_MERCHANT": "merchant_mismatch",
        "USER_TRANSACTION_LIMIT": "spending_limit_exceeded",
    }
)

#: A detail that says more than the result does -> our nearest reason.
DETAILS: Mapping[str, str] = MappingProxyType(
    {
        "ACCOUNT_DAILY_SPEND_LIMIT_EXCEEDED": "spending_limit_exceeded",
        "ACCOUNT_DELINQUENT": "frozen",
        "ACCOUNT_INACTIVE": "frozen",
        "ACCOUNT_LIFETIME_SPEND_LIMIT_EXCEEDED": "spending_limit_exceeded",
        "ACCOUNT_MONTHLY_SPEND_LIMIT_EXCEEDED": "spending_limit_exceeded",
        "ACCOUNT_PAUSED": "frozen",
        "ACCOUNT_UNDER_REVIEW": "frozen",
        "AUTH_RULE_ALLOWED_COUNTRY": "country_blocked",
        "AUTH_RULE_ALLOWED_MCC": "category_blocked",
        "AUTH_RULE_BLOCKED_COUNTRY": "country_blocked",
        "AUTH_RULE_BLOCKED_MCC": "category_blocked",
        "CARD_CLOSED": "card_closed",
        "CARD_EXPIRED": "card_closed",
        "CARD_NOT_ACTIVATED": "card_locked",
        "CARD_PAUSED": "card_locked",
        "CARD_SPEND_LIMIT_EXCEEDED": "spending_limit_exceeded",
        "INSUFFICIENT_FUNDING_SOURCE_BALANCE": "spending_limit_exceeded",
        "INSUFFICIENT_FUNDS": "spending_limit_exceeded",
        "MERCHANT_LOCKED_CARD_ATTEMPTED_ELSEWHERE": "merchant_mismatch",
        "MERCHANT_NOT_PERMITTED": "merchant_mismatch",
        "PROGRAM_CARD_SPEND_LIMIT_EXCEEDED": "spending_limit_exceeded",
        "PROGRAM_SUSPENDED": "frozen",
        "SINGLE_USE_CARD_REATTEMPTED": "no_open_intent",
        "TRANSACTION_PREVIOUSLY_COMPLETED": "duplicate_charge",
        "UNAUTHORIZED_MERCHANT": "merchant_mismatch",
    }
)

#: Details that can come from our own answer; any other detail of a decline is the issuer's.
OURS = frozenset(
    (
        "CUSTOM_ASA_RESULT",
        "UNAUTHORIZED_MERCHANT",
        "INSUFFICIENT_FUNDS",
        "SUSPECTED_FRAUD",
        "ADDRESS_INCORRECT",
        "CARDHOLDER_CHALLENGED",
        "DRIVER_NUMBER_INVALID",
        "VEHICLE_NUMBER_INVALID",
    )
)

#: No answer of ours was in time, or readable.
TIMEOUTS = frozenset({"CUSTOMER_ASA_TIMEOUT", "MALFORMED_ASA_RESPONSE", "UNKNOWN_HOST_TIMEOUT"})


def our_reason(result: str, details: Iterable[str]) -> str:
    """The nearest reason of ours for a decline."""
    for detail in details:
        if detail in DETAILS:
            return DETAILS[detail]
    return RESULTS.get(result, ISSUER_DECLINED)
