"""Cards: who may make them, which one an intent opens, what limits they have."""

from __future__ import annotations

from datetime import timedelta

from tests.behaviour.kit import (
    balanced,
    buy,
    card_for,
    decision,
    kinds,
    policy,
    reason,
    refused,
    unbounded,
)
from tests.world import AWS, World


async def test_who_may_make_which_card(world: World) -> None:
    """An agent makes cards for itself, up to what policy allows; refusals name the field."""
    agent = await world.agent("one")
    await world.agent("two")
    own = await agent.cards.create(spending_limit=5000, merchant_lock=["openai.com", "openai.com"])
    assert (own.merchant_lock, own.currency) == (("openai.com",), "USD")
    assert (own.state, own.issuer_state, own.limit_period) == ("locked", "paused", "lifetime")
    await refused(
        agent.cards.create(agent_id="two", spending_limit=1, merchant_lock="openai.com"),
        "agent_forbidden",
    )
    await refused(
        agent.cards.create(spending_limit=50_001, merchant_lock="openai.com"), "policy_denies"
    )
    await refused(
        agent.cards.create(spending_limit=100, merchant_lock="openai.com", currency="EUR"),
        "policy_denies",
    )
    rich = await card_for(world, "one", 10_000_000)
    assert rich.spending_limit == 10_000_000
    await refused(
        world.signets.cards.create(spending_limit=1, merchant_lock="openai.com"),
        "agent_required",
    )
    await refused(card_for(world, "nobody"), "agent_not_found")
    await refused(card_for(world, "one", memo="4111111111111111"), "pan_in_text")
    await refused(card_for(world, "one", workflow="4111-1111-1111-1111"), "pan_in_text")
    viewer = await world.member("v@acme.test", "viewer")
    await refused(
        viewer.cards.create(agent_id="one", spending_limit=1, merchant_lock="openai.com"),
        "scope_missing",
    )
    await policy(world, card_creation={"agents_may_create": False})
    await refused(agent.cards.create(spending_limit=1, merchant_lock="openai.com"), "policy_denies")
    assert [one.id async for one in agent.cards.list(vendor="openai.com")] == [rich.id, own.id]
    assert [one.id async for one in agent.cards.list(limit=1)] == [rich.id, own.id]
    other = await world.client(
        (await world.signets.keys.create(owner="agent", agent_id="two", name="k")).secret or ""
    )
    await refused(other.cards.get(own.id), "card_not_found")
    assert not [one async for one in other.cards.list()]


async def test_which_card_an_intent_opens(world: World) -> None:
    """The oldest that serves; a busy one only if not named; else a new one; never another's."""
    agent, other = await world.agent("one"), await world.agent("two")
    first, second = await card_for(world, "one"), await card_for(world, "one")
    foreign = await card_for(world, "two")
    await refused(buy(agent, 1000, card_id=foreign.id), "card_not_found")
    await refused(buy(agent, 1000, "aws.amazon.com", card_id=first.id), "card_vendor_mismatch")
    a = await buy(agent, 1000, workflow="a")
    assert a.card_id == first.id
    await refused(buy(agent, 1000, workflow="b", card_id=first.id), "card_busy", says="until")
    b = await buy(agent, 1000, workflow="b")
    assert b.card_id == second.id
    c = await buy(agent, 1000, workflow="c")
    assert c.card_id not in (None, first.id, second.id, foreign.id)
    made = await agent.cards.get(c.card_id or "")
    assert (made.spending_limit, made.state, made.issuer_state) == (1200 + 500, "open", "open")
    assert made.merchant_lock == ("openai.com",) and made.workflow == "c"
    assert (await kinds(world, card_id=made.id))[:2] == ["card.created", "intent.approved"]
    assert (await buy(other, 1000)).card_id == foreign.id
    assert (await world.network.charge(made.id, 1200)).approved
    await balanced(world)


async def test_whose_purchase_it_is(world: World) -> None:
    """An organization's key names the agent or the card, or means the only candidate."""
    await world.agent("one")
    await refused(buy(world.signets, 1000), "agent_required")
    card = await card_for(world, "one")
    made = await buy(world.signets, 1000)
    assert (made.card_id, made.agent_id) == (card.id, card.agent_id)
    await world.agent("two")
    rival = await card_for(world, "two")
    error = await refused(buy(world.signets, 1000), "agent_ambiguous", says="`one`")
    assert "`two`" in error.message and error.param == "agent_id"
    named = await buy(world.signets, 1000, agent_id="two")
    assert named.card_id == rival.id
    await world.signets.intents.cancel(named.id)
    assert (await buy(world.signets, 1000, card_id=rival.id)).agent_id == rival.agent_id
    await world.signets.cards.close(rival.id)
    assert (await buy(world.signets, 4000)).agent_id == card.agent_id


async def test_limits_of_a_card(world: World) -> None:
    """A life-time limit is over all purchases; a monthly one begins again; one per charge adds."""
    await unbounded(world)
    await world.agent()
    agent = await world.client(
        (await world.signets.keys.create(owner="agent", agent_id="infra-agent", name="k")).secret
        or ""
    )
    card = await card_for(world, "infra-agent", 3000)
    first = await buy(agent, 2000)
    charge = await world.network.charge(card.id, 2100)
    assert charge.approved
    await world.network.clear(charge.token)
    await world.settle()
    assert (await agent.intents.get(first.id)).state == "settled"
    await world.travel(timedelta(hours=25))
    await refused(buy(agent, 1000, card_id=card.id), "spending_limit_exceeded", says="$30.00")
    exact = await buy(agent, 700, card_id=card.id)
    assert exact.max_total == 900
    assert (await world.network.charge(card.id, 900)).approved

    monthly = await card_for(world, "infra-agent", 3000, limit_period="month", workflow="m")
    assert monthly.limit_period == "month"
    await buy(agent, 2500, card_id=monthly.id, workflow="m")
    charge = await world.network.charge(monthly.id, 2500)
    await world.network.clear(charge.token)
    await world.settle()
    await world.travel(timedelta(hours=25))
    await refused(buy(agent, 2500, card_id=monthly.id, workflow="m"), "spending_limit_exceeded")
    await world.travel(timedelta(days=31))
    assert (await buy(agent, 2500, card_id=monthly.id, workflow="m")).state == "approved"

    capped = await card_for(world, "infra-agent", per_authorization_limit=500, workflow="p")
    await buy(agent, 2000, usage="window", card_id=capped.id, workflow="p")
    over = await world.network.charge(capped.id, 501)
    assert await reason(world, over) == "spending_limit_exceeded"
    assert (await decision(world)).would_pass == "at most $5.00 now"
    assert (await world.network.charge(capped.id, 500)).approved
    assert (await world.network.charge(capped.id, 500)).approved
    await balanced(world)


async def test_a_card_is_of_one_currency(world: World) -> None:
    """An intent in another currency does not open it, and a bill in another is declined."""
    agent = await world.agent()
    euro = await card_for(world, "infra-agent", currency="EUR")
    card = await card_for(world, "infra-agent", merchant_lock=["openai.com", "aws.amazon.com"])
    await refused(buy(agent, 2000, currency="EUR", card_id=card.id), "fx_rate_missing")
    await refused(buy(agent, 2000, card_id=euro.id), "fx_rate_missing")
    euros = await buy(agent, 2000, currency="EUR", card_id=euro.id)
    assert (euros.state, euros.currency) == ("denied", "EUR")  # the budget cannot judge euros
    assert (await buy(agent, 2000)).card_id == card.id
    bill = await world.network.charge(card.id, 2000, billing_currency="EUR")
    assert await reason(world, bill) == "currency_mismatch"
    wrong = await world.network.charge(card.id, 2000, **AWS)
    assert not wrong.approved
