"""What an issuer's own folder says of it, for those who know no issuer by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from signets.app.ports import Issuer, IssuerCard
from signets.core.authorization.request import AuthorizationRequest
from signets.core.settlement.model import Snapshot

NormalForm = AuthorizationRequest | Snapshot | IssuerCard


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


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerProfile:
    """One issuer. Its SDK is imported by the calls, not by the profile.

    Attributes:
        name: What a connection stores and people type.
        addresses: Where its API listens, by mode.
        key_variable: The environment variable that people give the API key in.
        secret_options: Environment variable -> the option that it gives: an argument is seen by
            everybody on the machine.
        make: Makes the adapter. Raises ``ValueError`` for settings that do not fit.
        read_body: Any single body in our normal form. Raises ``BodyUnreadable``.
    """

    name: str
    addresses: Mapping[str, str]
    key_variable: str
    secret_options: Mapping[str, str]
    make: Callable[[ConnectionSettings], ClosableIssuer]
    read_body: Callable[[Mapping[str, object]], NormalForm]
