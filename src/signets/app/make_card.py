"""A new card: its row first, then the issuer. Crash-safe: the row knows that it lacks a token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from signets.app.journal import record
from signets.app.ports import IssuerCardState
from signets.app.records import Agent, Card, Connection, Intent
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.core.authorization.case import small_amount
from signets.core.card import CardState, LimitPeriod
from signets.core.errors import Refusal, RefusalKind
from signets.core.ids import Prefix
from signets.core.policy.model import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCard:
    """What a new card is to be. Amounts in minor units of ``currency``.

    ``recurring`` makes the limit count per month, otherwise over the card's life, unless
    ``limit_period`` says so itself.
    """

    merchant_lock: tuple[str, ...]
    spending_limit: int
    currency: str
    recurring: bool
    limit_period: LimitPeriod | None = None
    per_authorization_limit: int | None = None
    workflow: str | None = None
    memo: str = ""
    allow_facilitators: bool = False

    def period(self) -> LimitPeriod:
        """Over what the limit counts."""
        default = LimitPeriod.MONTH if self.recurring else LimitPeriod.LIFETIME
        return self.limit_period or default


async def make_card(
    services: Services, uow: UnitOfWork, agent: Agent, new: NewCard, *, actor: str
) -> Card:
    """Write the card; the caller has the issuer make it after the commit (``sync_card``).

    Raises:
        Refusal: ``issuer_missing`` where no issuer connection is enrolled.
    """
    connections = [one for one in await uow.identity.connections() if one.enrolled_at is not None]
    if not connections:
        raise Refusal(
            RefusalKind.CONFLICT,
            "issuer_missing",
            "no issuer connection is set up; start `signets serve` with the sandbox, or connect "
            "an issuer",
        )
    card = Card(
        id=services.new_id(Prefix.CARD),
        agent_id=agent.id,
        connection_id=_for_new_cards(connections).id,
        issuer_token=None,
        last_four=None,
        exp_month=None,
        exp_year=None,
        state=CardState.LOCKED,
        issuer_state=IssuerCardState.PAUSED,
        frozen_at=None,
        breaker_tripped_at=None,
        breaker_reset_at=None,
        merchant_lock=new.merchant_lock,
        allow_facilitators=new.allow_facilitators,
        currency=new.currency,
        spending_limit=new.spending_limit,
        limit_period=new.period(),
        per_authorization_limit=new.per_authorization_limit,
        recurring=new.recurring,
        workflow=new.workflow,
        memo=new.memo,
        created_by=actor,
        evidence_seq=0,
        created_at=uow.now,
        closed_at=None,
    )
    await uow.cards.add(card)
    await _record_created(services, uow, card)
    return card


def _for_new_cards(connections: Sequence[Connection]) -> Connection:
    """The newest; but where real money moves, trying out a test account takes no card away."""
    live = [one for one in connections if one.mode == "live"]
    return (live or connections)[-1]


async def _record_created(services: Services, uow: UnitOfWork, card: Card) -> None:
    await record(
        services,
        uow,
        "card.created",
        actor=card.created_by,
        subject=card.id,
        card_id=card.id,
        data={
            "agent": card.agent_id,
            "merchant_lock": list(card.merchant_lock),
            "spending_limit": card.spending_limit,
            "currency": card.currency,
            "limit_period": card.limit_period.value,
            "per_authorization_limit": card.per_authorization_limit,
            "recurring": card.recurring,
            "workflow": card.workflow,
        },
    )


def made_limit(policy: Policy, reserve: int, currency: str) -> int:
    """The spending limit of a card that is made for one intent, in minor units of ``currency``.

    What the intent reserves, and room for a day's verifications beside it: a merchant that first
    holds one dollar would otherwise be told that the card has no money.
    """
    verification = policy.verification
    return reserve + verification.per_day * small_amount(currency, verification.max_amounts)


async def refit_card(
    services: Services, uow: UnitOfWork, intent: Intent, spending_limit: int, *, actor: str
) -> None:
    """Give a card that was made for exactly this intent the limit that its new amount needs.

    Such a card is as old as the approval that made it, to the tick. All others keep their limit:
    somebody chose it.
    """
    card = await uow.cards.get(intent.card_id or "")
    one: Intent | None = intent
    while one is not None and card is not None and card.created_at != one.approved_at:
        one = await uow.intents.get(one.supersedes) if one.supersedes else None
    if card is None or one is None:
        return
    await uow.cards.set_spending_limit(card.id, spending_limit)
    await record(
        services,
        uow,
        "card.limit_changed",
        actor=actor,
        subject=card.id,
        card_id=card.id,
        intent_id=intent.id,
        data={"from": card.spending_limit, "to": spending_limit, "currency": card.currency},
    )
