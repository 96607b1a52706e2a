"""The circuit breaker: lock the card, cancel what is unused, tell a person."""

from __future__ import annotations

from signets.app.journal import SYSTEM, alert, record
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.app.unlock_card import end_window
from signets.core.intent import IntentState


async def trip_breaker(services: Services, uow: UnitOfWork, card_id: str) -> None:
    """Repeated declines at one vendor: the card stays locked until a member resets it."""
    card = await uow.cards.get(card_id)
    if card is None or card.breaker_tripped_at is not None:
        return
    window = await uow.cards.window_of_card(card_id)
    if window is not None:
        await end_window(services, uow, window, cause="breaker", outcome=IntentState.CANCELED)
    await uow.cards.trip_breaker(card_id, uow.now)
    await record(
        services,
        uow,
        "card.breaker_tripped",
        actor=SYSTEM,
        subject=card_id,
        card_id=card_id,
        intent_id=window.intent_id if window else None,
        data={},
    )
    await alert(
        services,
        uow,
        "breaker_tripped",
        subject=card_id,
        message=f"card {card_id} was locked after repeated declines; look, then reset its breaker",
    )
