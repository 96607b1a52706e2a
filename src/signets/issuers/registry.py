"""Every issuer that Signets can connect to, by the name that a connection stores.

The one module that knows all issuers. Adding one is a folder beside this file and one line in
:data:`PROFILES`; what people type and read follows from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from signets.issuers.lithic import profile as lithic
from signets.issuers.lithic.profile import LITHIC
from signets.issuers.profile import (
    ClosableIssuer,
    ConnectionSettings,
    IssuerProfile,
    NormalForm,
)
from signets.issuers.sandbox_address import SANDBOX_ADDRESS
from signets.issuers.stripe.profile import STRIPE

#: Those that people connect.
PROFILES: Mapping[str, IssuerProfile] = MappingProxyType(
    {one.name: one for one in (LITHIC, STRIPE)}
)


def _sandbox(settings: ConnectionSettings) -> ClosableIssuer:
    """Our sandbox and Lithic speak the same wire API; only address and key differ."""
    return lithic.make(settings, otherwise=SANDBOX_ADDRESS)


#: Name -> what makes the adapter. A factory raises ``ValueError`` for settings that do not fit.
ADAPTERS: Mapping[str, Callable[[ConnectionSettings], ClosableIssuer]] = MappingProxyType(
    {"sandbox": _sandbox, **{name: one.make for name, one in PROFILES.items()}}
)
#: Name -> what reads any single body in our normal form.
READERS: Mapping[str, Callable[[Mapping[str, object]], NormalForm]] = MappingProxyType(
    {"sandbox": LITHIC.read_body, **{name: one.read_body for name, one in PROFILES.items()}}
)
