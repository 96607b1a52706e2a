"""Give the owning agent what a checkout form asks for, once, inside an open window."""

from __future__ import annotations

from datetime import timedelta

from signets.app.caller import Caller, not_found
from signets.app.journal import record
from signets.app.read_cards import require_card
from signets.app.services import Services
from signets.app.views import CardDetails
from signets.core.access import Scope
from signets.core.card import UnlockWindow
from signets.core.errors import Refusal, RefusalKind


async def reveal_card(services: Services, caller: Caller, card_id: str) -> CardDetails:
    """Number, CVC, expiry and name. Recorded before it is fetched, never stored or logged.

    Raises:
        Refusal: Not the owning agent, no open window, frozen, or too many reveals this hour.
    """
    caller.require(Scope.CARDS_REVEAL)
    async with services.store.transaction(caller.org_id) as uow:
        view = await require_card(uow, caller, card_id)
        card, window = view.card, view.window
        agent = await uow.identity.agent(card.agent_id)
        if agent is None or caller.agent_id != card.agent_id:
            raise not_found("card", card_id)
        _, policy = await services.policies.in_force(uow)
        held = card.frozen_at or agent.frozen_at or uow.organization.frozen_at
        if held is not None:
            raise Refusal(RefusalKind.CONFLICT, "frozen", "the card is frozen")
        open_now = window is not None and UnlockWindow(
            intent_id=window.intent_id,
            opens_at=window.opens_at,
            closes_at=window.closes_at,
            consumed_at=window.consumed_at,
        ).is_open(uow.now, timedelta(seconds=policy.grace_seconds))
        if not open_now or card.issuer_token is None:
            raise Refusal(
                RefusalKind.CONFLICT,
                "card_locked",
                "a card is revealed only while an approved intent's window is open",
            )
        since = uow.now - timedelta(hours=1)
        if await uow.cards.reveals_since(card_id, since) >= policy.reveals_per_hour:
            raise Refusal(
                RefusalKind.RATE_LIMITED,
                "reveal_limit",
                f"policy allows {policy.reveals_per_hour} reveals an hour and card; wait",
            )
        await uow.cards.add_reveal(card_id, uow.now, caller.actor)
        await record(
            services,
            uow,
            "card.revealed",
            actor=caller.actor,
            subject=card_id,
            card_id=card_id,
            intent_id=window.intent_id if window else None,
            data={"key": caller.key_id},
        )
        connection = await uow.identity.connection(card.connection_id)
        token = card.issuer_token
    if connection is None:
        raise not_found("card", card_id)
    credentials = await services.issuers.client(connection).reveal(token)
    return CardDetails(credentials=credentials, name=agent.name)
