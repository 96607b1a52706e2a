"""The long form of simulation and chaos: ``make soak``, or ``make soak MINUTES=90``.

Seeded worlds (:mod:`tests.simulation`) in turn with rounds of kill -9 under load
(:mod:`tests.postgres.kill_kit`), on embedded servers of its own. Without ``MINUTES`` it ends after
``ROUNDS`` rounds and ``SEEDS`` worlds. It goes on after a failure, says how to see each again, and
ends with a table and one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table
from tests.postgres.kill_kit import play_rounds
from tests.postgres.process_kit import tenant_runtime
from tests.simulation.cut import wire_to
from tests.simulation.world_run import WorldRun

from signets.core.merchant.directory import Directory
from signets.storage.postgres import embedded, migrate
from signets.vendors import load_directory

ROUNDS = 51
SEEDS = 204
#: Each turn: so many worlds, then one kill of each kind.
WORLDS_A_TURN = 12
ROUNDS_A_TURN = 3
STEPS = 60


@dataclass
class Soak:
    """What was done so far."""

    minutes: float | None
    next_seed: int
    begun: float = field(default_factory=time.monotonic)
    seeds: int = 0
    steps: int = 0
    crashes: int = 0
    decisions: int = 0
    rounds: Counter[str] = field(default_factory=Counter)
    heard: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    again: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.begun

    @property
    def over(self) -> bool:
        if self.minutes is not None:
            return self.seconds >= 60 * self.minutes
        return self.rounds.total() >= ROUNDS and self.seeds >= SEEDS

    def say(self, text: str) -> None:
        minutes, seconds = divmod(int(self.seconds), 60)
        print(f"[{minutes:3}:{seconds:02}] {text}", file=sys.stderr, flush=True)

    def failed(self, what: str, error: Exception) -> None:
        """Keep going; the story is shown at once."""
        self.failures.append(f"{what}: {type(error).__name__}: {str(error)[:300]}")
        self.say(f"FAILED {what}")
        traceback.print_exception(error, limit=-3)


async def worlds(soak: Soak, directory: Directory) -> None:
    """A dozen seeds on a database of their own."""
    shift = {"by": timedelta()}
    with folder() as data_dir, embedded.start(data_dir) as server:
        server.create_database("soak")
        url = server.url("soak")
        migrate.upgrade(url)
        with wire_to(url) as (wire, far):
            async with tenant_runtime(data_dir, directory, url=far, shift=shift) as runtime:
                for _ in range(WORLDS_A_TURN):
                    if soak.over:
                        return
                    world = WorldRun(soak.next_seed, runtime, wire, shift, url)
                    soak.next_seed += 1
                    try:
                        await world.run(STEPS)
                    except Exception as error:
                        soak.failed(f"make sim SEED={world.seed}", error)
                    finally:
                        world.db.close()
                    soak.seeds += 1
                    soak.steps += STEPS
                    soak.crashes += world.crashes
                    soak.decisions += len(world.fresh)
        soak.say(f"{soak.seeds} worlds, {soak.crashes} crashes between statements")


async def kills(soak: Soak, directory: Directory) -> None:
    """One kill of each kind, on processes of their own."""
    with folder() as data_dir:
        try:
            tally = await play_rounds(data_dir, directory, ROUNDS_A_TURN, soak.say)
        except Exception as error:
            soak.failed("kill rounds", error)
            return
    soak.rounds += tally.rounds
    soak.heard += tally.heard
    soak.lost += tally.lost
    soak.again += tally.again


@contextmanager
def folder() -> Iterator[Path]:
    """A folder that the database's account can reach."""
    with tempfile.TemporaryDirectory(prefix="signets-soak-") as made:
        Path(made).chmod(0o755)
        yield Path(made) / "data"


async def run(soak: Soak) -> None:
    """In turn, until it is over."""
    directory = load_directory()
    while not soak.over:
        await worlds(soak, directory)
        if not soak.over:
            await kills(soak, directory)


def show(soak: Soak) -> None:
    """A table for people; the last line is for programs."""
    table = Table(title=f"soak, {soak.seconds / 60:.1f} minutes")
    table.add_column("what")
    table.add_column("done", justify="right")
    answered = soak.heard.total()
    for name, count in (
        ("seeded worlds", soak.seeds),
        ("… steps, each held against the model", soak.steps),
        ("… decisions, each predicted", soak.decisions),
        ("… connections cut at a statement", soak.crashes),
        ("kill -9 rounds", soak.rounds.total()),
        *((f"… {name}", count) for name, count in sorted(soak.rounds.items())),
        ("… requests answered under load", answered),
        ("… cut off, asked again, answered", soak.lost),
        ("… repeats that had to agree", soak.again),
        ("failures (lost, doubled, half-written, unbalanced, tree)", len(soak.failures)),
    ):
        table.add_row(name, f"{count:,}")
    console = Console(width=100)
    console.print(table)
    for failure in soak.failures:
        console.print(f"failed: {failure}", markup=False)
    document = {
        "ok": not soak.failures,
        "minutes": round(soak.seconds / 60, 2),
        "seeds": soak.seeds,
        "first_seed": soak.next_seed - soak.seeds,
        "steps": soak.steps,
        "decisions": soak.decisions,
        "cuts": soak.crashes,
        "rounds": soak.rounds.total(),
        "answered": answered,
        "failures": soak.failures,
    }
    print(json.dumps(document))


def main() -> int:
    """Exit code 1 where anything failed."""
    parser = argparse.ArgumentParser(description="Simulation and chaos, the long form.")
    parser.add_argument("--minutes", type=float, help="stop after so long")
    parser.add_argument("--seed", type=int, default=1000, help="the first world")
    given = parser.parse_args()
    # Every cut costs the pool a connection, and it says so.
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)
    soak = Soak(given.minutes, given.seed)
    asyncio.run(run(soak))
    show(soak)
    return 1 if soak.failures else 0


if __name__ == "__main__":
    sys.exit(main())
