"""Kill switches: card, agent, organization, closing, and the circuit breaker."""

from __future__ import annotations

from datetime import timedelta

from tests.behaviour.kit import (
    alerts,
    balanced,
    buy,
    card_for,
    decision,
    kinds,
    policy,
    reason,
    refused,
)
from tests.world import ELSEWHERE, World


async def test_each_level_freezes(world: World) -> None:
    """A freeze ends the window, cancels what is unused, declines as `frozen`, and can be lifted."""
    agent = await world.agent()
    viewer = await world.member("v@acme.test", "viewer")
    card = await card_for(world, "infra-agent")
    signets = world.signets
    switches = (
        ("card", lambda: signets.cards.freeze(card.id), lambda: signets.cards.unfreeze(card.id)),
        (
            "agent",
            lambda: signets.agents.freeze("infra-agent"),
            lambda: signets.agents.unfreeze("infra-agent"),
        ),
        ("organization", signets.organization.freeze, signets.organization.unfreeze),
    )
    for level, freeze, unfreeze in switches:
        intent = await buy(agent, 2000)
        assert intent.card_id == card.id
        asked = await buy(agent, 9000, workflow="large")
        await freeze()
        await freeze()  # once more changes nothing
        assert (await agent.intents.get(intent.id)).state == "canceled"
        now = await agent.cards.get(card.id)
        assert (now.state, now.issuer_state, now.window) == ("locked", "paused", None)
        await world.network.set_state(card.id, "OPEN")
        assert await reason(world, await world.network.charge(card.id, 2000)) == "frozen"
        assert (await decision(world)).level == level
        await world.network.set_state(card.id, "PAUSED")
        await refused(buy(agent, 2000), "frozen")
        await refused(signets.intents.approve(asked.id), "frozen")
        await refused(agent.cards.reveal(card.id), "frozen")
        await unfreeze()
        await agent.intents.cancel(asked.id)
    await refused(agent.cards.freeze(card.id), "scope_missing")
    await refused(viewer.agents.freeze("infra-agent"), "scope_missing")
    await refused(viewer.organization.freeze(), "scope_missing")
    again = await buy(agent, 2000)
    assert (await world.network.charge(again.card_id or "", 2000)).approved
    recorded = await kinds(world, card_id=card.id)
    assert recorded.count("card.frozen") == 1 and recorded.count("card.unfrozen") == 1
    await balanced(world)


async def test_a_freeze_does_not_undo_a_purchase(world: World) -> None:
    """What was authorized before the freeze clears and settles; a closed card never opens again."""
    agent = await world.agent()
    card = await card_for(world, "infra-agent")
    intent = await buy(agent, 2000)
    charge = await world.network.charge(card.id, 2000)
    await world.signets.cards.freeze(card.id)
    assert (await agent.intents.get(intent.id)).state == "authorized"
    await world.network.clear(charge.token)
    await world.settle()
    assert (await agent.intents.get(intent.id)).state == "settled"
    await world.signets.cards.unfreeze(card.id)

    live = await buy(agent, 3000)
    assert live.card_id == card.id
    closed = await world.signets.cards.close(card.id)
    assert (closed.state, closed.issuer_state, closed.closed_at is not None) == (
        "closed",
        "closed",
        True,
    )
    assert (await agent.intents.get(live.id)).state == "canceled"
    await refused(world.signets.cards.close(card.id), "card_state")
    await refused(buy(agent, 3000, card_id=card.id), "card_closed")
    assert (await buy(agent, 3000)).card_id != card.id
    await balanced(world)


async def test_the_breaker_holds_the_card(world: World) -> None:
    """Five declines lock it, cancel the intent and alert; no new intent opens it; a member does."""
    agent = await world.agent()
    card = await card_for(world, "infra-agent")
    intent = await buy(agent, 2000)
    for _ in range(4):
        over = await world.network.charge(card.id, 2201)
        assert await reason(world, over) == "amount_exceeds_intent"
    assert (await agent.intents.get(intent.id)).state == "approved"
    assert not (await world.network.charge(card.id, 2201)).approved
    await world.settle()
    assert (await agent.intents.get(intent.id)).state == "canceled"
    tripped = await agent.cards.get(card.id)
    assert tripped.breaker_tripped_at is not None
    assert (tripped.state, tripped.issuer_state) == ("locked", "paused")
    assert "breaker_tripped" in await alerts(world)
    # Neither a new intent, nor one naming the card, nor the agent itself gets around it.
    await refused(buy(agent, 2000), "breaker_open")
    await refused(buy(agent, 2000, card_id=card.id), "breaker_open")
    await refused(buy(agent, 2000, workflow="other"), "breaker_open")
    await refused(agent.cards.reset_breaker(card.id), "scope_missing")
    approver = await world.member("bob@acme.test", "approver")
    assert (await approver.cards.reset_breaker(card.id)).breaker_tripped_at is None
    again = await buy(agent, 2000)
    assert again.card_id == card.id
    assert (await world.network.charge(card.id, 2000)).approved
    assert "card.breaker_reset" in await kinds(world, card_id=card.id)
    await balanced(world)


async def test_declines_elsewhere_count_apart(world: World) -> None:
    """Declines at other merchants and old ones do not add up with those at the vendor."""
    await policy(world, breaker={"declines": 3, "within": "10m"})
    agent = await world.agent()
    card = await card_for(world, "infra-agent")
    await buy(agent, 2000)
    for merchant in (ELSEWHERE, {}, ELSEWHERE, {}):
        assert not (await world.network.charge(card.id, 2201, **merchant)).approved
    assert (await agent.cards.get(card.id)).breaker_tripped_at is None
    await world.travel(timedelta(minutes=10))
    assert not (await world.network.charge(card.id, 2201)).approved
    assert (await agent.cards.get(card.id)).breaker_tripped_at is None
    assert (await world.network.charge(card.id, 2000)).approved
