"""An issuer's body in our normal form, as plain JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from signets.app.ports import IssuerCard
from signets.core.authorization.request import AuthorizationRequest

if TYPE_CHECKING:
    from signets.core.settlement.model import Snapshot


def as_plain(issuer: str, found: AuthorizationRequest | Snapshot | IssuerCard) -> dict[str, Any]:
    """``{"issuer", "kind", "normal"}``; kind: authorization_request, transaction or card."""
    if isinstance(found, AuthorizationRequest):
        kind = "authorization_request"
    else:
        kind = "card" if isinstance(found, IssuerCard) else "transaction"
    return {"issuer": issuer, "kind": kind, "normal": msgspec.to_builtins(found)}
