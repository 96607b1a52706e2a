"""A wire to PostgreSQL that can be cut at any statement: a crash between any two of them, for real.

Clients connect to a port here and every byte is passed on, until the armed number of statements
(simple queries and executions) has gone by. Then both sides lose their connection: before the
statement reached the server, or after the server answered and before the client heard it. The
second at a COMMIT is what no retry logic can see through: done, and nobody knows.
"""

from __future__ import annotations

import asyncio
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

_STATEMENTS = b"QE"


class Wire:
    """The proxy, and when it cuts."""

    def __init__(self, folder: str, port: int) -> None:
        self._target = f"{folder}/.s.PGSQL.{port}"
        self._left = 0
        self._unheard = False
        self._open: set[asyncio.StreamWriter] = set()
        self.cuts = 0

    def arm(self, statements: int, *, unheard: bool) -> None:
        """Cut at the so-manieth statement from now; ``unheard``: after it was carried out."""
        self._left, self._unheard = statements, unheard

    def disarm(self) -> None:
        """Pass everything on again."""
        self._left = 0

    def _falls(self) -> bool:
        if self._left == 0:
            return False
        self._left -= 1
        self.cuts += self._left == 0
        return self._left == 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        back, forth = await asyncio.open_unix_connection(self._target)
        self._open |= {writer, forth}
        mute = asyncio.Event()
        ways = [
            asyncio.create_task(self._asks(reader, forth, mute)),
            asyncio.create_task(_answers(back, writer, mute)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for end in (writer, forth):
                end.transport.abort()
            self._open -= {writer, forth}

    async def end(self, server: asyncio.Server) -> None:
        """Take no more connections, and close those that are open."""
        server.close()
        for one in self._open:
            one.transport.abort()
        while self._open:
            await asyncio.sleep(0.01)

    async def _asks(
        self, reader: asyncio.StreamReader, forth: asyncio.StreamWriter, mute: asyncio.Event
    ) -> None:
        (size,) = struct.unpack("!I", await reader.readexactly(4))
        forth.write(struct.pack("!I", size) + await reader.readexactly(size - 4))
        while True:
            try:
                head = await reader.readexactly(5)
                body = await reader.readexactly(struct.unpack("!I", head[1:])[0] - 4)
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            if head[:1] in _STATEMENTS and self._falls():
                if not self._unheard:
                    return
                mute.set()
            forth.write(head + body)


async def _answers(
    back: asyncio.StreamReader, writer: asyncio.StreamWriter, mute: asyncio.Event
) -> None:
    while data := await _read(back):
        if mute.is_set():
            return
        writer.write(data)


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(65_536)
    except ConnectionError:
        return b""


@contextmanager
def wire_to(url: str) -> Iterator[tuple[Wire, str]]:
    """A wire to the server of ``url`` (on a socket in a folder), and the URL that goes over it.

    It runs in a thread of its own, so that also callers that block can use it.
    """
    with psycopg.connect(url) as probe:
        folder, port = probe.info.host, probe.info.port
        user, name = probe.info.user, probe.info.dbname
    wire, loop = Wire(folder, port), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    begun = asyncio.start_server(wire.serve, "127.0.0.1", 0)
    server = asyncio.run_coroutine_threadsafe(begun, loop).result(10)
    near = server.sockets[0].getsockname()[1]
    try:
        yield (
            wire,
            f"postgresql://{user}@127.0.0.1:{near}/{name}?sslmode=disable&gssencmode=disable",
        )
    finally:
        asyncio.run_coroutine_threadsafe(wire.end(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
