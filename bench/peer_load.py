"""Closed-loop clients for both sides: each sends its next request when its answer is in.

A process of its own (``python -m bench.peer_load JOB OUTCOME``), the same for both.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec


class Job(msgspec.Struct, frozen=True):
    """Whole HTTP requests, sent in order, each once, over ``clients`` connections.

    Connections are spread over ``ports`` in turn. ``yes``: what an approving answer contains.
    """

    ports: list[int]
    clients: int
    seconds: float
    requests: list[bytes]
    yes: bytes


class Outcome(msgspec.Struct, frozen=True):
    """Times are seconds since the first request was sent, one for each answer, in order."""

    answered_at: list[float]
    approved: int

    @property
    def per_second(self) -> float:
        """Over the whole run."""
        return len(self.answered_at) / self.answered_at[-1] if self.answered_at else 0.0

    def rate_between(self, first: int, last: int) -> float | None:
        """Answers a second from the ``first`` to the ``last``; ``None`` where there are fewer."""
        if len(self.answered_at) <= last:
            return None
        return (last - first) / (self.answered_at[last] - self.answered_at[first])


def drive(job: Job) -> Outcome:
    """Run it in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        given, came = Path(folder, "job"), Path(folder, "outcome")
        given.write_bytes(msgspec.msgpack.encode(job))
        command = [sys.executable, "-m", "bench.peer_load", str(given), str(came)]
        subprocess.run(command, check=True)
        return msgspec.msgpack.decode(came.read_bytes(), type=Outcome)


async def _run(job: Job) -> Outcome:
    waiting = iter(job.requests)
    answered: list[float] = []
    approved = 0
    begun = time.perf_counter()

    async def client(port: int) -> None:
        nonlocal approved
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in waiting:
            if time.perf_counter() - begun > job.seconds:
                break
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.partition(b":")[2])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            )
            body = await reader.readexactly(length)
            answered.append(time.perf_counter() - begun)
            approved += job.yes in body
        writer.close()

    ports = (job.ports[number % len(job.ports)] for number in range(job.clients))
    await asyncio.gather(*map(client, ports))
    return Outcome(answered_at=answered, approved=approved)


def main() -> None:
    """Read the job, do it, write what came of it."""
    given, came = map(Path, sys.argv[1:])
    job = msgspec.msgpack.decode(given.read_bytes(), type=Job)
    came.write_bytes(msgspec.msgpack.encode(asyncio.run(_run(job))))


if __name__ == "__main__":
    main()
