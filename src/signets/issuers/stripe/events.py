"""Stripe's event envelopes: which kinds we act on, and what each one tells. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeVar

from signets.app.ports import (
    AccountChanged,
    BodyUnreadable,
    CardUpdated,
    DisputeUpdated,
    IssuerEvent,
    OtherEvent,
    TransactionUpdated,
)
from signets.core.authorization.request import AuthorizationRequest
from signets.issuers.fields import Json, find, mapping, optional_text, text
from signets.issuers.stripe.bodies import card_state
from signets.issuers.stripe.disputes import read_dispute
from signets.issuers.stripe.reading import read_object, read_request

APPROVAL_REQUEST = "issuing_authorization.request"
_Money = Literal[
    "issuing_authorization.created",
    "issuing_authorization.updated",
    "issuing_transaction.created",
    "issuing_transaction.updated",
]
_Dispute = Literal[
    "issuing_dispute.closed",
    "issuing_dispute.created",
    "issuing_dispute.funds_reinstated",
    "issuing_dispute.funds_rescinded",
    "issuing_dispute.submitted",
    "issuing_dispute.updated",
]
_Card = Literal["issuing_card.updated", "issuing_cardholder.updated"]
#: Without these, money moves unseen.
MONEY_EVENTS: tuple[_Money, ...] = (
    "issuing_authorization.created",
    "issuing_authorization.updated",
    "issuing_transaction.created",
    "issuing_transaction.updated",
)
_FUNDS = ("issuing_dispute.funds_reinstated", "issuing_dispute.funds_rescinded")
_DISPUTES: tuple[_Dispute, ...] = (
    "issuing_dispute.closed",
    "issuing_dispute.created",
    "issuing_dispute.funds_reinstated",
    "issuing_dispute.funds_rescinded",
    "issuing_dispute.submitted",
    "issuing_dispute.updated",
)
_CARDS: tuple[_Card, ...] = ("issuing_card.updated", "issuing_cardholder.updated")
#: The events that we act on, and that the endpoint is subscribed to.
EVENT_TYPES: tuple[_Money | _Dispute | _Card, ...] = (*MONEY_EVENTS, *_DISPUTES, *_CARDS)

_Read = TypeVar("_Read")


def read_event(event: Json, *, live: bool) -> IssuerEvent:
    """What an event tells; of a kind that we do not act on, :class:`OtherEvent`.

    Raises:
        BodyUnreadable: naming the field; also where it is of the other mode.
    """
    kind, event_id = text(event, "type"), text(event, "id")
    if kind not in EVENT_TYPES:
        return OtherEvent(event_id=event_id, event_type=kind)
    check_mode(event, live=live)
    if kind in MONEY_EVENTS:
        return TransactionUpdated(event_id=event_id, snapshot=within(event, read_object))
    if kind in _DISPUTES:
        dispute = within(event, read_dispute)
        return DisputeUpdated(event_id=event_id, dispute=dispute, money_moved=kind in _FUNDS)
    if kind == "issuing_cardholder.updated":
        return AccountChanged(event_id=event_id)
    before = find(event, "data.previous_attributes")
    bound = isinstance(before, Mapping) and "spending_controls" in before
    return within(event, lambda body: _card_updated(event_id, body, bound=bound))


def read_approval_request(event: Json, *, live: bool) -> AuthorizationRequest:
    """The request of a real-time event.

    Raises:
        BodyUnreadable: naming the field; also where it is of the other mode.
    """
    if find(event, "type") != APPROVAL_REQUEST:
        raise BodyUnreadable("type", f"`type` must be {APPROVAL_REQUEST}")
    check_mode(event, live=live)
    return within(event, read_request)


def _card_updated(event_id: str, card: Json, *, bound: bool) -> CardUpdated:
    return CardUpdated(
        event_id=event_id,
        card_token=text(card, "id"),
        state=card_state(text(card, "status")),
        because=optional_text(card, "cancellation_reason") or "",
        controls_changed=bound,
    )


def check_mode(event: Json, *, live: bool) -> None:
    """Test and live never mix: a body of the other mode moves nothing here.

    Raises:
        BodyUnreadable: It is of the other mode.
    """
    if find(event, "livemode") is (not live):
        mode = "live" if live else "test"
        raise BodyUnreadable("livemode", f"this connection is in {mode} mode")


def within(event: Json, read: Callable[[Json], _Read]) -> _Read:
    """``data.object`` of an event, read; an error names the place in the event."""
    try:
        return read(mapping(event, "data.object"))
    except BodyUnreadable as error:
        if error.field.startswith("data.object"):
            raise
        raise BodyUnreadable(f"data.object.{error.field}", error.message) from error
