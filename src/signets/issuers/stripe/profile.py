"""Stripe Issuing, as people connect it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from signets.issuers.profile import (
    ClosableIssuer,
    ConnectionSettings,
    IssuerProfile,
    NormalForm,
)


def make(settings: ConnectionSettings) -> ClosableIssuer:
    """The adapter.

    Raises:
        ValueError: The key is of another mode than the connection.
    """
    from signets.issuers.stripe.adapter import StripeIssuer
    from signets.issuers.stripe.keys import is_live
    from signets.issuers.stripe.options import StripeOptions

    if is_live(settings.api_key) is not (settings.mode == "live"):
        raise ValueError("test and live do not mix: the key is not of the connection's mode")
    return StripeIssuer(
        api_key=settings.api_key,
        base_url=settings.base_url,
        options=StripeOptions.parse(settings.options),
    )


def read_body(body: Mapping[str, object]) -> NormalForm:
    """An authorization request, a transaction or a card."""
    from signets.issuers.stripe.bodies import read_body as read

    return read(body)


STRIPE = IssuerProfile(
    name="stripe",
    addresses=MappingProxyType(
        {"test": "https://api.stripe.com", "live": "https://api.stripe.com"}
    ),
    key_variable="STRIPE_API_KEY",
    secret_options=MappingProxyType(
        {
            "STRIPE_AUTHORIZATION_SECRET": "authorization_secret",
            "STRIPE_EVENTS_SECRET": "events_secret",
        }
    ),
    make=make,
    read_body=read_body,
)
