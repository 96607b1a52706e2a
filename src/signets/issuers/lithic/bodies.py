"""Any one Lithic body, told apart by what is in it, in our normal form. Pure.

Production code knows what a body is from where it came; this is for people who hold a file.
"""

from __future__ import annotations

from signets.app.ports import BodyUnreadable, IssuerCard
from signets.core.authorization.request import AuthorizationRequest
from signets.core.settlement.model import Snapshot
from signets.issuers.fields import Json, find, mapping
from signets.issuers.lithic.events import APPROVAL_REQUEST
from signets.issuers.lithic.reading import REQUEST_STATUSES, read_card, read_request, read_snapshot
from signets.issuers.lithic.set_up import TRANSACTION_UPDATED

_CARD_FIELDS = ("last_four", "exp_month", "spend_limit", "pin_status", "card_program_token")


def read_body(body: Json) -> AuthorizationRequest | Snapshot | IssuerCard:
    """An authorization request, a transaction or a card; also inside an Events API object.

    Raises:
        BodyUnreadable: naming the field.
    """
    if find(body, "payload") is not None:
        # The shape of GET /v1/events; a webhook's body is the payload itself.
        try:
            return _read(mapping(body, "payload"))
        except BodyUnreadable as error:
            raise BodyUnreadable(f"payload.{error.field}", error.message) from error
    return _read(body)


def _read(body: Json) -> AuthorizationRequest | Snapshot | IssuerCard:
    if isinstance(find(body, "data"), list):
        raise BodyUnreadable("data", "`data` is a whole page: give one of its objects")
    kind = find(body, "event_type")
    status = find(body, "status")
    if kind == APPROVAL_REQUEST:
        return read_request(body)
    if isinstance(status, str) and status in REQUEST_STATUSES:
        return read_request(body)
    if kind == TRANSACTION_UPDATED or {"events", "card_token"} & body.keys():
        return read_snapshot(body)
    if kind is not None:
        raise BodyUnreadable("event_type", f"`event_type` {str(kind)[:80]!r} is none that is read")
    if "merchant" in body or "amount" in body:
        return read_request(body)
    if any(name in body for name in _CARD_FIELDS):
        return read_card(body)
    raise BodyUnreadable("body", "neither an authorization request, nor a transaction, nor a card")
