"""Look at intents."""

from __future__ import annotations

from signets.app.caller import Caller, not_found
from signets.app.records import Intent
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.app.views import IntentView
from signets.core.access import Scope
from signets.core.intent import IntentState


async def intent_view(
    uow: UnitOfWork,
    intent_id: str,
    *,
    duplicate_of: str | None = None,
    replayed: bool = False,
) -> IntentView:
    """An intent with what belongs beside it.

    Raises:
        Refusal: ``intent_not_found``.
    """
    intent = await uow.intents.get(intent_id)
    if intent is None:
        raise not_found("intent", intent_id)
    approval = await uow.intents.approval_of(intent_id)
    votes = tuple(await uow.intents.votes(approval.id)) if approval else ()
    windows = await uow.cards.windows_of_intent(intent_id)
    return IntentView(
        intent=intent,
        approval=approval,
        votes=votes,
        window=windows[-1] if windows else None,
        duplicate_of=duplicate_of,
        replayed=replayed,
    )


async def visible_intent(uow: UnitOfWork, caller: Caller, intent_id: str) -> Intent:
    """The intent, where it exists for this caller.

    Raises:
        Refusal: ``intent_not_found``.
    """
    intent = await uow.intents.get(intent_id)
    if intent is None or not caller.sees(intent.agent_id):
        raise not_found("intent", intent_id)
    return intent


async def get_intent(services: Services, caller: Caller, intent_id: str) -> IntentView:
    """One intent."""
    caller.require(Scope.INTENTS_READ)
    async with services.store.unlocked(caller.org_id) as uow:
        await visible_intent(uow, caller, intent_id)
        return await intent_view(uow, intent_id)


async def list_intents(
    services: Services,
    caller: Caller,
    *,
    agent: str | None,
    card_id: str | None,
    state: IntentState | None,
    after: str | None,
    limit: int,
) -> list[IntentView]:
    """Newest first. ``agent`` is an id or handle; an agent's key sees only its own."""
    caller.require(Scope.INTENTS_READ)
    async with services.store.unlocked(caller.org_id) as uow:
        agent_id = await own_or_named(uow, caller, agent)
        intents = await uow.intents.page(
            agent_id=agent_id, card_id=card_id, state=state, after=after, limit=limit
        )
        return [await intent_view(uow, intent.id) for intent in intents]


async def own_or_named(uow: UnitOfWork, caller: Caller, agent: str | None) -> str | None:
    """The agent to filter by: an agent's key is held to its own."""
    if caller.agent_id is not None:
        return caller.agent_id
    if agent is None:
        return None
    found = await uow.identity.agent(agent)
    if found is None:
        raise not_found("agent", agent)
    return found.id
