"""One issuer connection's requests in order of arrival, batch after batch.

Requests that arrive while a batch is in the database wait for the next one, so load makes batches
larger instead of queues longer; a single request is a batch of one and waits for nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from signets.app.decide_authorization import Answered
from signets.app.decide_batch import decide_batch
from signets.app.observer import Observer
from signets.app.records import DecisionRow
from signets.app.services import Services
from signets.app.void_decision import void_decision
from signets.core.authorization.request import AuthorizationRequest


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
    _runner: asyncio.Task[None] | None = None

    def put(self, waiting: Waiting) -> None:
        """Queue a request."""
        self._waiting.append(waiting)
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())

    async def drain(self) -> None:
        """Finish what is under way (graceful stop)."""
        if self._runner is not None:
            await asyncio.gather(self._runner, return_exceptions=True)

    async def _run(self) -> None:
        while self._waiting:
            await self._decide_or_fail(self._take())

    def _take(self) -> list[Waiting]:
        taken: list[Waiting] = []
        while self._waiting and len(taken) < self.batch:
            one = self._waiting.popleft()
            if not one.abandoned:
                taken.append(one)
        return taken

    async def _decide_or_fail(self, taken: Sequence[Waiting]) -> None:
        """One bad request must not take the others down: after a failure each is decided alone."""
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
