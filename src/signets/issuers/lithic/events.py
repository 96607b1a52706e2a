"""Lithic's webhooks: which kinds we act on, and what each one tells. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from signets.app.ports import (
    BodyUnreadable,
    CardUpdated,
    DisputeCredited,
    DisputeUpdated,
    IssuerEvent,
    OtherEvent,
    TransactionUpdated,
)
from signets.core.authorization.request import AuthorizationRequest
from signets.issuers.fields import Json, find, text
from signets.issuers.lithic.disputes import read_credits, read_dispute
from signets.issuers.lithic.reading import card_state, read_request, read_snapshot
from signets.issuers.lithic.set_up import (
    CARD_UPDATED,
    DISPUTE_CREDITED,
    DISPUTE_UPDATED,
    TRANSACTION_UPDATED,
)

APPROVAL_REQUEST = "card_authorization.approval_request"
_LIMITS = frozenset({"spend_limit", "spend_limit_duration"})


def read_approval_request(content: Json) -> AuthorizationRequest:
    """The request of Auth Stream Access.

    Raises:
        BodyUnreadable: naming the field.
    """
    if find(content, "event_type") not in (None, APPROVAL_REQUEST):
        raise BodyUnreadable("event_type", f"`event_type` must be {APPROVAL_REQUEST}")
    return read_request(content)


def read_event(event_id: str, content: Json) -> IssuerEvent:
    """What a webhook tells; of a kind that we do not act on, :class:`OtherEvent`.

    Raises:
        BodyUnreadable: naming the field.
    """
    kind = find(content, "event_type")
    if not isinstance(kind, str) or not kind:
        raise BodyUnreadable("event_type", "`event_type` must be a non-empty string")
    if kind == TRANSACTION_UPDATED:
        return TransactionUpdated(event_id=event_id, snapshot=read_snapshot(content))
    if kind == CARD_UPDATED:
        return CardUpdated(
            event_id=event_id,
            card_token=text(content, "card_token"),
            state=card_state(text(content, "state")),
            controls_changed=not _LIMITS.isdisjoint(_changed(content)),
        )
    if kind == DISPUTE_UPDATED:
        return DisputeUpdated(event_id=event_id, dispute=read_dispute(content))
    if kind in DISPUTE_CREDITED and find(content, "transaction_series") is not None:
        token, steps = read_credits(content)
        return DisputeCredited(event_id=event_id, transaction_token=token, steps=steps)
    return OtherEvent(event_id=event_id, event_type=kind)


def _changed(content: Json) -> Mapping[str, object]:
    """``previous_fields``; the state alone counts where they cannot be read."""
    before = find(content, "previous_fields")
    return before if isinstance(before, Mapping) else {}
