"""An approval that cannot have counted: release its hold, and answer a repeat with a decline."""

from __future__ import annotations

import msgspec

from signets.app.journal import record
from signets.app.records import DecisionState
from signets.app.refold import known_of, refold
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.core.merchant.model import Merchant, MerchantMatch


async def void_decision(services: Services, org_id: str, decision_id: str, *, cause: str) -> None:
    """Void one approval. The answer itself stays stored, with its new delivery state.

    One that a repeat has been given meanwhile, perhaps by another process, is left to stand: its
    state is ``unknown`` then, and where the issuer did not take it, asking the issuer tells.
    """
    async with services.store.transaction(org_id) as uow:
        decision = await uow.transactions.decision(decision_id)
        if decision is not None and decision.state is not DecisionState.UNKNOWN:
            await write_void(services, uow, decision_id, cause=cause)


async def write_void(services: Services, uow: UnitOfWork, decision_id: str, *, cause: str) -> None:
    """The same inside a transaction; nothing where it is void already."""
    decision = await uow.transactions.decision(decision_id)
    if decision is None or decision.state is DecisionState.VOID or not decision.approved:
        return
    await uow.transactions.set_decision_state([decision_id], DecisionState.VOID)
    await record(
        services,
        uow,
        "decision.voided",
        actor="system",
        subject=decision_id,
        card_id=decision.card_id,
        intent_id=decision.intent_id,
        data={"cause": cause, "hold": decision.hold, "currency": decision.currency},
    )
    row = await uow.transactions.get(decision.transaction_id) if decision.transaction_id else None
    if row is None:
        return
    _, policy = await services.policies.in_force(uow)
    known = known_of(
        row,
        await uow.cards.get(row.card_id or ""),
        await uow.transactions.decisions_of(row.connection_id, row.issuer_token),
        await uow.transactions.events(row.id),
        merchant=msgspec.convert(row.merchant, type=Merchant),
        match=msgspec.convert(row.match, type=MerchantMatch),
    )
    await refold(services, uow, policy, known, actor="system", cause=cause)
