"""One issuer connection's requests in order of arrival, batch after batch.

Requests that arrive while a batch is in the database wait for the next one, so load makes batches
larger instead of queues longer; a single request is a batch of one and waits for nothing. Under
load, the next batch is decided while the one before is being written
(:mod:`signets.app.decide_batch`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from signets.app.decide_authorization import Answered
from signets.app.decide_batch import Ahead, decide_ahead, decide_batch, write_ahead
from signets.app.observer import Observer
from signets.app.records import DecisionRow
from signets.app.services import Services
from signets.app.store import MovedOn
from signets.app.void_decision import void_decision
from signets.core.authorization.request import AuthorizationRequest

#: With fewer requests waiting than this, deciding under the lock is the shorter way.
_CROWD = 4
#: How long requests gather while a batch is being written, seconds; the database is busy meanwhile.
_GATHERING = 0.004
_MOST_CAUTIOUS = 63


@dataclass(slots=True)
class Waiting:
    """A request and who waits for its answer."""

    request: AuthorizationRequest
    answer: asyncio.Future[DecisionRow | None]
    abandoned: bool = False

    def give_up(self) -> None:
        """The time is over; an answer that comes later finds nobody waiting."""
        if not self.answer.done():
            self.abandoned = True
            self.answer.set_result(None)

    def fail(self, error: BaseException) -> None:
        """There is no answer."""
        if not self.answer.done():
            self.answer.set_exception(error)


@dataclass(slots=True)
class _UnderWay:
    """A batch that was decided ahead and is being written."""

    ahead: Ahead
    #: Ends with the cards that changed beyond what was decided; ``None``: decided anew.
    writing: asyncio.Task[frozenset[str] | None]


@dataclass(slots=True)
class Lane:
    """The queue of one connection, and the task that works it off while there is any.

    ``batch`` is how many requests are decided in one transaction at most.
    """

    services: Services
    observer: Observer
    org_id: str
    connection_id: str
    batch: int
    _waiting: deque[Waiting] = field(default_factory=deque)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _runner: asyncio.Task[None] | None = None
    #: Deciding ahead is wasted where others write all the time: after each time that it was, twice
    #: as many batches as before are decided under the lock.
    _caution: int = 0
    _cautious: int = 0  # how many of those are left

    def put(self, waiting: Waiting) -> None:
        """Queue a request."""
        self._waiting.append(waiting)
        self._arrived.set()
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())

    async def drain(self) -> None:
        """Finish what is under way (graceful stop)."""
        if self._runner is not None:
            await asyncio.gather(self._runner, return_exceptions=True)

    async def _run(self) -> None:
        under_way: _UnderWay | None = None
        while self._waiting or under_way is not None:
            if under_way is not None:
                await self._gather(under_way)
            taken = self._take()
            if under_way is None and (len(taken) < _CROWD or self._cautious > 0):
                self._cautious = max(0, self._cautious - 1)
                await self._decide_or_fail(taken)
            else:
                under_way = await self._next(taken, under_way)

    async def _gather(self, under_way: _UnderWay) -> None:
        """Let as many arrive as are being answered, or until there is no more time to lose."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _GATHERING
        enough = len(under_way.ahead.answers)
        while len(self._waiting) < enough and not under_way.writing.done():
            left = until - loop.time()
            if self._waiting and left <= 0:
                return
            self._arrived.clear()
            arrival = asyncio.create_task(self._arrived.wait())
            try:
                await asyncio.wait(
                    (under_way.writing, arrival),
                    timeout=left if self._waiting else None,
                    return_when=asyncio.FIRST_COMPLETED,
                )
            finally:
                arrival.cancel()

    def _take(self) -> list[Waiting]:
        taken: list[Waiting] = []
        while self._waiting and len(taken) < self.batch:
            one = self._waiting.popleft()
            if not one.abandoned:
                taken.append(one)
        return taken

    async def _next(self, taken: list[Waiting], under_way: _UnderWay | None) -> _UnderWay | None:
        """Decide these ahead, on top of what is under way; the result is under way then."""
        before = under_way.ahead if under_way is not None else None
        ahead: Ahead | None = None
        failed: Exception | None = None
        if taken and (before is None or before.leads):
            try:
                ahead = await decide_ahead(
                    self.services,
                    self.org_id,
                    self.connection_id,
                    [one.request for one in taken],
                    before=before,
                )
            except Exception as error:  # told below: what is under way comes first
                failed = error
        changed = await under_way.writing if under_way is not None else frozenset[str]()
        if failed is not None:
            self.observer.failed("ahead", failed)
        if ahead is None or changed is None or ahead.disturbed(changed):
            await self._decide_or_fail(taken)
            return None
        served = taken[: len(ahead.answers)]
        self._waiting.extendleft(reversed(taken[len(ahead.answers) :]))
        return _UnderWay(ahead, asyncio.create_task(self._write(ahead, served)))

    async def _write(self, ahead: Ahead, served: Sequence[Waiting]) -> frozenset[str] | None:
        try:
            changed = await write_ahead(self.services, ahead)
        except MovedOn:
            self._caution = self._cautious = min(_MOST_CAUTIOUS, 2 * self._caution + 1)
        except Exception as error:
            self.observer.failed("batch", error)
        else:
            self._caution = 0
            await self._give(served, ahead.answers)
            return changed
        await self._decide_or_fail(served)
        return None

    async def _decide_or_fail(self, taken: Sequence[Waiting]) -> None:
        """Decide under the lock. One bad request must not take the others down."""
        taken = [one for one in taken if not one.abandoned]
        if not taken:
            return
        try:
            await self._decide(taken)
        except Exception as error:
            if len(taken) == 1:
                taken[0].fail(error)
                return
            self.observer.failed("batch", error)
            for one in taken:
                try:
                    await self._decide([one])
                except Exception as alone:
                    one.fail(alone)

    async def _decide(self, taken: Sequence[Waiting]) -> None:
        requests = [one.request for one in taken]
        await self._give(
            taken, await decide_batch(self.services, self.org_id, self.connection_id, requests)
        )

    async def _give(self, served: Sequence[Waiting], answers: Sequence[Answered]) -> None:
        given: set[str] = set()
        for one, answered in zip(served, answers, strict=True):
            if not one.answer.done():
                one.answer.set_result(answered.decision)
            if not one.abandoned:
                given.add(answered.decision.id)
        for one, answered in zip(served, answers, strict=True):
            # A repeat in the same batch may have been given the approval in time: then it stands.
            if one.abandoned and answered.decision.id not in given:
                await self._void(answered)

    async def _void(self, answered: Answered) -> None:
        """The issuer got a decline before our approval was durable: the approval is void."""
        if not (answered.fresh and answered.decision.approved):
            return
        try:
            await void_decision(self.services, self.org_id, answered.decision.id, cause="too_late")
        except Exception as error:
            # Its hold stays unconfirmed: the sweep asks the issuer and releases it then.
            self.observer.failed("void", error)
