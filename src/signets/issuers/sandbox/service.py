"""What every handler shares: the database, the clock, the receiver's side, recording."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import httpx
import msgspec
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from starlette.requests import Request

from signets.issuers.sandbox import faults
from signets.issuers.sandbox.config import SandboxConfig
from signets.issuers.sandbox.delivery import Sender
from signets.issuers.sandbox.transaction import Rate, stands, with_events
from signets.issuers.sandbox.wire import Connection, Json, LithicError, read_uuid

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]

EVENT_TYPE = "card_transaction.updated"


@dataclass(frozen=True, slots=True)
class Account:
    """The one account of a sandbox, and the time its network lives in."""

    row: DictRow
    now: datetime

    @property
    def seed(self) -> bytes:
        """The root of card numbers."""
        return bytes(self.row["seed"])


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One running sandbox."""

    config: SandboxConfig
    pool: Pool
    http: httpx.AsyncClient
    sender: Sender

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One database transaction; afterwards the sender looks for new webhooks."""
        async with self.pool.connection() as connection:
            yield connection
        self.sender.wake()


def sandbox_of(request: Request) -> Sandbox:
    """The sandbox that serves ``request``."""
    sandbox: Sandbox = request.app.state.sandbox
    return sandbox


@asynccontextmanager
async def running(config: SandboxConfig) -> AsyncIterator[Sandbox]:
    """Open the database (creating tables), start sending, and stop both at the end."""
    pool: Pool = AsyncConnectionPool(
        config.database_url,
        connection_class=AsyncConnection[DictRow],
        kwargs={"row_factory": dict_row},
        min_size=1,
        max_size=8,
        open=False,
    )
    await pool.open(wait=True, timeout=30)
    try:
        await _prepare(pool)
        # Every caller sets its own deadline around the whole exchange; this one is a backstop.
        timeout = httpx.Timeout(max(30.0, config.deadline_seconds))
        async with httpx.AsyncClient(timeout=timeout, trust_env=False) as http:
            sender = Sender(pool, http, config.retry_seconds)
            async with sender.running():
                yield Sandbox(config, pool, http, sender)
    finally:
        await pool.close()


async def _prepare(pool: Pool) -> None:
    schema = files("signets.issuers.sandbox").joinpath("schema.sql").read_bytes()
    async with pool.connection() as connection:
        # Two sandboxes that start at once on one new database would race on CREATE TABLE.
        await connection.execute("SELECT pg_advisory_xact_lock(7236180151)")
        await connection.execute(schema)
        await connection.execute(
            "INSERT INTO account (account_token, card_program_token, seed)"
            " VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (uuid.uuid4(), uuid.uuid4(), secrets.token_bytes(32)),
        )


async def read_account(connection: Connection, *, lock: bool = False) -> Account:
    """The account and the network's time (real time plus the offset set under ``/_sim``)."""
    query = "SELECT * FROM account FOR UPDATE" if lock else "SELECT * FROM account"
    row = await (await connection.execute(query)).fetchone()
    assert row is not None  # noqa: S101 - written at start, never deleted
    return Account(row, datetime.now(UTC) + timedelta(seconds=row["clock_offset_seconds"]))


async def read_transaction(connection: Connection, token: str) -> Json:
    """A transaction, locked until the end of the database transaction.

    Raises:
        LithicError: 404.
    """
    cursor = await connection.execute(
        "SELECT object FROM transactions WHERE token = %s FOR UPDATE",
        (read_uuid(token, "Transaction"),),
    )
    row = await cursor.fetchone()
    if row is None:
        raise LithicError(404, "Transaction not found")
    found: Json = row["object"]
    return found


async def record(
    connection: Connection, transaction: Json, new: list[Json], rate: Rate, now: datetime
) -> Json:
    """Store ``transaction`` with ``new`` events and queue its webhook."""
    whole = with_events(transaction, new, rate, now)
    standing = stands(whole["events"])
    await connection.execute(
        "INSERT INTO transactions"
        " (token, card_token, created, updated, status, result, held, settled, object)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (token) DO UPDATE SET updated = excluded.updated,"
        " status = excluded.status, result = excluded.result, held = excluded.held,"
        " settled = excluded.settled, object = excluded.object",
        (
            whole["token"],
            whole["card_token"],
            whole["created"],
            now,
            standing.status,
            standing.result,
            standing.held,
            standing.settled,
            Jsonb(whole),
        ),
    )
    await _publish(connection, whole, now)
    return whole


async def _publish(connection: Connection, transaction: Json, now: datetime) -> None:
    token = f"msg_{uuid.uuid4().hex}"
    body = msgspec.json.encode({**transaction, "event_type": EVENT_TYPE})
    await connection.execute(
        "INSERT INTO events (token, created, event_type, transaction_token, body)"
        " VALUES (%s, %s, %s, %s, %s)",
        (token, now, EVENT_TYPE, transaction["token"], body),
    )
    cursor = await connection.execute(
        "SELECT * FROM subscriptions WHERE NOT disabled"
        " AND (event_types IS NULL OR %s = ANY (event_types)) ORDER BY seq",
        (EVENT_TYPE,),
    )
    for subscription in await cursor.fetchall():
        await queue(connection, subscription, token, transaction["token"], body)


async def queue(
    connection: Connection,
    subscription: dict[str, Any],
    event_token: str,
    transaction_token: str,
    body: bytes,
) -> None:
    """Queue one webhook for one subscription, touched by whatever fault is set."""
    fault = await faults.take_first(connection, faults.WEBHOOK)
    state = {"webhook_drop": "DROPPED", "webhook_reorder": "HELD"}.get(fault or "", "PENDING")
    cursor = await connection.execute(
        "INSERT INTO deliveries"
        " (token, kind, message_id, transaction_token, subscription_token, url, body, state, fault)"
        " VALUES (%s, 'event', %s, %s, %s, %s, %s, %s, %s) RETURNING seq",
        (
            uuid.uuid4(),
            event_token,
            transaction_token,
            subscription["token"],
            subscription["url"],
            body,
            state,
            fault,
        ),
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - INSERT … RETURNING of one row
    await connection.execute("UPDATE deliveries SET position = seq WHERE seq = %s", (row["seq"],))
    if state == "PENDING":
        # A message held back for disorder goes out right behind its successor.
        await connection.execute(
            "UPDATE deliveries SET state = 'PENDING', position = %s + 0.5"
            " WHERE state = 'HELD' AND subscription_token = %s AND transaction_token = %s",
            (row["seq"], subscription["token"], transaction_token),
        )
