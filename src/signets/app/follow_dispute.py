"""A claim moves: its state, its evidence, and the money that follows it, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from signets.app.journal import alert, record
from signets.app.ports import (
    DisputeCredited,
    DisputeOutcome,
    IssuerDispute,
    ProvisionalStep,
)
from signets.app.records import Dispute
from signets.app.refold import known_of, refold
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.core.merchant.model import Merchant, MerchantMatch
from signets.core.settlement.dispute import DisputeState, check_transition
from signets.core.settlement.fold import merge_events
from signets.core.settlement.model import EventKind, EventResult, LifecycleEvent

_STATES = {
    DisputeOutcome.WON: DisputeState.WON,
    DisputeOutcome.LOST: DisputeState.LOST,
    DisputeOutcome.WITHDRAWN: DisputeState.WITHDRAWN,
}
_ENDED = frozenset(_STATES.values())


async def follow_dispute(
    services: Services, uow: UnitOfWork, connection_id: str, told: IssuerDispute
) -> None:
    """What the issuer says of a claim. One that somebody opened at the issuer alerts a person.

    A decided claim that the issuer decides otherwise later alerts too, and moves nothing: an
    appeal is a person's business.
    """
    known = await uow.issuers.dispute_by_token(connection_id, told.token)
    if known is None:
        known = await _ours(uow, connection_id, told)
    if known is None:
        await alert(
            services,
            uow,
            "dispute_unknown",
            subject=told.transaction_token,
            message=f"the issuer has a dispute {told.token} ({told.raw_status}) that was not "
            "opened here",
        )
        return
    if told.outcome is DisputeOutcome.DRAFT:
        return
    if known.state is DisputeState.OPENED and told.outcome is not DisputeOutcome.WITHDRAWN:
        known = await submitted(services, uow, known, told)
    if told.steps:
        await _credit(services, uow, known, told.steps, actor=f"issuer:{connection_id}")
    after = _STATES.get(told.outcome)
    if after is None or after is known.state:
        return
    if known.state in _ENDED:
        await alert(
            services,
            uow,
            "dispute_decided_twice",
            subject=known.id,
            message=f"the dispute was {known.state}, and the issuer now says {after}",
        )
        return
    never_sent = known.state is DisputeState.OPENED
    await end_dispute(
        services,
        uow,
        known,
        after,
        actor=f"issuer:{connection_id}",
        recovered=min(known.amount, told.amount) if after is DisputeState.WON else 0,
        problem=f"ended at the issuer before it was submitted: {told.raw_status}"
        if never_sent
        else None,
    )


async def _ours(uow: UnitOfWork, connection_id: str, told: IssuerDispute) -> Dispute | None:
    """The claim whose submission the issuer took, while its answer to us is still under way."""
    known = await uow.issuers.dispute(told.dispute_id) if told.dispute_id else None
    if known is None or known.connection_id != connection_id or known.issuer_token is not None:
        return None
    return known


async def submitted(
    services: Services, uow: UnitOfWork, dispute: Dispute, told: IssuerDispute
) -> Dispute:
    """The issuer has taken the claim."""
    check_transition(dispute.state, DisputeState.SUBMITTED)
    moved = replace(
        dispute,
        state=DisputeState.SUBMITTED,
        issuer_token=told.token,
        submitted_at=uow.now,
        problem=None,
    )
    await uow.issuers.update_dispute(moved)
    await _record(services, uow, moved, actor="system", data={"issuer_token": told.token})
    return moved


async def end_dispute(
    services: Services,
    uow: UnitOfWork,
    dispute: Dispute,
    after: DisputeState,
    *,
    actor: str,
    recovered: int = 0,
    problem: str | None = None,
) -> Dispute:
    """Won, lost or withdrawn: the claim is closed and its money goes where it belongs.

    Raises:
        Refusal: ``dispute_state``.
    """
    check_transition(dispute.state, after)
    ended = replace(dispute, state=after, ended_at=uow.now, recovered=recovered, problem=problem)
    await uow.issuers.update_dispute(ended)
    await _record(services, uow, ended, actor=actor, data={"recovered": recovered})
    events = []
    if recovered > 0:
        events.append(_event(ended, uow, "won", EventKind.DISPUTE_WON, recovered))
    if recovered < dispute.amount:
        # What was claimed and did not come back is spend again.
        rest = dispute.amount - recovered
        events.append(_event(ended, uow, "rest", EventKind.DISPUTE_LOST, rest))
    await _fold(services, uow, ended, events, actor=actor)
    return ended


async def open_claim(services: Services, uow: UnitOfWork, dispute: Dispute, *, actor: str) -> None:
    """The claim exists: what is claimed becomes a receivable. No budget has it back yet."""
    await uow.issuers.add_dispute(dispute)
    await _record(services, uow, dispute, actor=actor, data={"note": dispute.note})
    opened = _event(dispute, uow, "opened", EventKind.DISPUTE_OPENED, dispute.amount)
    await _fold(services, uow, dispute, [opened], actor=actor)


async def credit_dispute(
    services: Services, uow: UnitOfWork, connection_id: str, told: DisputeCredited
) -> None:
    """What the issuer credits before the outcome, where it says so of the transaction.

    A step of a claim that nobody here opened moves nothing.
    """
    row = await uow.transactions.by_token(connection_id, told.transaction_token)
    if row is None:
        return
    claims = await uow.issuers.disputes(transaction_id=row.id, after=None, limit=10)
    live = [one for one in claims if one.state is DisputeState.SUBMITTED]
    if live:
        await _credit(services, uow, live[0], told.steps, actor=f"issuer:{connection_id}")


async def _credit(
    services: Services,
    uow: UnitOfWork,
    dispute: Dispute,
    steps: Sequence[ProvisionalStep],
    *,
    actor: str,
) -> None:
    """Provisional credits stand in an account of their own. Each step is booked once.

    A step of a claim that is decided moves nothing.
    """
    if dispute.state is not DisputeState.SUBMITTED:
        return
    seen = {one.token for one in await uow.transactions.events(dispute.transaction_id)}
    events = [
        _event(
            dispute,
            uow,
            f"credit:{step.token}",
            EventKind.PROVISIONAL_CREDIT if step.amount > 0 else EventKind.PROVISIONAL_REVERSED,
            abs(step.amount),
        )
        for step in steps
        if f"{dispute.id}:credit:{step.token}" not in seen
    ]
    if events:
        await _fold(services, uow, dispute, events, actor=actor)


def _event(
    dispute: Dispute, uow: UnitOfWork, step: str, kind: EventKind, amount: int
) -> LifecycleEvent:
    return LifecycleEvent(
        token=f"{dispute.id}:{step}",
        kind=kind,
        result=EventResult.APPROVED,
        amount=amount,
        currency=dispute.currency,
        created=uow.now,
        raw_kind=f"dispute {dispute.state}",
    )


async def _record(
    services: Services,
    uow: UnitOfWork,
    dispute: Dispute,
    *,
    actor: str,
    data: dict[str, object],
) -> None:
    row = await uow.transactions.get(dispute.transaction_id)
    await record(
        services,
        uow,
        f"dispute.{dispute.state}",
        actor=actor,
        subject=dispute.id,
        card_id=row.card_id if row else None,
        intent_id=row.intent_id if row else None,
        data={
            "transaction": dispute.transaction_id,
            "reason": dispute.reason.value,
            "amount": dispute.amount,
            "currency": dispute.currency,
            "problem": dispute.problem,
            **data,
        },
    )


async def _fold(
    services: Services,
    uow: UnitOfWork,
    dispute: Dispute,
    events: list[LifecycleEvent],
    *,
    actor: str,
) -> None:
    row = await uow.transactions.get(dispute.transaction_id)
    if row is None:
        return
    _, policy = await services.policies.in_force(uow)
    await uow.transactions.add_events(row.id, events, uow.now)
    known = known_of(
        row,
        await uow.cards.get(row.card_id or ""),
        await uow.transactions.decisions_of(row.connection_id, row.issuer_token),
        merge_events(await uow.transactions.events(row.id)),
        merchant=msgspec.convert(row.merchant, type=Merchant),
        match=msgspec.convert(row.match, type=MerchantMatch),
    )
    await refold(services, uow, policy, known, actor=actor, cause=f"dispute:{dispute.id}")
