"""Revealing a card: for its own agent, inside an open window, ten times an hour, recorded."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.behaviour.kit import buy, card_for, entries, refused, whole_database
from tests.world import World


async def test_only_the_owning_agent_inside_the_window(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Others, and the owner outside of a window, are refused; the number is nowhere else."""
    agent, other = await world.agent("one"), await world.agent("two")
    card = await card_for(world, "one")
    await refused(agent.cards.reveal(card.id), "card_locked")
    intent = await buy(agent, 2000)
    await refused(other.cards.reveal(card.id), "card_not_found")
    await refused(world.signets.cards.reveal(card.id), "scope_missing")
    key = await world.signets.keys.create(owner="organization", name="ci")
    await refused((await world.client(key.secret or "")).cards.reveal(card.id), "scope_missing")

    shown = await agent.cards.reveal(card.id)
    issued = await world.network.card(card.id)
    assert (shown.number, shown.cvc) == (issued["pan"], issued["cvv"])
    assert (shown.exp_month, shown.exp_year) == (card.exp_month, card.exp_year)
    assert shown.name == "one" and shown.number[-4:] == card.last_four
    assert shown.billing_address is not None
    assert shown.billing_address["postal_code"] == "94105"
    assert shown.number not in repr(shown) and shown.cvc not in repr(shown)

    assert (await world.network.charge(card.id, 2000)).approved
    await agent.cards.reveal(card.id)  # the grace of the purchase still runs
    await world.settle()
    recorded = [one for one in await entries(world, card_id=card.id) if one.kind == "card.revealed"]
    assert [one.intent_id for one in recorded] == [intent.id, intent.id]
    assert recorded[0].entry["actor"] == f"agent:{card.agent_id}"
    world.shift["by"] += timedelta(minutes=11)  # the sweep has not come by yet
    await refused(agent.cards.reveal(card.id), "card_locked")

    printed = capsys.readouterr()
    assert shown.number not in printed.out + printed.err
    everything = "".join(str(one.entry) for one in await entries(world, card_id=card.id))
    assert shown.number not in everything
    assert shown.number not in whole_database(world.runtime.database_url)


async def test_ten_an_hour(world: World) -> None:
    """The eleventh within an hour is refused; after the hour there is room again."""
    agent = await world.agent()
    card = await card_for(world, "infra-agent")
    await buy(agent, 2000, window_seconds=7200)
    for _ in range(10):
        await agent.cards.reveal(card.id)
    error = await refused(agent.cards.reveal(card.id), "reveal_limit")
    assert error.status_code == 429
    await world.travel(timedelta(hours=1, seconds=1))
    await agent.cards.reveal(card.id)
