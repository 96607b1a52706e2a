"""Kill switches: freeze a card, an agent or the organization; close a card; reset its breaker."""

from __future__ import annotations

from signets.app.caller import Caller, not_found
from signets.app.journal import record
from signets.app.read_cards import card_view, require_card
from signets.app.records import Agent, Organization
from signets.app.services import Services
from signets.app.stop_card import close, freeze
from signets.app.sync_card import sync_now
from signets.app.unlock_card import end_window
from signets.app.views import CardView
from signets.core.access import Scope
from signets.core.intent import IntentState


async def freeze_card(services: Services, caller: Caller, card_id: str) -> CardView:
    """Nothing passes on the card until a member unfreezes it; its window ends."""
    return await _switch_card(services, caller, card_id, frozen=True)


async def unfreeze_card(services: Services, caller: Caller, card_id: str) -> CardView:
    """The card is locked, and can be opened by an intent again."""
    return await _switch_card(services, caller, card_id, frozen=False)


async def _switch_card(
    services: Services, caller: Caller, card_id: str, *, frozen: bool
) -> CardView:
    caller.require(Scope.CARDS_CONTROL)
    async with services.store.transaction(caller.org_id) as uow:
        view = await require_card(uow, caller, card_id)
        if frozen and view.card.frozen_at is None:
            await freeze(services, uow, view.card, actor=caller.actor, cause="frozen", data={})
        elif not frozen and view.card.frozen_at is not None:
            await uow.cards.set_frozen(card_id, None)
            await record(
                services,
                uow,
                "card.unfrozen",
                actor=caller.actor,
                subject=card_id,
                card_id=card_id,
                data={},
            )
    return await _pushed(services, caller, card_id)


async def close_card(services: Services, caller: Caller, card_id: str) -> CardView:
    """Close for good.

    Raises:
        Refusal: ``card_state`` where it is closed already.
    """
    caller.require(Scope.CARDS_CONTROL)
    async with services.store.transaction(caller.org_id) as uow:
        view = await require_card(uow, caller, card_id)
        await close(services, uow, view.card, actor=caller.actor, data={})
    return await _pushed(services, caller, card_id)


async def reset_breaker(services: Services, caller: Caller, card_id: str) -> CardView:
    """A member lets the card be opened again after its circuit breaker tripped."""
    caller.require(Scope.CARDS_CONTROL)
    async with services.store.transaction(caller.org_id) as uow:
        view = await require_card(uow, caller, card_id)
        if view.card.breaker_tripped_at is not None:
            await uow.cards.reset_breaker(card_id, uow.now)
            await record(
                services,
                uow,
                "card.breaker_reset",
                actor=caller.actor,
                subject=card_id,
                card_id=card_id,
                data={},
            )
    return await _pushed(services, caller, card_id)


async def _pushed(services: Services, caller: Caller, card_id: str) -> CardView:
    await sync_now(services, caller.org_id, card_id)
    async with services.store.unlocked(caller.org_id) as uow:
        return await card_view(uow, card_id)


async def switch_agent(services: Services, caller: Caller, agent: str, *, frozen: bool) -> Agent:
    """Freeze or unfreeze an agent: all its cards decline, all its windows end."""
    caller.require(Scope.CARDS_CONTROL)
    async with services.store.transaction(caller.org_id) as uow:
        found = await uow.identity.agent(agent)
        if found is None:
            raise not_found("agent", agent)
        closed: list[str] = []
        if (found.frozen_at is not None) != frozen:
            await uow.identity.freeze_agent(found.id, uow.now if frozen else None)
            await record(
                services,
                uow,
                "agent.frozen" if frozen else "agent.unfrozen",
                actor=caller.actor,
                subject=found.id,
                data={},
            )
            for card in await uow.cards.open_cards(found.id) if frozen else []:
                window = await uow.cards.window_of_card(card.id)
                if window is not None:
                    await end_window(
                        services,
                        uow,
                        window,
                        actor=caller.actor,
                        cause="agent_frozen",
                        outcome=IntentState.CANCELED,
                    )
                    closed.append(card.id)
        switched = await uow.identity.agent(found.id)
    for card_id in closed:
        await sync_now(services, caller.org_id, card_id)
    return switched or found


async def switch_organization(services: Services, caller: Caller, *, frozen: bool) -> Organization:
    """The big switch: every card of the organization declines until it is lifted."""
    caller.require(Scope.IDENTITY_WRITE)
    async with services.store.transaction(caller.org_id) as uow:
        closed: list[str] = []
        if (uow.organization.frozen_at is not None) != frozen:
            await uow.identity.freeze_organization(uow.now if frozen else None)
            await record(
                services,
                uow,
                "organization.frozen" if frozen else "organization.unfrozen",
                actor=caller.actor,
                subject=caller.org_id,
                data={},
            )
            for card in await uow.cards.open_cards(None) if frozen else []:
                window = await uow.cards.window_of_card(card.id)
                if window is not None:
                    await end_window(
                        services,
                        uow,
                        window,
                        actor=caller.actor,
                        cause="organization_frozen",
                        outcome=IntentState.CANCELED,
                    )
                    closed.append(card.id)
    for card_id in closed:
        await sync_now(services, caller.org_id, card_id)
    async with services.store.unlocked(caller.org_id) as uow:
        return uow.organization
