"""What processes of one machine say to each other about decisions: frames on a local socket.

A frame is its length in four bytes, then MessagePack. The one who decides greets with an empty
frame, so that a process that is stopped, whose socket still takes connections, is not waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import msgspec

from signets.app.desk import Verdict
from signets.core.authorization.request import AuthorizationRequest

_LENGTH = 4
#: Longer than any request that an issuer may send.
_LONGEST = 1 << 20


class Ask(msgspec.Struct, frozen=True, array_like=True):
    """A request to decide; ``number`` comes back with the verdict.

    After ``until`` nobody waits for it: seconds on the machine's monotonic clock, which all its
    processes read alike. So one that stood still does not decide what was answered long ago.
    """

    number: int
    org_id: str
    connection_id: str
    until: float
    request: AuthorizationRequest


class Told(msgspec.Struct, frozen=True, array_like=True):
    """The verdict, or that there is none that counts."""

    number: int
    verdict: Verdict | None


class Frames(asyncio.Protocol):
    """One end of a connection.

    Args:
        framed: Called with each frame.
        lost: Called once, when nothing can come any more.
        greets: Whether this end greets.
    """

    def __init__(
        self,
        framed: Callable[[Frames, bytes], None],
        lost: Callable[[Frames], None],
        *,
        greets: bool,
    ) -> None:
        self._framed = framed
        self._lost = lost
        self._greets = greets
        self._transport: asyncio.Transport | None = None
        self._unread = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        self._transport = cast("asyncio.Transport", transport)
        if self._greets:
            self.send(b"")

    def connection_lost(self, error: Exception | None) -> None:
        """Nothing can be sent any more."""
        self._transport = None
        self._lost(self)

    def data_received(self, data: bytes) -> None:
        """Take the frames that are whole."""
        unread = self._unread
        unread += data
        begin = 0
        while len(unread) - begin >= _LENGTH:
            length = int.from_bytes(unread[begin : begin + _LENGTH])
            if length > _LONGEST:
                self.close()
                return
            end = begin + _LENGTH + length
            if len(unread) < end:
                break
            self._framed(self, bytes(unread[begin + _LENGTH : end]))
            begin = end
        del unread[:begin]

    def send(self, content: bytes) -> None:
        """Send a frame; to one who is gone, nothing."""
        if self._transport is not None:
            self._transport.write(len(content).to_bytes(_LENGTH) + content)

    def close(self) -> None:
        """Send what is waiting, and hang up."""
        if self._transport is not None:
            self._transport.close()
