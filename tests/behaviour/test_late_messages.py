"""What comes late or unasked: force posts, late clearings, stand-ins, lost messages."""

from __future__ import annotations

from datetime import timedelta

from tests.behaviour.kit import (
    alerts,
    balanced,
    buy,
    card_for,
    kinds,
    refused,
    transaction,
    unbounded,
)
from tests.world import World


async def test_a_force_post_is_booked_flagged_and_stops_the_card(world: World) -> None:
    """Nobody asked us: it counts, it is flagged, and the card is frozen until a member looks."""
    agent = await world.agent()
    card = await card_for(world, "infra-agent", 5000)
    intent = await buy(agent, 2000)
    token = await world.network.force_post(card.id, 1200)
    await world.settle()
    [posted] = [one async for one in agent.transactions.list_for_card(card.id)]
    assert (posted.cleared, posted.verdict) == (1200, "flagged")
    assert {"force_post", "no_intent"} <= set(posted.flags) and token
    frozen = await agent.cards.get(card.id)
    assert (frozen.frozen, frozen.state, frozen.issuer_state) == (True, "locked", "paused")
    assert (await agent.intents.get(intent.id)).state == "canceled"
    assert "transaction_flagged" in await alerts(world)
    await refused(buy(agent, 2000), "frozen")
    await world.signets.cards.unfreeze(card.id)
    # It used up the card's limit: 5000 - 1200 = 3800.
    await refused(buy(agent, 3500, card_id=card.id), "spending_limit_exceeded")
    assert (await buy(agent, 3400, card_id=card.id)).state == "approved"
    assert "card.frozen" in await kinds(world, card_id=card.id)
    await balanced(world)


async def test_a_clearing_after_the_hold_ran_out(world: World) -> None:
    """Expiry gives the hold back and voids the intent; the late clearing is still booked."""
    await unbounded(world)
    agent = await world.agent()
    intent = await buy(agent, 2000)
    charge = await world.network.charge(intent.card_id or "", 2000)
    await world.network.drain()
    await world.travel(timedelta(minutes=31))
    await world.network.expire(charge.token)
    await world.settle()
    gone = await transaction(world, charge.token)
    assert (gone.held, gone.reversed, gone.verdict) == (0, 2000, "verified")
    assert (await agent.intents.get(intent.id)).state == "voided"
    await world.network.clear(charge.token, 2000)
    await world.settle()
    late = await transaction(world, charge.token)
    assert (late.cleared, late.held, late.intent_id) == (2000, 0, intent.id)
    assert "late_clearing" in late.notes
    now = await agent.intents.get(intent.id)
    assert (now.state, now.used) == ("voided", 2000)
    await balanced(world)


async def test_a_stand_in_is_booked_and_flagged(world: World) -> None:
    """The network approved what we declined: it is held, flagged, and told to people."""
    agent = await world.agent()
    intent = await buy(agent, 2000)
    card = intent.card_id or ""
    await world.network.post("/_sim/faults", stand_in={"count": 1})
    charge = await world.network.charge(card, 3000)
    await world.settle()
    seen = await transaction(world, charge.token)
    assert (seen.held, seen.verdict) == (3000, "flagged")
    assert "stand_in" in seen.flags
    assert "transaction_flagged" in await alerts(world)
    await balanced(world)


async def test_events_lost_repeated_and_out_of_order(world: World) -> None:
    """Each event holds the whole transaction: drops, repeats and disorder change nothing."""
    await unbounded(world)
    agent = await world.agent()
    results = []
    for workflow, faults in (
        ("plain", {}),
        ("twice", {"webhook_duplicate": {"count": 9}}),
        ("disorder", {"webhook_reorder": {"count": 1}}),
        ("dropped", {"webhook_drop": {"count": 1}}),
    ):
        if faults:
            await world.network.post("/_sim/faults", **faults)
        intent = await buy(agent, 2000, workflow=workflow)
        charge = await world.network.charge(intent.card_id or "", 1900)
        await world.network.clear(charge.token, 1800)
        await world.settle()
        await world.network.clear(charge.token, 100)
        await world.settle()
        one = await transaction(world, charge.token)
        results.append((one.cleared, one.held, one.verdict, one.flags))
        state = (await agent.intents.get(intent.id)).state
        assert state == "settled", workflow
    assert set(results) == {(1900, 0, "verified", ())}
    await balanced(world)


async def test_a_hold_nobody_confirms_is_looked_up(world: World) -> None:
    """An approval whose answer was lost: the issuer declined, so the hold is released again."""
    await unbounded(world)
    agent = await world.agent()
    intent = await buy(agent, 2000)
    card = intent.card_id or ""
    await world.network.post(
        "/_sim/faults", asa_drop={"count": 1, "part": "answer"}, webhook_drop={"count": 1}
    )
    lost = await world.network.charge(card, 2000)
    assert not lost.approved
    held = await transaction(world, lost.token)
    assert (held.held, held.unconfirmed) == (2000, 2000)
    await world.travel(timedelta(minutes=6))
    freed = await transaction(world, lost.token)
    assert (freed.held, freed.unconfirmed, freed.status) == (0, 0, "declined")
    assert (await world.signets.decisions.list(limit=1)).data[0].state == "void"
    assert "decision.voided" in await kinds(world, intent_id=intent.id)
    assert (await agent.intents.get(intent.id)).state == "approved"
    assert (await world.network.charge(card, 2000)).approved
    await balanced(world)
