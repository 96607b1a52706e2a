"""A whole Signets with its sandbox issuer, served over real HTTP, for one test.

Nothing is faked: PostgreSQL, the API, the sandbox network, the official SDKs and our own. Only
time can be moved (``travel``), and background work is run by hand (``settle``), so that tests
never sleep and never depend on timing.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import httpx
from granian.constants import Interfaces
from granian.server.embed import Server
from prometheus_client import CollectorRegistry

from signets import AsyncSignets
from signets.app.authenticate import authenticate
from signets.app.caller import Caller
from signets.app.services import Services
from signets.app.set_up_organization import NewOrganization, set_up_organization
from signets.app.sweep import sweep
from signets.bootstrap import Runtime, open_runtime
from signets.core.merchant.directory import Directory
from signets.http.metrics import Metrics
from signets.issuers.sandbox import SandboxConfig, create_app
from signets.issuers.sandbox.scenarios import DriverRefused, Place, StripeDriver
from signets.processes.api import build_application
from signets.processes.sandbox_account import Face, connect_account
from signets.settings import Settings

#: Whose face the sandbox has for Signets.
Issuer = Literal["lithic", "stripe"]

SANDBOX_KEY = "sandbox_test_0123456789abcdef"
OPENAI: dict[str, Any] = {
    "descriptor": "OPENAI *CHATGPT SUBSCR",
    "mcc": "5734",
    "merchant_acceptor_country": "USA",
    "merchant_acceptor_city": "SAN FRANCISCO",
}
AWS: dict[str, Any] = {
    "descriptor": "AMAZON WEB SERVICES",
    "mcc": "7372",
    "merchant_acceptor_country": "USA",
    "merchant_acceptor_city": "AWS.AMAZON.CO",
}
ELSEWHERE: dict[str, Any] = {
    "descriptor": "JOES PIZZA 42",
    "mcc": "5812",
    "merchant_acceptor_country": "USA",
    "merchant_acceptor_city": "NEW YORK",
}


class Strict:
    """An observer that hides nothing: what was contained fails the test."""

    def decided(self, outcome: str, reason: str, seconds: float) -> None:
        """Nothing to check here."""

    def failed(self, what: str, error: BaseException) -> None:
        raise error


@dataclass(frozen=True)
class Charge:
    """What the network answered to a purchase."""

    token: str
    approved: bool
    message: str


class SandboxNetwork:
    """The merchant's and network's side: charges cards as the world would."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def card(self, card_id: str) -> dict[str, Any]:
        """The issuer's card of one of our cards (our id is its memo)."""
        listed = (await self._http.get("/v1/cards", params={"page_size": 100})).json()["data"]
        token = next(card["token"] for card in listed if card["memo"] == card_id)
        found: dict[str, Any] = (await self._http.get(f"/v1/cards/{token}")).json()
        return found

    async def charge(self, card_id: str, amount: int, **merchant: Any) -> Charge:
        """A purchase; ``merchant`` are the simulate endpoint's own parameters."""
        body = {"amount": amount, "pan": (await self.card(card_id))["pan"], **OPENAI, **merchant}
        answer = await self._http.post("/v1/simulate/authorize", json=body)
        content = answer.json()
        approved = answer.status_code < 300
        return Charge(content["token"], approved, content.get("message", ""))

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Any other endpoint; fails loudly where the sandbox refuses."""
        answer = await self._http.post(path, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else {}

    async def clear(self, token: str, amount: int | None = None) -> None:
        body = {"token": token} if amount is None else {"token": token, "amount": amount}
        await self.post("/v1/simulate/clearing", **body)

    async def reverse(self, token: str, amount: int | None = None) -> None:
        extra = {} if amount is None else {"amount": amount}
        await self.post("/v1/simulate/void", token=token, type="AUTHORIZATION_REVERSAL", **extra)

    async def expire(self, token: str) -> None:
        await self.post("/v1/simulate/void", token=token, type="AUTHORIZATION_EXPIRY")

    async def increment(self, token: str, amount: int) -> bool:
        answer = await self._http.post("/_sim/increment", json={"token": token, "amount": amount})
        return answer.status_code < 300

    async def force_post(self, card_id: str, amount: int, **merchant: Any) -> str:
        issuer_token = (await self.card(card_id))["token"]
        body = {"card_token": issuer_token, "amount": amount, **OPENAI, **merchant}
        return (await self.post("/_sim/force_post", **body))["token"]

    async def set_state(self, card_id: str, state: str) -> None:
        """Change the card at the issuer behind Signets' back (OPEN or PAUSED)."""
        issuer_token = (await self.card(card_id))["token"]
        answer = await self._http.patch(f"/v1/cards/{issuer_token}", json={"state": state})
        assert answer.status_code < 300, answer.text

    async def close_card(self, card_id: str) -> None:
        """Close the card at the issuer behind Signets' back, for good."""
        await self.set_state(card_id, "CLOSED")

    async def dispute(self, token: str, outcome: str, **more: Any) -> None:
        """The network decides a claim; the words are the same at every issuer."""
        await self.post("/_sim/dispute", token=token, outcome=outcome, **more)

    async def dispute_directly(self, token: str) -> None:
        """Somebody claims one minor unit of a purchase at the issuer."""
        body = {"amount": 1, "reason": "OTHER", "transaction_token": token}
        await self.post("/v1/disputes", **body)

    async def disputes(self) -> list[str]:
        """The issuer's claims."""
        listed = (await self._http.get("/v1/disputes")).json()["data"]
        return [one["token"] for one in listed]

    async def deliveries(self, kind: str) -> list[dict[str, Any]]:
        return (await self._http.get("/_sim/deliveries", params={"kind": kind})).json()["data"]

    async def drain(self) -> None:
        await self.post("/_sim/drain", timeout_seconds=10)


class StripeNetwork(SandboxNetwork):
    """The same through the sandbox's Stripe face."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        super().__init__(http)
        self._bearer = {"Authorization": f"Bearer {SANDBOX_KEY}"}
        self._driver = StripeDriver(http, SANDBOX_KEY)

    async def card(self, card_id: str) -> dict[str, Any]:
        """The issuer's card of one of our cards (our id is in its metadata)."""
        answer = await self._http.get(
            "/v1/issuing/cards", params={"limit": 100}, headers=self._bearer
        )
        listed: list[dict[str, Any]] = answer.json()["data"]
        found = next(card for card in listed if card["metadata"]["signets"] == card_id)
        return {**found, "token": found["id"]}

    async def charge(self, card_id: str, amount: int, **merchant: Any) -> Charge:
        card = await self.card(card_id)
        place = _place({**OPENAI, **merchant})
        asked = await self._driver.authorize(card["id"], amount, place, None)
        return Charge(asked.token, asked.approved, "")

    async def clear(self, token: str, amount: int | None = None) -> None:
        await self._driver.clear(token, amount, foreign=None, final=True)

    async def reverse(self, token: str, amount: int | None = None) -> None:
        await self._driver.reverse(token, amount)

    async def expire(self, token: str) -> None:
        await self._driver.expire(token)

    async def increment(self, token: str, amount: int) -> bool:
        try:
            return await self._driver.increment(token, amount)
        except DriverRefused:
            return False

    async def force_post(self, card_id: str, amount: int, **merchant: Any) -> str:
        place = _place({**OPENAI, **merchant})
        return await self._driver.force_post((await self.card(card_id))["id"], amount, place)

    async def set_state(self, card_id: str, state: str) -> None:
        card = await self.card(card_id)
        status = {"OPEN": "active", "PAUSED": "inactive", "CLOSED": "canceled"}[state]
        await self._stripe(f"cards/{card['id']}", status=status)

    async def close_card(self, card_id: str) -> None:
        card = await self.card(card_id)
        await self._stripe(f"cards/{card['id']}", status="canceled", cancellation_reason="lost")

    async def dispute_directly(self, token: str) -> None:
        held = await self._http.get(f"/v1/issuing/authorizations/{token}", headers=self._bearer)
        [capture] = held.json()["transactions"]
        await self._stripe("disputes", transaction=capture["id"], amount=1)

    async def disputes(self) -> list[str]:
        listed = await self._http.get("/v1/issuing/disputes", headers=self._bearer)
        return [one["id"] for one in listed.json()["data"]]

    async def _stripe(self, path: str, **form: Any) -> None:
        answer = await self._http.post(f"/v1/issuing/{path}", data=form, headers=self._bearer)
        assert answer.status_code < 300, answer.text


def _place(merchant: dict[str, Any]) -> Place:
    assert merchant["merchant_acceptor_country"] == "USA"
    return Place(
        name=merchant["descriptor"], mcc=merchant["mcc"], city=merchant["merchant_acceptor_city"]
    )


@dataclass
class World:
    """One organization on one Signets, with its admin and any number of agents."""

    runtime: Runtime
    base_url: str
    organization: NewOrganization
    admin: Caller
    signets: AsyncSignets  # with the admin's key
    network: SandboxNetwork
    shift: dict[str, timedelta]
    stack: AsyncExitStack = field(repr=False)

    @property
    def services(self) -> Services:
        return self.runtime.services

    @property
    def org_id(self) -> str:
        return self.admin.org_id

    async def client(self, token: str) -> AsyncSignets:
        """The SDK with another key."""
        client = AsyncSignets(api_key=token, base_url=self.base_url, max_retries=0)
        self.stack.push_async_callback(client.aclose)
        return client

    async def agent(self, handle: str = "infra-agent") -> AsyncSignets:
        """A new agent and the SDK with its key."""
        made = await self.signets.agents.create(handle=handle)
        key = await self.signets.keys.create(owner="agent", agent_id=made.id, name=handle)
        return await self.client(key.secret)

    async def member(self, email: str, role: str) -> AsyncSignets:
        """A new member and the SDK with their key."""
        made = await self.signets.members.create(email=email, name=email, role=role)
        key = await self.signets.keys.create(owner="member", member_id=made.id, name=role)
        return await self.client(key.secret)

    async def settle(self) -> None:
        """Let every webhook arrive, and do all background work once."""
        await self.network.drain()
        await sweep(self.services, self.org_id, Strict())
        await self.network.drain()
        await sweep(self.services, self.org_id, Strict())

    async def travel(self, by: timedelta) -> None:
        """Move Signets' clock (not the issuer's), then do what time does."""
        self.shift["by"] += by
        await sweep(self.services, self.org_id, Strict())

    async def now(self) -> datetime:
        return await self.services.store.now()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def serve(stack: AsyncExitStack, app: Any, port: int) -> None:
    """Serve an ASGI application over real HTTP until the stack closes."""
    server = Server(app, port=port, interface=Interfaces.ASGI, log_enabled=False)
    task = asyncio.create_task(server.serve())

    async def stop() -> None:
        server.stop()
        await asyncio.wait([task], timeout=5)

    stack.push_async_callback(stop)
    async with httpx.AsyncClient(trust_env=False) as probe:
        for _ in range(400):
            try:
                await probe.get(f"http://127.0.0.1:{port}/")
                return
            except httpx.TransportError:
                await asyncio.sleep(0.01)
    raise AssertionError("the server did not start")


@asynccontextmanager
async def open_world(
    new_database: Callable[..., str],
    data_dir: Path,
    directory: Directory,
    *,
    decision_seconds: float = 1.5,
    issuer: Issuer = "lithic",
) -> AsyncIterator[World]:
    """Start everything on free ports, with databases of this test alone.

    ``issuer`` is the face of the sandbox that Signets is connected to.
    """
    port, sandbox_port = free_port(), free_port()
    settings = Settings(
        database_url=new_database(),
        data_dir=data_dir,
        port=port,
        sandbox_port=sandbox_port,
        decision_seconds=decision_seconds,
    )
    shift = {"by": timedelta()}
    async with AsyncExitStack() as stack:
        runtime = await stack.enter_async_context(
            open_runtime(settings, shift=lambda: shift["by"], upgrade=False, directory=directory)
        )
        metrics = Metrics(CollectorRegistry())
        engine, app = build_application(runtime, settings, metrics)
        stack.push_async_callback(engine.drain)
        await serve(stack, app, port)
        sandbox = SandboxConfig(database_url=new_database(empty=True), api_key=SANDBOX_KEY)
        await serve(stack, create_app(sandbox), sandbox_port)
        http = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{sandbox_port}",
                headers={"Authorization": SANDBOX_KEY},
                timeout=30,
                trust_env=False,
            )
        )
        network = SandboxNetwork(http) if issuer == "lithic" else StripeNetwork(http)
        face = Face(issuer)
        yield await _set_up(runtime, stack, port, sandbox_port, network, shift, face)


async def _set_up(
    runtime: Runtime,
    stack: AsyncExitStack,
    port: int,
    sandbox_port: int,
    network: SandboxNetwork,
    shift: dict[str, timedelta],
    face: Face,
) -> World:
    made = await set_up_organization(
        runtime.services,
        name="Acme",
        currency="USD",
        admin_email="ada@acme.test",
        admin_name="Ada",
    )
    await connect_account(
        runtime.services,
        made.organization.org_id,
        face,
        base_url=f"http://127.0.0.1:{sandbox_port}",
        api_key=SANDBOX_KEY,
        public_url=f"http://127.0.0.1:{port}",
    )
    base_url = f"http://127.0.0.1:{port}"
    admin = AsyncSignets(api_key=made.admin_token, base_url=base_url, max_retries=0)
    stack.push_async_callback(admin.aclose)
    return World(
        runtime=runtime,
        base_url=base_url,
        organization=made,
        admin=await authenticate(runtime.services, made.admin_token),
        signets=admin,
        network=network,
        shift=shift,
        stack=stack,
    )
