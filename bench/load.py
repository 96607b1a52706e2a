"""The load generator: a process of its own that keeps connections busy with ready-made bytes.

Closed loop: each connection sends its next request when its answer is in, which finds the most that
the service can do. Open loop: requests go out on a schedule, whatever the answers do, and each is
timed from when it was *meant* to go out; so a stall is counted in every request it delayed.

Everything costly (bodies, signatures) happened before, for generator, server and database share
the cores. What the generator itself costs is measured and shown.
"""

from __future__ import annotations

import gc
import resource
import selectors
import socket
import sys
import time
from array import array
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

#: Longest silence before the run is given up, seconds.
SILENCE = 10.0


class Job(msgspec.Struct, frozen=True):
    """What to send. ``requests`` are whole HTTP/1.1 requests, sent in order, each once.

    ``rate``: requests a second (open loop); ``None``: as fast as answers come (closed loop).
    Connections are spread over ``ports`` in turn.
    """

    ports: list[int]
    connections: int
    seconds: float
    requests: list[bytes]
    rate: float | None = None


class Outcome(msgspec.Struct, frozen=True):
    """What came back: per request sent, in the order of the answers.

    ``indexes`` point into the job's requests; ``nanoseconds`` is each one's time to the end of its
    answer: from its sending (closed loop), or from its place in the schedule (open loop).
    ``seconds`` is the time from the first byte sent to the last answer, ``processor_seconds`` what
    the generator itself used of the cores meanwhile.
    """

    seconds: float
    processor_seconds: float
    indexes: list[int]
    statuses: list[int]
    approved: list[bool]
    nanoseconds: list[int]

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return len(self.indexes) / self.seconds

    @property
    def load_microseconds(self) -> float:
        """Processor time of the generator for each request."""
        return self.processor_seconds / max(1, len(self.indexes)) * 1e6


@dataclass(slots=True)
class _Line:
    """One connection and what it waits for."""

    socket: socket.socket
    index: int = -1
    counts_from: int = 0
    received: bytes = b""

    def send(self, index: int, request: bytes, counts_from: int) -> None:
        self.index, self.counts_from = index, counts_from
        self.socket.sendall(request)


@dataclass(slots=True)
class _Answers:
    """What was answered so far, in columns."""

    indexes: array[int] = field(default_factory=lambda: array("q"))
    statuses: array[int] = field(default_factory=lambda: array("q"))
    approved: array[int] = field(default_factory=lambda: array("b"))
    nanoseconds: array[int] = field(default_factory=lambda: array("q"))

    def take(self, line: _Line) -> bool:
        """Read what is there; whether that completed the line's answer.

        Raises:
            ConnectionError: The server closed the connection.
        """
        part = line.socket.recv(65536)
        if not part:
            raise ConnectionError("the server closed a connection")
        received = line.received + part if line.received else part
        status = status_of(received)
        if status is None:
            line.received = received
            return False
        self.indexes.append(line.index)
        self.statuses.append(status)
        self.approved.append(b'"APPROVED"' in received)
        self.nanoseconds.append(time.perf_counter_ns() - line.counts_from)
        line.received = b""
        return True


def run(job: Job) -> Outcome:
    """Send until the time is up or nothing is left, then wait for what is under way.

    Raises:
        ConnectionError: The server closed a connection, or fell silent.
    """
    # `select` wakes to the microsecond; epoll's millisecond would count as the service's.
    selector = selectors.DefaultSelector() if job.rate is None else selectors.SelectSelector()
    lines = []
    for number in range(job.connections):
        address = ("127.0.0.1", job.ports[number % len(job.ports)])
        line = _Line(socket.create_connection(address))
        line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(line.socket, selectors.EVENT_READ, line)
        lines.append(line)
    answers = _Answers()
    # The requests are many objects and live as long as the process: no collection looks at them.
    gc.freeze()
    used_before = processor_seconds()
    begun = time.perf_counter_ns()
    if job.rate is None:
        _closed(job, selector, lines, answers, begun + int(job.seconds * 1e9))
    else:
        _open(job, selector, lines, answers, begun, job.rate)
    ended = time.perf_counter_ns()
    used = processor_seconds() - used_before
    for line in lines:
        line.socket.close()
    return Outcome(
        seconds=(ended - begun) / 1e9,
        processor_seconds=used,
        indexes=list(answers.indexes),
        statuses=list(answers.statuses),
        approved=[bool(one) for one in answers.approved],
        nanoseconds=list(answers.nanoseconds),
    )


def _closed(
    job: Job, selector: selectors.BaseSelector, lines: list[_Line], answers: _Answers, until: int
) -> None:
    clock = time.perf_counter_ns
    requests, last = job.requests, len(job.requests)
    following = busy = min(len(lines), last)
    for index, line in enumerate(lines[:busy]):
        line.send(index, requests[index], clock())
    while busy:
        ready = selector.select(SILENCE)
        if not ready:
            raise ConnectionError(f"no answer for {SILENCE} s")
        for key, _ in ready:
            line = key.data
            if not answers.take(line):
                continue
            now = clock()
            if now < until and following < last:
                line.send(following, requests[following], now)
                following += 1
            else:
                busy -= 1


def due_at(begun: int, rate: float, index: int) -> int:
    """When request ``index`` of an even schedule is meant to go out, nanoseconds."""
    return begun + int(index * 1e9 / rate)


def _open(
    job: Job,
    selector: selectors.BaseSelector,
    lines: list[_Line],
    answers: _Answers,
    begun: int,
    rate: float,
) -> None:
    """A request for which no connection is idle waits for one; its time runs meanwhile."""
    clock = time.perf_counter_ns
    last = min(len(job.requests), int(job.seconds * rate))
    idle = deque(lines)
    following = busy = 0
    heard = begun
    while busy or following < last:
        now = clock()
        while idle and following < last and (due := due_at(begun, rate, following)) <= now:
            idle.popleft().send(following, job.requests[following], due)
            following += 1
            busy += 1
        wait = SILENCE
        if idle and following < last:
            wait = (due_at(begun, rate, following) - clock()) / 1e9
        for key, _ in selector.select(max(0.0, wait)):
            heard = now
            if answers.take(key.data):
                idle.append(key.data)
                busy -= 1
        if busy and now - heard > SILENCE * 1e9:
            raise ConnectionError(f"no answer for {SILENCE} s")
        heard = heard if busy else now


def processor_seconds() -> float:
    """What this process has used of the cores so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def status_of(received: bytes) -> int | None:
    """The status of a whole answer, ``None`` while a part of it is missing.

    Raises:
        ConnectionError: An answer that does not say its length.
    """
    head = received.find(b"\r\n\r\n")
    if head < 0:
        return None
    at = received.find(b"content-length: ", 0, head)
    if at < 0:
        raise ConnectionError("an answer without a length")
    end = received.find(b"\r", at)
    if len(received) < head + 4 + int(received[at + 16 : end]):
        return None
    return int(received[9:12])


def main() -> None:
    """Read the job from the first path, write the outcome to the second."""
    job = msgspec.msgpack.decode(Path(sys.argv[1]).read_bytes(), type=Job)
    Path(sys.argv[2]).write_bytes(msgspec.msgpack.encode(run(job)))


if __name__ == "__main__":
    main()
