"""`make bench-peer`: `agent-bouncer` and Signets side by side, and one as the other's oracle.

The peer runs in an environment of its own (requirements/peer.txt). Same machine, same run, same
number of clients, in turn. What the two do for a request is not the same: docs/peer.md says what.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from bench import peer_ours, peer_theirs
from bench.peer_load import Job, Outcome, drive
from bench.peer_oracle import Comparison, compare
from signets.core.merchant.directory import Directory
from signets.storage.postgres import embedded
from signets.vendors import load_directory

CLIENTS = 16
ROUNDS = 3
SECONDS = 5
SEED = 20_261_124
#: Requests of one dollar against a ceiling of a hundred, over two processes.
RACERS, CEILING = 400, 100
_PLENTY = "1000000000"


@dataclass
class Report:
    """Everything that was measured and compared."""

    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    fresh: float | None = None  # the peer's rate over its first 200 rows
    thousand: float | None = None  # … and from row 1,000 to 1,200
    raced: dict[str, list[int]] = field(default_factory=lambda: {"ours": [], "theirs": []})
    oracle: Comparison = field(default_factory=Comparison)


def say(text: str) -> None:
    """Progress."""
    print(f"[{time.monotonic() - _BEGUN:5.1f} s] {text}", file=sys.stderr, flush=True)


_BEGUN = time.monotonic()


def throughput(report: Report, folder: Path, directory: Directory) -> None:
    """Rounds in turn; every request is one that both approve."""
    cap = {
        "name": "hour",
        "scope": "agent",
        "window": "1h",
        "max_amount": 10**11,
        "currency": "USD",
    }
    with server(folder / "ours") as data_dir:
        made = asyncio.run(peer_ours.open_cards(data_dir, directory, "peer", caps=[cap]))
        tenant, cards = made
        rules = peer_theirs.policy(window="1h", ceiling=_PLENTY)
        with (
            peer_ours.serving(data_dir, folder / "api.log") as near,
            peer_theirs.serving(folder / "theirs", rules) as far,
        ):
            for number in range(ROUNDS + 1):
                seconds = SECONDS if number else 1
                mine = _go(near, peer_ours.requests(tenant, cards, 9000, 100), seconds, "ours")
                its = _go(far, [peer_theirs.request(100)] * 9000, seconds, "theirs")
                if number == 0:
                    report.fresh = its.rate_between(0, min(200, len(its.answered_at) - 1))
                    continue
                report.ours.append(mine.per_second)
                report.theirs.append(its.per_second)
                say(
                    f"round {number} of {ROUNDS}: {mine.per_second:,.0f}/s, the peer"
                    f" {its.per_second:,.0f}/s"
                )


def history(report: Report, folder: Path) -> None:
    """How the peer's rate falls with its own history."""
    rules = peer_theirs.policy(window="30d", ceiling=_PLENTY)
    with peer_theirs.serving(folder / "history", rules) as far:
        done = _go(far, [peer_theirs.request(100)] * 1201, 90, "theirs")
    report.fresh = done.rate_between(0, 200)
    report.thousand = done.rate_between(1000, 1200)
    say(f"the peer after {len(done.answered_at):,} rows")


def races(report: Report, folder: Path, directory: Directory) -> None:
    """Two processes of each against one ceiling: a hundred of the charges fit."""
    cap = {
        "name": "hour",
        "scope": "agent",
        "window": "1h",
        "max_amount": 100 * CEILING,
        "currency": "USD",
    }
    for number in range(ROUNDS):
        with server(folder / f"race-{number}") as data_dir:
            made = asyncio.run(peer_ours.open_cards(data_dir, directory, "race", caps=[cap]))
            tenant, cards = made
            with peer_ours.serving(data_dir, folder / "api.log", 2) as near:
                done = _go(near, peer_ours.requests(tenant, cards, RACERS, 100), 60, "ours")
        report.raced["ours"].append(done.approved)
        rules = peer_theirs.policy(window="1h", ceiling=f"{CEILING}.00")
        with peer_theirs.serving(folder / f"far-{number}", rules, 2) as far:
            done = _go(far, [peer_theirs.request(100)] * RACERS, 60, "theirs")
        report.raced["theirs"].append(done.approved)
        say(
            f"race {number + 1} of {ROUNDS}: {CEILING} fit; ours approved"
            f" {report.raced['ours'][-1]}, the peer {report.raced['theirs'][-1]}"
        )


def _go(ports: list[int], requests: list[bytes], seconds: float, side: str) -> Outcome:
    yes = peer_ours.YES if side == "ours" else peer_theirs.YES
    return drive(Job(ports, CLIENTS, seconds, requests, yes))


@contextmanager
def server(folder: Path) -> Iterator[Path]:
    """A PostgreSQL of its own, as `signets serve` starts it, gone afterwards."""
    with embedded.start(folder):
        yield folder
    shutil.rmtree(folder)


def show(report: Report) -> None:
    """Tables for people; the last line is for programs."""
    console = Console(width=110)
    table = Table(title=f"authorizations over HTTP, {CLIENTS} clients")
    for heading in ("", "Signets", "agent-bouncer 0.1.2"):
        table.add_column(heading, justify="right" if heading else "left")
    for number, (mine, its) in enumerate(zip(report.ours, report.theirs, strict=True), 1):
        table.add_row(f"round {number}, per second", f"{mine:,.0f}", f"{its:,.0f}")
    table.add_row("median", f"{median(report.ours):,.0f}", f"{median(report.theirs):,.0f}")
    rates = [f"{rate:,.0f}" if rate else "?" for rate in (report.fresh, report.thousand)]
    table.add_row("first 200 rows, then rows 1,000 to 1,200", "", " -> ".join(rates))
    raced = [", ".join(map(str, report.raced[side])) for side in ("ours", "theirs")]
    table.add_row(f"two processes, {CEILING} of {RACERS} fit: approved", *raced)
    console.print(table)
    oracle = report.oracle
    console.print(f"differential oracle, seed {SEED}: same answer to {oracle.agreed.total()}")
    for answer, count in oracle.agreed.most_common():
        console.print(f"  {count:4}  {answer}")
    for cause, count in oracle.explained.most_common():
        console.print(f"  {count:4}  {cause}", markup=False)
    for line in (*oracle.edges, *oracle.unexplained):
        console.print(f"        {line}", markup=False)
    print(
        json.dumps(
            {
                "authorize_per_s": round(median(report.ours)),
                "peer_per_s": round(median(report.theirs)),
                "peer_first_200_per_s": report.fresh and round(report.fresh),
                "peer_rows_1000_per_s": report.thousand and round(report.thousand),
                "race_fits": CEILING,
                "race_approved": report.raced["ours"],
                "peer_race_approved": report.raced["theirs"],
                "oracle_same": oracle.agreed.total(),
                "oracle_explained": oracle.explained.total(),
                "oracle_unexplained": len(oracle.unexplained),
            }
        )
    )


def main() -> int:
    """Exit code 1 where ours exceeds the ceiling or a difference has no known cause."""
    directory = load_directory()
    report = Report()
    with tempfile.TemporaryDirectory(prefix="signets-peer-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        throughput(report, folder, directory)
        history(report, folder)
        races(report, folder, directory)
        say("the oracle's stream")
        with server(folder / "oracle") as data_dir:
            report.oracle = asyncio.run(compare(data_dir, directory, SEED))
    show(report)
    wrong = any(one.startswith("DIFFERENT") for one in report.oracle.edges)
    exceeded = any(count != CEILING for count in report.raced["ours"])
    return 1 if report.oracle.unexplained or wrong or exceeded else 0


if __name__ == "__main__":
    sys.exit(main())
