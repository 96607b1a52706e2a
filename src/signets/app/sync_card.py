"""Push a card's state to the issuer: make it there, open it, pause it, close it.

At-least-once and repeatable: what is pushed is always the state *now*, under a lock of the card's
own, so two pushes cannot overtake each other.
"""

from __future__ import annotations

import uuid

from signets.app.ports import IssuerCardState, IssuerRefused, IssuerUnavailable
from signets.app.records import Card, Connection
from signets.app.services import Services
from signets.core.card import CardState

_NAMESPACE = uuid.UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")  # RFC 4122: ISO OID name space


def wanted_state(card: Card, connection: Connection) -> IssuerCardState:
    """What the issuer should have: open only while our lock is, and nobody holds the card."""
    if card.state is CardState.CLOSED:
        return IssuerCardState.CLOSED
    held = card.frozen_at is not None or connection.held_at is not None
    return (
        IssuerCardState.OPEN
        if card.state is CardState.OPEN and not held
        else (IssuerCardState.PAUSED)
    )


async def sync_card(services: Services, org_id: str, card_id: str) -> Card | None:
    """Bring the issuer's card to our state.

    Raises:
        IssuerUnavailable, IssuerRefused: The issuer did not take it; the sweep tries again.
    """
    async with services.store.exclusive(f"card:{card_id}"):
        async with services.store.unlocked(org_id) as uow:
            card = await uow.cards.get(card_id)
            if card is None:
                return None
            connection = await uow.identity.connection(card.connection_id)
        if connection is None:
            return card
        client = services.issuers.client(connection)
        if card.issuer_token is None:
            made = await client.create_card(
                # The same card asks with the same key, so a lost answer makes no second card.
                idempotency_key=str(uuid.uuid5(_NAMESPACE, card.id)),
                memo=card.id,
                lifetime_backstop=None,
                tags={"organization": org_id, "agent": card.agent_id},
            )
            async with services.store.transaction(org_id) as uow:
                await uow.cards.set_issued(card_id, made)
                card = await uow.cards.get(card_id)
            if card is None or card.issuer_token is None:
                return card
        wanted = wanted_state(card, connection)
        if card.issuer_state is not wanted:
            pushed = await client.set_card_state(card.issuer_token, wanted)
            async with services.store.transaction(org_id) as uow:
                await uow.cards.set_issuer_state(card_id, pushed.state)
                card = await uow.cards.get(card_id)
        return card


async def sync_now(services: Services, org_id: str, card_id: str) -> None:
    """Push right away, so that the caller finds the card as it should be; a job is the net.

    The issuer's being down does not fail the caller: our own lock already holds, and the lag is
    shown on the card.
    """
    try:
        await sync_card(services, org_id, card_id)
    except (IssuerUnavailable, IssuerRefused):
        await services.jobs.sync_card(org_id, card_id)
