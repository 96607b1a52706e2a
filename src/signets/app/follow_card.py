"""A card changed at its issuer behind our back: our card follows, and a person is told."""

from __future__ import annotations

from signets.app.journal import alert, record
from signets.app.ports import CardUpdated, IssuerCardState
from signets.app.records import Card, Connection
from signets.app.services import Services
from signets.app.stop_card import close, freeze
from signets.app.store import UnitOfWork
from signets.app.sync_card import sync_now, wanted_state


async def follow_card(services: Services, connection: Connection, told: CardUpdated) -> None:
    """What the issuer has now decides, not the event: ours may be on its way in both directions.

    Closed there is closed here. Paused there, while an intent holds it open, is frozen here: who
    paused it had a reason, and a member lifts it. Opened there is shut again by the next push.

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
        if told.state is card.issuer_state:
            return
        now = await services.issuers.client(connection).get_card(told.card_token)
        if now.state is card.issuer_state:
            return
        async with services.store.transaction(org_id) as uow:
            known = await uow.cards.get(card.id) or card
            await uow.cards.set_issuer_state(known.id, now.state)
            if now.state is not wanted_state(known, connection):
                await _follow(services, uow, known, now.state, told.because, connection.id)
    await sync_now(services, org_id, card.id)


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
