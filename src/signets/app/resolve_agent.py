"""Whose purchase it is: what the promised calls leave open (design: ``intents.create``)."""

from __future__ import annotations

from signets.app.caller import Caller, not_found
from signets.app.records import Agent
from signets.app.store import UnitOfWork
from signets.core.card import CardState
from signets.core.errors import Refusal, RefusalKind, invalid


async def resolve_agent(
    uow: UnitOfWork, caller: Caller, agent: str | None, card_id: str | None, vendor: str
) -> tuple[Agent, str | None]:
    """``(agent, card to use or None)``.

    An agent's key means that agent. Any other key names the agent, or the card; with neither, the
    agent of the only card locked to the vendor is meant, and two candidates are both named.

    Raises:
        Refusal: ``agent_required``, ``agent_ambiguous``, ``agent_not_found``, ``card_not_found``,
            or ``frozen``.
    """
    if caller.agent_id is not None:
        if agent is not None and await _named(uow, agent) != caller.agent_id:
            raise Refusal(
                RefusalKind.FORBIDDEN,
                "agent_forbidden",
                "an agent's key acts for that agent alone; leave `agent_id` out",
                param="agent_id",
            )
        return await usable_agent(uow, caller.agent_id), card_id
    if agent is not None:
        return await usable_agent(uow, agent), card_id
    if card_id is not None:
        card = await uow.cards.get(card_id)
        if card is None:
            raise not_found("card", card_id)
        return await usable_agent(uow, card.agent_id), card_id
    cards = [
        card
        for card in await uow.cards.page(agent_id=None, vendor=vendor, limit=1000)
        if card.state is not CardState.CLOSED
    ]
    owners = sorted({card.agent_id for card in cards})
    if not owners:
        raise invalid(
            "agent_required",
            f"no card is locked to {vendor} yet: name the agent in `agent_id`",
            param="agent_id",
        )
    if len(owners) > 1:
        handles = [found.handle for owner in owners if (found := await uow.identity.agent(owner))]
        raise invalid(
            "agent_ambiguous",
            f"cards locked to {vendor} belong to {', '.join(f'`{one}`' for one in handles)}: "
            "name one in `agent_id`, or a card in `card_id`",
            param="agent_id",
        )
    # The one card is meant too, unless another intent is open on it: then it is the agent's next.
    only = cards[0].id if len(cards) == 1 and cards[0].state is CardState.LOCKED else None
    return await usable_agent(uow, owners[0]), only


async def _named(uow: UnitOfWork, agent: str) -> str | None:
    found = await uow.identity.agent(agent)
    return found.id if found else None


async def usable_agent(uow: UnitOfWork, agent: str) -> Agent:
    """The agent, unless it or the organization is frozen."""
    found = await uow.identity.agent(agent)
    if found is None:
        raise not_found("agent", agent)
    level = (
        "organization"
        if uow.organization.frozen_at is not None
        else "agent"
        if found.frozen_at is not None
        else None
    )
    if level is not None:
        raise Refusal(
            RefusalKind.CONFLICT,
            "frozen",
            f"the {level} is frozen; a member must unfreeze it",
        )
    return found
