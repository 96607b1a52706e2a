"""Signets and the sandbox issuer over real HTTP, with two organizations and every kind of key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from tests.contract.sandbox_kit import KEY, OPENAI, served

from signets.app.authorize import Engine
from signets.app.connect_issuer import Account, connect_issuer
from signets.app.record_issuer_event import EventReceiver
from signets.app.set_up_organization import set_up_organization
from signets.bootstrap import LoggingObserver, Runtime, open_runtime
from signets.http.application import create_app
from signets.http.config import HttpConfig
from signets.http.metrics import Metrics
from signets.issuers.sandbox import SandboxConfig
from signets.issuers.sandbox import create_app as create_sandbox
from signets.settings import Settings

NewDatabase = Callable[..., str]
Json = dict[str, Any]


@dataclass
class Tenant:
    """One organization: a token per kind of caller, and the ids of what it owns."""

    org_id: str
    connection_id: str
    tokens: dict[str, str]
    ids: dict[str, str] = field(default_factory=dict)


@dataclass
class World:
    """Everything, running."""

    app: FastAPI
    runtime: Runtime
    client: httpx.AsyncClient
    sandbox: httpx.AsyncClient
    metrics: Metrics
    ours: Tenant
    theirs: Tenant

    async def call(self, method: str, path: str, token: str | None, **more: Any) -> httpx.Response:
        """One request with this bearer token."""
        headers = dict(more.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return await self.client.request(method, path, headers=headers, **more)

    async def made(self, path: str, token: str, **body: Any) -> Json:
        """POST that must succeed."""
        response = await self.call("POST", path, token, json=body)
        assert response.is_success, response.text
        return response.json()

    def rows(self) -> dict[str, int]:
        """How many rows each table of ours holds, but for what mere calling leaves."""
        with psycopg.connect(self.runtime.database_url) as connection:
            names = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
                " AND tablename NOT LIKE 'alembic%'"
            ).fetchall()
            return {
                name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
                for (name,) in names
            }

    async def charge(self, token: str, card_id: str, amount: int, **merchant: str) -> None:
        """The agent reveals its card and the merchant charges it."""
        revealed = await self.made(f"/v1/cards/{card_id}/reveal", token)
        response = await self.sandbox.post(
            "/v1/simulate/authorize",
            json={"pan": revealed["number"], "amount": amount, **OPENAI, **merchant},
        )
        assert response.is_success or merchant, response.text
        # Its event is delivered by now, and nothing arrives in the middle of a test.
        assert (await self.sandbox.post("/_sim/drain")).is_success


@asynccontextmanager
async def world(new_database: NewDatabase, folder: Path) -> AsyncIterator[World]:
    """Two organizations at one sandbox; each has made a purchase."""
    settings = Settings(database_url=SecretStr(new_database()), data_dir=folder)
    sandbox_config = SandboxConfig(database_url=new_database(empty=True), api_key=KEY)
    metrics = Metrics(CollectorRegistry())
    observer = LoggingObserver(metrics.decision)
    async with open_runtime(settings, upgrade=False) as runtime:
        services = runtime.services
        app = create_app(
            services,
            Engine(services, observer, deadline=5.0),
            EventReceiver(services, observer),
            config=HttpConfig(version="0"),
            metrics=metrics,
            checks={"database": runtime.store.ping},
            unavailable_errors=(psycopg.OperationalError,),
        )
        async with (
            served(app) as url,
            served(create_sandbox(sandbox_config)) as sandbox_url,
            httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client,
            httpx.AsyncClient(
                base_url=sandbox_url, headers={"Authorization": KEY}, trust_env=False
            ) as sandbox,
        ):
            # The sandbox is one account: who enrols last is asked.
            theirs = await _tenant(runtime, "Theirs", url, sandbox_url)
            ours = await _tenant(runtime, "Ours", url, sandbox_url)
            made = World(app, runtime, client, sandbox, metrics, ours, theirs)
            for tenant in (theirs, ours):
                await _people(made, tenant)
            await _purchase(made, ours)
            yield made


async def _tenant(runtime: Runtime, name: str, url: str, sandbox_url: str) -> Tenant:
    new = await set_up_organization(
        runtime.services,
        name=name,
        currency="USD",
        admin_email=f"admin@{name.lower()}.example",
        admin_name="Ada",
    )
    connection = await connect_issuer(
        runtime.services,
        new.organization.org_id,
        Account(
            issuer="sandbox",
            mode="sandbox",
            base_url=sandbox_url,
            api_key=KEY,
            public_url=url,
        ),
    )
    return Tenant(
        org_id=new.organization.org_id,
        connection_id=connection.id,
        tokens={"admin": new.admin_token, "organization": new.organization_token},
        ids={"member_id": new.admin.id},
    )


async def _people(world: World, tenant: Tenant) -> None:
    admin = tenant.tokens["admin"]
    for role in ("approver", "viewer"):
        member = await world.made(
            "/v1/members", admin, email=f"{role}@x.example", name=role, role=role
        )
        key = await world.made("/v1/keys", admin, owner="member", member_id=member["id"], name=role)
        tenant.tokens[role] = key["secret"]
    for handle in ("buyer", "other"):
        agent = await world.made("/v1/agents", admin, handle=handle)
        key = await world.made("/v1/keys", admin, owner="agent", agent_id=handle, name=handle)
        tenant.tokens["agent" if handle == "buyer" else "other_agent"] = key["secret"]
        if handle == "buyer":
            tenant.ids |= {"agent": agent["id"], "key_id": key["id"]}
    for name in ("revoked", "expired"):
        key = await world.made("/v1/keys", admin, owner="organization", name=name)
        tenant.tokens[name] = key["secret"]
        if name == "revoked":
            await world.made(f"/v1/keys/{key['id']}/revoke", admin)
        else:
            with psycopg.connect(world.runtime.database_url) as connection:
                connection.execute(
                    "UPDATE api_key SET expires_at = now() - interval '1 hour' WHERE id = %s",
                    (key["id"],),
                )


async def _purchase(world: World, tenant: Tenant) -> None:
    """Card, intent, transaction and decision of the agent ``buyer``; a decline cannot hide."""
    agent = tenant.tokens["agent"]
    card = await world.made("/v1/cards", agent, spending_limit=5000, merchant_lock="openai.com")
    intent = await world.made(
        "/v1/intents",
        agent,
        purpose="Buy $20 of API credits",
        expected_amount=2000,
        expected_merchant="openai.com",
    )
    assert intent["state"] == "approved", intent
    await world.charge(agent, card["id"], 2000)
    [transaction] = (await world.call("GET", "/v1/transactions", agent)).json()["data"]
    assert transaction["held"] == 2000, transaction
    [decision] = (await world.call("GET", "/v1/decisions", tenant.tokens["admin"])).json()["data"]
    await world.charge(agent, card["id"], 2000, merchant_acceptor_country="BRA")
    admin = tenant.tokens["admin"]
    [review] = (await world.call("GET", "/v1/merchant_reviews", admin)).json()["data"]
    await world.made(
        "/v1/merchants/learn", admin, lock="acmesearch.dev", descriptor="ACME", ruling="always"
    )
    tenant.ids |= {
        "review_id": review["id"],
        "card_id": card["id"],
        "intent_id": intent["id"],
        "transaction_id": transaction["id"],
        "decision_id": decision["id"],
    }
