"""A card changed at its issuer behind our back: our card follows, and a person is told."""

from __future__ import annotations

from signets.app.bound_card import confirmed_controls, wanted_controls
from signets.app.journal import alert, record
from signets.app.ports import CardUpdated, Issuer, IssuerCard, IssuerCardState
from signets.app.records import Card, Connection
from signets.app.services import Services
from signets.app.stop_card import close, freeze
from signets.app.store import UnitOfWork
from signets.app.sync_card import sync_now, wanted_state
from signets.core.card import CardState


async def follow_card(services: Services, connection: Connection, told: CardUpdated) -> None:
    """What the issuer has now decides, not the event: ours may be on its way in both directions.

    Closed there is closed here. Paused there, while an intent holds it open, is frozen here: who
    paused it had a reason, and a member lifts it. Opened there is shut again by the next push;
    so are limits and blocked categories that are not ours any more set again by it.

    Raises:
        IssuerUnavailable, IssuerRefused: The issuer could not be asked; the event waits.
    """
    org_id = connection.org_id
    async with services.store.unlocked(org_id) as uow:
        card = await uow.cards.by_token(connection.id, told.card_token)
    if card is None:
        return  # a card of the account that is not ours
    # Under the lock of our own pushes: what differs from the last one is somebody else's doing.
    async with services.store.exclusive(f"card:{card.id}"):
        async with services.store.unlocked(org_id) as uow:
            card = await uow.cards.get(card.id) or card
        if told.state is card.issuer_state and not told.controls_changed:
            return
        client = services.issuers.client(connection)
        now = await client.get_card(told.card_token)
        bound = not _as_told(client, card, now)
        if now.state is card.issuer_state and not bound:
            return
        async with services.store.transaction(org_id) as uow:
            known = await uow.cards.get(card.id) or card
            if bound:
                await _unbind(services, uow, known, now, connection.id)
            if now.state is not card.issuer_state:
                await uow.cards.set_issuer_state(known.id, now.state)
                if now.state is not wanted_state(known, connection):
                    await _follow(services, uow, known, now.state, told.because, connection.id)
    await sync_now(services, org_id, card.id)


def _as_told(client: Issuer, card: Card, now: IssuerCard) -> bool:
    """Whether the card is held to what we said last, or what we say now (and did not hear of)."""
    ours = (confirmed_controls(card), wanted_controls(card))
    return now.controls is None or now.controls in map(client.enforceable, ours)


async def _unbind(
    services: Services, uow: UnitOfWork, card: Card, now: IssuerCard, connection_id: str
) -> None:
    """What is there is known now, and so differs from what it should be: the next push mends it."""
    found = now.controls
    if found is None or card.state is CardState.CLOSED:
        return
    await uow.cards.set_issuer_controls(card.id, found)
    await record(
        services,
        uow,
        "card.limits_changed_at_issuer",
        actor=f"issuer:{connection_id}",
        subject=card.id,
        card_id=card.id,
        data={
            "backstop": found.backstop,
            "blocked_categories": list(found.blocked_categories),
            "ours": card.backstop,
        },
    )
    when = "now" if card.state is CardState.OPEN else "when an intent opens it"
    await alert(
        services,
        uow,
        "card_limits_changed_at_issuer",
        subject=card.id,
        message="somebody changed the card's limit or blocked categories at the issuer, which "
        f"could decline what is allowed here: ours are set again {when}",
    )


async def _follow(
    services: Services,
    uow: UnitOfWork,
    card: Card,
    state: IssuerCardState,
    because: str,
    connection_id: str,
) -> None:
    actor = f"issuer:{connection_id}"
    data = {"cause": f"{state.value} at the issuer", "because": because}
    if state is IssuerCardState.CLOSED:
        await close(services, uow, card, actor=actor, data=data)
        done = "it is closed here too"
    elif state is IssuerCardState.PAUSED:
        await freeze(services, uow, card, actor=actor, cause="frozen", data=data)
        done = "it is frozen here until a member unfreezes it"
    else:
        await record(
            services,
            uow,
            "card.opened_at_issuer",
            actor=actor,
            subject=card.id,
            card_id=card.id,
            data=data,
        )
        done = "no intent holds it open, and it is paused again"
    said = f" ({because})" if because else ""
    await alert(
        services,
        uow,
        f"card_{_WORDS[state]}_at_issuer",
        subject=card.id,
        message=f"somebody {_WORDS[state]} the card at the issuer{said}: {done}",
    )


_WORDS = {
    IssuerCardState.OPEN: "opened",
    IssuerCardState.PAUSED: "paused",
    IssuerCardState.CLOSED: "closed",
}
