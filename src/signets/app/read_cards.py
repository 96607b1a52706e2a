"""Look at cards."""

from __future__ import annotations

from signets.app.caller import Caller, not_found
from signets.app.read_intents import own_or_named
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.app.views import CardView
from signets.core.access import Scope
from signets.core.merchant.domains import canonical_vendor


async def card_view(uow: UnitOfWork, card_id: str, *, replayed: bool = False) -> CardView:
    """A card with the window that is on it.

    Raises:
        Refusal: ``card_not_found``.
    """
    card = await uow.cards.get(card_id)
    if card is None:
        raise not_found("card", card_id)
    window = await uow.cards.window_of_card(card_id)
    return CardView(card=card, window=window, replayed=replayed)


async def require_card(uow: UnitOfWork, caller: Caller, card_id: str) -> CardView:
    """The card, where it exists for this caller.

    Raises:
        Refusal: ``card_not_found``.
    """
    view = await card_view(uow, card_id)
    if not caller.sees(view.card.agent_id):
        raise not_found("card", card_id)
    return view


async def get_card(services: Services, caller: Caller, card_id: str) -> CardView:
    """One card."""
    caller.require(Scope.CARDS_READ)
    async with services.store.unlocked(caller.org_id) as uow:
        return await require_card(uow, caller, card_id)


async def list_cards(
    services: Services,
    caller: Caller,
    *,
    agent: str | None,
    vendor: str | None,
    after: str | None,
    limit: int,
) -> list[CardView]:
    """Newest first. ``agent`` is an id or handle; an agent's key sees only its own."""
    caller.require(Scope.CARDS_READ)
    async with services.store.unlocked(caller.org_id) as uow:
        if vendor is not None:
            directory = (await services.merchants.of(uow)).directory
            vendor = canonical_vendor(vendor, directory, param="vendor")
        agent_id = await own_or_named(uow, caller, agent)
        cards = await uow.cards.page(agent_id=agent_id, vendor=vendor, after=after, limit=limit)
        return [await card_view(uow, card.id) for card in cards]
