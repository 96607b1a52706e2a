"""Decisions in Stripe's words, and Stripe's reasons in ours.

Stripe's answer knows yes and no only: every decline code becomes ``{"approved": false}``, which
Stripe records as ``webhook_declined``. The exact reason is in our decision. Source:
docs.stripe.com/issuing/controls/real-time-authorizations.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from signets.app.ports import Answer
from signets.core.reasons import ISSUER_DECLINED
from signets.core.settlement.model import DecidedBy

#: The API version that we speak and pin: answers must name one, and bodies come in its shape.
API_VERSION: Final = "2026-10-28.endive"

_HEADERS = (("content-type", "application/json"), ("stripe-version", API_VERSION))

#: In full: an ``amount`` would make it a partial approval.
APPROVED = Answer(status=200, body=b'{"approved":true}', headers=_HEADERS)
DECLINED = Answer(status=200, body=b'{"approved":false}', headers=_HEADERS)

#: ``request_history.reason`` -> who decided. Reasons that are not listed are Stripe's own.
DECIDED_BY: Mapping[str, DecidedBy] = MappingProxyType(
    {
        "webhook_approved": DecidedBy.US,
        "webhook_declined": DecidedBy.US,
        # Our answer could not be read: to Stripe that is no answer.
        "webhook_error": DecidedBy.TIMEOUT,
        "webhook_timeout": DecidedBy.TIMEOUT,
        "network_fallback": DecidedBy.STAND_IN,
    }
)

#: ``request_history.reason`` of a decline -> our nearest reason; a word that is not listed is
#: ``issuer_declined``. ``authorization_controls``, ``account_inactive`` and
#: ``account_compliance_disabled`` are of older API ages.
REASONS: Mapping[str, str] = MappingProxyType(
    {
        "account_compliance_disabled": "frozen",
        "account_disabled": "frozen",
        "account_inactive": "frozen",
        "authorization_controls": "spending_limit_exceeded",
        "card_canceled": "card_closed",
        "card_expired": "card_closed",
        "card_inactive": "card_locked",
        "cardholder_blocked": "frozen",
        "cardholder_inactive": "frozen",
        "cardholder_verification_required": "frozen",
        "insecure_authorization_method": ISSUER_DECLINED,
        "insufficient_funds": "spending_limit_exceeded",
        "network_fallback": ISSUER_DECLINED,
        "not_allowed": ISSUER_DECLINED,
        "pin_blocked": ISSUER_DECLINED,
        "spending_controls": "spending_limit_exceeded",
        "stripe_internal_error": ISSUER_DECLINED,
        "suspected_fraud": ISSUER_DECLINED,
        "verification_failed": ISSUER_DECLINED,
        "webhook_declined": ISSUER_DECLINED,
        "webhook_error": ISSUER_DECLINED,
        "webhook_timeout": ISSUER_DECLINED,
    }
)
