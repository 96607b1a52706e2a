"""What the issuer hears while the database is paused, and what becomes of an approval too late."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.postgres.process_kit import (
    Tenant,
    asa_request,
    audit,
    new_tenant,
    rows,
    tenant_runtime,
)
from tests.world import Strict

from signets.app.authorize import Engine
from signets.app.ports import Answer
from signets.app.void_decision import void_decision
from signets.core.authorization.request import AuthorizationRequest
from signets.core.intent import Usage
from signets.core.merchant.directory import Directory

DEADLINE = 0.3
DOWN = "503"


class Patient(Strict):
    """Running out of time is what the test is about."""

    def failed(self, what: str, error: BaseException) -> None:
        if not isinstance(error, TimeoutError):
            raise error


@pytest.fixture
async def tenant(database_url: str, tmp_path: Path, directory: Directory) -> AsyncIterator[Tenant]:
    """An organization; its books are whole afterwards."""
    async with tenant_runtime(tmp_path, directory, url=database_url) as runtime:
        made = await new_tenant(runtime, "late")
        yield made
        await audit(made)


@asynccontextmanager
async def paused(database_url: str, org_id: str) -> AsyncIterator[None]:
    """Somebody else holds the organization's row, as a paused database would."""
    async with await psycopg.AsyncConnection.connect(database_url) as other:
        await other.execute("SELECT 1 FROM organization WHERE org_id = %s FOR UPDATE", (org_id,))
        yield
        await other.rollback()


async def ask(engine: Engine, tenant: Tenant, request: tuple[bytes, dict[str, str]]) -> str:
    """The result that the issuer reads in our answer."""
    answer: Answer = await engine.authorize(tenant.connection_id, *request)
    if answer.status == 503:
        return DOWN
    assert answer.status == 200
    body: dict[str, Any] = json.loads(answer.body)
    return str(body["result"])


async def read(tenant: Tenant, request: tuple[bytes, dict[str, str]]) -> AuthorizationRequest:
    """What the connection's adapter makes of it."""
    connection = await tenant.services.store.find_connection(tenant.connection_id)
    assert connection is not None
    issuers = tenant.services.issuers
    return issuers.client(connection).read_authorization(*request, issuers.secrets(connection))


async def test_an_approval_that_lands_too_late_is_void(tenant: Tenant, database_url: str) -> None:
    """A decline goes out inside the deadline; the late approval is voided, its hold released."""
    agent = await tenant.agent("bot")
    card = await tenant.card(agent, limit=5000)
    intent = await tenant.intent(agent, 2000, card_id=card.id)
    engine = Engine(tenant.services, Patient(), deadline=DEADLINE)
    token = str(uuid.uuid4())
    request = asa_request(token, card.issuer_token or "", 2000)
    async with paused(database_url, tenant.org_id):
        assert await ask(engine, tenant, request) == "CARD_PAUSED"
        assert rows(database_url, "SELECT 1 FROM decision") == []
    await engine.drain()
    assert rows(database_url, "SELECT approved, state, hold FROM decision") == [
        {"approved": True, "state": "void", "hold": 2000}
    ]
    assert rows(database_url, "SELECT held, status FROM transaction") == [
        {"held": 0, "status": "declined"}
    ]
    assert rows(
        database_url,
        "SELECT i.state, i.charges, i.used, e.reserved FROM intent i"
        " JOIN exposure e ON e.subject_id = i.id WHERE i.id = %s",
        intent.id,
    ) == [{"state": "approved", "charges": 0, "used": 0, "reserved": 2000}]
    kinds = [row["kind"] for row in rows(database_url, "SELECT kind FROM evidence_entry")]
    assert kinds.count("decision.voided") == 1

    assert await ask(engine, tenant, request) == "CARD_PAUSED"  # a repeat
    again = asa_request(str(uuid.uuid4()), card.issuer_token or "", 2000)
    assert await ask(engine, tenant, again) == "APPROVED"  # the intent was not used up


async def test_an_approval_that_a_repeat_got_in_time_stands(
    tenant: Tenant, database_url: str
) -> None:
    """Of two deliveries in one batch the first times out, the repeat is approved: no void."""
    agent = await tenant.agent("bot")
    card = await tenant.card(agent, limit=5000)
    await tenant.intent(agent, 2000, card_id=card.id)
    engine = Engine(tenant.services, Patient(), deadline=1.0)
    request = asa_request(str(uuid.uuid4()), card.issuer_token or "", 2000)
    other = asa_request(str(uuid.uuid4()), card.issuer_token or "", 10)
    begun = asyncio.Event()
    done = asyncio.Event()

    async def second_pause() -> None:
        begun.set()
        async with paused(database_url, tenant.org_id):
            await done.wait()

    async with paused(database_url, tenant.org_id):
        # The lane is busy with another request, so that both deliveries wait for one batch;
        # behind it the next pause waits for the row.
        blocked = asyncio.create_task(ask(engine, tenant, other))
        await asyncio.sleep(0.1)
        second = asyncio.create_task(second_pause())
        await begun.wait()
        first = asyncio.create_task(ask(engine, tenant, request))
        await asyncio.sleep(0.6)
        repeat = asyncio.create_task(ask(engine, tenant, request))
        await asyncio.sleep(0.05)
    heard = {await first}
    done.set()
    heard.add(await repeat)
    await asyncio.gather(blocked, second)
    await engine.drain()
    [stored] = rows(database_url, "SELECT state FROM decision WHERE amount = 2000")
    held = rows(database_url, "SELECT held FROM transaction WHERE authorized = 2000")
    # On a machine too slow for the repeat as well, both are declined and nothing is held.
    wanted = ("unknown", [{"held": 2000}]) if "APPROVED" in heard else ("void", [])
    assert (stored["state"], held) == wanted


async def test_many_requests_around_the_deadline(tenant: Tenant, database_url: str) -> None:
    """Whichever side of the deadline each falls on, what the issuer heard is what is stored."""
    agent = await tenant.agent("bot")
    card = await tenant.card(agent, limit=100_000)
    await tenant.intent(agent, 50_000, usage=Usage.WINDOW, max_count=500, card_id=card.id)
    engine = Engine(tenant.services, Patient(), deadline=0.25)
    heard: dict[str, str] = {}

    async def one(token: str) -> None:
        heard[token] = await ask(engine, tenant, asa_request(token, card.issuer_token or "", 150))

    for pause in range(12):
        tokens = [str(uuid.uuid4()) for _ in range(8)]
        async with paused(database_url, tenant.org_id):
            asked = [asyncio.create_task(one(token)) for token in tokens]
            await asyncio.sleep(0.2 + pause * 0.008)
        await asyncio.gather(*asked)
    await engine.drain()
    stored = {
        row["request_id"]: row["approved"] and row["state"] == "sent"
        for row in rows(database_url, "SELECT request_id, approved, state FROM decision")
    }
    assert {token: stored.get(token, False) for token in heard} == {
        token: result == "APPROVED" for token, result in heard.items()
    }
    assert set(heard.values()) <= {"APPROVED", "CARD_PAUSED", DOWN}


async def test_a_repeat_answered_elsewhere_keeps_a_late_approval(
    tenant: Tenant, database_url: str, tmp_path: Path, directory: Directory
) -> None:
    """Another process answers the repeat between a late approval's commit and its void: it stands.

    Without a repeat, the same approval is void.
    """
    agent = await tenant.agent("bot")
    card = await tenant.card(agent, limit=50_000)
    await tenant.intent(agent, 9000, usage=Usage.WINDOW, max_count=9, card_id=card.id)
    async with tenant_runtime(tmp_path, directory, url=database_url) as elsewhere:
        other = Engine(elsewhere.services, Patient(), deadline=5)
        for repeated in (True, False):
            token = str(uuid.uuid4())
            request = asa_request(token, card.issuer_token or "", 2000)
            # Committed, and by then the issuer had been told no.
            [late] = await tenant.decide(await read(tenant, request))
            assert late.decision.approved
            if repeated:
                assert await ask(other, tenant, request) == "APPROVED"
            await void_decision(tenant.services, tenant.org_id, late.decision.id, cause="too_late")
            wanted = "APPROVED" if repeated else "CARD_PAUSED"
            assert await ask(other, tenant, request) == wanted
            held = "SELECT held FROM transaction WHERE issuer_token = %s"
            assert rows(database_url, held, token) == [{"held": 2000 if repeated else 0}]
