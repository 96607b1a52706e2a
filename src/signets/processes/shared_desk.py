"""Processes of one machine decide together: an organization's requests all at one of them.

The organization's lock would serialize them anyway, one small batch after the other, each process
reading what the others wrote. At one desk they make larger batches of facts that stand
(``signets.app.standing``), while the other processes do what needs no lock: HTTP and signatures.

Which process it is nobody configures. The first that is asked takes the organization's lock file in
the data folder and writes its socket's address into it; the kernel gives the file free when the
process ends, however it ends. The others hand their requests over. **This is about speed alone**:
every process may decide every request at any time, exactly, because the database serializes them.
So whoever cannot reach the desk decides for itself, and a request whose desk died is asked again
here: if it was decided, the stored decision is the answer.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import msgspec

from signets.app.desk import Desk, Verdict
from signets.core.authorization.request import AuthorizationRequest
from signets.processes.desk_link import Link, LinkLost
from signets.processes.desk_wire import Ask, Frames, Told
from signets.storage.postgres.database import file_name

#: How long a desk that could not be reached is left alone, seconds.
_AGAIN = 1.0
_PREFIX = "signets-desk-"
_LONGEST_ADDRESS = 200
_ASK = msgspec.msgpack.Decoder(Ask)


@dataclass(slots=True)
class _Place:
    """Where one organization is decided: here (``claim``, its open lock file) or over ``link``."""

    claim: int | None = None
    link: Link | None = None
    joining: asyncio.Task[None] | None = None
    not_before: float = 0.0


@dataclass
class SharedDesk:
    """A desk that all API processes on one data folder and one database share.

    Attributes:
        own: Decides in this process.
        data_dir: Of the instance. Where lock files cannot be written, everybody decides alone.
        database_url: Processes on different databases have nothing in common.
    """

    own: Desk
    data_dir: Path
    database_url: str
    _folder: Path | None = None  # of the lock files, once it is open
    _socket: Path | None = None
    _server: asyncio.Server | None = None
    _places: dict[str, _Place] = field(default_factory=dict)  # by organization
    _links: dict[str, Link] = field(default_factory=dict)  # by address
    _guests: set[Frames] = field(default_factory=set)
    _deciding: set[asyncio.Task[None]] = field(default_factory=set)

    async def open(self) -> None:
        """Listen for the others."""
        folder = self.data_dir / "desks" / file_name(self.database_url)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            return  # a data folder that is read only: nothing is shared
        base = Path("/tmp")  # noqa: S108 - short, as a socket's path must be; what is made is private
        self._socket = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base)) / "socket"
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(self._guest, str(self._socket))
        self._folder = folder

    @property
    def address(self) -> str:
        """Of the socket on which it listens."""
        return str(self._socket)

    def is_here(self, org_id: str) -> bool | None:
        """Whether the organization's desk is this process; ``None`` where that is not yet known."""
        place = self._places.get(org_id)
        if place is None or (place.claim is None and place.link is None):
            return None
        return place.claim is not None

    async def decide(
        self, org_id: str, connection_id: str, request: AuthorizationRequest, seconds: float
    ) -> Verdict | None:
        """See :meth:`signets.app.desk.Decides.decide`."""
        link = self._link(org_id)
        if link is None:
            return await self.own.decide(org_id, connection_id, request, seconds)
        until = monotonic() + seconds
        try:
            return await link.ask(org_id, connection_id, request, seconds)
        except LinkLost:
            return await self._decide_here(org_id, connection_id, request, until)

    async def drain(self) -> None:
        """Take no guests any more, finish what is under way, and leave the desk to another."""
        if self._server is not None:
            self._server.close()
        self._folder = None
        await self.own.drain()
        while self._deciding:
            await asyncio.gather(*self._deciding)
        # No awaiting from here on: nobody's request comes in between.
        for guest in list(self._guests):
            guest.close()
        for link in {place.link for place in self._places.values() if place.link is not None}:
            link.close()
        for place in self._places.values():
            if place.joining is not None:
                place.joining.cancel()
            if place.claim is not None:
                os.close(place.claim)
        self._places.clear()
        if self._socket is not None:
            shutil.rmtree(self._socket.parent, ignore_errors=True)

    def _link(self, org_id: str) -> Link | None:
        """The way to whoever decides for this organization; ``None`` where that is us."""
        place = self._places.get(org_id)
        if place is None:
            place = self._places[org_id] = _Place()
        if place.link is not None or place.claim is not None or self._folder is None:
            return place.link
        if place.joining is None and monotonic() >= place.not_before:
            place.not_before = monotonic() + _AGAIN
            with suppress(OSError):  # the folder is gone, the disk is full: everybody decides alone
                self._claim_or_join(place, self._folder / org_id)
        return None

    def _claim_or_join(self, place: _Place, lock_file: Path) -> None:
        file = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        address = os.pread(file, _LONGEST_ADDRESS, 0).decode()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            place.joining = asyncio.create_task(self._join(place, address))
            return
        os.ftruncate(file, 0)
        os.pwrite(file, self.address.encode(), 0)
        place.claim = file
        _tidy_after(address)

    async def _join(self, place: _Place, address: str) -> None:
        """Connect to the process that has the organization's lock file."""
        try:
            link = self._links.get(address)
            if link is None:
                link = Link(self._lost)
                await link.open(address)
                # For another organization somebody may have been quicker.
                link = self._links.setdefault(address, link)
            place.link = link
        except OSError:
            return  # it is only just starting, or stands still: later
        finally:
            place.joining = None

    def _lost(self, link: Link) -> None:
        for address, one in list(self._links.items()):
            if one is link:
                del self._links[address]
        for place in self._places.values():
            if place.link is link:
                place.link = None

    def _guest(self) -> Frames:
        frames = Frames(self._asked, self._guests.discard, greets=True)
        self._guests.add(frames)
        return frames

    def _asked(self, guest: Frames, content: bytes) -> None:
        task = asyncio.create_task(self._answer(guest, _ASK.decode(content)))
        self._deciding.add(task)
        task.add_done_callback(self._deciding.discard)

    async def _answer(self, guest: Frames, ask: Ask) -> None:
        verdict = await self._decide_here(ask.org_id, ask.connection_id, ask.request, ask.until)
        guest.send(msgspec.msgpack.encode(Told(ask.number, verdict)))

    async def _decide_here(
        self, org_id: str, connection_id: str, request: AuthorizationRequest, until: float
    ) -> Verdict | None:
        left = until - monotonic()
        return await self.own.decide(org_id, connection_id, request, left) if left > 0 else None


def _tidy_after(address: str) -> None:
    """Remove the socket's folder of a process that was killed: its lock file was free."""
    folder = Path(address).parent
    if folder.name.startswith(_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)
