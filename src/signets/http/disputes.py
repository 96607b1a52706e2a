"""Claims on transactions: ``/v1/transactions/{id}/disputes`` and ``/v1/disputes``."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from signets.app import dispute
from signets.app.ports import DisputeEvidence, DisputeReason, ProductType, ReturnStatus
from signets.core.access import Scope
from signets.core.ids import Prefix
from signets.http.inputs import Amount, Input, Moment
from signets.http.outputs.base import Page, page_of
from signets.http.outputs.issuers import DisputeOut
from signets.http.pages import After, Filter, Limit, cursor
from signets.http.routing import Ask, Endpoint

_Words = Annotated[str, Field(min_length=1, max_length=1000)]


class EvidenceInput(Input):
    """What the issuer asks for besides; each asks for different parts, by reason."""

    product_type: ProductType | None = Field(default=None, description="`service` if left out.")
    product_description: _Words | None = None
    expected_at: Moment | None = Field(
        default=None, description="When it should have come; when it was bought, if left out."
    )
    received_at: Moment | None = None
    canceled_at: Moment | None = None
    cancellation_reason: _Words | None = None
    cancellation_policy_provided: bool | None = None
    returned_at: Moment | None = None
    return_status: ReturnStatus | None = None
    return_description: _Words | None = None
    original_transaction: _Words | None = Field(
        default=None, description="Of a duplicate: the issuer's id of the charge that is right."
    )

    def value(self) -> DisputeEvidence:
        """As the use case takes it."""
        return DisputeEvidence(**dict(self))


class DisputeInput(Input):
    """A claim to open."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "not_received", "amount": 2000}]}
    )

    reason: DisputeReason
    amount: Amount | None = Field(
        default=None,
        description="Minor units; all that cleared and has not come back, if left out.",
    )
    note: Annotated[str, Field(max_length=1000)] = ""
    evidence: EvidenceInput = EvidenceInput()


async def open_dispute(ask: Ask, transaction_id: str, body: DisputeInput) -> DisputeOut:
    """Claims money back and submits the claim at the issuer.

    A member's key alone. The claim is kept first: where the issuer does not answer, it stays
    `opened` and is submitted later. No budget has the money back before it is `won`.
    """
    return DisputeOut.of(
        await dispute.open_dispute(
            ask.services,
            ask.caller,
            transaction_id,
            reason=body.reason,
            amount=body.amount,
            note=body.note,
            evidence=body.evidence.value(),
        )
    )


async def list_all(
    ask: Ask, transaction_id: Filter = None, after: After = None, limit: Limit = 50
) -> Page[DisputeOut]:
    """Claims, newest first."""
    rows = await dispute.list_disputes(
        ask.services,
        ask.caller,
        transaction_id=transaction_id,
        after=cursor(after, Prefix.DISPUTE),
        limit=limit + 1,
    )
    return page_of(rows, limit, DisputeOut.of)


async def get(ask: Ask, dispute_id: str) -> DisputeOut:
    """One claim."""
    return DisputeOut.of(await dispute.get_dispute(ask.services, ask.caller, dispute_id))


async def withdraw(ask: Ask, dispute_id: str) -> DisputeOut:
    """Takes a claim back, here and at the issuer. A member's key alone."""
    return DisputeOut.of(await dispute.withdraw_dispute(ask.services, ask.caller, dispute_id))


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/v1/transactions/{transaction_id}/disputes",
        operation="disputes_open",
        call=open_dispute,
        summary="Open a dispute",
        scope=Scope.CARDS_CONTROL,
        status=201,
        refuses=(404, 409),
    ),
    Endpoint(
        method="GET",
        path="/v1/disputes",
        operation="disputes_list",
        call=list_all,
        summary="List disputes",
        scope=Scope.TRANSACTIONS_READ,
        agents=False,
    ),
    Endpoint(
        method="GET",
        path="/v1/disputes/{dispute_id}",
        operation="disputes_get",
        call=get,
        summary="Get a dispute",
        scope=Scope.TRANSACTIONS_READ,
        refuses=(404,),
    ),
    Endpoint(
        method="POST",
        path="/v1/disputes/{dispute_id}/withdraw",
        operation="disputes_withdraw",
        call=withdraw,
        summary="Withdraw a dispute",
        scope=Scope.CARDS_CONTROL,
        refuses=(404, 409),
    ),
)
