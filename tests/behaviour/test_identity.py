"""Keys, members and agents: shown once, revocable, expiring, scoped, and apart."""

from __future__ import annotations

from datetime import timedelta

from tests.behaviour.kit import buy, card_for, refused
from tests.world import World

from signets import AsyncSignets


async def test_a_keys_life(world: World) -> None:
    """The secret is shown once; use is dated; expired, revoked and foreign keys are refused."""
    agent = await world.signets.agents.create(handle="one")
    made = await world.signets.keys.create(
        owner="agent",
        agent_id="one",
        name="short",
        expires_at=await world.now() + timedelta(hours=1),
    )
    assert made.secret is not None and made.secret not in repr(made)
    listed = {one.id: one async for one in world.signets.keys.list()}
    assert listed[made.id].secret is None and listed[made.id].last_used_at is None
    client = await world.client(made.secret)
    assert [one async for one in client.cards.list()] == []
    used = {one.id: one async for one in world.signets.keys.list()}[made.id]
    assert used.last_used_at is not None
    world.shift["by"] += timedelta(hours=1)
    assert (await refused(client.cards.list(), "key_expired")).status_code == 401

    again = await world.signets.keys.create(owner="agent", agent_id=agent.id, name="long")
    client = await world.client(again.secret or "")
    await client.cards.list()
    await world.signets.keys.revoke(again.id)
    await refused(client.cards.list(), "key_revoked")
    forged = (again.secret or "")[:-1] + ("A" if (again.secret or "")[-1] != "A" else "B")
    await refused((await world.client(forged)).cards.list(), "key_invalid")
    await refused((await world.client("sgn_nonsense")).cards.list(), "key_invalid")


async def test_scopes_only_narrow(world: World) -> None:
    """A key has what it was given, and at most what its owner may ever have."""
    await world.agent("one")
    reader = await world.signets.keys.create(
        owner="agent", agent_id="one", name="r", scopes=["intents:read"]
    )
    client = await world.client(reader.secret or "")
    await client.intents.list()
    await refused(buy(client, 1000), "scope_missing")
    await refused(client.cards.list(), "scope_missing")
    await refused(
        world.signets.keys.create(owner="agent", agent_id="one", name="x", scopes=["policy:write"]),
        "scope_invalid",
    )


async def test_members_come_and_go(world: World) -> None:
    """A disabled member's keys stop at once; an address belongs to one member, however spelled."""
    made = await world.signets.members.create(email="b@acme.test", name="B", role="admin")
    await refused(
        world.signets.members.create(email="B@acme.test", name="B", role="viewer"), "email_taken"
    )
    key = await world.signets.keys.create(owner="member", member_id=made.id, name="b")
    client = await world.client(key.secret or "")
    await client.members.list()
    await world.signets.members.disable(made.id)
    await refused(client.members.list(), "key_revoked")
    await refused(world.signets.agents.create(handle="x" * 200), "field_invalid")


async def test_agents_are_apart(world: World) -> None:
    """No agent sees, uses or changes what is another's, nor anything of the organization's."""
    one, two = await world.agent("one"), await world.agent("two")
    card = await card_for(world, "one")
    intent = await buy(one, 2000)
    asked = await buy(one, 9000, workflow="l")
    charge = await world.network.charge(card.id, 2000)
    assert charge.approved
    [mine] = [each async for each in one.transactions.list_for_card(card.id)]
    for call, code in (
        (two.intents.get(intent.id), "intent_not_found"),
        (two.intents.cancel(intent.id), "intent_not_found"),
        (two.intents.amend(intent.id, expected_amount=1), "intent_not_found"),
        (two.cards.get(card.id), "card_not_found"),
        (two.cards.reveal(card.id), "card_not_found"),
        (two.transactions.get(mine.id), "transaction_not_found"),
        (buy(two, 1000, card_id=card.id), "card_not_found"),
        (buy(two, 1000, agent_id="one"), "agent_forbidden"),
        (one.intents.approve(asked.id), "scope_missing"),
        (one.cards.unfreeze(card.id), "scope_missing"),
        (one.policy.get(), "scope_missing"),
        (one.keys.list(), "scope_missing"),
        (one.members.list(), "scope_missing"),
        (one.agents.list(), "scope_missing"),
        (one.alerts.list(), "scope_missing"),
        (one.ledger.check(), "members_only"),
    ):
        await refused(call, code)
    for listing in (
        two.intents.list(),
        two.cards.list(),
        two.transactions.list(),
        two.intents.list(agent_id="one"),
    ):
        assert [each async for each in listing] == []
    assert isinstance(two, AsyncSignets)
