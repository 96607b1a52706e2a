"""The way to another process of this machine that decides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from time import monotonic

import msgspec

from signets.app.desk import Verdict
from signets.core.authorization.request import AuthorizationRequest
from signets.processes.desk_wire import Ask, Frames, Told

#: How long a process that decides may take to greet, seconds.
_GREETING = 1.0
#: What it is given beyond a request's own time before it is taken to hang, seconds. It keeps that
#: time itself, so that only one of the two says that it is over.
_GRACE = 0.2
_TOLD = msgspec.msgpack.Decoder(Told)


class LinkLost(ConnectionError):
    """The other process is gone, or hangs. Whether it decided is for the database to say."""


class Link:
    """An open connection to one that decides.

    Args:
        lost: Called when it is lost.
    """

    def __init__(self, lost: Callable[[Link], None]) -> None:
        self._on_lost = lost
        self._greeted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._asked: dict[int, asyncio.Future[Verdict | None]] = {}
        self._numbers = count()
        self._frames = Frames(self._framed, self._closed, greets=False)

    async def open(self, address: str) -> None:
        """Connect.

        Raises:
            OSError: Nobody listens there, or nobody greets in time.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_GREETING):
                await loop.create_unix_connection(lambda: self._frames, address)
                if not await self._greeted:
                    raise LinkLost("it hung up")
        except OSError:
            self._frames.close()
            raise

    async def ask(
        self, org_id: str, connection_id: str, request: AuthorizationRequest, seconds: float
    ) -> Verdict | None:
        """What it says.

        Raises:
            LinkLost: Nothing: it is gone, or did not keep the time.
        """
        loop = asyncio.get_running_loop()
        number = next(self._numbers)
        told: asyncio.Future[Verdict | None] = loop.create_future()
        self._asked[number] = told
        ask = Ask(number, org_id, connection_id, monotonic() + seconds, request)
        self._frames.send(msgspec.msgpack.encode(ask))
        hangs = loop.call_later(seconds + _GRACE, self.close)
        try:
            return await told
        finally:
            hangs.cancel()
            self._asked.pop(number, None)

    def close(self) -> None:
        """Hang up; whoever waits is told that it is lost."""
        self._frames.close()
        self._lose()

    def _framed(self, _: Frames, content: bytes) -> None:
        if not content:
            if not self._greeted.done():
                self._greeted.set_result(True)
            return
        told = _TOLD.decode(content)
        waiting = self._asked.get(told.number)
        if waiting is not None and not waiting.done():
            waiting.set_result(told.verdict)

    def _closed(self, _: Frames) -> None:
        self._lose()

    def _lose(self) -> None:
        self._on_lost(self)
        if not self._greeted.done():
            self._greeted.set_result(False)
        for waiting in self._asked.values():
            if not waiting.done():
                waiting.set_exception(LinkLost("it is gone, or hangs"))
