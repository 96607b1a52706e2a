"""Evidence: every change of state is recorded, numbered without gaps, and proven offline."""

from __future__ import annotations

import json
from datetime import timedelta

from tests.behaviour.kit import buy, card_for, entries, kinds, refused, unbounded
from tests.world import World

from signets.verifier import verify_bundle


async def test_a_purchase_leaves_its_whole_story(world: World) -> None:
    """From declaration to settlement, each step is an entry of its intent and of its card."""
    await unbounded(world)
    agent = await world.agent()
    card = await card_for(world, "infra-agent")
    intent = await buy(agent, 2000)
    await world.network.charge(card.id, 9999)
    charge = await world.network.charge(card.id, 2000)
    await world.network.clear(charge.token)
    await world.settle()
    await world.travel(timedelta(minutes=31))
    story = await kinds(world, intent_id=intent.id)
    assert story == [
        "intent.declared",
        "intent.approved",
        "card.opened",
        "decision.declined",
        "decision.approved",
        "transaction.updated",  # the authorization is confirmed
        "issuer.event",
        "intent.settled",
        "transaction.updated",  # it has cleared
        "issuer.event",
        "card.locked",
    ]
    on_card = await kinds(world, card_id=card.id)
    assert on_card[0] == "card.created" and "card.opened" in on_card and "card.locked" in on_card
    states = [
        one.entry["data"]["from"]
        for one in await entries(world, intent_id=intent.id)
        if one.kind in {"intent.approved", "intent.settled"}
    ]
    assert states == ["declared", "authorized"]
    approved = [
        one for one in await entries(world, intent_id=intent.id) if one.kind == "decision.approved"
    ]
    assert approved[0].entry["data"]["hold"] == 2000
    assert approved[0].card_id == card.id


async def test_exports_verify_and_belong_to_their_agent(world: World) -> None:
    """A bundle is whole or refused, under our key alone; other agents cannot export it."""
    agent, other = await world.agent("one"), await world.agent("two")
    intent = await buy(agent, 2000)
    asked = await buy(agent, 9000, workflow="large")
    await world.signets.intents.deny(asked.id, comment="no")
    charge = await world.network.charge(intent.card_id or "", 2000)
    await world.network.clear(charge.token)
    await world.settle()
    key = (await agent.evidence.key()).vkey
    assert key == (await world.signets.evidence.key()).vkey
    for one in (intent, asked):
        bundle = await agent.evidence.bundle(one.id)
        assert verify_bundle(bundle, key).ok
        assert await world.signets.evidence.bundle(one.id)
        await refused(other.evidence.bundle(one.id), "intent_not_found")
        await refused(other.evidence.list(intent_id=one.id), "intent_not_found")
        lines = bundle.splitlines(keepends=True)
        assert not verify_bundle(b"".join(lines[:1] + lines[2:]), key).ok
        assert not verify_bundle(b"".join(lines[:1] + lines[1:3][::-1] + lines[3:]), key).ok
    await refused(other.evidence.list(card_id=intent.card_id), "intent_required")
    await refused(agent.evidence.list(), "intent_required")
    assert json.loads(bundle.splitlines()[0])
    viewer = await world.member("v@acme.test", "viewer")
    assert verify_bundle(await viewer.evidence.bundle(intent.id), key).ok
    # What happens later is in the next export.
    await world.travel(timedelta(minutes=31))
    later = await agent.evidence.bundle(intent.id)
    assert len(later.splitlines()) > len((await agent.evidence.bundle(asked.id)).splitlines())
    assert verify_bundle(later, key).ok


async def test_changes_without_intent_are_recorded_too(world: World) -> None:
    """Policy, agents, members, keys and switches leave entries of their own."""
    await world.agent("one")
    member = await world.signets.members.create(email="b@acme.test", name="B", role="viewer")
    await world.signets.members.disable(member.id)
    key = await world.signets.keys.create(owner="organization", name="ci")
    await world.signets.keys.revoke(key.id)
    await unbounded(world)
    await world.signets.agents.freeze("one")
    await world.signets.agents.unfreeze("one")
    await world.signets.organization.freeze()
    await world.signets.organization.unfreeze()
    found = [one async for one in world.signets.evidence.list()]
    seen = {one.kind for one in found}
    assert {
        "agent.added",
        "member.added",
        "member.disabled",
        "key.issued",
        "key.revoked",
        "policy.changed",
        "agent.frozen",
        "agent.unfrozen",
        "organization.frozen",
        "organization.unfrozen",
    } <= seen
    assert (key.secret or "") not in str([one.entry for one in found])
