"""Say what the issuer is to hold a card to by itself; ``sync_card`` brings it there.

Only an open card needs it: a locked one is paused at the issuer. It is said in the transaction
that unlocks the card, so that one push brings both; a limit changes on a locked card only.
"""

from __future__ import annotations

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
    if card is not None:
        _, policy = await services.policies.in_force(uow)
        await _set(uow, card, await _controls(uow, policy, card))


async def bound_open_cards(uow: UnitOfWork, policy: Policy) -> list[str]:
    """The same for every open card under a new policy; the cards for which something changes."""
    changed = []
    for card in await uow.cards.open_cards(None):
        if await _set(uow, card, await _controls(uow, policy, card)):
            changed.append(card.id)
    return changed


async def count_for_issuer(uow: UnitOfWork, row: Transaction) -> None:
    """What the issuer may count of a transaction now; the card's backstop stays wide enough."""
    if row.card_id is None:
        return
    counted = issuer_count(
        authorized=row.authorized, held=row.held, reversed_=row.reversed, cleared=row.cleared
    )
    await uow.cards.count_for_issuer(row.card_id, row.id, counted)
    card = await uow.cards.get(row.card_id)
    if card is not None and card.state is CardState.OPEN:
        backstop = _backstop(card)
        await _set(
            uow,
            card,
            CardControls(backstop=backstop, blocked_categories=card.blocked_categories),
        )


def _backstop(card: Card) -> int:
    return backstop_for(card.spending_limit, counted=card.issuer_counted, current=card.backstop)


async def _controls(uow: UnitOfWork, policy: Policy, card: Card) -> CardControls:
    agent = await uow.identity.agent(card.agent_id)
    subject = Subject(
        agent_id=card.agent_id, agent_handle=agent.handle if agent else "", card_id=card.id
    )
    categories = blocked(policy, subject).categories
    return CardControls(backstop=_backstop(card), blocked_categories=categories)


async def _set(uow: UnitOfWork, card: Card, controls: CardControls) -> bool:
    """Whether it is another than before."""
    if controls == wanted_controls(card):
        return False
    await uow.cards.set_controls(card.id, controls)
    return True


def wanted_controls(card: Card) -> CardControls:
    """What the issuer is to hold the card to."""
    return CardControls(backstop=card.backstop, blocked_categories=card.blocked_categories)


def confirmed_controls(card: Card) -> CardControls:
    """What the issuer was last told, or had when it was last looked at."""
    return CardControls(
        backstop=card.issuer_backstop, blocked_categories=card.issuer_blocked_categories
    )
