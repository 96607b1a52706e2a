"""Where requests are decided: a queue for each issuer connection, and an answer in time."""

from __future__ import annotations

import asyncio
from typing import Protocol

import msgspec

from signets.app.lane import Lane, Waiting
from signets.app.observer import Observer
from signets.app.records import DecisionState
from signets.app.services import Services
from signets.core.authorization.request import AuthorizationRequest


class Verdict(msgspec.Struct, frozen=True):
    """What a stored decision lets the issuer be told; ``reason`` is our code, empty on approval."""

    approved: bool
    reason: str


class Decides(Protocol):
    """Decides requests, and stores each decision before it is told."""

    async def decide(
        self, org_id: str, connection_id: str, request: AuthorizationRequest, seconds: float
    ) -> Verdict | None:
        """The verdict, or ``None`` where there is none that counts within ``seconds``."""

    async def drain(self) -> None:
        """Finish what is under way."""


class Desk:
    """Decides in this process.

    Args:
        services: The use cases' adapters.
        observer: Told what fails.
        batch: Most requests decided in one transaction.
    """

    def __init__(self, services: Services, observer: Observer, *, batch: int = 64) -> None:
        self._services = services
        self._observer = observer
        self._batch = batch
        self._lanes: dict[str, Lane] = {}

    async def decide(
        self, org_id: str, connection_id: str, request: AuthorizationRequest, seconds: float
    ) -> Verdict | None:
        """See :meth:`Decides.decide`. An approval that comes too late is voided."""
        loop = asyncio.get_running_loop()
        waiting = Waiting(request, loop.create_future())
        self._lane(org_id, connection_id).put(waiting)
        deadline = loop.call_later(seconds, waiting.give_up)
        try:
            decision = await waiting.answer
        except Exception as error:
            self._observer.failed("decide", error)
            return None
        finally:
            deadline.cancel()
        if decision is None or decision.state is DecisionState.VOID:
            return None
        return Verdict(decision.approved, decision.reason or "")

    def _lane(self, org_id: str, connection_id: str) -> Lane:
        lane = self._lanes.get(connection_id)
        if lane is None:
            lane = self._lanes[connection_id] = Lane(
                self._services, self._observer, org_id, connection_id, self._batch
            )
        return lane

    async def drain(self) -> None:
        """Finish what is under way."""
        for lane in self._lanes.values():
            await lane.drain()
