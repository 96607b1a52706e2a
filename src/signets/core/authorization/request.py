"""The issuer's real-time question, in our normal form (adapters translate into it)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from signets.core.merchant.model import Merchant


class RequestKind(StrEnum):
    """What the issuer asks about."""

    PURCHASE = "purchase"  # authorization, or single-message financial authorization
    BALANCE_INQUIRY = "balance_inquiry"
    CREDIT = "credit"  # a credit authorization: asks for no money


class AuthorizationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request to authorize.

    Attributes:
        request_id: The issuer's id; the later transaction carries the same (Lithic: ``token``;
            Stripe: ``iauth_…``).
        kind: What is asked.
        card_token: The issuer's token of the card.
        amount: The *whole* amount that the issuer would hold, in minor units of ``currency``
            (the billing currency), or the additional amount where ``amount_is_additional``.
        amount_is_additional: True where the issuer asks for a difference on a known request
            (Stripe's ``pending_request.amount``).
        merchant_amount: The same in the merchant's currency, minor units.
        created: When the issuer says the authorization began.
        fingerprint: Digest of amounts, currencies, status and created. Same id and same
            fingerprint is a repeat; same id and another fingerprint is an increment.
        partial_approval: Whether the terminal takes less than it asked for.
    """

    request_id: str
    kind: RequestKind
    card_token: str
    amount: int
    currency: str
    merchant_amount: int
    merchant_currency: str
    merchant: Merchant
    created: datetime
    fingerprint: str
    amount_is_additional: bool = False
    partial_approval: bool = False
    merchant_initiated: bool = False  # a stored credential charged by the merchant
