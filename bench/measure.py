"""The measurement itself: rounds of authorizations in turn with rounds of pgbench, then checks."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psycopg

from bench.load import Job, Outcome
from bench.rival import Pgbench
from bench.service import drive, resident_mb, running_api
from bench.traffic import Traffic
from bench.world import World, build_world
from signets.bootstrap import open_runtime
from signets.settings import Settings
from signets.storage.postgres.database import Database, open_database

CONNECTIONS = 64
SEED = 20_261_124
_FSYNCS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much to measure. ``most_per_second`` bounds the requests that are signed ahead."""

    scale: int
    cards: int
    rounds: int
    seconds: int
    most_per_second: int = 3_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round of ours and the pgbench round after it."""

    outcome: Outcome
    tps: float

    @property
    def per_second(self) -> float:
        """Answered authorization requests per second."""
        return len(self.outcome.indexes) / self.outcome.seconds

    @property
    def approvals(self) -> int:
        """Answers that approved."""
        return sum(self.outcome.approved)

    @property
    def load_microseconds(self) -> float:
        """Processor time of the load generator for each request."""
        return self.outcome.processor_seconds / len(self.outcome.indexes) * 1e6

    @property
    def ratio(self) -> float:
        """Ours for each of pgbench's."""
        return self.per_second / self.tps

    def latency_ms(self, share: float) -> float:
        """A quantile of the time from a request to its answer."""
        ordered = sorted(self.outcome.nanoseconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] / 1e6


@dataclass(slots=True, kw_only=True)
class Report:
    """Everything that was measured and found."""

    rounds: list[Round] = field(default_factory=list)
    fsync_p99_ms: float = 0.0
    resident_mb: float = 0.0
    declines: dict[str, int] = field(default_factory=dict)
    decisions: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """The median over the rounds."""
        return median(one.ratio for one in self.rounds)


class Progress:
    """Lines with the time since the start, on standard error."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def __call__(self, text: str) -> None:
        print(f"[{time.monotonic() - self._begun:5.1f} s] {text}", file=sys.stderr, flush=True)


def measure(size: Size, say: Callable[[str], None]) -> Report:
    """Run it all on a database of its own, which is gone afterwards."""
    report = Report()
    with tempfile.TemporaryDirectory(prefix="signets-bench-") as name:
        folder = Path(name)
        # As root, PostgreSQL runs as another account, which must get through.
        folder.chmod(0o711)
        settings = Settings(data_dir=folder / "data", port=_free_port())
        say("starting PostgreSQL")
        with open_database(url=None, data_dir=settings.data_dir) as database:
            report.fsync_p99_ms = fsync_p99_ms(settings.data_dir / "fsync")
            say(f"loading {size.cards:,} cards with open intents")
            world = asyncio.run(_build(settings, size, say))
            say(f"pgbench -i -s {size.scale}")
            with open_database(
                url=None, data_dir=settings.data_dir, name="pgbench"
            ) as rival_database:
                rival = Pgbench(rival_database.url)
                rival.initialise(size.scale)
            with running_api(settings, folder / "api.log") as api:
                sent = _rounds(report, size, world, settings.port, database, rival, folder, say)
                report.resident_mb = resident_mb(api.pid)
            asyncio.run(_check(report, settings, world, sent, database))
            errors = [
                line
                for line in (folder / "api.log").read_text().splitlines()
                if '"level": "error"' in line
            ]
            if errors:
                report.problems.append(f"{len(errors)} errors logged, the last: {errors[-1][:500]}")
    return report


async def _build(settings: Settings, size: Size, say: Callable[[str], None]) -> World:
    async with open_runtime(settings, pool_size=2) as runtime:
        return await build_world(runtime, size.cards, say)


def _rounds(
    report: Report,
    size: Size,
    world: World,
    port: int,
    database: Database,
    rival: Pgbench,
    folder: Path,
    say: Callable[[str], None],
) -> list[tuple[list[bytes], Outcome]]:
    traffic = Traffic(world, port, SEED)
    sent = []
    for number in range(size.rounds + 1):
        warm_up = number == 0
        seconds = 1 if warm_up else size.seconds
        requests = traffic.batch(seconds * size.most_per_second)
        outcome = drive(
            folder,
            Job(port=port, connections=CONNECTIONS, seconds=seconds, requests=requests),
        )
        sent.append((requests, outcome))
        if warm_up:
            _analyze(database)
            say(f"warmed up with {len(outcome.indexes):,} requests")
            continue
        tps = rival.transactions_per_second(size.seconds, CONNECTIONS)
        done = Round(outcome=outcome, tps=tps)
        report.rounds.append(done)
        say(
            f"round {number} of {size.rounds}: {done.per_second:,.0f} authorizations/s,"
            f" pgbench {tps:,.0f}/s, ratio {done.ratio:.2f}"
        )
    return sent


async def _check(
    report: Report,
    settings: Settings,
    world: World,
    sent: list[tuple[list[bytes], Outcome]],
    database: Database,
) -> None:
    """Hold what was answered against what is stored."""
    asked: dict[bytes, bool] = {}
    for requests, outcome in sent:
        wrong = sum(status != 200 for status in outcome.statuses)
        if wrong:
            report.problems.append(f"{wrong} answers were not 200")
        for index, approved in zip(outcome.indexes, outcome.approved, strict=True):
            body = requests[index].partition(b"\r\n\r\n")[2]
            if asked.setdefault(body, approved) != approved:
                report.problems.append("a repeat was answered unlike the first")
    with psycopg.connect(database.url) as connection:
        rows = connection.execute(
            "SELECT coalesce(reason, ''), count(*) FROM decision GROUP BY 1 ORDER BY 2 DESC"
        ).fetchall()
    stored: dict[str, int] = dict(rows)
    report.decisions = sum(stored.values())
    approvals = stored.pop("", 0)
    report.declines = stored
    if report.decisions != len(asked):
        report.problems.append(f"{len(asked)} answered, but {report.decisions} decisions stored")
    if approvals != sum(asked.values()):
        report.problems.append(f"{sum(asked.values())} approved, but {approvals} approvals stored")
    async with (
        open_runtime(settings, pool_size=2, upgrade=False) as runtime,
        runtime.store.unlocked(world.org_id) as uow,
    ):
        report.problems += await uow.ledger.imbalance()


def fsync_p99_ms(path: Path) -> float:
    """What one durable 8 kB write costs here, the slowest of a hundred."""
    taken = []
    with path.open("wb") as file:
        for _ in range(_FSYNCS):
            file.write(b"\0" * 8192)
            begun = time.perf_counter()
            file.flush()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - begun)
    path.unlink()
    return sorted(taken)[int(0.99 * _FSYNCS)] * 1000


def _analyze(database: Database) -> None:
    """What autovacuum does within a minute: plans must not stay those of empty tables."""
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
