"""Bodies of older API ages, renamed to today's fields.

Source: Stripe's Issuing migration guide of 2020 (docs.stripe.com/issuing/migration-from-beta).
What later versions only added is optional in :mod:`signets.issuers.stripe.reading`.
"""

from __future__ import annotations

from signets.issuers.fields import Json, find
from signets.issuers.stripe.fields import objects

_AMOUNTS = {
    "held_amount": "amount",
    "held_currency": "currency",
    "authorized_amount": "merchant_amount",
    "authorized_currency": "merchant_currency",
}
_PENDING = {
    "pending_held_amount": "amount",
    "held_currency": "currency",
    "pending_authorized_amount": "merchant_amount",
    "authorized_currency": "merchant_currency",
    "is_held_amount_controllable": "is_amount_controllable",
}


def modern(authorization: Json) -> Json:
    """The authorization in today's field names; unchanged where it has them already.

    Raises:
        BodyUnreadable: where ``request_history`` is no list of objects.
    """
    if "amount" in authorization or "held_amount" not in authorization:
        return authorization
    renamed = {**authorization, **_renamed(authorization, _AMOUNTS)}
    renamed["request_history"] = [
        {**entry, **_renamed(entry, _AMOUNTS)}
        for entry in objects(authorization, "request_history")
    ]
    if find(authorization, "pending_held_amount") is not None:
        renamed["pending_request"] = _renamed(authorization, _PENDING)
    return renamed


def _renamed(body: Json, names: dict[str, str]) -> dict[str, object]:
    return {new: body[old] for old, new in names.items() if old in body and new not in body}
