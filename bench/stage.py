"""What every section stands on: one PostgreSQL as the product starts it, pgbench beside it."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import median

from bench.bed import Bed
from bench.figures import percentile
from bench.report import Report
from bench.rival import Pgbench
from signets.storage.postgres.database import open_database

CONNECTIONS = 64
_FSYNCS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much to measure.

    Attributes:
        scale: pgbench's, 100,000 accounts each.
        cards: In each world.
        rounds: Of each measured pair.
        seconds: Of each round.
        history: Stored authorizations of the flat-cost section.
        decisions: Of the memory section.
    """

    scale: int = 100
    cards: int = 10_000
    rounds: int = 3
    seconds: int = 20
    history: int = 5_000_000
    decisions: int = 200_000


@dataclass(kw_only=True)
class Stage:
    """One run's folder, server and findings."""

    folder: Path
    size: Size
    say: Callable[[str], None]
    report: Report = field(default_factory=Report)

    @property
    def data_dir(self) -> Path:
        """Where PostgreSQL and the instance's secret lie."""
        return self.folder / "data"

    @contextmanager
    def bed(self, name: str) -> Iterator[Bed]:
        """A database of its own, gone afterwards; what is found wrong in it is reported."""
        with open_database(url=None, data_dir=self.data_dir, name=f"bench_{name}") as database:
            bed = Bed(
                name=name,
                url=database.url,
                data_dir=self.data_dir,
                folder=self.folder,
                connections=CONNECTIONS,
                say=self.say,
            )
            try:
                yield bed
                self.report.count(bed.declined_by_reason())
                if bed.answers.late:
                    self.report.add(name, "answered by the deadline", f"{bed.answers.late:,}")
                self.report.problems += [f"{name}: {problem}" for problem in bed.problems()]
            finally:
                bed.drop()

    @cached_property
    def rival(self) -> Pgbench:
        """pgbench with its tables filled, on the same server."""
        with open_database(url=None, data_dir=self.data_dir, name="pgbench") as database:
            rival = Pgbench(database.url)
            self.say(f"pgbench -i -s {self.size.scale}")
            rival.initialise(self.size.scale)
            return rival

    @cached_property
    def fsync_p99_ms(self) -> float:
        """What one durable 8 kB write costs on the database's disk, the slowest of a hundred."""
        taken = []
        path = self.data_dir / "fsync"
        with path.open("wb") as file:
            for _ in range(_FSYNCS):
                file.write(b"\0" * 8192)
                begun = time.perf_counter_ns()
                file.flush()
                os.fdatasync(file.fileno())
                taken.append(time.perf_counter_ns() - begun)
        path.unlink()
        self.report.figures["fsync_p50_ms"] = round(median(taken) / 1e6, 3)
        self.report.figures["fsync_p99_ms"] = round(percentile(taken, 0.99) / 1e6, 3)
        return percentile(taken, 0.99) / 1e6


@contextmanager
def open_stage(size: Size, say: Callable[[str], None]) -> Iterator[Stage]:
    """A folder and a running PostgreSQL, both gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="signets-bench-") as name:
        folder = Path(name)
        # As root, PostgreSQL runs as another account, which must get through.
        folder.chmod(0o711)
        stage = Stage(folder=folder, size=size, say=say)
        say("starting PostgreSQL")
        with open_database(url=None, data_dir=stage.data_dir):
            yield stage
