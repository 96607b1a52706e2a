"""Any one Stripe Issuing body, told apart by what is in it, in our normal form. Pure.

Production code knows what a body is from where it came; this is for people who hold a file.
"""

from __future__ import annotations

from collections.abc import Mapping

from signets.app.ports import BodyUnreadable, IssuerCard, IssuerCardState
from signets.core.authorization.request import AuthorizationRequest
from signets.core.issuer_controls import CardControls
from signets.core.settlement.model import Snapshot
from signets.issuers.fields import Json, find, integer, mapping, text
from signets.issuers.stripe.controls import blocked_on
from signets.issuers.stripe.older import modern
from signets.issuers.stripe.reading import read_object, read_request

_REQUEST = "issuing_authorization.request"
_STATES = {
    "active": IssuerCardState.OPEN,
    "inactive": IssuerCardState.PAUSED,
    "canceled": IssuerCardState.CLOSED,
}


def read_body(body: Json) -> AuthorizationRequest | Snapshot | IssuerCard:
    """An authorization (asked or made), a transaction or a card; also inside an event.

    Raises:
        BodyUnreadable: naming the field.
    """
    if isinstance(find(body, "data"), list):
        raise BodyUnreadable("data", "`data` is a whole page: give one of its objects")
    if find(body, "object") == "event" or find(body, "data") is not None:
        inner = mapping(body, "data.object")
        try:
            return read_request(inner) if find(body, "type") == _REQUEST else _read(inner)
        except BodyUnreadable as error:
            raise BodyUnreadable(f"data.object.{error.field}", error.message) from error
    return _read(body)


def _read(body: Json) -> AuthorizationRequest | Snapshot | IssuerCard:
    kind = text(body, "object")
    if kind == "issuing.card":
        return read_card(body)
    if kind == "issuing.authorization" and find(modern(body), "pending_request") is not None:
        return read_request(body)
    return read_object(body)


def read_card(body: Json) -> IssuerCard:
    """Stripe's card. Number and CVC, where the body has them, are not looked at.

    Raises:
        BodyUnreadable: naming the field.
    """
    last_four = text(body, "last4")
    if len(last_four) != 4 or not (last_four.isascii() and last_four.isdigit()):
        raise BodyUnreadable("last4", "`last4` must be 4 digits")
    month = integer(body, "exp_month")
    if not 1 <= month <= 12:
        raise BodyUnreadable("exp_month", "`exp_month` must be 1 to 12")
    return IssuerCard(
        token=text(body, "id"),
        last_four=last_four,
        exp_month=month,
        exp_year=integer(body, "exp_year"),
        state=card_state(text(body, "status")),
        controls=_controls(body),
    )


def _controls(body: Json) -> CardControls | None:
    """One limit over all time is a backstop; any other, or one more, is not what we set."""
    if find(body, "spending_controls") is None:
        return None
    limits = find(body, "spending_controls.spending_limits")
    backstop = None
    if isinstance(limits, list) and len(limits) == 1 and isinstance(limits[0], Mapping):
        [limit] = limits
        if find(limit, "interval") == "all_time" and not find(limit, "categories"):
            backstop = integer(limit, "amount")
    return CardControls(backstop=backstop, blocked_categories=blocked_on(body))


def card_state(status: str) -> IssuerCardState:
    """Of Stripe's ``status``; a newer word is not usable, like an inactive card."""
    return _STATES.get(status, IssuerCardState.PAUSED)
