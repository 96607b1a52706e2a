"""An intent in another currency than the card's: reserved by a rate, compared as declared."""

from __future__ import annotations

import pytest
from tests.world import World

from signets.client.errors import InvalidRequestError

RATE = {"rates": {"EUR": "1.10"}, "tolerance": 5}
EUROS = {
    "merchant_currency": "EUR",
    "descriptor": "HETZNER ONLINE GMBH",
    "mcc": "7372",
    "merchant_acceptor_country": "DEU",
    "merchant_acceptor_city": "GUNZENHAUSEN",
}


async def with_rates(world: World) -> None:
    document = dict((await world.signets.policy.get()).document)
    rules = [{"name": "euros", "when": {"currency": "EUR", "up_to": 5000}, "then": "approve"}]
    await world.signets.policy.put({**document, "rules": rules, "fx": RATE})


async def test_a_foreign_intent_needs_a_rate(world: World) -> None:
    """Without a rate in policy the intent is refused, with the remedy."""
    agent = await world.agent()
    with pytest.raises(InvalidRequestError) as caught:
        await agent.intents.create(
            purpose="server", expected_amount=2000, expected_merchant="hetzner.com", currency="EUR"
        )
    assert caught.value.code == "fx_rate_missing"
    assert caught.value.param == "currency"


async def test_a_foreign_intent_is_compared_in_its_own_currency(world: World) -> None:
    """EUR 20 reserves its maximum by the rate plus tolerance; the merchant's euros decide."""
    await with_rates(world)
    agent = await world.agent()
    intent = await agent.intents.create(
        purpose="server", expected_amount=2000, expected_merchant="hetzner.com", currency="EUR"
    )
    assert (intent.state, intent.maximum, intent.currency) == ("approved", 2200, "EUR")
    card = await agent.cards.get(intent.card_id or "")
    # EUR 22.00 at 1.10 is USD 24.20, and 5 % more for the rate: USD 25.41; five verifications of
    # a dollar have room beside it.
    assert (card.currency, card.spending_limit) == ("USD", 2541 + 500)

    # EUR 22.01 is above the maximum, however few dollars it comes to.
    dear = await world.network.charge(card.id, 2300, merchant_amount=2201, **EUROS)
    assert not dear.approved
    charge = await world.network.charge(card.id, 2400, merchant_amount=2150, **EUROS)
    assert charge.approved
    await world.network.clear(charge.token)
    await world.settle()

    [paid] = [t async for t in agent.transactions.list_for_card(card.id) if t.cleared]
    assert (paid.cleared, paid.currency, paid.verdict) == (2400, "USD", "verified")
    assert (await agent.intents.get(intent.id)).used == 2150
    assert (await agent.intents.get(intent.id)).state == "settled"
    assert (await world.signets.ledger.check()).balanced
