"""Sends webhooks: at once, then on a schedule, and again after a restart.

First attempts of one transaction go out in order; a retry may arrive late.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import httpx
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from signets.issuers.sandbox.engine.base import Connection
from signets.issuers.sandbox.engine.faces import Attempt, Face
from signets.issuers.sandbox.signing import forged

_TIMEOUT_SECONDS = 15.0
_IDLE_SECONDS = 30.0
_AT_ONCE = 16
_MAX_ANSWER = 4096
_DATABASE_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout)
_DATABASE_RETRY_SECONDS = 1.0

_log = logging.getLogger(__name__)


async def post(http: httpx.AsyncClient, url: str, body: bytes, headers: dict[str, str]) -> Attempt:
    """Send one message once. Network failures are an outcome, not an exception."""
    try:
        response = await http.post(url, content=body, headers=headers)
    except httpx.HTTPError as error:
        return Attempt(
            headers=headers,
            status_code=None,
            response_body=None,
            error=type(error).__name__,
            response_headers={},
        )
    return Attempt(
        headers=headers,
        status_code=response.status_code,
        response_body=response.content[:_MAX_ANSWER].decode("utf-8", "replace"),
        error=None,
        response_headers=dict(response.headers),
    )


async def keep(connection: Connection, delivery: object, why: str, attempt: Attempt) -> None:
    """Store an attempt."""
    await connection.execute(
        "INSERT INTO attempts"
        " (token, delivery_token, why, headers, status_code, response_body, error)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (
            uuid.uuid4(),
            delivery,
            why,
            Jsonb(attempt.headers),
            attempt.status_code,
            # PostgreSQL's text holds no NUL.
            None if attempt.response_body is None else attempt.response_body.replace("\0", ""),
            attempt.error,
        ),
    )


class Sender:
    """The background sender of one sandbox."""

    def __init__(
        self,
        pool: AsyncConnectionPool[AsyncConnection[DictRow]],
        http: httpx.AsyncClient,
        retry_seconds: tuple[float, ...],
        faces: Mapping[str, Face],
    ) -> None:
        self._pool = pool
        self._http = http
        self._retry_seconds = retry_seconds
        self._faces = faces
        self._news = asyncio.Event()
        self._busy: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)

    def wake(self) -> None:
        """Something may be due."""
        self._news.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send until the block ends; then finish the attempts in flight."""
        loop = asyncio.create_task(self._run())
        try:
            yield
        finally:
            loop.cancel()
            with suppress(asyncio.CancelledError):
                await loop
            if self._busy:
                _, unfinished = await asyncio.wait(
                    list(self._busy.values()), timeout=_TIMEOUT_SECONDS
                )
                for task in unfinished:
                    task.cancel()

    async def _run(self) -> None:
        while True:
            self._news.clear()
            try:
                wait = await self._dispatch()
            except _DATABASE_AWAY:
                _log.warning("sandbox database is away; webhooks wait", exc_info=True)
                await asyncio.sleep(_DATABASE_RETRY_SECONDS)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._news.wait()

    async def _dispatch(self) -> float:
        """Start what is due; seconds until the next thing is."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT subscription_token, transaction_token::text AS transaction_token,"
                " min(next_attempt) <= now() AS due,"
                " extract(epoch FROM min(next_attempt) - now())::float AS seconds"
                " FROM deliveries d JOIN subscriptions s ON s.token = d.subscription_token"
                " WHERE d.state = 'PENDING' AND NOT s.disabled GROUP BY 1, 2"
            )
            rows = await cursor.fetchall()
        wait = _IDLE_SECONDS
        for row in rows:
            key = (row["subscription_token"], row["transaction_token"])
            if not row["due"]:
                wait = min(wait, max(0.01, row["seconds"]))
            elif key not in self._busy:
                task = asyncio.create_task(self._send_all(key))
                self._busy[key] = task
        return wait

    async def _send_all(self, key: tuple[str, str]) -> None:
        """Send one transaction's due messages to one receiver, one after the other."""
        try:
            async with self._slots:
                while (row := await self._next(key)) is not None:
                    await self._send(row)
        except _DATABASE_AWAY:
            # The message stays due: it may go out twice, and receivers must bear that anyway.
            _log.warning("sandbox database is away; webhooks wait", exc_info=True)
            await asyncio.sleep(_DATABASE_RETRY_SECONDS)
        finally:
            del self._busy[key]
            self.wake()

    async def _next(self, key: tuple[str, str]) -> DictRow | None:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT d.*, s.secret, s.previous_secret, s.previous_until, s.url AS current_url"
                " FROM deliveries d"
                " JOIN subscriptions s ON s.token = d.subscription_token"
                " WHERE d.state = 'PENDING' AND d.next_attempt <= now()"
                " AND NOT s.disabled AND d.subscription_token = %s AND d.transaction_token = %s"
                " ORDER BY d.position LIMIT 1",
                key,
            )
            return await cursor.fetchone()

    async def _send(self, row: DictRow) -> None:
        body, fault = bytes(row["body"]), row["fault"] if row["attempt_count"] == 0 else None
        attempts = [await self._attempt(row, body, forge=fault == "webhook_bad_signature")]
        if fault == "webhook_duplicate":
            attempts.append(await self._attempt(row, body, forge=False))
        count = row["attempt_count"] + 1
        if any(attempt.succeeded for attempt in attempts):
            state, delay = "SUCCESS", 0.0
        elif count < len(self._retry_seconds):
            state, delay = "PENDING", self._retry_seconds[count]
        else:
            state, delay = "FAILED", 0.0
        async with self._pool.connection() as connection:
            for attempt in attempts:
                await keep(connection, row["token"], "webhook", attempt)
            await connection.execute(
                "UPDATE deliveries SET state = %s, attempt_count = %s,"
                " next_attempt = now() + make_interval(secs => %s) WHERE token = %s",
                (state, count, delay, row["token"]),
            )

    async def _attempt(self, row: DictRow, body: bytes, *, forge: bool) -> Attempt:
        live = live_secrets(row["secret"], row["previous_secret"], row["previous_until"])
        headers = self._faces[row["face"]].sign(row["message_id"], body, live)
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                return await post(
                    self._http, row["current_url"], body, forged(headers) if forge else headers
                )
        except TimeoutError:
            return Attempt(
                headers=headers,
                status_code=None,
                response_body=None,
                error="Timeout",
                response_headers={},
            )


def live_secrets(
    secret: str | None, previous: str | None, previous_until: datetime | None
) -> tuple[str, ...]:
    """The secrets that sign now: the current one, and a rotated one in its last day."""
    rotating = (
        (previous,)
        if previous is not None
        and previous_until is not None
        and previous_until > datetime.now(UTC)
        else ()
    )
    return (*(() if secret is None else (secret,)), *rotating)
