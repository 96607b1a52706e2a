"""One database with its organizations, the API on it, and the exactness of what it answered."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import psycopg
from psycopg import sql
from pydantic import SecretStr

from bench.books import Answers
from bench.history import Loaded, load_history
from bench.load import Job, Outcome
from bench.service import free_port, running_api
from bench.traffic import Request, Traffic
from bench.world import World, build_world
from signets.bootstrap import open_runtime
from signets.settings import Settings

#: Requests signed ahead for a second of a first round, when nothing is known yet.
_FIRST_PER_SECOND = 3_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """Running API processes."""

    pids: tuple[int, ...]
    ports: tuple[int, ...]


@dataclass(kw_only=True)
class Bed:
    """``answers`` remembers every request sent here and what came back."""

    name: str
    url: str
    data_dir: Path
    folder: Path
    connections: int
    say: Callable[[str], None]
    worlds: list[World] = field(default_factory=list)
    answers: Answers = field(default_factory=Answers)
    _per_second: float = 0.0

    def settings(self, port: int = 8420) -> Settings:
        """The default settings, but for where things lie."""
        return Settings(data_dir=self.data_dir, database_url=SecretStr(self.url), port=port)

    def add_world(self, cards: int) -> World:
        """One more organization with open cards."""
        self.say(f"{self.name}: an organization with {cards:,} cards")

        async def build() -> World:
            async with open_runtime(self.settings(), pool_size=2) as runtime:
                return await build_world(runtime, cards)

        world = asyncio.run(build())
        self.worlds.append(world)
        return world

    def load_history(self, world: World, authorizations: int, seed: int) -> Loaded:
        """Stored authorizations on the world's cards, before anything is measured.

        Their indexes are in memory then, as they are where a history grew.
        """
        loaded = load_history(self.settings(), world, authorizations, seed, self.say)
        self.say(f"{self.name}: VACUUM ANALYZE, as autovacuum would have done")
        self.analyze()
        with psycopg.connect(self.url) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
            connection.execute(
                "SELECT pg_prewarm(indexrelid, 'read') FROM pg_index"
                " JOIN pg_class ON pg_class.oid = indrelid"
                " WHERE relnamespace = 'public'::regnamespace"
            )
            [(self.answers.before,)] = connection.execute(
                "SELECT count(*) FROM decision"
            ).fetchall()
        return loaded

    @contextmanager
    def api(self, count: int = 1) -> Iterator[Api]:
        """``count`` API processes, each with the default settings."""
        with ExitStack() as stack:
            ports = [free_port() for _ in range(count)]
            processes = [
                stack.enter_context(running_api(self.settings(port), self._log)) for port in ports
            ]
            yield Api(pids=tuple(one.pid for one in processes), ports=tuple(ports))

    def warm_up(self, traffic: Traffic, api: Api) -> None:
        """First requests; then what autovacuum does within a minute.

        A plan made for an empty table is bad for a full one.
        """
        for port in api.ports:
            self.peak(traffic, Api(pids=api.pids, ports=(port,)), 1)
        self.analyze()

    def peak(self, traffic: Traffic, api: Api, seconds: float) -> Outcome:
        """As many requests as the connections get through."""
        ahead = self._per_second * 1.6 or _FIRST_PER_SECOND
        requests = traffic.batch(int(seconds * ahead) + 1_000)
        outcome = self.send(requests, api, seconds=seconds)
        self._per_second = max(self._per_second, outcome.per_second)
        return outcome

    def send(
        self, requests: Sequence[Request], api: Api, *, seconds: float, rate: float | None = None
    ) -> Outcome:
        """Let the generator, a process of its own, send them; remember what came of each."""
        given, came = self.folder / "job", self.folder / "outcome"
        job = Job(
            ports=list(api.ports),
            connections=self.connections if rate is None else 2 * self.connections,
            seconds=seconds,
            requests=[request.content for request in requests],
            rate=rate,
        )
        given.write_bytes(msgspec.msgpack.encode(job))
        subprocess.run([sys.executable, "-m", "bench.load", str(given), str(came)], check=True)
        outcome = msgspec.msgpack.decode(came.read_bytes(), type=Outcome)
        self.answers.remember(requests, outcome)
        return outcome

    def analyze(self) -> None:
        """Statistics and visibility as autovacuum keeps them, and the log written out."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")

    def declined_by_reason(self) -> dict[str, int]:
        """Stored decisions of this run's requests by reason; ``""``: approved."""
        with psycopg.connect(self.url) as connection:
            return self.answers.by_reason(connection)

    def problems(self) -> list[str]:
        """Everything in which answers, decisions and ledger disagree, and errors in the log."""
        with psycopg.connect(self.url) as connection:
            found = self.answers.problems(connection)
        found += asyncio.run(self._imbalance())
        errors = [line for line in self._log_lines() if '"level": "error"' in line]
        if errors and not self.answers.late:
            found.append(f"{len(errors)} errors logged, the last: {errors[-1][:500]}")
        return found

    async def _imbalance(self) -> list[str]:
        found = []
        async with open_runtime(self.settings(), pool_size=2, upgrade=False) as runtime:
            for world in self.worlds:
                async with runtime.store.unlocked(world.org_id) as uow:
                    found += await uow.ledger.imbalance()
        return found

    def drop(self) -> None:
        """Give the disk back."""
        name = psycopg.conninfo.conninfo_to_dict(self.url)["dbname"]
        with psycopg.connect(self.url, dbname="postgres", autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(str(name)))
            )

    def _log_lines(self) -> list[str]:
        return self._log.read_text().splitlines() if self._log.exists() else []

    @property
    def _log(self) -> Path:
        return self.folder / f"{self.name}.log"
