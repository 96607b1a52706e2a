"""An approved intent opens its card: the step that policy and approvers share."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from signets.app.make_card import NewCard, made_limit, make_card
from signets.app.open_period import open_first_period
from signets.app.records import Agent, Card, Intent
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.app.unlock_card import move_intent, open_window, single_window
from signets.core.intent import IntentState, Usage
from signets.core.policy.model import Policy


async def approve_intent(
    services: Services,
    uow: UnitOfWork,
    intent: Intent,
    agent: Agent,
    card: Card | None,
    policy: Policy,
    *,
    currency: str,
    actor: str,
    data: dict[str, Any],
) -> Card:
    """Approve, reserve and open. Makes a card for exactly this intent where there is none.

    ``currency`` is the card's, in which ``intent.reserve`` is stated.
    """
    if card is None:
        new = NewCard(
            merchant_lock=(intent.vendor,),
            spending_limit=made_limit(policy, intent.reserve, currency),
            currency=currency,
            recurring=intent.usage is Usage.RECURRING,
            workflow=intent.workflow,
        )
        card = await make_card(services, uow, agent, new, actor=actor)
    await uow.intents.set_card(intent.id, card.id)
    intent = replace(intent, card_id=card.id)
    await move_intent(services, uow, intent, IntentState.APPROVED, actor=actor, data=data)
    intent = replace(intent, state=IntentState.APPROVED, approved_at=uow.now)
    if intent.usage is Usage.RECURRING:
        await open_first_period(services, uow, intent, card, policy)
    else:
        opens_at, closes_at = single_window(intent, uow.now)
        await open_window(
            services,
            uow,
            intent,
            card,
            opens_at=opens_at,
            closes_at=closes_at,
            counts_at=uow.now,
            actor=actor,
        )
    return card
