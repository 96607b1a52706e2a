"""A sandbox with the official Stripe SDK pointed at it, and a receiver that plays Signets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import stripe
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.conformance.recording import DRIVER
from tests.contract.sandbox_kit import KEY, Received, served

from signets.issuers.sandbox import SandboxConfig, create_app
from signets.issuers.stripe.transport import Transport

APPROVE = (200, {"approved": True}, {"stripe-version": stripe.api_version})
DECLINE = (200, {"approved": False}, {"stripe-version": stripe.api_version})
#: What is told of purchases and claims; cards and their holders have events too.
PURCHASES: Any = [
    "issuing_authorization.created",
    "issuing_authorization.updated",
    "issuing_transaction.created",
    *(
        f"issuing_dispute.{what}"
        for what in (
            "closed",
            "created",
            "funds_reinstated",
            "funds_rescinded",
            "submitted",
            "updated",
        )
    ),
]
OPENAI = {
    "name": "OPENAI *CHATGPT SUBSCR",
    "category": "computer_software_stores",
    "network_id": "527021000213371",
}


@dataclass
class Receiver:
    """Answers ``/authorize`` as told (approving where not), takes ``/events``, keeps all."""

    url: str = ""
    asked: list[Received] = field(default_factory=list)
    events: list[Received] = field(default_factory=list)
    answers: list[tuple[int, Any, dict[str, str]]] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/authorize", self._authorize, methods=["POST"]),
                Route("/events", self._event, methods=["POST"]),
            ]
        )

    async def _authorize(self, request: Request) -> Response:
        self.asked.append(Received(request.url.path, dict(request.headers), await request.body()))
        status, content, headers = self.answers.pop(0) if self.answers else APPROVE
        return Response(json.dumps(content), status, headers, media_type="application/json")

    async def _event(self, request: Request) -> Response:
        self.events.append(Received(request.url.path, dict(request.headers), await request.body()))
        return Response(status_code=200)


@dataclass(frozen=True)
class StripeNetwork:
    """A running sandbox seen through Stripe's face."""

    url: str
    stripe: stripe.StripeClient
    receiver: Receiver
    sim: httpx.AsyncClient
    secrets: dict[str, str] = field(default_factory=dict)

    @property
    def issuing(self) -> Any:
        return self.stripe.v1.issuing

    @property
    def helpers(self) -> Any:
        return self.stripe.v1.test_helpers.issuing

    async def enroll(self) -> None:
        """A real-time endpoint and an ordinary one, each with its secret."""
        realtime = await self.post("stripe/realtime_endpoint", url=f"{self.receiver.url}/authorize")
        made = await self.stripe.v1.webhook_endpoints.create_async(
            {"url": f"{self.receiver.url}/events", "enabled_events": PURCHASES}
        )
        self.secrets.update(realtime=realtime["secret"], events=made.secret or "")

    async def cardholder(self, **more: Any) -> stripe.issuing.Cardholder:
        address = {"line1": "1 Main", "city": "Reno", "postal_code": "89501", "country": "US"}
        return await self.issuing.cardholders.create_async(
            {"name": "Acme Inc", "type": "company", "billing": {"address": address}, **more}
        )

    async def card(self, **more: Any) -> stripe.issuing.Card:
        holder = await self.cardholder()
        return await self.issuing.cards.create_async(
            {
                "cardholder": holder.id,
                "currency": "usd",
                "type": "virtual",
                "status": "active",
                "spending_controls": {
                    "spending_limits": [{"amount": 500_000, "interval": "all_time"}]
                },
                **more,
            }
        )

    async def authorize(
        self, card: stripe.issuing.Card, amount: int, **more: Any
    ) -> stripe.issuing.Authorization:
        return await self.helpers.authorizations.create_async(
            {"card": card.id, "amount": amount, "merchant_data": OPENAI, **more}
        )

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        response = await self.sim.post(f"/_sim/{path}", json=body)
        assert response.is_success, response.text
        return response.json()

    async def drain(self) -> list[stripe.Event]:
        """Wait for every first attempt; the events received so far, verified and parsed."""
        await self.post("drain")
        return [
            stripe.Webhook.construct_event(
                event.body, event.headers["stripe-signature"], self.secrets["events"]
            )
            for event in self.receiver.events
        ]


def driver_transport() -> Transport:
    """The SDK's transport, marked as a test's own."""
    transport = Transport(timeout=30, is_local=True)
    transport._client_async.headers.update(DRIVER)
    return transport


@asynccontextmanager
async def stripe_network(database_url: str, **config: Any) -> AsyncIterator[StripeNetwork]:
    """A sandbox on ``database_url`` with a receiver, both on free ports."""
    receiver = Receiver()
    app = create_app(SandboxConfig(database_url=database_url, api_key=KEY, **config))
    async with served(receiver.app()) as receiver_url, served(app) as url:
        receiver.url = receiver_url
        async with httpx.AsyncClient(
            base_url=url, headers={"authorization": KEY}, trust_env=False, timeout=30
        ) as sim:
            transport = driver_transport()
            client = stripe.StripeClient(KEY, base_addresses={"api": url}, http_client=transport)
            yield StripeNetwork(url, client, receiver, sim)
            await transport.close()


@asynccontextmanager
async def enrolled(database_url: str, **config: Any) -> AsyncIterator[StripeNetwork]:
    """As :func:`stripe_network`, with both endpoints set and quick retries."""
    async with stripe_network(
        database_url, **{"retry_seconds": (0.0, 0.05, 0.05), **config}
    ) as running:
        await running.enroll()
        yield running
