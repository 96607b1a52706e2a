"""The whole story in one test. Start here."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from tests.conftest import NewDatabase
from tests.world import ELSEWHERE, World, open_world

from signets.core.merchant.directory import Directory
from signets.verifier import verify_bundle


@pytest.mark.parametrize("issuer", ["lithic", "stripe"])
async def test_an_agent_buys_api_credits(
    new_database: NewDatabase,
    tmp_path: Path,
    directory: Directory,
    issuer: Literal["lithic", "stripe"],
) -> None:
    """The same story, word for word, whichever issuer the card is from."""
    async with open_world(new_database, tmp_path, directory, issuer=issuer) as world:
        await _story(world)


async def _story(world: World) -> None:
    """Intent → policy → card window → authorization → clearing → verdict → evidence."""
    agent = await world.agent("infra-agent")

    card = await agent.cards.create(
        agent_id="infra-agent", spending_limit=5000, merchant_lock="openai.com", recurring=False
    )
    assert (card.state, card.issuer_state) == ("locked", "paused")
    assert not (await world.network.charge(card.id, 2000)).approved

    intent = await agent.intents.create(
        purpose="Buy $20 of API credits", expectedAmount=2000, expectedMerchant="openai.com"
    )
    assert (intent.state, intent.card_id, intent.maximum) == ("approved", card.id, 2200)

    assert not (await world.network.charge(card.id, 2000, **ELSEWHERE)).approved
    charge = await world.network.charge(card.id, 2165)
    assert charge.approved
    assert not (await world.network.charge(card.id, 2165)).approved  # a duplicate

    await world.network.clear(charge.token, 2165)
    await world.settle()
    paid = [one async for one in agent.transactions.list_for_card(cardId=card.id) if one.cleared]
    assert [(one.cleared, one.held, one.verdict, one.intent_id) for one in paid] == [
        (2165, 0, "verified", intent.id)
    ]
    assert (await agent.intents.get(intent.id)).state == "settled"

    bundle = await agent.evidence.bundle(intent.id)
    key = (await world.signets.evidence.key()).vkey
    assert verify_bundle(bundle, key).ok
    damaged = bundle.replace(b"2165", b"2166", 1)
    assert not verify_bundle(damaged, key).ok
    assert (await world.signets.ledger.check()).balanced
