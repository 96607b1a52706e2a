"""Freeze or close a card, whoever asked for it: its window ends, its intent is canceled."""

from __future__ import annotations

from typing import Any

from signets.app.journal import record
from signets.app.records import Card
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.app.unlock_card import end_window
from signets.core.card import CardState, check_transition
from signets.core.intent import IntentState


async def freeze(
    services: Services,
    uow: UnitOfWork,
    card: Card,
    *,
    actor: str,
    cause: str,
    data: dict[str, Any],
    intent_id: str | None = None,
) -> None:
    """Nothing passes on the card until a member unfreezes it. A frozen one stays as it is."""
    await _end(services, uow, card, actor=actor, cause=cause)
    if card.frozen_at is not None:
        return
    await uow.cards.set_frozen(card.id, uow.now)
    await record(
        services,
        uow,
        "card.frozen",
        actor=actor,
        subject=card.id,
        card_id=card.id,
        intent_id=intent_id,
        data=data,
    )


async def close(
    services: Services, uow: UnitOfWork, card: Card, *, actor: str, data: dict[str, Any]
) -> None:
    """For good.

    Raises:
        Refusal: ``card_state`` where it is closed already.
    """
    check_transition(card.state, CardState.CLOSED)
    await _end(services, uow, card, actor=actor, cause="closed")
    await uow.cards.set_state(card.id, CardState.CLOSED, uow.now)
    await record(
        services,
        uow,
        "card.closed",
        actor=actor,
        subject=card.id,
        card_id=card.id,
        data=data,
    )


async def _end(services: Services, uow: UnitOfWork, card: Card, *, actor: str, cause: str) -> None:
    window = await uow.cards.window_of_card(card.id)
    if window is not None:
        await end_window(
            services, uow, window, actor=actor, cause=cause, outcome=IntentState.CANCELED
        )
