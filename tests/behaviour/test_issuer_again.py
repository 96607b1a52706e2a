"""Connecting an issuer again: only what changed leaves a trace."""

from __future__ import annotations

from dataclasses import replace

from tests.world import SANDBOX_KEY, World

from signets.app.connect_issuer import Account, connect_issuer

ADDRESS = {"line1": "2 Other Street", "city": "Berlin", "postal_code": "10115", "country": "DE"}


async def connected(world: World) -> int:
    """How many times the evidence says that an issuer was connected."""
    async with world.services.store.unlocked(world.org_id) as uow:
        entries = await uow.evidence.page(card_id=None, intent_id=None, after=None, limit=1000)
    return sum(entry.kind == "issuer.connected" for entry in entries)


async def test_other_options_are_recorded_and_used(world: World) -> None:
    """The same account again is silent; another billing address is recorded and shown at reveal."""
    async with world.services.store.unlocked(world.org_id) as uow:
        [known] = await uow.identity.connections()
    same = Account(
        issuer="sandbox",
        mode="sandbox",
        base_url=known.base_url,
        public_url=known.public_url,
        api_key=SANDBOX_KEY,
    )
    before = await connected(world)
    await connect_issuer(world.services, world.org_id, same)
    assert await connected(world) == before
    await connect_issuer(world.services, world.org_id, replace(same, options=ADDRESS))
    assert await connected(world) == before + 1

    agent = await world.agent()
    intent = await agent.intents.create(
        purpose="credits", expected_amount=2000, expected_merchant="openai.com"
    )
    shown = await agent.cards.reveal(intent.card_id)
    assert shown.billing_address is not None
    assert shown.billing_address["city"] == "Berlin"
