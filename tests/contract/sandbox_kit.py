"""Runs the sandbox over real HTTP, with a small receiver that plays Signets."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from granian.server.embed import Server
from lithic import AsyncLithic, DefaultAsyncHttpxClient
from lithic.types import Card
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.conformance.recording import DRIVER

from signets.issuers.sandbox import SandboxConfig, create_app

KEY = "sandbox_test_0123456789abcdef"
OPENAI = {
    "descriptor": "OPENAI *CHATGPT SUBSCR",
    "mcc": "5734",
    "merchant_acceptor_id": "527021000213371",
    "merchant_acceptor_city": "SAN FRANCISCO",
}


@dataclass(frozen=True)
class Received:
    """One request that reached the receiver."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)


Answering = Callable[[Received], Awaitable[tuple[int, bytes]]]


def approve(received: Received) -> tuple[int, bytes]:
    return 200, json.dumps({"result": "APPROVED", "token": received.json["token"]}).encode()


@dataclass
class Receiver:
    """Plays Signets: answers ``/authorize`` as told, takes ``/events``, keeps everything."""

    url: str = ""
    asked: list[Received] = field(default_factory=list)
    events: list[Received] = field(default_factory=list)
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    event_statuses: list[int] = field(default_factory=list)

    @property
    def authorize_url(self) -> str:
        return f"{self.url}/authorize"

    @property
    def events_url(self) -> str:
        return f"{self.url}/events"

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/authorize", self._authorize, methods=["POST"]),
                Route("/events", self._event, methods=["POST"]),
            ]
        )

    async def _authorize(self, request: Request) -> Response:
        received = Received(request.url.path, dict(request.headers), await request.body())
        self.asked.append(received)
        status, body = self.answers.pop(0) if self.answers else approve(received)
        return Response(body, status, media_type="application/json")

    async def _event(self, request: Request) -> Response:
        self.events.append(Received(request.url.path, dict(request.headers), await request.body()))
        return Response(status_code=self.event_statuses.pop(0) if self.event_statuses else 200)


@dataclass(frozen=True)
class Network:
    """A running sandbox with its receiver and the official SDK pointed at it."""

    url: str
    lithic: AsyncLithic
    receiver: Receiver
    sim: httpx.AsyncClient

    async def card(self, **more: Any) -> Card:
        return await self.lithic.cards.create(type="VIRTUAL", **more)

    async def enroll(self) -> None:
        await self.lithic.auth_stream_enrollment.retrieve_secret()
        await self.lithic.responder_endpoints.create(
            type="AUTH_STREAM_ACCESS", url=self.receiver.authorize_url
        )
        await self.lithic.events.subscriptions.create(url=self.receiver.events_url)

    async def authorize(self, card: Card, amount: int, **more: Any) -> str:
        assert card.pan is not None
        made = await self.lithic.transactions.simulate_authorization(
            amount=amount, pan=card.pan, **{**OPENAI, **more}
        )
        assert made.token is not None
        return made.token

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        response = await self.sim.post(f"/_sim/{path}", json=body)
        assert response.is_success, response.text
        return response.json()

    async def faults(self, **named: dict[str, Any]) -> None:
        await self.post("faults", **named)

    async def deliveries(self, **query: str) -> list[dict[str, Any]]:
        response = await self.sim.get("/_sim/deliveries", params=query)
        return response.json()["data"]

    async def drain(self) -> list[dict[str, Any]]:
        """Wait for every first attempt; the bodies of the events received so far."""
        await self.post("drain")
        return [event.json for event in self.receiver.events]


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """``app`` on a free loopback port, as ``http://127.0.0.1:port``."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server(app, address="127.0.0.1", port=port, interface="asgi", websockets=False)
    task = asyncio.create_task(server.serve())
    try:
        await _accepts(port, task)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()
        with suppress(asyncio.CancelledError):
            await task


async def _accepts(port: int, task: asyncio.Task[None]) -> None:
    async with asyncio.timeout(20):
        while True:
            if task.done():
                task.result()
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                await writer.wait_closed()
                return


@asynccontextmanager
async def network(database_url: str, **config: Any) -> AsyncIterator[Network]:
    """A sandbox on ``database_url`` with a receiver, both on free ports."""
    receiver = Receiver()
    app = create_app(SandboxConfig(database_url=database_url, api_key=KEY, **config))
    async with served(receiver.app()) as receiver_url, served(app) as url:
        receiver.url = receiver_url
        async with (
            AsyncLithic(
                api_key=KEY,
                base_url=url,
                max_retries=0,
                default_headers=DRIVER,
                http_client=DefaultAsyncHttpxClient(trust_env=False),
            ) as lithic,
            httpx.AsyncClient(
                base_url=url, headers={"authorization": KEY}, trust_env=False, timeout=30
            ) as sim,
        ):
            yield Network(url, lithic, receiver, sim)
