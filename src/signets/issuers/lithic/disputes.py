"""Lithic's disputes in our normal form, and our reasons in Lithic's words.

Source: lithic-openapi ``dispute``: ``CASE_CLOSED`` is lost or withdrawn, and its
``resolution_reason`` says which.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from signets.app.ports import (
    BodyUnreadable,
    DisputeOutcome,
    DisputeReason,
    IssuerDispute,
    ProvisionalStep,
)
from signets.core.ids import Prefix
from signets.issuers.fields import Json, find, integer, optional_text, text
from signets.issuers.lithic.fields import moment

LithicReason = Literal[
    "CANCELLED",
    "DUPLICATED",
    "FRAUD_CARD_NOT_PRESENT",
    "GOODS_SERVICES_NOT_AS_DESCRIBED",
    "GOODS_SERVICES_NOT_RECEIVED",
    "INCORRECT_AMOUNT",
    "MISSING_AUTH",
    "OTHER",
    "REFUND_NOT_PROCESSED",
]

DISPUTE_REASONS: Mapping[DisputeReason, LithicReason] = MappingProxyType(
    {
        DisputeReason.NOT_RECEIVED: "GOODS_SERVICES_NOT_RECEIVED",
        DisputeReason.NOT_AS_DESCRIBED: "GOODS_SERVICES_NOT_AS_DESCRIBED",
        DisputeReason.DUPLICATE: "DUPLICATED",
        DisputeReason.CANCELED: "CANCELLED",
        DisputeReason.FRAUDULENT: "FRAUD_CARD_NOT_PRESENT",
        DisputeReason.INCORRECT_AMOUNT: "INCORRECT_AMOUNT",
        DisputeReason.REFUND_MISSING: "REFUND_NOT_PROCESSED",
        DisputeReason.NO_AUTHORIZATION: "MISSING_AUTH",
        DisputeReason.OTHER: "OTHER",
    }
)

_OUR_ID = re.compile(rf"\[({Prefix.DISPUTE.value}_[0-9a-z]{{26}})\]$")
_ENDS = {"CASE_WON": DisputeOutcome.WON, "CASE_CLOSED": DisputeOutcome.LOST}
_RESOLVED = {
    "WITHDRAWN": DisputeOutcome.WITHDRAWN,
    "WON_ARBITRATION": DisputeOutcome.WON,
    "WON_FIRST_CHARGEBACK": DisputeOutcome.WON,
    "WON_PREARBITRATION": DisputeOutcome.WON,
}


#: Of ``dispute_transaction.*``, where Lithic manages the claim: what it did about our liability.
_CREDITS = {"PROVISIONAL_CREDIT_GRANTED": 1, "PROVISIONAL_CREDIT_REVERSED": -1}


def read_credits(body: Json) -> tuple[str, tuple[ProvisionalStep, ...]]:
    """The disputed transaction's token, and every provisional credit so far.

    Raises:
        BodyUnreadable: naming the field.
    """
    events = find(body, "events")
    if not isinstance(events, list):
        raise BodyUnreadable("events", "`events` must be a list")
    steps = []
    for index, event in enumerate(events):
        if not isinstance(event, dict):
            raise BodyUnreadable(f"events.{index}", f"`events.{index}` must be an object")
        action = find(event, "data.action")
        sign = _CREDITS.get(action) if isinstance(action, str) else None
        if sign is not None and find(event, "type") == "CARDHOLDER_LIABILITY":
            amount = sign * abs(integer(event, "data.amount"))
            steps.append(ProvisionalStep(token=text(event, "token"), amount=amount))
    return text(body, "transaction_series.related_transaction_token"), tuple(steps)


def read_dispute(body: Json) -> IssuerDispute:
    """A whole Dispute, from a webhook or the API. A status that is not known is still waiting.

    Raises:
        BodyUnreadable: naming the field.
    """
    status = text(body, "status")
    outcome = _ENDS.get(status, DisputeOutcome.WAITING)
    if outcome is DisputeOutcome.LOST:
        outcome = _RESOLVED.get(optional_text(body, "resolution_reason") or "", outcome)
    resolved = "resolution_date" if find(body, "resolution_date") is not None else "created"
    return IssuerDispute(
        token=text(body, "token"),
        transaction_token=text(body, "transaction_token"),
        outcome=outcome,
        amount=abs(integer(body, "amount")),
        updated=moment(body, resolved),
        dispute_id=_our_id(optional_text(body, "customer_note") or ""),
        raw_status=status,
    )


def marked(note: str, dispute_id: str) -> str:
    """A note that our own id can be read from again."""
    return f"{note} [{dispute_id}]".strip()


def _our_id(note: str) -> str | None:
    found = _OUR_ID.search(note)
    return found.group(1) if found else None
