"""Lithic's disputes in our normal form, and our reasons in Lithic's words.

Source: lithic-openapi ``dispute``: ``CASE_CLOSED`` is lost or withdrawn, and its
``resolution_reason`` says which.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from signets.app.ports import DisputeOutcome, DisputeReason, IssuerDispute
from signets.issuers.lithic.fields import Json, find, integer, moment, optional_text, text

LithicReason = Literal[
    "CANCELLED",
    "DUPLICATED",
    "FRAUD_CARD_NOT_PRESENT",
    "GOODS_SERVICES_NOT_AS_DESCRIBED",
    "GOODS_SERVICES_NOT_RECEIVED",
    "INCORRECT_AMOUNT",
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
        DisputeReason.OTHER: "OTHER",
    }
)

_ENDS = {"CASE_WON": DisputeOutcome.WON, "CASE_CLOSED": DisputeOutcome.LOST}
_RESOLVED = {
    "WITHDRAWN": DisputeOutcome.WITHDRAWN,
    "WON_ARBITRATION": DisputeOutcome.WON,
    "WON_FIRST_CHARGEBACK": DisputeOutcome.WON,
    "WON_PREARBITRATION": DisputeOutcome.WON,
}


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
        raw_status=status,
    )
