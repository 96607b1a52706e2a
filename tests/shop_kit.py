"""The sandbox's shop beside a world, and a card as a person or an agent types it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache

import httpx
from tests.contract.sandbox_kit import served
from tests.world import SANDBOX_KEY, World

from signets.client.types import CardDetails
from signets.issuers.sandbox.shop import ShopConfig, create_shop, open_storefront
from signets.vendors import load_directory

JSON = {"accept": "application/json"}
_directory = cache(load_directory)


@dataclass(frozen=True)
class Shop:
    """A running shop, and a browser without a screen."""

    url: str
    http: httpx.AsyncClient

    async def token(self, product: str = "credits-20") -> str:
        """The hidden field of a fresh checkout page."""
        page = await self.http.get(f"/checkout/{product}")
        found = re.search(r'name="order_token" value="([^"]+)"', page.text)
        assert page.status_code == 200 and found is not None
        return found[1]

    async def buy(
        self, fields: dict[str, str], product: str = "credits-20", *, token: str | None = None
    ) -> httpx.Response:
        """Send the form as a browser does; redirections are not followed."""
        sent = {"order_token": token or await self.token(product), **fields}
        return await self.http.post(f"/checkout/{product}", data=sent)


@asynccontextmanager
async def shop_at(world: World, vendor: str = "openai.com") -> AsyncIterator[Shop]:
    """A vendor's shop on this world's card network."""
    async with world.services.store.unlocked(world.org_id) as uow:
        sandbox_url = (await uow.identity.connections())[0].base_url
    async with shop_on(sandbox_url, vendor) as shop:
        yield shop


@asynccontextmanager
async def shop_on(sandbox_url: str, vendor: str = "openai.com") -> AsyncIterator[Shop]:
    """A vendor's shop on the card network at this address."""
    config = ShopConfig(
        storefront=open_storefront(_directory(), vendor),
        sandbox_url=sandbox_url,
        sandbox_key=SANDBOX_KEY,
    )
    async with (
        served(create_shop(config)) as url,
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as http,
    ):
        yield Shop(url, http)


def typed(card: CardDetails, **changes: str) -> dict[str, str]:
    """The form's fields, filled in from what a reveal gives."""
    address = card.billing_address or {}
    return {
        "name": card.name or "",
        "number": card.number,
        "expiry": f"{card.exp_month:02d}/{card.exp_year % 100:02d}",
        "cvc": card.cvc,
        "line1": str(address["line1"]),
        "city": str(address["city"]),
        "state": str(address.get("state") or ""),
        "postal_code": str(address["postal_code"]),
        "country": str(address["country"]),
        **changes,
    }
