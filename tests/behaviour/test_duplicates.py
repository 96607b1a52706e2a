"""Likely duplicates: an agent that timed out plans again in other words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.behaviour.kit import alerts, buy, kinds, policy, refused, unbounded
from tests.world import World


async def test_what_counts_as_the_same_purchase(world: World) -> None:
    """Agent, vendor, amount within tolerance, and workflow or line items; never the words."""
    await unbounded(world)
    agent, other = await world.agent("one"), await world.agent("two")
    items = [{"description": "API credits"}]
    first = await buy(agent, 2000, workflow="w", line_items=items, idempotency_key="a")
    for same in (
        {"purpose": "OpenAI top-up, second attempt", "idempotency_key": "b"},
        {"line_items": [{"description": " api CREDITS "}]},
        {"amount": 2165},
        {"amount": 1850},
    ):
        given: dict[str, Any] = {"amount": 2000, "workflow": "w", **same}
        again = await buy(agent, given.pop("amount"), **given)
        assert (again.id, again.duplicate_of) == (first.id, first.id), same
    for different in (
        {"amount": 2201},
        {"amount": 1000},
        {"workflow": "v"},
        {"workflow": None},
        {"line_items": [{"description": "seats"}]},
        {"vendor": "aws.amazon.com"},
        {"usage": "window"},
    ):
        given = {"amount": 2000, "workflow": "w", **different}
        made = await buy(agent, given.pop("amount"), **given)
        assert made.id != first.id and made.duplicate_of is None, different
        await agent.intents.cancel(made.id)
    assert (await buy(other, 2000, workflow="w")).id != first.id
    assert (await kinds(world, intent_id=first.id)).count("intent.repeated") == 4
    assert not await alerts(world)


async def test_until_when_a_purchase_is_remembered(world: World) -> None:
    """A settled one for a day; a canceled or expired one not at all."""
    await unbounded(world)
    agent = await world.agent()
    first = await buy(agent, 2000)
    await agent.intents.cancel(first.id)
    second = await buy(agent, 2000)
    assert second.id != first.id
    await world.travel(timedelta(minutes=31))
    third = await buy(agent, 2000)
    assert third.id != second.id
    charge = await world.network.charge(third.card_id or "", 2000)
    assert (await buy(agent, 2100)).id == third.id
    await world.network.clear(charge.token)
    await world.settle()
    assert (await agent.intents.get(third.id)).state == "settled"
    await world.travel(timedelta(hours=23))
    assert (await buy(agent, 2000)).id == third.id
    await world.travel(timedelta(hours=1, minutes=1))
    assert (await buy(agent, 2000)).id != third.id


async def test_a_second_purchase_on_purpose_asks_a_person(world: World) -> None:
    """``allow_duplicate`` escalates whatever the amount, and stays insisted on when amended."""
    agent = await world.agent()
    first = await buy(agent, 1000)
    again = await buy(agent, 1000, allow_duplicate=True, allow_duplicate_reason="second team")
    assert (again.state, again.duplicate_of) == ("pending_approval", None)
    assert again.policy is not None and "second team" in again.policy.reasons[0]
    amended = await agent.intents.amend(again.id, expected_amount=1100)
    assert amended.state == "pending_approval"
    assert (await world.signets.intents.approve(amended.id)).state == "approved"
    assert (await agent.intents.get(first.id)).state == "approved"

    cheap = await buy(agent, 300, workflow=None)
    await refused(agent.intents.amend(cheap.id, expected_amount=1000), "likely_duplicate")
    assert (await agent.intents.get(cheap.id)).state == "approved"


async def test_policy_may_escalate_instead(world: World) -> None:
    """With ``escalate`` the second one is its own intent, waiting for a person."""
    await policy(world, duplicates={"action": "escalate", "within": "24h"})
    agent = await world.agent()
    first = await buy(agent, 1000)
    second = await buy(agent, 1000)
    assert second.id != first.id and second.state == "pending_approval"
    assert second.policy is not None and first.id in second.policy.reasons[0]
