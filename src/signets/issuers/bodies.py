"""Any single body of any issuer in our normal form, for people who hold one in a file.

No signature is asked for: nothing that comes from here is acted upon.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType

from signets.app.ports import BodyUnreadable, IssuerCard
from signets.core.authorization.request import AuthorizationRequest
from signets.core.settlement.model import Snapshot
from signets.issuers.lithic.bodies import read_body as read_lithic
from signets.issuers.stripe.bodies import read_body as read_stripe

NormalForm = AuthorizationRequest | Snapshot | IssuerCard

#: Issuer -> what reads its bodies.
READERS: Mapping[str, Callable[[Mapping[str, object]], NormalForm]] = MappingProxyType(
    {"sandbox": read_lithic, "lithic": read_lithic, "stripe": read_stripe}
)


def read_any(issuer: str, raw: bytes) -> NormalForm:
    """An authorization request, a transaction or a card.

    Raises:
        BodyUnreadable: naming the field; ``body`` where it is no JSON object at all.
    """
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise BodyUnreadable("body", "the body is not JSON") from None
    if not isinstance(body, dict):
        raise BodyUnreadable("body", "the body is not a JSON object")
    return READERS[issuer](body)
