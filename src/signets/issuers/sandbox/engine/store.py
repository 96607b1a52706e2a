"""The running network: its database, its clock, its faces; purchases read and written."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import httpx
import msgspec
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from starlette.requests import Request

from signets.issuers.sandbox.config import SandboxConfig
from signets.issuers.sandbox.engine.base import Connection, Missing, as_token
from signets.issuers.sandbox.engine.delivery import Sender
from signets.issuers.sandbox.engine.faces import Face
from signets.issuers.sandbox.engine.outbox import About, publish
from signets.issuers.sandbox.engine.purchase import ASKED, MONEY, Move, Purchase, standing

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]


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
    faces: Mapping[str, Face]

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
async def running(config: SandboxConfig, faces: Mapping[str, Face]) -> AsyncIterator[Sandbox]:
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
            sender = Sender(pool, http, config.retry_seconds, faces)
            async with sender.running():
                yield Sandbox(config, pool, http, sender, faces)
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
        await connection.execute(
            "INSERT INTO responders (face) VALUES ('lithic'), ('stripe') ON CONFLICT DO NOTHING"
        )


async def read_account(connection: Connection) -> Account:
    """The account and the network's time (real time plus the offset set under ``/_sim``)."""
    row = await (await connection.execute("SELECT * FROM account")).fetchone()
    assert row is not None  # noqa: S101 - written at start, never deleted
    return Account(row, datetime.now(UTC) + timedelta(seconds=row["clock_offset_seconds"]))


async def read_responder(connection: Connection, face: str, *, lock: bool = False) -> DictRow:
    """Who decides for ``face`` in real time."""
    query = "SELECT * FROM responders WHERE face = %s"
    cursor = (
        await connection.execute("SELECT * FROM responders WHERE face = %s FOR UPDATE", (face,))
        if lock
        else await connection.execute(query, (face,))
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - written at start, never deleted
    return row


async def read_purchase(connection: Connection, token: str, *, what: str) -> Purchase:
    """A purchase, locked until the end of the database transaction.

    Raises:
        Missing: ``what`` is not there.
    """
    cursor = await connection.execute(
        "SELECT * FROM purchases WHERE token = %s FOR UPDATE", (as_token(token, what),)
    )
    row = await cursor.fetchone()
    if row is None:
        raise Missing(what)
    return (await with_moves(connection, [row]))[0]


async def with_moves(connection: Connection, rows: Sequence[DictRow]) -> list[Purchase]:
    """The purchases of ``rows``, in their order."""
    cursor = await connection.execute(
        "SELECT purchase_token, move FROM moves WHERE purchase_token = ANY (%s) ORDER BY seq",
        ([row["token"] for row in rows],),
    )
    moves: dict[uuid.UUID, list[Move]] = {row["token"]: [] for row in rows}
    for move in await cursor.fetchall():
        moves[move["purchase_token"]].append(msgspec.convert(move["move"], Move))
    return [
        replace(msgspec.convert(row["head"], Purchase), moves=tuple(moves[row["token"]]))
        for row in rows
    ]


async def record(
    connection: Connection, face: Face, purchase: Purchase, new: Sequence[Move], now: datetime
) -> Purchase:
    """Store ``purchase`` with ``new`` moves and queue what subscribers are told."""
    whole = replace(purchase, moves=(*purchase.moves, *new), updated=now)
    stands = standing(whole.moves)
    await connection.execute(
        "INSERT INTO purchases (token, face, card_token, created, authorized, status, approved,"
        " held, settled, head) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (token) DO UPDATE SET status = excluded.status,"
        " approved = excluded.approved, held = excluded.held, settled = excluded.settled,"
        " head = excluded.head",
        (
            whole.token,
            whole.face,
            whole.card_token,
            whole.created,
            whole.moves[0].kind in ASKED,
            face.status(whole),
            stands.approved,
            stands.held,
            stands.settled,
            Jsonb(msgspec.to_builtins(replace(whole, moves=()))),
        ),
    )
    for move in new:
        await connection.execute(
            "INSERT INTO moves (token, purchase_token, card_token, face, created, is_money,"
            " credit, move) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            (
                move.token,
                whole.token,
                whole.card_token,
                whole.face,
                move.at,
                move.kind in MONEY and move.verdict.approved,
                move.credit,
                Jsonb(msgspec.to_builtins(move)),
            ),
        )
    about = About(face=whole.face, token=whole.token)
    await publish(connection, face, about, await face.messages(connection, whole, new), now)
    return whole
