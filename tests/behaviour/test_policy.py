"""Policy at work: budgets, caps, splitting, and what most restricts."""

from __future__ import annotations

from datetime import timedelta

from tests.behaviour.kit import (
    balanced,
    buy,
    card_for,
    decision,
    policy,
    reason,
    refused,
    unbounded,
)
from tests.world import AWS, World

from signets.core.policy.model import Period
from signets.core.velocity import next_period_start

USD = {"currency": "USD"}


async def test_versions_and_who_may_write_them(world: World) -> None:
    """Each document is a version that stays; a bad one is refused by name; only admins write."""
    agent = await world.agent()
    first = await world.signets.policy.get()
    assert first.version == 1
    assert await policy(world, window="20m") == 2
    assert (await world.signets.policy.get(1)).document == first.document
    bad = await refused(
        world.signets.policy.put({**first.document, "window": "5s"}), "policy_invalid"
    )
    assert bad.param == "window"
    floats = {"name": "f", "when": {"up_to": 50.0, **USD}, "then": "approve"}
    await refused(policy(world, rules=[floats]), "policy_invalid")
    approver = await world.member("b@acme.test", "approver")
    await refused(approver.policy.put(first.document), "scope_missing")
    await refused(agent.policy.put(first.document), "scope_missing")
    intent = await buy(agent, 2000)
    assert intent.policy is not None and intent.policy.version == 2
    assert intent.window is not None
    assert intent.window.ends_at - intent.window.opens_at == timedelta(minutes=20)


async def test_the_most_restrictive_level_wins(world: World) -> None:
    """An agent's level takes away from the organization's, and never gives."""
    levels = {
        "careful": {
            "rules": [{"name": "ask", "when": {"above": 1000, **USD}, "then": "escalate"}],
            "tolerance": {"percent": 0},
        },
        "bold": {"rules": [{"name": "all", "then": "approve"}]},
    }
    await policy(world, agents=levels)
    careful, bold = await world.agent("careful"), await world.agent("bold")
    assert (await buy(careful, 1001)).state == "pending_approval"
    small = await buy(careful, 900)
    assert (small.state, small.maximum) == ("approved", 900)
    asked = await buy(bold, 5001)
    assert asked.state == "pending_approval"
    assert asked.policy is not None and asked.policy.decided_by == ("organization/large",)
    steps = [step["step"] for step in asked.policy.trace]
    assert "rule" in steps and "bounds" in steps


async def test_splitting_is_seen(world: World) -> None:
    """Purchases that each pass but together would not are put to a person."""
    agent = await world.agent()
    assert (await buy(agent, 2500, workflow="a")).state == "approved"
    assert (await buy(agent, 2500, workflow="b")).state == "approved"
    third = await buy(agent, 1000, workflow="c")
    assert third.state == "pending_approval"
    assert third.policy is not None and third.policy.decided_by == ("splitting",)
    assert (await buy(agent, 1000, "aws.amazon.com", workflow="c")).state == "approved"
    await world.travel(timedelta(hours=1, seconds=1))
    assert (await buy(agent, 2500, workflow="d")).state == "approved"


async def test_a_budget_over_several_intents(world: World) -> None:
    """Reserved, held and cleared count once each; what is given back is free again; months end."""
    await unbounded(world)
    budget = {"name": "month", "scope": "agent", "period": "month", "amount": 5000, **USD}
    await policy(world, budgets=[budget])
    agent, other = await world.agent("one"), await world.agent("two")
    one = await buy(agent, 2000, workflow="a")  # 2200 reserved
    two = await buy(agent, 2500, workflow="b")  # 2750: 4950
    over = await buy(agent, 51, workflow="c")
    assert over.state == "denied"
    assert over.policy is not None and "$0.50 left" in over.policy.reasons[0]
    assert (await buy(other, 4000)).state == "approved"
    # Both reservations may be used in full, to the cent.
    first = await world.network.charge(one.card_id or "", 2200)
    second = await world.network.charge(two.card_id or "", 2750)
    assert first.approved and second.approved
    await world.network.reverse(second.token)
    await world.network.clear(first.token)
    await world.settle()
    await agent.intents.cancel(two.id)
    # 2200 has cleared; 2800 are left.
    assert (await buy(agent, 2547, workflow="d")).state == "denied"
    last = await buy(agent, 2546, workflow="e")
    assert (last.state, last.max_total) == ("approved", 2800)
    await agent.intents.cancel(last.id)
    now = await world.now()
    turn = next_period_start(Period.MONTH, now, "UTC")
    assert turn is not None
    await world.travel(turn - now)
    assert (await buy(agent, 4000, workflow="f")).state == "approved"
    await balanced(world)


async def test_a_lowered_budget_binds_at_authorization(world: World) -> None:
    """A reservation is honoured only inside the budget as it stands when the charge comes."""
    await unbounded(world)
    agent = await world.agent()
    intent = await buy(agent, 2000)
    budget = {"name": "day", "scope": "organization", "period": "day", "amount": 1500, **USD}
    await policy(world, budgets=[budget])
    card = intent.card_id or ""
    assert await reason(world, await world.network.charge(card, 1501)) == "budget_exceeded"
    assert (await decision(world)).would_pass == "at most $15.00 now"
    assert (await world.network.charge(card, 1500)).approved


async def test_caps_by_count_amount_and_scope(world: World) -> None:
    """A cap counts what its scope says, at approval and authorization, and opens again."""
    await unbounded(world)
    caps = [
        {"name": "vendor-hour", "scope": ["agent", "vendor"], "window": "1h", "max_count": 2},
        {"name": "day-money", "scope": "agent", "window": "1d", "max_amount": 6000, **USD},
    ]
    await policy(world, caps=caps)
    agent = await world.agent()
    openai = await buy(agent, 3000, usage="window", max_per_charge=1000, window_seconds=90_000)
    for _ in range(2):
        assert (await world.network.charge(openai.card_id or "", 1000)).approved
    third = await world.network.charge(openai.card_id or "", 1000)
    assert await reason(world, third) == "velocity_exceeded"
    assert "vendor-hour" in ((await decision(world)).sentence or "")
    assert ((await decision(world)).would_pass or "").startswith("after ")
    aws = await buy(
        agent,
        4000,
        "aws.amazon.com",
        usage="window",
        window_seconds=90_000,
        max_per_charge=4000,
    )
    charge = await world.network.charge(aws.card_id or "", 4000, **AWS)
    assert charge.approved  # 2000 + 4000 = 6000: exactly the cap
    await world.travel(timedelta(hours=1, seconds=1))
    more = await world.network.charge(openai.card_id or "", 101)
    assert await reason(world, more) == "velocity_exceeded"
    assert "day-money" in ((await decision(world)).sentence or "")
    # A reversal gives back amount, never count.
    await world.network.reverse(charge.token, 500)
    await world.settle()
    assert (await world.network.charge(openai.card_id or "", 500)).approved
    denied = await buy(agent, 500, "github.com", workflow="x")
    assert denied.state == "denied"
    await world.travel(timedelta(hours=24))
    assert (await buy(agent, 500, "github.com", workflow="y")).state == "approved"
    await balanced(world)


async def test_blocked_categories_and_countries(world: World) -> None:
    """What policy blocks is declined although the vendor matches."""
    await unbounded(world)
    agent = await world.agent()
    card = await card_for(world, "infra-agent")
    await buy(agent, 2000)
    await policy(world, blocked_categories=["5734"])
    assert await reason(world, await world.network.charge(card.id, 2000)) == "category_blocked"
    await policy(world, blocked_categories=[], blocked_countries=["US"])
    assert await reason(world, await world.network.charge(card.id, 2000)) == "country_blocked"
    await policy(world, blocked_countries=[])
    assert (await world.network.charge(card.id, 2000)).approved
