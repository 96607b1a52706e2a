"""Cards: ``/v1/cards``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.responses import Response

from signets.app import create_card, freeze, read_cards, reveal_card
from signets.app.caller import Caller
from signets.app.services import Services
from signets.app.views import CardView
from signets.core.access import Scope
from signets.core.ids import Prefix
from signets.http.inputs import CardInput
from signets.http.outputs.base import Page, page_of
from signets.http.outputs.purchases import CardDetailsOut, CardOut
from signets.http.pages import After, Filter, Limit, cursor
from signets.http.routing import Ask, Endpoint, mark_replay


async def create(ask: Ask, body: CardInput, response: Response) -> CardOut:
    """Creates a virtual card, locked here and at the issuer until an approved intent opens it.

    An agent's key creates for itself, where policy allows; any other key names the agent.
    """
    view = await create_card.create_card(ask.services, ask.caller, body.command(), ask.idempotency)
    mark_replay(response, view.replayed)
    return CardOut.of(view)


async def list_all(
    ask: Ask,
    agent_id: Filter = None,
    vendor: Filter = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[CardOut]:
    """Cards, newest first. An agent's key sees its own."""
    views = await read_cards.list_cards(
        ask.services,
        ask.caller,
        agent=agent_id,
        vendor=vendor,
        after=cursor(after, Prefix.CARD),
        limit=limit + 1,
    )
    return page_of(views, limit, CardOut.of)


async def get(ask: Ask, card_id: str) -> CardOut:
    """One card with the window that is on it."""
    return CardOut.of(await read_cards.get_card(ask.services, ask.caller, card_id))


async def reveal(ask: Ask, card_id: str) -> CardDetailsOut:
    """What a checkout form asks for: to the owning agent, inside an open window.

    Rate-limited per card by policy, and recorded. Never cache or log the answer.
    """
    return CardDetailsOut.of(await reveal_card.reveal_card(ask.services, ask.caller, card_id))


def _switch(
    verb: Callable[[Services, Caller, str], Awaitable[CardView]], description: str
) -> Callable[..., Any]:
    """A handler for one switch of a card; they differ in nothing but the use case."""

    async def handle(ask: Ask, card_id: str) -> CardOut:
        return CardOut.of(await verb(ask.services, ask.caller, card_id))

    handle.__doc__ = description
    return handle


_CONTROL = (
    (
        "freeze",
        freeze.freeze_card,
        "Freeze a card",
        "Nothing passes on the card until a member unfreezes it; its window ends.",
    ),
    (
        "unfreeze",
        freeze.unfreeze_card,
        "Unfreeze a card",
        "The card stays locked, and an intent can open it again.",
    ),
    ("close", freeze.close_card, "Close a card for good", "Closes the card here and there."),
    (
        "reset_breaker",
        freeze.reset_breaker,
        "Reset a card's circuit breaker",
        "Lets the card be opened again after repeated declines tripped its breaker.",
    ),
)

ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/v1/cards",
        operation="cards_create",
        call=create,
        summary="Create a card",
        scope=Scope.CARDS_WRITE,
        status=201,
        idempotent=True,
        refuses=(404, 409),
    ),
    Endpoint(
        method="GET",
        path="/v1/cards",
        operation="cards_list",
        call=list_all,
        summary="List cards",
        scope=Scope.CARDS_READ,
        refuses=(404,),
    ),
    Endpoint(
        method="GET",
        path="/v1/cards/{card_id}",
        operation="cards_get",
        call=get,
        summary="Get a card",
        scope=Scope.CARDS_READ,
        refuses=(404,),
    ),
    Endpoint(
        method="POST",
        path="/v1/cards/{card_id}/reveal",
        operation="cards_reveal",
        call=reveal,
        summary="Reveal a card's number",
        scope=Scope.CARDS_REVEAL,
        refuses=(404, 409, 429),
    ),
    *(
        Endpoint(
            method="POST",
            path=f"/v1/cards/{{card_id}}/{verb}",
            operation=f"cards_{verb}",
            call=_switch(use_case, description),
            summary=summary,
            scope=Scope.CARDS_CONTROL,
            refuses=(404, 409),
        )
        for verb, use_case, summary, description in _CONTROL
    ),
)
