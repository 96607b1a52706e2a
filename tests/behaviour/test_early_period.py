"""A recurring window opens early, and counts in the month in which it is due."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.world import World


async def travel_to(world: World, moment: datetime) -> None:
    await world.travel(moment - await world.now())


async def test_an_early_window_does_not_need_last_months_room(world: World) -> None:
    """December's limit is used up; January's charge, taken on 29 December, passes all the same."""
    now = await world.now()
    await travel_to(world, datetime(now.year + 1, 12, 3, 12, tzinfo=UTC))
    agent = await world.agent()
    card = await agent.cards.create(spending_limit=2200, merchant_lock="openai.com", recurring=True)
    subscription = await agent.intents.create(
        purpose="team plan",
        expected_amount=2000,
        expected_merchant="openai.com",
        usage="recurring",
        period="month",
        card_id=card.id,
    )
    assert subscription.state == "approved"
    december = await world.network.charge(card.id, 2000)
    assert december.approved
    await world.network.clear(december.token)
    await world.settle()

    await travel_to(world, datetime(now.year + 1, 12, 29, 12, tzinfo=UTC))
    await world.settle()
    assert (await agent.cards.get(card.id)).state == "open"
    january = await world.network.charge(card.id, 2000)
    assert january.approved, january.message
    again = await world.network.charge(card.id, 2000)
    assert not again.approved
