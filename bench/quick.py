"""`make bench-quick`: authorizations per second against pgbench, in under a minute."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from bench.measure import Progress, Report, Size, measure

QUICK = Size(scale=20, cards=10_000, rounds=3, seconds=5)


def show(report: Report) -> None:
    """Tables for people; the last line is for programs."""
    console = Console(width=100)
    rounds = Table(title="signed authorizations over HTTP against pgbench TPC-B")
    headings = ("round", "req/s", "approvals/s", "approved", "p50 ms", "p99 ms", "pgbench", "ratio")
    for heading in headings:
        rounds.add_column(heading, justify="right")
    for number, one in enumerate(report.rounds, 1):
        share = one.approvals / len(one.outcome.indexes)
        rounds.add_row(
            str(number),
            f"{one.per_second:,.0f}",
            f"{one.per_second * share:,.0f}",
            f"{share:.1%}",
            f"{one.latency_ms(0.5):.1f}",
            f"{one.latency_ms(0.99):.1f}",
            f"{one.tps:,.0f}",
            f"{one.ratio:.2f}",
        )
    console.print(rounds)
    declines = Table(title="declines by reason")
    declines.add_column("reason")
    declines.add_column("decisions", justify="right")
    for reason, count in report.declines.items():
        declines.add_row(reason, f"{count:,}")
    console.print(declines)
    console.print(
        f"{report.decisions:,} decisions stored; fsync p99 {report.fsync_p99_ms:.2f} ms;"
        f" API processes {report.resident_mb:.0f} MB;"
        f" load generator {report.rounds[-1].load_microseconds:.0f} µs a request"
    )
    for problem in report.problems:
        console.print(f"[red]wrong:[/red] {problem}")
    print(f"ratio={report.ratio:.2f}")


def main(size: Size = QUICK) -> int:
    """Exit code 1 where an answer is not stored, the ledger is off, or a request failed."""
    report = measure(size, Progress())
    show(report)
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
