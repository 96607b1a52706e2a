"""A member claims money back: open a dispute, look at it, withdraw it."""

from __future__ import annotations

import msgspec

from signets.app.caller import Caller, not_found
from signets.app.follow_dispute import end_dispute, open_claim
from signets.app.ports import (
    DisputeEvidence,
    DisputeReason,
    IssuerUnavailable,
    TakesDisputes,
    WithdrawalUnsupported,
)
from signets.app.pursue_disputes import claim_of, submit_dispute
from signets.app.records import Dispute, Transaction
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.core.access import Scope
from signets.core.errors import Refusal, RefusalKind, invalid
from signets.core.ids import Prefix
from signets.core.money import format_minor
from signets.core.pan import refuse_pan
from signets.core.settlement.dispute import DisputeState, check_transition

_LIVE = (DisputeState.OPENED, DisputeState.SUBMITTED)
#: What most claims need besides a reason and a note.
NO_EVIDENCE = DisputeEvidence()


async def open_dispute(
    services: Services,
    caller: Caller,
    transaction_id: str,
    *,
    reason: DisputeReason,
    amount: int | None = None,
    note: str = "",
    evidence: DisputeEvidence = NO_EVIDENCE,
) -> Dispute:
    """Claim ``amount`` (minor units; all that is left, if not given) and submit it at the issuer.

    The claim is kept first. Where the issuer does not answer it stays ``opened`` and is submitted
    by the sweep.

    Raises:
        Refusal: ``member_required``, ``transaction_not_found``, ``dispute_amount_invalid``,
            ``dispute_exists``, ``dispute_evidence_missing`` for this issuer, or
            ``disputes_unsupported`` by it.
    """
    caller.require(Scope.CARDS_CONTROL)
    told = {k: v for k, v in msgspec.to_builtins(evidence).items() if v is not None}
    refuse_pan(note, param="note")
    refuse_pan(told, param="evidence")
    async with services.store.transaction(caller.org_id) as uow:
        row = await uow.transactions.get(transaction_id)
        if row is None:
            raise not_found("transaction", transaction_id)
        _require_member(caller)
        issuer = await _issuer(services, uow, row)
        for one in await uow.issuers.disputes(transaction_id=row.id, after=None, limit=100):
            if one.state in _LIVE:
                raise Refusal(
                    RefusalKind.CONFLICT,
                    "dispute_exists",
                    f"dispute {one.id} on this transaction is {one.state}; withdraw it first",
                )
        dispute = Dispute(
            id=services.new_id(Prefix.DISPUTE),
            transaction_id=row.id,
            connection_id=row.connection_id,
            issuer_token=None,
            state=DisputeState.OPENED,
            reason=reason,
            note=note,
            evidence=told,
            amount=_claim(row, amount),
            currency=row.currency,
            recovered=0,
            problem=None,
            opened_by=caller.actor,
            opened_at=uow.now,
            submitted_at=None,
            ended_at=None,
        )
        lacking = issuer.missing_evidence(claim_of(dispute, row))
        if lacking is not None:
            raise invalid(
                "dispute_evidence_missing",
                f"for reason `{reason.value}` this issuer also asks for `{lacking}`",
                param=f"evidence.{lacking}",
            )
        await open_claim(services, uow, dispute, actor=caller.actor)
    try:
        return await submit_dispute(services, caller.org_id, dispute.id)
    except IssuerUnavailable:
        return dispute


async def withdraw_dispute(services: Services, caller: Caller, dispute_id: str) -> Dispute:
    """Take a claim back; what was claimed is spend again.

    Raises:
        Refusal: ``member_required``, ``dispute_not_found``, ``dispute_state``, or
            ``withdrawal_unsupported`` by this issuer once it has the claim.
        IssuerUnavailable, IssuerRefused: The issuer did not let it go; nothing has changed.
    """
    caller.require(Scope.CARDS_CONTROL)
    async with services.store.exclusive(f"dispute:{dispute_id}"):
        async with services.store.unlocked(caller.org_id) as uow:
            dispute = await _require(uow, dispute_id)
            _require_member(caller)
            check_transition(dispute.state, DisputeState.WITHDRAWN)
            connection = await uow.identity.connection(dispute.connection_id)
        if dispute.issuer_token is not None and connection is not None:
            client = services.issuers.client(connection)
            if isinstance(client, TakesDisputes):
                await _let_go(client, dispute.issuer_token)
        async with services.store.transaction(caller.org_id) as uow:
            now = await _require(uow, dispute_id)
            if now.state is DisputeState.WITHDRAWN:
                return now  # the issuer's own event was faster
            return await end_dispute(services, uow, now, DisputeState.WITHDRAWN, actor=caller.actor)


async def get_dispute(services: Services, caller: Caller, dispute_id: str) -> Dispute:
    """One claim.

    Raises:
        Refusal: ``dispute_not_found``.
    """
    caller.require(Scope.TRANSACTIONS_READ)
    async with services.store.unlocked(caller.org_id) as uow:
        dispute = await _require(uow, dispute_id)
        row = await uow.transactions.get(dispute.transaction_id)
        if row is None or not caller.sees(row.agent_id):
            raise not_found("dispute", dispute_id)
        return dispute


async def list_disputes(
    services: Services, caller: Caller, *, transaction_id: str | None, after: str | None, limit: int
) -> list[Dispute]:
    """Claims, newest first. Members and the organization only.

    Raises:
        Refusal: forbidden for agents, who can look at one by its id.
    """
    caller.require(Scope.TRANSACTIONS_READ)
    if caller.agent_id is not None:
        raise Refusal(RefusalKind.FORBIDDEN, "member_required", "an agent does not list disputes")
    async with services.store.unlocked(caller.org_id) as uow:
        return await uow.issuers.disputes(transaction_id=transaction_id, after=after, limit=limit)


def _claim(row: Transaction, amount: int | None) -> int:
    """How much is claimed: at most what cleared and has not come back.

    Raises:
        Refusal: ``dispute_amount_invalid``.
    """
    most = row.cleared - row.refunded - row.recovered - row.disputed
    if most <= 0:
        raise invalid(
            "dispute_amount_invalid",
            "nothing of this transaction can be claimed: no money has moved that has not come back",
            param="amount",
        )
    if amount is not None and not 1 <= amount <= most:
        raise invalid(
            "dispute_amount_invalid",
            f"at most {format_minor(most, row.currency)} of this transaction can be claimed",
            param="amount",
        )
    return most if amount is None else amount


async def _let_go(client: TakesDisputes, issuer_token: str) -> None:
    try:
        await client.withdraw_dispute(issuer_token)
    except WithdrawalUnsupported as error:
        raise Refusal(RefusalKind.CONFLICT, "withdrawal_unsupported", str(error)) from None


async def _issuer(services: Services, uow: UnitOfWork, row: Transaction) -> TakesDisputes:
    connection = await uow.identity.connection(row.connection_id)
    client: object = services.issuers.client(connection) if connection is not None else None
    if not isinstance(client, TakesDisputes):
        raise Refusal(
            RefusalKind.CONFLICT,
            "disputes_unsupported",
            "this issuer takes no disputes from here: open it in the issuer's own dashboard",
        )
    return client


def _require_member(caller: Caller) -> None:
    if caller.member_id is None:
        raise Refusal(
            RefusalKind.FORBIDDEN,
            "member_required",
            "a dispute belongs to a person: use a member's key",
        )


async def _require(uow: UnitOfWork, dispute_id: str) -> Dispute:
    found = await uow.issuers.dispute(dispute_id)
    if found is None:
        raise not_found("dispute", dispute_id)
    return found
