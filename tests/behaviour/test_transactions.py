"""Transactions: clearings, reversals, increments, refunds, verifications, and their verdicts."""

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
    transaction,
    unbounded,
)
from tests.world import ELSEWHERE, World


async def test_a_single_intent_never_pays_twice(world: World) -> None:
    """Consumed with the approval: a second charge is a duplicate or has no intent, then locked."""
    agent = await world.agent()
    card = await card_for(world, "infra-agent")
    intent = await buy(agent, 2000)
    first = await world.network.charge(card.id, 2000)
    assert first.approved
    assert await reason(world, await world.network.charge(card.id, 2000)) == "duplicate_charge"
    assert await reason(world, await world.network.charge(card.id, 500)) == "no_open_intent"
    await world.network.clear(first.token)
    await world.settle()
    assert await reason(world, await world.network.charge(card.id, 2000)) == "no_open_intent"
    world.shift["by"] += timedelta(minutes=10)  # the grace is over, before any sweep
    assert await reason(world, await world.network.charge(card.id, 2000)) == "card_locked"
    await world.travel(timedelta())
    locked = await agent.cards.get(card.id)
    assert (locked.state, locked.issuer_state) == ("locked", "paused")
    assert (await world.network.card(card.id))["state"] == "PAUSED"
    assert not (await world.network.charge(card.id, 2000)).approved  # the issuer's own decline
    await world.network.set_state(card.id, "OPEN")
    assert await reason(world, await world.network.charge(card.id, 2000)) == "card_locked"
    done = await agent.intents.get(intent.id)
    assert (done.state, done.charges, done.used) == ("settled", 1, 2000)
    await balanced(world)


async def test_the_window_ends_without_a_sweep(world: World) -> None:
    """Our lock holds from the very moment the window ends, at any merchant."""
    agent = await world.agent()
    intent = await buy(agent, 2000)
    card = intent.card_id or ""
    world.shift["by"] += timedelta(minutes=30)
    assert await reason(world, await world.network.charge(card, 2000)) == "card_locked"
    assert (await agent.cards.get(card)).state == "open"  # its state is the sweep's to change
    await world.travel(timedelta())
    assert (await agent.cards.get(card)).state == "locked"
    assert (await agent.intents.get(intent.id)).state == "expired"
    await balanced(world)


async def test_increments_and_partial_reversals(world: World) -> None:
    """An increment is decided by its difference, inside the intent's maximum; holds follow."""
    await unbounded(world)
    agent = await world.agent()
    intent = await buy(agent, 2000)
    card = intent.card_id or ""
    charge = await world.network.charge(card, 1500)
    assert await world.network.increment(charge.token, 500)
    assert not await world.network.increment(charge.token, 201)
    assert (await decision(world)).reason == "amount_exceeds_intent"
    assert await world.network.increment(charge.token, 200)
    await world.settle()
    held = await transaction(world, charge.token)
    assert (held.authorized, held.held, held.unconfirmed) == (2200, 2200, 0)
    await world.network.reverse(charge.token, 700)
    await world.settle()
    held = await transaction(world, charge.token)
    assert (held.held, held.reversed) == (1500, 700)
    now = await agent.intents.get(intent.id)
    assert (now.state, now.charges, now.used) == ("authorized", 1, 1500)
    assert await world.network.increment(charge.token, 700)
    await world.settle()
    await world.network.clear(charge.token)
    await world.settle()
    paid = await transaction(world, charge.token)
    assert (paid.cleared, paid.held, paid.verdict, paid.kind) == (2200, 0, "verified", "purchase")
    await balanced(world)
    world.shift["by"] += timedelta(minutes=11)
    assert not await world.network.increment(charge.token, 1)


async def test_clearings_in_parts_and_above(world: World) -> None:
    """Parts add up; above the hold but inside the maximum is a note; beyond it is flagged."""
    await unbounded(world)
    agent = await world.agent()
    one = await buy(agent, 2000, workflow="parts")
    charge = await world.network.charge(one.card_id or "", 2000)
    await world.network.clear(charge.token, 800)
    await world.settle()
    part = await transaction(world, charge.token)
    assert (part.cleared, part.held) == (800, 1200)
    assert (await agent.intents.get(one.id)).state == "authorized"
    await world.network.clear(charge.token, 1200)
    await world.settle()
    whole = await transaction(world, charge.token)
    assert (whole.cleared, whole.held, whole.verdict) == (2000, 0, "verified")
    assert (await agent.intents.get(one.id)).state == "settled"

    two = await buy(agent, 2000, workflow="tax")
    charge = await world.network.charge(two.card_id or "", 2000)
    await world.network.clear(charge.token, 2200)
    await world.settle()
    taxed = await transaction(world, charge.token)
    assert (taxed.cleared, taxed.verdict, taxed.notes) == (2200, "verified", ("over_captured",))

    three = await buy(agent, 2000, workflow="above")
    charge = await world.network.charge(three.card_id or "", 2000)
    await world.network.clear(charge.token, 2201)
    await world.settle()
    above = await transaction(world, charge.token)
    assert (above.cleared, above.verdict, above.flags) == (
        2201,
        "flagged",
        ("amount_above_maximum",),
    )
    assert "transaction_flagged" in await alerts(world)
    assert (await agent.cards.get(three.card_id or "")).frozen
    assert (await agent.intents.get(three.id)).used == 2201
    await balanced(world)


async def test_refunds(world: World) -> None:
    """A refund on a transaction is its own; an unlinked one is a credit and gives nothing back."""
    budget = {"name": "b", "scope": "agent", "period": "month", "amount": 5000, "currency": "USD"}
    await policy(world, budgets=[budget], caps=[])
    agent = await world.agent()
    intent = await buy(agent, 2000)
    card = intent.card_id or ""
    charge = await world.network.charge(card, 2200)
    await world.network.clear(charge.token)
    await world.settle()
    await world.network.post("/_sim/linked", token=charge.token, amount=700)
    await world.settle()
    back = await transaction(world, charge.token)
    assert (back.cleared, back.refunded, back.verdict) == (2200, 700, "verified")
    assert "refunded" in back.notes
    # 5000 - 2200 + 700 = 3500 left.
    assert (await buy(agent, 3301, workflow="w")).state == "denied"
    await world.network.post(
        "/v1/simulate/return",
        amount=1000,
        descriptor="OPENAI *CHATGPT SUBSCR",
        pan=(await world.network.card(card))["pan"],
    )
    await world.settle()
    credits = [one async for one in agent.transactions.list_for_card(card) if "credit" in one.notes]
    assert [(one.refunded, one.cleared, one.intent_id) for one in credits] == [(1000, 0, None)]
    assert (await buy(agent, 3301, workflow="w2")).state == "denied"
    assert (await buy(agent, 3000, workflow="w3")).state == "approved"
    await balanced(world)


async def test_verifications_spend_nothing(world: World) -> None:
    """Zero and one dollar pass while the card is open and matched, five a day, and use nothing."""
    await unbounded(world)
    agent = await world.agent()
    card = await card_for(world, "infra-agent")
    assert not (await world.network.charge(card.id, 0)).approved
    intent = await buy(agent, 2000)
    elsewhere = await world.network.charge(card.id, 0, **ELSEWHERE)
    assert await reason(world, elsewhere) == "merchant_mismatch"
    for amount in (0, 0, 100, 100):
        assert (await world.network.charge(card.id, amount)).approved
    fifth = await world.network.charge(card.id, 0, status="BALANCE_INQUIRY")
    assert fifth.approved
    assert (await decision(world)).kind == "verification"
    assert await reason(world, await world.network.charge(card.id, 0)) == "velocity_exceeded"
    now = await agent.intents.get(intent.id)
    assert (now.state, now.charges, now.used) == ("approved", 0, 0)
    assert (await world.network.charge(card.id, 2200)).approved
    await world.settle()
    await balanced(world)


async def test_a_verification_that_clears_is_a_purchase(world: World) -> None:
    """Its money comes under the open intent, once, and the books stay whole."""
    await unbounded(world)
    agent = await world.agent()
    intent = await buy(agent, 2000)
    card = intent.card_id or ""
    probe = await world.network.charge(card, 100)
    assert probe.approved
    await world.settle()
    await balanced(world)
    await world.network.clear(probe.token)
    await world.settle()
    paid = await transaction(world, probe.token)
    assert (paid.kind, paid.cleared, paid.held, paid.intent_id) == ("purchase", 100, 0, intent.id)
    now = await agent.intents.get(intent.id)
    assert (now.used, now.charges, now.state) == (100, 1, "settled")
    assert await reason(world, await world.network.charge(card, 2000)) == "no_open_intent"
    await world.travel(timedelta(minutes=31))
    assert (await agent.intents.get(intent.id)).state == "settled"
    await balanced(world)


async def test_an_intent_for_a_dollar_is_a_purchase(world: World) -> None:
    """Where so little is expected, the charge is no verification and uses the intent up."""
    agent = await world.agent()
    intent = await buy(agent, 90)
    charge = await world.network.charge(intent.card_id or "", 90)
    assert charge.approved
    assert (await decision(world)).kind == "purchase"
    assert (await agent.intents.get(intent.id)).state == "authorized"


async def test_declines_of_the_issuer_count_as_attempts(world: World) -> None:
    """What the paused card declined by itself is stored, mapped, and feeds attempt caps."""
    caps = [
        {"name": "tries", "scope": "card", "window": "1h", "measure": "attempts", "max_count": 3}
    ]
    await policy(world, caps=caps, breaker={"declines": 100, "within": "10m"})
    agent = await world.agent()
    card = await card_for(world, "infra-agent")
    for _ in range(3):
        assert not (await world.network.charge(card.id, 2000)).approved
    await world.settle()
    assert not (await world.signets.decisions.list()).data  # nobody asked us
    seen = [one async for one in agent.transactions.list_for_card(card.id)]
    assert {(one.status, one.reason, one.decided_by) for one in seen} == {
        ("declined", "card_locked", "issuer")
    }
    assert {one.explanation[-1] for one in seen} == {"the issuer's own word for it: CARD_PAUSED"}
    await buy(agent, 2000)
    assert await reason(world, await world.network.charge(card.id, 2000)) == "velocity_exceeded"
    await world.travel(timedelta(hours=1))
    await buy(agent, 2000)
    assert (await world.network.charge(card.id, 2000)).approved
    await balanced(world)


async def test_transactions_are_listed_page_by_page(world: World) -> None:
    """All of a card's, newest first, over pages; an agent sees no other's."""
    await unbounded(world)
    agent, other = await world.agent("one"), await world.agent("two")
    await card_for(world, "one")
    intent = await buy(agent, 5000, usage="window")
    card = intent.card_id or ""
    tokens = [(await world.network.charge(card, amount)).token for amount in (200, 300, 400)]
    found = [one async for one in agent.transactions.list_for_card(cardId=card, limit=1)]
    assert [one.authorized for one in found] == [400, 300, 200]
    by_intent = await agent.transactions.list(intent_id=intent.id)
    assert len(by_intent.data) == 3 and tokens
    await refused(other.transactions.get(found[0].id), "transaction_not_found")
    assert not [one async for one in other.transactions.list_for_card(card)]
    await refused(agent.decisions.list(), "members_only")
    assert (await kinds(world, card_id=card)).count("decision.approved") == 3
