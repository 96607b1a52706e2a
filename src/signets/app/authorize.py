"""From raw webhook bytes to the issuer's answer: verify, queue, answer in time.

Everything that goes wrong ends in a decline in the issuer's own words ("fail closed").
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from signets.app.desk import Decides, Desk, Verdict
from signets.app.observer import Observer
from signets.app.ports import Answer, BodyUnreadable, Issuer, IssuerSecrets, SignatureInvalid
from signets.app.records import Connection
from signets.app.services import Services
from signets.core.authorization.request import AuthorizationRequest
from signets.core.ids import Prefix

#: How long a connection's client and secrets are kept before they are read again, seconds.
_FRESH = 5.0
NOT_SIGNED = Answer(status=401, body=b'{"message":"the signature does not verify"}')
NOT_FOUND = Answer(status=404, body=b'{"message":"no such issuer connection"}')
DOWN = Answer(status=503, body=b'{"message":"unavailable, try again"}')


@dataclass(frozen=True, slots=True)
class Live:
    """A connection ready to use."""

    connection: Connection
    client: Issuer
    secrets: IssuerSecrets
    read_at: float


class Connections:
    """Issuer connections by id, kept for a few seconds."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._live: dict[str, Live] = {}
        self._reading: dict[str, asyncio.Task[Live | None]] = {}

    def at_hand(self, connection_id: str | None) -> Live | None:
        """The connection where it was read a moment ago."""
        known = self._live.get(connection_id or "")
        return known if known is not None and monotonic() - known.read_at < _FRESH else None

    async def within(
        self, connection_id: str | None, seconds: float, *, again: bool = False
    ) -> Live | None:
        """The connection (the only one, where no id is given), or ``None`` where there is none.

        Where the database does not say so within ``seconds``, it is what was known before: the
        answer is then a decline in the issuer's own words, because no decision can be stored.
        ``again`` reads it afresh.

        Raises:
            Exception: The database did not answer, and nothing was known before.
        """
        known = None if again else self.at_hand(connection_id)
        if known is not None:
            return known
        try:
            async with asyncio.timeout(seconds):
                return await self._fresh(connection_id)
        except Exception:
            if (stale := self._live.get(connection_id or "")) is not None:
                return stale
            raise

    async def get(self, connection_id: str | None) -> Live | None:
        """The connection, for those who have time to wait for the database."""
        return self.at_hand(connection_id) or await self._fresh(connection_id)

    async def _fresh(self, connection_id: str | None) -> Live | None:
        """Read once for all who ask meanwhile; one who gives up does not stop the reading.

        A call to the database that is cancelled waits for its own cancellation.
        """
        key = connection_id or ""
        reading = self._reading.get(key)
        if reading is None or reading.done():
            reading = self._reading[key] = asyncio.create_task(self._read(connection_id))
            reading.add_done_callback(_seen)
        return await asyncio.shield(reading)

    async def _read(self, connection_id: str | None) -> Live | None:
        connection = await self._services.store.find_connection(connection_id)
        if connection is None:
            return None
        live = Live(
            connection,
            self._services.issuers.client(connection),
            self._services.issuers.secrets(connection),
            monotonic(),
        )
        self._live[connection_id or ""] = live
        return live


def _seen(ended: asyncio.Future[Any]) -> None:
    """Whoever waited was told, or had given up."""
    if not ended.cancelled():
        ended.exception()


class Engine:
    """Answers issuers' real-time requests.

    Args:
        services: The use cases' adapters.
        observer: Told what was decided.
        deadline: Seconds after which a decline goes out, whatever the database does.
        desk: Who decides; this process where nobody else is named.
    """

    def __init__(
        self,
        services: Services,
        observer: Observer,
        *,
        deadline: float = 1.5,
        desk: Decides | None = None,
    ) -> None:
        self._services = services
        self._observer = observer
        self._deadline = deadline
        self._desk = desk or Desk(services, observer)
        self._connections = Connections(services)

    async def authorize(
        self, connection_id: str | None, body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        """The answer to one request, always; never later than the deadline."""
        begun = monotonic()
        live = self._connections.at_hand(connection_id)
        try:
            live = live or await self._connections.within(connection_id, self._deadline / 2)
        except Exception as error:
            self._observer.failed("connection", error)
            return DOWN
        if live is None:
            return NOT_FOUND
        try:
            request = await self._read(live, body, headers)
        except SignatureInvalid as error:
            await self._reject(connection_id, body, str(error))
            self._observer.decided("rejected", "signature", monotonic() - begun)
            return NOT_SIGNED
        except BodyUnreadable as error:
            await self._reject(connection_id, body, f"{error.field}: {error.message}")
            self._observer.decided("declined", "unreadable", monotonic() - begun)
            return live.client.answer_declined("unreadable", None)
        verdict = await self._decide(live.connection, request, begun)
        if verdict is None:
            self._observer.decided("declined", "unavailable", monotonic() - begun)
            return live.client.answer_declined("unavailable", request.request_id)
        outcome = "approved" if verdict.approved else "declined"
        self._observer.decided(outcome, verdict.reason, monotonic() - begun)
        if verdict.approved:
            return live.client.answer_approved(request)
        return live.client.answer_declined(verdict.reason, request.request_id)

    async def _read(
        self, live: Live, body: bytes, headers: Mapping[str, str]
    ) -> AuthorizationRequest:
        try:
            return live.client.read_authorization(body, headers, live.secrets)
        except SignatureInvalid:
            # The secret may have been rotated a moment ago: look once more before refusing.
            if monotonic() - live.read_at < 1.0:
                raise
            fresh = await self._connections.within(
                live.connection.id, self._deadline / 2, again=True
            )
            if fresh is None:
                raise
            return fresh.client.read_authorization(body, headers, fresh.secrets)

    async def _reject(self, connection_id: str | None, body: bytes, problem: str) -> None:
        """Forged and unreadable requests are journalled outside any tenant, if that works."""
        rejecting = asyncio.ensure_future(
            self._services.store.reject_webhook(
                id=self._services.new_id(Prefix.EVENT),
                connection_id=connection_id or "",
                path="authorize",
                problem=problem,
                body_sha256=hashlib.sha256(body).digest(),
            )
        )
        rejecting.add_done_callback(_seen)
        try:
            async with asyncio.timeout(self._deadline / 2):
                await asyncio.shield(rejecting)
        except Exception as error:
            self._observer.failed("reject_webhook", error)

    async def _decide(
        self, connection: Connection, request: AuthorizationRequest, begun: float
    ) -> Verdict | None:
        """What the issuer is told, or ``None`` where nothing is stored in time."""
        left = max(0.0, self._deadline - (monotonic() - begun))
        return await self._desk.decide(connection.org_id, connection.id, request, left)

    async def drain(self) -> None:
        """Finish what is under way (graceful stop)."""
        await self._desk.drain()
