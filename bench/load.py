"""The load generator: a process of its own that keeps connections busy with ready-made bytes.

Closed loop: each connection sends its next request when its answer is in. Everything costly
(bodies, signatures) happened before, for generator, server and database share the cores.
"""

from __future__ import annotations

import resource
import selectors
import socket
import sys
import time
from array import array
from dataclasses import dataclass
from pathlib import Path

import msgspec

#: Longest silence before the run is given up, seconds.
SILENCE = 10.0


class Job(msgspec.Struct, frozen=True):
    """What to send. ``requests`` are whole HTTP/1.1 requests, sent in order, each once."""

    port: int
    connections: int
    seconds: float
    requests: list[bytes]


class Outcome(msgspec.Struct, frozen=True):
    """What came back: per request sent, in the order of the answers.

    ``indexes`` point into the job's requests, ``nanoseconds`` is each one's time to the end of
    its answer, ``seconds`` the time from the first byte sent to the last answer,
    ``processor_seconds`` what the generator itself used of the cores meanwhile.
    """

    seconds: float
    processor_seconds: float
    indexes: list[int]
    statuses: list[int]
    approved: list[bool]
    nanoseconds: list[int]


@dataclass(slots=True)
class _Line:
    """One connection and what it waits for."""

    socket: socket.socket
    index: int = -1
    sent_at: int = 0
    received: bytes = b""


def run(job: Job) -> Outcome:
    """Send until the time is up or nothing is left, then wait for what is under way.

    Raises:
        ConnectionError: The server closed a connection, or fell silent.
    """
    selector = selectors.DefaultSelector()
    address = ("127.0.0.1", job.port)
    lines = [_Line(socket.create_connection(address)) for _ in range(job.connections)]
    for line in lines:
        line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(line.socket, selectors.EVENT_READ, line)
    requests, last = job.requests, len(job.requests)
    indexes, statuses = array("q"), array("q")
    approved, nanoseconds = array("b"), array("q")
    clock = time.perf_counter_ns
    used_before = processor_seconds()
    begun = clock()
    until = begun + int(job.seconds * 1e9)
    following = 0
    busy = 0
    for line in lines:
        if following < last:
            line.index, line.sent_at = following, clock()
            line.socket.sendall(requests[following])
            following += 1
            busy += 1
    while busy:
        ready = selector.select(SILENCE)
        if not ready:
            raise ConnectionError(f"no answer for {SILENCE} s")
        for key, _ in ready:
            line = key.data
            part = line.socket.recv(65536)
            if not part:
                raise ConnectionError("the server closed a connection")
            line.received += part
            status = _status(line.received)
            if status is None:
                continue
            now = clock()
            indexes.append(line.index)
            statuses.append(status)
            approved.append(b'"APPROVED"' in line.received)
            nanoseconds.append(now - line.sent_at)
            line.received = b""
            if now < until and following < last:
                line.index, line.sent_at = following, clock()
                line.socket.sendall(requests[following])
                following += 1
            else:
                busy -= 1
    ended = clock()
    used = processor_seconds() - used_before
    for line in lines:
        line.socket.close()
    return Outcome(
        seconds=(ended - begun) / 1e9,
        processor_seconds=used,
        indexes=list(indexes),
        statuses=list(statuses),
        approved=[bool(one) for one in approved],
        nanoseconds=list(nanoseconds),
    )


def processor_seconds() -> float:
    """What this process has used of the cores so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _status(received: bytes) -> int | None:
    """The status of a whole answer, ``None`` while a part of it is missing."""
    head, separator, body = received.partition(b"\r\n\r\n")
    if not separator:
        return None
    _, found, rest = head.lower().partition(b"content-length:")
    if not found:
        raise ConnectionError("an answer without a length")
    if len(body) < int(rest.partition(b"\r\n")[0]):
        return None
    return int(head[9:12])


def main() -> None:
    """Read the job from the first path, write the outcome to the second."""
    job = msgspec.msgpack.decode(Path(sys.argv[1]).read_bytes(), type=Job)
    Path(sys.argv[2]).write_bytes(msgspec.msgpack.encode(run(job)))


if __name__ == "__main__":
    main()
