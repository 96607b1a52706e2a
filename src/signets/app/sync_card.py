"""Push a card's state to the issuer: make it there, open it, pause it, close it.

At-least-once and repeatable: what is pushed is always the state *now*, under a lock of the card's
own, so two pushes cannot overtake each other.
"""

from __future__ import annotations

import uuid

from signets.app.bound_card import confirmed_controls, wanted_controls
from signets.app.ports import (
    ControlsChange,
    Issuer,
    IssuerCardState,
    IssuerRefused,
    IssuerUnavailable,
)
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
                tags={"organization": org_id, "agent": card.agent_id},
            )
            async with services.store.transaction(org_id) as uow:
                await uow.cards.set_issued(card_id, made)
                card = await uow.cards.get(card_id)
            if card is None or card.issuer_token is None:
                return card
        return await _push(services, org_id, client, card, wanted_state(card, connection))


async def _push(
    services: Services, org_id: str, client: Issuer, card: Card, wanted: IssuerCardState
) -> Card | None:
    """State and controls in one request: never open under a backstop that is too narrow."""
    token = card.issuer_token or ""
    controls = wanted_controls(card)
    change = _change(client, card, wanted)
    told = wanted is IssuerCardState.OPEN and confirmed_controls(card) != controls
    if card.issuer_state is wanted and not told:
        return card
    pushed, taken = None, True
    if card.issuer_state is not wanted or change is not None:
        pushed = await client.set_card_state(token, wanted, change)
        taken = change is None or pushed.controls == change.after
    async with services.store.transaction(org_id) as uow:
        if pushed is not None:
            await uow.cards.set_issuer_state(card.id, pushed.state)
        if told and taken:
            await uow.cards.set_issuer_controls(card.id, controls)
        after = await uow.cards.get(card.id)
    if not taken:
        raise IssuerRefused("the issuer did not take the card's limit or blocked categories")
    return after


def _change(client: Issuer, card: Card, wanted: IssuerCardState) -> ControlsChange | None:
    """What to tell the issuer; nothing of a card that is shut, or was opened before there was any.

    Such a card of an older version has them with its next intent.
    """
    if wanted is not IssuerCardState.OPEN or card.backstop is None:
        return None
    change = ControlsChange(
        before=client.enforceable(confirmed_controls(card)),
        after=client.enforceable(wanted_controls(card)),
    )
    return None if change.before == change.after else change


async def sync_now(services: Services, org_id: str, card_id: str) -> None:
    """Push right away, so that the caller finds the card as it should be; a job is the net.

    The issuer's being down does not fail the caller: our own lock already holds, and the lag is
    shown on the card.
    """
    try:
        await sync_card(services, org_id, card_id)
    except (IssuerUnavailable, IssuerRefused):
        await services.jobs.sync_card(org_id, card_id)
