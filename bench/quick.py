"""`make bench-quick`: authorizations per second against pgbench, in under a minute."""

from __future__ import annotations

import sys

from rich.console import Console

from bench.progress import Progress
from bench.sections import throughput
from bench.stage import Size, open_stage

QUICK = Size(scale=20, rounds=3, seconds=5)


def main() -> int:
    """Tables for people; the last line is for programs.

    Exit code 1 where an answer is not stored once, a bound or the ledger is off.
    """
    with open_stage(QUICK, Progress()) as stage:
        throughput.run(stage)
    stage.report.show(Console(width=100))
    print(f"ratio={stage.report.figures['ratio']:.2f}")
    return 1 if stage.report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
