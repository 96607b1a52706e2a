"""Recurring intents: one window a period, each an intent of its own under that day's policy."""

from __future__ import annotations

from datetime import timedelta

from tests.behaviour.kit import (
    alerts,
    balanced,
    buy,
    kinds,
    policy,
    refused,
    transaction,
    unbounded,
)
from tests.world import World

from signets import AsyncSignets
from signets.client.types import Intent

MONTH = timedelta(days=31)


async def periods(agent: AsyncSignets, parent: str) -> list[Intent]:
    """The parent's period intents, first one first."""
    found = [one async for one in agent.intents.list() if one.parent_id == parent]
    return sorted(found, key=lambda one: one.period_index or 0)


async def pay(world: World, card: str, amount: int) -> bool:
    """Charge and clear."""
    charge = await world.network.charge(card, amount)
    if charge.approved:
        await world.network.clear(charge.token)
    await world.settle()
    return charge.approved


async def test_one_window_a_month(world: World) -> None:
    """The first opens at once, the next some days early; each takes the price once, on one card."""
    await unbounded(world)
    agent = await world.agent()
    parent = await buy(agent, 2000, usage="recurring", period="month", max_count=1)
    assert (parent.state, parent.period) == ("approved", "month")
    card = parent.card_id or ""
    assert (await agent.cards.get(card)).limit_period == "month"
    [first] = await periods(agent, parent.id)
    assert (first.usage, first.state, first.period_index) == ("window", "approved", 0)
    assert await pay(world, card, 2000)
    assert not await pay(world, card, 2000)
    now = await world.now()
    assert first.window is not None and first.window.ends_at < now + MONTH

    await world.travel(first.window.ends_at - now)
    [first] = await periods(agent, parent.id)
    assert first.state == "settled"
    assert (await agent.cards.get(card)).issuer_state == "paused"

    # Six days before the next period, and not much earlier.
    assert parent.approved_at is not None
    await world.travel(parent.approved_at + timedelta(days=21) - await world.now())
    assert len(await periods(agent, parent.id)) == 1
    await world.travel(timedelta(days=5))
    first, second = await periods(agent, parent.id)
    assert (second.state, second.period_index, second.card_id) == ("approved", 1, card)
    assert await pay(world, card, 2100)
    assert (await kinds(world, intent_id=second.id))[:3] == [
        "intent.declared",
        "intent.approved",
        "card.opened",
    ]
    await balanced(world)

    ended = await agent.intents.cancel(parent.id)
    assert ended.state == "canceled"
    await world.travel(2 * MONTH)
    assert len(await periods(agent, parent.id)) == 2
    assert (await agent.cards.get(card)).issuer_state == "paused"
    await balanced(world)


async def test_a_period_is_judged_by_the_policy_of_its_day(world: World) -> None:
    """Denied, it does not open and says so; escalated, it waits, but never for who asked."""
    await unbounded(world)
    await world.agent()
    bob = await world.member("bob@acme.test", "admin")
    parent = await bob.intents.create(
        purpose="Seats",
        expected_amount=2000,
        expected_merchant="openai.com",
        usage="recurring",
        period="month",
        agent_id="infra-agent",
    )
    assert parent.state == "approved"
    signets = world.signets
    ask = {"name": "ask", "when": {"above": 0, "currency": "USD"}, "then": "escalate"}
    await policy(world, rules=[ask])
    await world.travel(MONTH)
    _, second = await periods(signets, parent.id)
    assert second.state == "pending_approval"
    assert not (await world.network.charge(parent.card_id or "", 2000)).approved
    await refused(bob.intents.approve(second.id), "self_approval")
    assert (await signets.intents.approve(second.id)).state == "approved"
    assert (await world.network.charge(parent.card_id or "", 2000)).approved

    await policy(world, rules=[{**ask, "then": "deny"}])
    await world.travel(MONTH)
    third = (await periods(signets, parent.id))[2]
    assert third.state == "denied"
    assert "period_denied" in await alerts(world)

    await policy(world, rules=[ask])
    await world.travel(MONTH)
    fourth = (await periods(signets, parent.id))[3]
    assert fourth.state == "pending_approval"
    # With the subscription, its waiting period ends too.
    await signets.intents.cancel(parent.id)
    assert (await signets.intents.get(fourth.id)).state == "canceled"
    await refused(signets.intents.approve(fourth.id), "intent_state")
    await balanced(world)


async def test_a_price_above_tolerance_is_not_paid(world: World) -> None:
    """It is declined; amended to the new price, the subscription goes on under a new intent."""
    await unbounded(world)
    agent = await world.agent()
    parent = await buy(agent, 2000, usage="recurring", period="month")
    card = parent.card_id or ""
    dear = await world.network.charge(card, 2500)
    assert not dear.approved
    assert (await transaction(world, dear.token)).reason == "amount_exceeds_intent"
    new = await agent.intents.amend(parent.id, expected_amount=2500)
    assert (new.state, new.usage, new.card_id) == ("approved", "recurring", card)
    assert (await agent.intents.get(parent.id)).state == "superseded"
    assert await pay(world, card, 2500)
    await balanced(world)


async def test_a_period_waits_for_another_intent(world: World) -> None:
    """Another intent open on its card is not cut short; the period opens when that one is over."""
    await unbounded(world)
    agent = await world.agent()
    parent = await buy(agent, 2000, usage="recurring", period="month", max_count=1)
    card = parent.card_id or ""
    assert await pay(world, card, 2000)
    assert parent.approved_at is not None
    await world.travel(parent.approved_at + timedelta(days=20) - await world.now())
    extra = await buy(agent, 150, usage="window", card_id=card, window_seconds=40 * 86_400)
    await world.travel(timedelta(days=10))
    assert len(await periods(agent, parent.id)) == 1
    assert (await agent.intents.get(extra.id)).state == "approved"
    await agent.intents.cancel(extra.id)
    await world.travel(timedelta(hours=1))
    assert [one.state for one in await periods(agent, parent.id)] == ["settled", "approved"]


async def test_a_held_card_opens_no_period(world: World) -> None:
    """While the card is frozen its period does not open, and people are told."""
    await unbounded(world)
    agent = await world.agent()
    parent = await buy(agent, 2000, usage="recurring", period="month")
    await world.signets.cards.freeze(parent.card_id or "")
    [first] = await periods(agent, parent.id)
    assert first.state == "canceled"
    await world.travel(MONTH)
    assert len(await periods(agent, parent.id)) == 1
    await world.travel(MONTH)
    await world.travel(timedelta(hours=1))
    assert (await alerts(world)).count("period_not_opened") == 2  # one a period
    await world.signets.cards.unfreeze(parent.card_id or "")
    await world.travel(MONTH)
    later = (await periods(agent, parent.id))[1:]
    assert [(one.period_index, one.state) for one in later] == [(3, "approved")]
