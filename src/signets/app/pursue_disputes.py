"""Submit claims at the issuer, at once and, where that failed, by the sweep."""

from __future__ import annotations

import msgspec

from signets.app.caller import not_found
from signets.app.follow_dispute import end_dispute, submitted
from signets.app.journal import alert
from signets.app.ports import (
    Claim,
    DisputeEvidence,
    DisputeOutcome,
    IssuerRefused,
    IssuerUnavailable,
    TakesDisputes,
)
from signets.app.records import Dispute, Transaction
from signets.app.services import Services
from signets.core.settlement.dispute import DisputeState

_MOST = 20


async def submit_dispute(services: Services, org_id: str, dispute_id: str) -> Dispute:
    """Submit a claim that is still ``opened``; the claim as it is then.

    An issuer that refuses ends it as ``withdrawn``, with the issuer's word as its problem.

    Raises:
        Refusal: ``dispute_not_found``.
        IssuerUnavailable: The issuer did not answer; the sweep tries again.
    """
    async with services.store.exclusive(f"dispute:{dispute_id}"):
        async with services.store.unlocked(org_id) as uow:
            dispute = await uow.issuers.dispute(dispute_id)
            if dispute is None:
                raise not_found("dispute", dispute_id)
            row = await uow.transactions.get(dispute.transaction_id)
            connection = await uow.identity.connection(dispute.connection_id)
        if dispute.state is not DisputeState.OPENED or row is None or connection is None:
            return dispute
        client = services.issuers.client(connection)
        if not isinstance(client, TakesDisputes):
            return dispute
        try:
            told = await client.open_dispute(claim_of(dispute, row))
        except IssuerRefused as error:
            return await _refused(services, org_id, dispute, str(error))
        async with services.store.transaction(org_id) as uow:
            now = await uow.issuers.dispute(dispute_id)
            if now is None or now.state is not DisputeState.OPENED:
                return now or dispute  # its event was faster than its answer
            if told.outcome is DisputeOutcome.DRAFT:
                raise IssuerUnavailable("the issuer keeps the claim and has not submitted it")
            return await submitted(services, uow, now, told)


def claim_of(dispute: Dispute, row: Transaction) -> Claim:
    """The claim as an issuer needs it."""
    return Claim(
        dispute_id=dispute.id,
        transaction_token=row.issuer_token,
        amount=dispute.amount,
        currency=dispute.currency,
        reason=dispute.reason,
        note=dispute.note,
        evidence=msgspec.convert(dispute.evidence, type=DisputeEvidence),
        bought=row.descriptor,
        bought_at=row.created_at,
    )


async def _refused(services: Services, org_id: str, dispute: Dispute, said: str) -> Dispute:
    async with services.store.transaction(org_id) as uow:
        await alert(
            services,
            uow,
            "dispute_refused",
            subject=dispute.id,
            message=f"the issuer does not take the dispute: {said}",
        )
        return await end_dispute(
            services, uow, dispute, DisputeState.WITHDRAWN, actor="system", problem=said
        )


async def submit_open_disputes(services: Services, org_id: str) -> int:
    """Claims that the issuer does not have yet."""
    async with services.store.unlocked(org_id) as uow:
        waiting = await uow.issuers.disputes_in(DisputeState.OPENED, _MOST)
    for one in waiting:
        try:
            await submit_dispute(services, org_id, one.id)
        except IssuerUnavailable:
            return 0  # nobody answers now; the next sweep tries again
    return len(waiting)
