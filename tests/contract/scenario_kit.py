"""The owner of a card at the sandbox, who approves one open intent at a time, on either face."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import stripe
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.contract.sandbox_kit import KEY, served

from signets.issuers.sandbox import SandboxConfig, create_app
from signets.issuers.sandbox.scenarios import LithicDriver, ScenarioDriver, StripeDriver

ADDRESS = {"line1": "1 Main", "city": "Reno", "postal_code": "89501", "country": "US"}


@dataclass
class Owner:
    """Approves what an open intent allows, once per request id; refuses what nobody signed."""

    secret: str = ""
    left: int = 0
    decided: dict[str, bool] = field(default_factory=dict)
    approved: dict[str, int] = field(default_factory=dict)
    events: list[bytes] = field(default_factory=list)

    async def open_intent(self, maximum: int) -> None:
        self.left = maximum

    def approves(self, request: str, amount: int) -> bool:
        if request not in self.decided:
            self.decided[request] = 0 <= amount <= self.left and self.left > 0
            self.left -= amount if self.decided[request] else 0
        return self.decided[request]

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/lithic", self.lithic, methods=["POST"]),
                Route("/stripe", self.stripe, methods=["POST"]),
                Route("/events", self.event, methods=["POST"]),
            ]
        )

    async def lithic(self, request: Request) -> Response:
        body = await request.body()
        try:
            Webhook(self.secret).verify(body, dict(request.headers))
        except WebhookVerificationError:
            return Response(status_code=401)
        asked = json.loads(body)
        # Lithic asks for the new whole: what was approved under this token is part of it.
        token, whole = asked["token"], asked["amount"]
        approved = self.approves(f"{token} {asked['created']}", whole - self.approved.get(token, 0))
        if approved:
            self.approved[token] = whole
        result = "APPROVED" if approved else "UNAUTHORIZED_MERCHANT"
        return Response(json.dumps({"result": result}), media_type="application/json")

    async def stripe(self, request: Request) -> Response:
        body = (await request.body()).decode()
        try:
            event = stripe.Webhook.construct_event(
                body, request.headers["stripe-signature"], self.secret
            )
        except stripe.SignatureVerificationError:
            return Response(status_code=401)
        asked = event.data.object
        approved = self.approves(event.id, asked.pending_request.amount)
        return Response(
            json.dumps({"approved": approved}),
            headers={"stripe-version": stripe.api_version},
            media_type="application/json",
        )

    async def event(self, request: Request) -> Response:
        self.events.append(await request.body())
        return Response()


@dataclass(frozen=True)
class Stage:
    """A driver, a card at its issuer, and the card's owner."""

    driver: ScenarioDriver
    card: str
    owner: Owner
    url: str


@asynccontextmanager
async def issuer(name: str, url: str) -> AsyncIterator[Stage]:
    """A stage at a sandbox of its own, on the empty database at ``url``."""
    owner = Owner()
    app = create_app(
        SandboxConfig(
            database_url=url,
            api_key=KEY,
            deadline_seconds=2.0,
            stripe_deadline_seconds=2.0,
            retry_seconds=(0.0, 0.05),
        )
    )
    async with (
        served(owner.app()) as owner_url,
        served(app) as sandbox_url,
        httpx.AsyncClient(base_url=sandbox_url, trust_env=False, timeout=30) as http,
    ):
        enroll = _enroll_lithic if name == "lithic" else _enroll_stripe
        card, owner.secret = await enroll(http, owner_url)
        kind = LithicDriver if name == "lithic" else StripeDriver
        yield Stage(kind(http, KEY), card, owner, sandbox_url)


async def _enroll_lithic(http: httpx.AsyncClient, owner: str) -> tuple[str, str]:
    http.headers["authorization"] = KEY
    secret = (await http.get("/v1/auth_stream/secret")).json()["secret"]
    enrolment = {"type": "AUTH_STREAM_ACCESS", "url": f"{owner}/lithic"}
    assert (await http.post("/v1/responder_endpoints", json=enrolment)).is_success
    await http.post("/v1/event_subscriptions", json={"url": f"{owner}/events"})
    card = (await http.post("/v1/cards", json={"type": "VIRTUAL"})).json()
    return card["token"], secret


async def _enroll_stripe(http: httpx.AsyncClient, owner: str) -> tuple[str, str]:
    sim = {"authorization": KEY}
    endpoint = {"url": f"{owner}/stripe"}
    made = await http.post("/_sim/stripe/realtime_endpoint", json=endpoint, headers=sim)
    bearer = {"authorization": f"Bearer {KEY}"}
    address = {f"billing[address][{name}]": value for name, value in ADDRESS.items()}
    holder = await http.post(
        "/v1/issuing/cardholders",
        data={"name": "Acme", "type": "company", **address},
        headers=bearer,
    )
    hook = {"url": f"{owner}/events", "enabled_events[0]": "*"}
    assert (await http.post("/v1/webhook_endpoints", data=hook, headers=bearer)).is_success
    card = await http.post(
        "/v1/issuing/cards",
        data={
            "cardholder": holder.json()["id"],
            "currency": "usd",
            "type": "virtual",
            "status": "active",
            "spending_controls[spending_limits][0][amount]": "10000000",
            "spending_controls[spending_limits][0][interval]": "all_time",
        },
        headers=bearer,
    )
    return card.json()["id"], made.json()["secret"]
