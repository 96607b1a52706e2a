"""Intents: declared, listed, canceled, amended, and every move between their states."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.behaviour.kit import (
    balanced,
    buy,
    card_for,
    kinds,
    policy,
    reason,
    refused,
    unbounded,
)
from tests.world import World

from signets.app.record_issuer_event import process_inbox
from signets.client.errors import APIStatusError


async def test_what_is_declared_can_be_read_again(world: World) -> None:
    """Everything declared comes back; lists filter by agent, card and state and go on in pages."""
    agent = await world.agent("buyer")
    other = await world.agent("other")
    intent = await buy(
        agent,
        2000,
        workflow="nightly",
        line_items=[{"description": "credits", "quantity": 1, "amount": 2000}],
        quote_url="https://openai.com/pricing",
        metadata={"ticket": "OPS-7"},
        window_seconds=600,
    )
    again = await agent.intents.get(intent.id)
    assert (again.workflow, again.quote_url, again.metadata) == (
        "nightly",
        "https://openai.com/pricing",
        {"ticket": "OPS-7"},
    )
    assert again.line_items[0]["description"] == "credits"
    assert (again.usage, again.max_count, again.window_seconds) == ("single", 1, 600)
    assert again.window is not None
    assert again.window.ends_at - again.window.opens_at == timedelta(minutes=10)
    assert again.policy is not None and again.policy.version == 1

    ids = [intent.id]
    for workflow in ("a", "b", "c"):
        ids.append((await buy(agent, 100, workflow=workflow)).id)
    foreign = await buy(other, 300)
    assert [one.id async for one in agent.intents.list(limit=2)] == ids[::-1]
    page = await agent.intents.list(limit=2)
    assert page.has_more and [one.id for one in page.data] == ids[:1:-1]
    everyone = [one.id async for one in world.signets.intents.list(limit=100)]
    assert everyone == [foreign.id, *ids[::-1]]
    assert [one.id async for one in world.signets.intents.list(agent_id="other")] == [foreign.id]
    on_card = [one.id async for one in world.signets.intents.list(card_id=intent.card_id)]
    assert on_card == [intent.id]
    await agent.intents.cancel(intent.id)
    canceled = [one.id async for one in world.signets.intents.list(state="canceled")]
    assert canceled == [intent.id]
    await refused(other.intents.get(intent.id), "intent_not_found")


async def test_declared_single_intents_go_where_the_table_says(world: World) -> None:
    """Denied, expired, canceled, voided and settled are each reached, and each is an end."""
    await unbounded(world)
    rules = [
        {"name": "no", "when": {"vendor": "aws.amazon.com"}, "then": "deny"},
        {"name": "yes", "when": {"up_to": 5000, "currency": "USD"}, "then": "approve"},
    ]
    await policy(world, rules=rules)
    agent = await world.agent()
    denied = await buy(agent, 2000, "aws.amazon.com")
    assert (denied.state, denied.card_id, denied.window) == ("denied", None, None)

    expired = await buy(agent, 2000)
    await world.travel(timedelta(minutes=31))
    canceled = await buy(agent, 2000)
    await agent.intents.cancel(canceled.id)
    settled = await buy(agent, 2000)
    charge = await world.network.charge(settled.card_id or "", 2000)
    assert (await agent.intents.get(settled.id)).state == "authorized"
    await refused(agent.intents.cancel(settled.id), "intent_state")
    await world.network.clear(charge.token)
    await world.settle()
    for intent, state in (
        (denied, "denied"),
        (expired, "expired"),
        (canceled, "canceled"),
        (settled, "settled"),
    ):
        assert (await agent.intents.get(intent.id)).state == state
        await refused(agent.intents.cancel(intent.id), "intent_state")
        await refused(agent.intents.amend(intent.id, expected_amount=100), "intent_state")
    assert await kinds(world, intent_id=expired.id) == [
        "intent.declared",
        "intent.approved",
        "card.opened",
        "card.locked",
        "intent.expired",
    ]
    await balanced(world)


async def test_a_reversed_purchase_may_be_made_again_twice(world: World) -> None:
    """Fully reversed inside its window, an intent is open again, at most twice; then it is void."""
    await unbounded(world)
    agent = await world.agent()
    intent = await buy(agent, 2000)
    for state in ("approved", "approved", "voided"):
        charge = await world.network.charge(intent.card_id or "", 2000)
        assert charge.approved
        await world.network.reverse(charge.token)
        await world.settle()
        assert (await agent.intents.get(intent.id)).state == state
    await balanced(world)
    last = await world.network.charge(intent.card_id or "", 2000)
    assert not last.approved

    late = await buy(agent, 3000)
    charge = await world.network.charge(late.card_id or "", 3000)
    await world.settle()
    world.shift["by"] += timedelta(minutes=11)  # the reversal comes before the sweep does
    await world.network.reverse(charge.token)
    await world.network.drain()
    await process_inbox(world.services, world.org_id)
    assert (await agent.intents.get(late.id)).state == "voided"
    await world.settle()
    card = await agent.cards.get(late.card_id or "")
    assert (card.state, card.issuer_state) == ("locked", "paused")
    await balanced(world)


async def test_amending_replaces_the_reservation(world: World) -> None:
    """The old intent is superseded, its reservation released, the same card open for the new."""
    agent = await world.agent()
    card = await card_for(world, "infra-agent", 4500)
    first = await buy(agent, 2000)
    assert first.card_id == card.id
    # Both together would not fit the card: only one of them is ever reserved.
    second = await agent.intents.amend(first.id, expected_amount=3000)
    assert (second.state, second.card_id, second.maximum) == ("approved", card.id, 3300)
    assert second.supersedes == first.id and second.purpose == first.purpose
    old = await agent.intents.get(first.id)
    assert (old.state, old.ended_at is not None) == ("superseded", True)
    await balanced(world)
    await refused(agent.intents.amend(first.id, expected_amount=100), "intent_state")
    charge = await world.network.charge(card.id, 3300)
    assert charge.approved
    await refused(agent.intents.amend(second.id, expected_amount=100), "intent_state")


async def test_amending_what_waits_and_what_is_refused(world: World) -> None:
    """A waiting intent is canceled and asked anew; a denied change leaves the old one in force."""
    agent = await world.agent()
    waiting = await buy(agent, 9000)
    assert waiting.state == "pending_approval"
    cheaper = await agent.intents.amend(waiting.id, expected_amount=4000)
    assert cheaper.state == "approved"
    assert (await agent.intents.get(waiting.id)).state == "canceled"
    await refused(world.signets.intents.approve(waiting.id), "intent_state")

    denied = await refused(
        agent.intents.amend(cheaper.id, expected_amount=600_000), "policy_denies", says="month"
    )
    assert denied.status_code == 409
    still = await agent.intents.get(cheaper.id)
    assert (still.state, still.max_total) == ("approved", 4400)
    await balanced(world)

    dearer = await agent.intents.amend(cheaper.id, expected_amount=9000)
    assert dearer.state == "pending_approval"
    assert (await agent.intents.get(cheaper.id)).state == "superseded"
    assert (await agent.cards.get(cheaper.card_id or "")).state == "locked"
    approved = await world.signets.intents.approve(dearer.id)
    assert (approved.state, approved.card_id) == ("approved", cheaper.card_id)
    await balanced(world)


async def test_windows_of_several_charges(world: World) -> None:
    """A ``window`` intent takes charges up to its count, its total and its most per charge."""
    await unbounded(world)
    agent = await world.agent()
    intent = await buy(
        agent, 4000, usage="window", max_per_charge=2000, max_count=3, max_total=4400
    )
    card = intent.card_id or ""
    assert await reason(world, await world.network.charge(card, 2001)) == "amount_exceeds_intent"
    tokens = []
    for amount in (2000, 2000):
        charge = await world.network.charge(card, amount)
        assert charge.approved
        tokens.append(charge.token)
    over = await world.network.charge(card, 401)
    assert await reason(world, over) == "amount_exceeds_intent"
    third = await world.network.charge(card, 300)
    assert third.approved
    assert await reason(world, await world.network.charge(card, 99 + 2)) == "no_open_intent"
    for token in (*tokens, third.token):
        await world.network.clear(token)
    await world.settle()
    used = await agent.intents.get(intent.id)
    assert (used.state, used.charges, used.used) == ("authorized", 3, 4300)
    await world.travel(timedelta(days=91))
    assert (await agent.intents.get(intent.id)).state == "settled"
    await balanced(world)


async def test_an_idempotency_key_is_remembered(world: World) -> None:
    """The same key and body give the same object; another body is a conflict; amend likewise."""
    agent, other = await world.agent("one"), await world.agent("two")
    made = await buy(agent, 2000, idempotency_key="k-1")
    again = await buy(agent, 2000, idempotency_key="k-1")
    assert again.id == made.id and again.duplicate_of is None
    await refused(buy(agent, 2001, idempotency_key="k-1"), "idempotency_conflict")
    assert (await buy(other, 2000, idempotency_key="k-1")).id != made.id
    amended = await agent.intents.amend(made.id, expected_amount=2500, idempotency_key="k-2")
    repeat = await agent.intents.amend(made.id, expected_amount=2500, idempotency_key="k-2")
    assert repeat.id == amended.id
    card = await card_for(world, "one", idempotency_key="k-3")
    assert (await card_for(world, "one", idempotency_key="k-3")).id == card.id
    await refused(card_for(world, "two", idempotency_key="k-3"), "idempotency_conflict")
    await world.travel(timedelta(hours=25))
    fresh = await buy(agent, 2001, idempotency_key="k-1")
    assert fresh.id != made.id


async def test_what_is_refused_changes_nothing(world: World) -> None:
    """Bad declarations are refused naming the field, and leave no intent behind."""
    agent = await world.agent()
    number = "4111 1111 1111 1111"
    for given, code, param in (
        ({"expected_amount": 0}, "amount_invalid", "expected_amount"),
        ({"expected_merchant": "not a domain"}, None, "expected_merchant"),
        ({"currency": "XXY"}, None, "currency"),
        ({"usage": "recurring"}, "period_invalid", "period"),
        ({"period": "month"}, "period_invalid", "period"),
        ({"max_total": 2100}, "bounds_not_allowed", "max_total"),
        ({"window_seconds": 86_401}, "window_invalid", "window_seconds"),
        ({"allow_duplicate": True}, "reason_missing", "allow_duplicate_reason"),
        ({"purpose": f"pay with {number}"}, "pan_in_text", "purpose"),
        ({"workflow": number}, "pan_in_text", "workflow"),
        ({"quote_url": f"https://x.test/{number}"}, None, "quote_url"),
        ({"metadata": {"card": number}}, "pan_in_text", "metadata.card"),
        ({"line_items": [{"description": number}]}, "pan_in_text", "line_items[0].description"),
        ({"card_id": "card_01jd2t0000e00800000000000a"}, "card_not_found", None),
        ({"agent_id": "somebody"}, "agent_forbidden", "agent_id"),
    ):
        whole: dict[str, Any] = {
            "purpose": "Buy",
            "expected_amount": 2000,
            "expected_merchant": "openai.com",
            **given,
        }
        with pytest.raises(APIStatusError) as caught:
            await agent.intents.create(**whole)
        assert code in (None, caught.value.code), given
        assert param in (None, caught.value.param), given
        assert number not in str(caught.value)
    assert not [one async for one in world.signets.intents.list()]
