"""The Stripe Issuing adapter: Stripe's wire <-> Signets' words, over the official SDK alone."""

from __future__ import annotations

from signets.issuers.stripe.adapter import StripeIssuer

__all__ = ["StripeIssuer"]
