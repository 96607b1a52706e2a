"""A new card: its row first, then the issuer. Crash-safe: the row knows that it lacks a token."""

from __future__ import annotations

from signets.app.journal import record
from signets.app.ports import IssuerCardState
from signets.app.records import Agent, Card
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.core.card import CardState, LimitPeriod
from signets.core.errors import Refusal, RefusalKind
from signets.core.ids import Prefix


async def make_card(
    services: Services,
    uow: UnitOfWork,
    agent: Agent,
    *,
    merchant_lock: tuple[str, ...],
    spending_limit: int,
    currency: str,
    recurring: bool,
    actor: str,
    limit_period: LimitPeriod | None = None,
    per_authorization_limit: int | None = None,
    workflow: str | None = None,
    memo: str = "",
    allow_facilitators: bool = False,
) -> Card:
    """Write the card; the caller has the issuer make it after the commit (``sync_card``).

    ``recurring`` makes the limit count per month, otherwise over the card's life, unless
    ``limit_period`` says so itself.
    """
    connections = [one for one in await uow.identity.connections() if one.enrolled_at is not None]
    if not connections:
        raise Refusal(
            RefusalKind.CONFLICT,
            "issuer_missing",
            "no issuer connection is set up; start `signets serve` with the sandbox, or connect "
            "an issuer",
        )
    default = LimitPeriod.MONTH if recurring else LimitPeriod.LIFETIME
    card = Card(
        id=services.new_id(Prefix.CARD),
        agent_id=agent.id,
        connection_id=connections[-1].id,
        issuer_token=None,
        last_four=None,
        exp_month=None,
        exp_year=None,
        state=CardState.LOCKED,
        issuer_state=IssuerCardState.PAUSED,
        frozen_at=None,
        breaker_tripped_at=None,
        breaker_reset_at=None,
        merchant_lock=merchant_lock,
        allow_facilitators=allow_facilitators,
        currency=currency,
        spending_limit=spending_limit,
        limit_period=limit_period or default,
        per_authorization_limit=per_authorization_limit,
        recurring=recurring,
        workflow=workflow,
        memo=memo,
        created_by=actor,
        evidence_seq=0,
        created_at=uow.now,
        closed_at=None,
    )
    await uow.cards.add(card)
    await record(
        services,
        uow,
        "card.created",
        actor=actor,
        subject=card.id,
        card_id=card.id,
        data={
            "agent": agent.id,
            "merchant_lock": list(merchant_lock),
            "spending_limit": spending_limit,
            "currency": currency,
            "limit_period": card.limit_period.value,
            "per_authorization_limit": per_authorization_limit,
            "recurring": recurring,
            "workflow": workflow,
        },
    )
    return card
