"""Somebody changes a card at the issuer: ours follows, a person is told, the log says so."""

from __future__ import annotations

import pytest
from tests.behaviour.kit import alerts, at_each_issuer, balanced, buy, kinds, unbounded
from tests.world import SANDBOX_KEY, World

from signets.client.types import Card

pytestmark = at_each_issuer


async def opened(world: World) -> Card:
    """A card that an approved intent holds open."""
    await unbounded(world)
    intent = await buy(await world.agent(), 2000)
    await world.settle()
    card = await world.signets.cards.get(intent.card_id or "")
    assert (card.state, card.issuer_state) == ("open", "open")
    return card


async def test_a_card_that_is_closed_there_is_closed_here(world: World) -> None:
    """Canceled or lost: closed for good, its intent canceled, an alert and an entry that say it."""
    card = await opened(world)
    await world.network.close_card(card.id)
    await world.settle()
    now = await world.signets.cards.get(card.id)
    assert (now.state, now.issuer_state) == ("closed", "closed")
    assert "card_closed_at_issuer" in await alerts(world)
    assert (await kinds(world, card_id=card.id))[-1] == "card.closed"
    [intent] = [one async for one in world.signets.intents.list()]
    assert intent.state == "canceled"
    await balanced(world)


async def test_a_card_that_is_paused_there_is_frozen_here(world: World) -> None:
    """Nothing opens it again but a member, who then finds it as the intents say."""
    card = await opened(world)
    await world.network.set_state(card.id, "PAUSED")
    await world.settle()
    now = await world.signets.cards.get(card.id)
    assert (now.frozen, now.issuer_state) == (True, "paused")
    assert "card_paused_at_issuer" in await alerts(world)
    await world.signets.cards.unfreeze(card.id)
    await world.settle()
    again = await world.signets.cards.get(card.id)
    assert (again.frozen, again.state) == (False, "locked")
    await balanced(world)


async def test_a_card_that_is_opened_there_is_shut_again(world: World) -> None:
    """No intent holds it open: told, and paused by the next push."""
    await unbounded(world)
    agent = await world.agent()
    card = await agent.cards.create(
        agent_id="infra-agent", spending_limit=5000, merchant_lock="openai.com", recurring=False
    )
    await world.settle()
    await world.network.set_state(card.id, "OPEN")
    await world.settle()
    now = await world.signets.cards.get(card.id)
    assert (now.state, now.issuer_state) == ("locked", "paused")
    assert "card_opened_at_issuer" in await alerts(world)
    assert (await kinds(world, card_id=card.id))[-1] == "card.opened_at_issuer"


async def test_our_own_changes_are_no_news(world: World) -> None:
    """Opened and locked by us, told twice and out of order: nobody is alerted."""
    card = await opened(world)
    await world.signets.cards.freeze(card.id)
    await world.signets.cards.unfreeze(card.id)
    await world.settle()
    for one in await world.network.deliveries("event"):
        await world.network.post("/_sim/replay", delivery=one["token"])
    await world.settle()
    assert not [one for one in await alerts(world) if "at_issuer" in one]
    now = await world.signets.cards.get(card.id)
    assert (now.state, now.frozen, now.issuer_state) == ("locked", False, "paused")


async def test_a_cardholder_that_stripe_blocks_holds_the_connection(world: World) -> None:
    """Issuer-specific: found at once by the event, held until it is active again."""
    if "stripe" not in {one.issuer for one in (await world.signets.issuers.list()).data}:
        pytest.skip("issuer-specific: Lithic's cards have no cardholder")
    card = await opened(world)
    holder = (await world.network.card(card.id))["cardholder"]["id"]
    await world.network.post("/_sim/stripe/block_cardholder", cardholder=holder)
    await world.settle()
    [issuer] = (await world.signets.issuers.list()).data
    assert issuer.held_because and "is blocked at Stripe" in issuer.held_because
    assert "issuer_held" in await alerts(world)
    answer = await world.network._http.post(
        f"/v1/issuing/cardholders/{holder}",
        data={"status": "active"},
        headers={"Authorization": f"Bearer {SANDBOX_KEY}"},
    )
    assert answer.status_code == 200
    await world.settle()
    [issuer] = (await world.signets.issuers.list()).data
    assert issuer.held_because is None
