"""What tests about merchants say again and again."""

from __future__ import annotations

from typing import Any

from tests.behaviour.kit import (
    buy,
    reason,
    transaction,
)
from tests.world import World

from signets import AsyncSignets
from signets.client.merchant_types import MerchantReview

#: A good name from a country that the vendor does not bill from.
DOUBTFUL: dict[str, Any] = {"merchant_acceptor_country": "BRA", "merchant_acceptor_id": "BR55501"}
UNKNOWN: dict[str, Any] = {
    "descriptor": "ACMESEARCH",
    "mcc": "7372",
    "merchant_acceptor_country": "USA",
    "merchant_acceptor_city": "AUSTIN",
    "merchant_acceptor_id": "ACME00012345",
}
VENDOR: dict[str, Any] = {
    "brand": "Acme Search",
    "category": "developer_tools",
    "lines": [{"name": "api", "patterns": [{"text": "ACME SEARCH LABS", "source": "observed"}]}],
    "mcc_groups": ["digital"],
    "countries": [{"code": "US", "source": "observed"}],
}


async def waiting(world: World) -> list[MerchantReview]:
    """The questions that wait, newest first."""
    return [one async for one in world.signets.merchant_reviews.list(state="waiting")]


async def declined(world: World, card: str, amount: int, **merchant: Any) -> MerchantReview:
    """A charge that declines as unverified; the question that it leaves."""
    charge = await world.network.charge(card, amount, **merchant)
    assert await reason(world, charge) == "merchant_unverified"
    return (await waiting(world))[0]


async def bought(world: World, agent: AsyncSignets, **merchant: Any) -> None:
    """A purchase that is approved, clears and is verified."""
    intent = await buy(agent, 2000, workflow=f"w{world.shift['by'].days}")
    charge = await world.network.charge(intent.card_id or "", 2000, **merchant)
    assert charge.approved, charge.message
    await world.network.clear(charge.token)
    await world.settle()
    assert (await transaction(world, charge.token)).verdict == "verified"


async def known_ids(world: World, vendor: str) -> list[str]:
    """The ids that the organization knows of a vendor."""
    told = await world.signets.merchants.knowledge()
    return [one.value for one in told.ids if one.vendor == vendor]
