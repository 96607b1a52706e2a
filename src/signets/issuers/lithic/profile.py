"""Lithic, as people connect it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from signets.app.ports import BillingAddress
from signets.issuers.profile import (
    ClosableIssuer,
    ConnectionSettings,
    IssuerProfile,
    NormalForm,
)


def make(
    settings: ConnectionSettings, *, otherwise: BillingAddress | None = None
) -> ClosableIssuer:
    """The adapter; ``otherwise`` is the billing address where the settings name none."""
    from signets.issuers.lithic.adapter import LithicIssuer

    return LithicIssuer(
        api_key=settings.api_key,
        base_url=settings.base_url,
        mode=settings.mode,
        billing_address=BillingAddress.parse(settings.options) or otherwise,
    )


def read_body(body: Mapping[str, object]) -> NormalForm:
    """An authorization request, a transaction or a card."""
    from signets.issuers.lithic.bodies import read_body as read

    return read(body)


LITHIC = IssuerProfile(
    name="lithic",
    addresses=MappingProxyType(
        {"test": "https://sandbox.lithic.com", "live": "https://api.lithic.com"}
    ),
    key_variable="LITHIC_API_KEY",
    secret_options=MappingProxyType({}),
    make=make,
    read_body=read_body,
)
