"""Say what the issuer is to hold a card to by itself; ``sync_card`` brings it there.

Only an open card needs it: a locked one is paused at the issuer. It is said in the transaction
that unlocks the card, so that one push brings both; a limit changes on a locked card only.
"""

from __future__ import annotations

from dataclasses import replace

from signets.app.records import Card, Transaction
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.core.card import CardState
from signets.core.issuer_controls import CardControls, backstop_for, issuer_count
from signets.core.policy.levels import blocked
from signets.core.policy.match import Subject
from signets.core.policy.model import Policy


async def bound_card(services: Services, uow: UnitOfWork, card_id: str) -> None:
    """By the card's limit, its past and the policy in force."""
    card = await uow.cards.get(card_id)
    if card is None:
        return
    _, policy = await services.policies.in_force(uow)
    agent = await uow.identity.agent(card.agent_id)
    controls = CardControls(
        backstop=_backstop(card),
        blocked_categories=_blocked(policy, card, agent.handle if agent else ""),
    )
    if controls != wanted_controls(card):
        await uow.cards.set_controls(card.id, controls)


async def block_on_open_cards(uow: UnitOfWork, policy: Policy) -> None:
    """What a new policy blocks on the cards that are open; the sweep tells the issuer."""
    handles = {one.id: one.handle for one in await uow.identity.agents()}
    changed: dict[tuple[str, ...], list[str]] = {}
    for card in await uow.cards.open_cards(None):
        categories = _blocked(policy, card, handles.get(card.agent_id, ""))
        if categories != card.blocked_categories:
            changed.setdefault(categories, []).append(card.id)
    for categories, card_ids in changed.items():
        await uow.cards.block_categories(card_ids, categories)


async def count_for_issuer(uow: UnitOfWork, row: Transaction) -> None:
    """What the issuer may count of a transaction now; an open card's backstop stays wide enough."""
    if row.card_id is None:
        return
    counted = issuer_count(
        authorized=row.authorized, held=row.held, reversed_=row.reversed, cleared=row.cleared
    )
    await uow.cards.count_for_issuer(row.card_id, row.id, counted)
    card = await uow.cards.get(row.card_id)
    if card is not None and card.state is CardState.OPEN and _backstop(card) != card.backstop:
        controls = replace(wanted_controls(card), backstop=_backstop(card))
        await uow.cards.set_controls(card.id, controls)


def _backstop(card: Card) -> int:
    return backstop_for(card.spending_limit, counted=card.issuer_counted, current=card.backstop)


def _blocked(policy: Policy, card: Card, agent_handle: str) -> tuple[str, ...]:
    subject = Subject(agent_id=card.agent_id, agent_handle=agent_handle, card_id=card.id)
    return blocked(policy, subject).categories


def wanted_controls(card: Card) -> CardControls:
    """What the issuer is to hold the card to."""
    return CardControls(backstop=card.backstop, blocked_categories=card.blocked_categories)


def confirmed_controls(card: Card) -> CardControls:
    """What the issuer was last told, or had when it was last looked at."""
    return CardControls(
        backstop=card.issuer_backstop, blocked_categories=card.issuer_blocked_categories
    )
