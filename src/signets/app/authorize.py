"""From raw webhook bytes to the issuer's answer: verify, batch, decide, answer in time.

Requests that arrive while a batch is in the database wait for the next one, so load makes batches
larger instead of queues longer; a single request is a batch of one and waits for nothing.
Everything that goes wrong ends in a decline in the issuer's own words ("fail closed").
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Protocol

from signets.app.decide_authorization import Answered, decide_batch
from signets.app.ports import Answer, BodyUnreadable, Issuer, IssuerSecrets, SignatureInvalid
from signets.app.records import Connection, DecisionRow, DecisionState
from signets.app.services import Services
from signets.app.void_decision import void_decision
from signets.core.authorization.request import AuthorizationRequest
from signets.core.ids import Prefix

#: How long a connection's client and secrets are kept before they are read again, seconds.
_FRESH = 5.0
NOT_SIGNED = Answer(status=401, body=b'{"message":"the signature does not verify"}')
NOT_FOUND = Answer(status=404, body=b'{"message":"no such issuer connection"}')
DOWN = Answer(status=503, body=b'{"message":"unavailable, try again"}')


class Observer(Protocol):
    """Told of every answered request, for metrics and logs."""

    def decided(self, outcome: str, reason: str, seconds: float) -> None: ...

    def failed(self, what: str, error: BaseException) -> None: ...


@dataclass(frozen=True, slots=True)
class Live:
    """A connection ready to use."""

    connection: Connection
    client: Issuer
    secrets: IssuerSecrets
    read_at: float


@dataclass(slots=True)
class _Waiting:
    request: AuthorizationRequest
    answer: asyncio.Future[DecisionRow | None]
    abandoned: bool = False

    def give_up(self) -> None:
        """The time is over; an answer that comes later finds nobody waiting."""
        if not self.answer.done():
            self.abandoned = True
            self.answer.set_result(None)


@dataclass(slots=True)
class _Lane:
    """One connection's queue; one batch at a time is under way."""

    waiting: deque[_Waiting] = field(default_factory=deque)
    runner: asyncio.Task[None] | None = None


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
        batch: Most requests decided in one transaction.
    """

    def __init__(
        self, services: Services, observer: Observer, *, deadline: float = 1.5, batch: int = 64
    ) -> None:
        self._services = services
        self._observer = observer
        self._deadline = deadline
        self._batch = batch
        self._connections = Connections(services)
        self._lanes: dict[str, _Lane] = {}

    async def authorize(
        self, connection_id: str | None, body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        """The answer to one request, always; never later than the deadline."""
        begun = monotonic()
        try:
            live = await self._connections.within(connection_id, self._deadline / 2)
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
        decision = await self._decide(live, request, begun)
        if decision is None or decision.state is DecisionState.VOID:
            self._observer.decided("declined", "unavailable", monotonic() - begun)
            return live.client.answer_declined("unavailable", request.request_id)
        outcome = "approved" if decision.approved else "declined"
        self._observer.decided(outcome, decision.reason or "", monotonic() - begun)
        if decision.approved:
            return live.client.answer_approved(request)
        return live.client.answer_declined(decision.reason or "", request.request_id)

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
        self, live: Live, request: AuthorizationRequest, begun: float
    ) -> DecisionRow | None:
        """The stored decision, or ``None`` where there is none in time."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(request, loop.create_future())
        lane = self._lanes.setdefault(live.connection.id, _Lane())
        lane.waiting.append(waiting)
        if lane.runner is None or lane.runner.done():
            lane.runner = asyncio.create_task(self._run(live, lane))
        left = max(0.0, self._deadline - (monotonic() - begun))
        deadline = loop.call_later(left, waiting.give_up)
        try:
            return await waiting.answer
        except Exception as error:
            self._observer.failed("decide", error)
            return None
        finally:
            deadline.cancel()

    async def _run(self, live: Live, lane: _Lane) -> None:
        while lane.waiting:
            taken = [lane.waiting.popleft() for _ in range(min(self._batch, len(lane.waiting)))]
            taken = [one for one in taken if not one.abandoned]
            if not taken:
                continue
            try:
                await self._run_batch(live, taken)
            except Exception as error:
                if len(taken) == 1:
                    _fail(taken[0], error)
                    continue
                # One bad request must not take the others down: decide each alone.
                self._observer.failed("batch", error)
                for one in taken:
                    try:
                        await self._run_batch(live, [one])
                    except Exception as alone:
                        _fail(one, alone)

    async def _run_batch(self, live: Live, taken: list[_Waiting]) -> None:
        org_id, connection_id = live.connection.org_id, live.connection.id
        answers = await decide_batch(
            self._services, org_id, connection_id, [one.request for one in taken]
        )
        given: set[str] = set()
        for one, answered in zip(taken, answers, strict=True):
            if not one.answer.done():
                one.answer.set_result(answered.decision)
            if not one.abandoned:
                given.add(answered.decision.id)
        for one, answered in zip(taken, answers, strict=True):
            # A repeat in the same batch may have been given the approval in time: then it stands.
            if one.abandoned and answered.decision.id not in given:
                await self._void(org_id, answered)

    async def _void(self, org_id: str, answered: Answered) -> None:
        """The issuer got a decline before our approval was durable: the approval is void."""
        if not (answered.fresh and answered.decision.approved):
            return
        try:
            await void_decision(self._services, org_id, answered.decision.id, cause="too_late")
        except Exception as error:
            # Its hold stays unconfirmed: the sweep asks the issuer and releases it then.
            self._observer.failed("void", error)

    async def drain(self) -> None:
        """Finish what is under way (graceful stop)."""
        runners = [lane.runner for lane in self._lanes.values() if lane.runner is not None]
        await asyncio.gather(*runners, return_exceptions=True)


def _fail(waiting: _Waiting, error: BaseException) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(error)
