"""Every issuer that Signets can connect to, by the name that a connection stores.

The one module that knows all adapters. Adding an issuer is a folder beside this file and one line
in :data:`ADAPTERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from signets.app.ports import BillingAddress, Issuer
from signets.issuers.lithic.adapter import LithicIssuer
from signets.issuers.sandbox_address import SANDBOX_ADDRESS
from signets.issuers.stripe.adapter import StripeIssuer
from signets.issuers.stripe.keys import is_live
from signets.issuers.stripe.options import StripeOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSettings:
    """What a connection stores, opened. ``repr`` shows neither key nor options.

    Attributes:
        base_url: Where the issuer's API listens.
        mode: ``sandbox`` (ours), ``test`` or ``live``.
        options: What this one issuer needs besides, as text; secrets among it.
    """

    api_key: str = field(repr=False)
    base_url: str
    mode: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)


class ClosableIssuer(Issuer, Protocol):
    """An adapter that holds connections of its own."""

    async def aclose(self) -> None:
        """Close them."""
        ...


def _lithic(settings: ConnectionSettings) -> ClosableIssuer:
    """Our sandbox and Lithic speak the same wire API; only address and key differ."""
    sandbox = settings.mode == "sandbox"
    address = BillingAddress.parse(settings.options)
    return LithicIssuer(
        api_key=settings.api_key,
        base_url=settings.base_url,
        mode=settings.mode,
        billing_address=address or (SANDBOX_ADDRESS if sandbox else None),
    )


def _stripe(settings: ConnectionSettings) -> ClosableIssuer:
    if is_live(settings.api_key) is not (settings.mode == "live"):
        raise ValueError("test and live do not mix: the key is not of the connection's mode")
    return StripeIssuer(
        api_key=settings.api_key,
        base_url=settings.base_url,
        options=StripeOptions.parse(settings.options),
    )


#: Name -> what makes the adapter. A factory raises ``ValueError`` for settings that do not fit.
ADAPTERS: Mapping[str, Callable[[ConnectionSettings], ClosableIssuer]] = MappingProxyType(
    {"sandbox": _lithic, "lithic": _lithic, "stripe": _stripe}
)
