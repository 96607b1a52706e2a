"""`make bench`: the long form. `python -m bench --help` lists what can be chosen."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from rich.console import Console

from bench.history import HistoryTooLarge
from bench.progress import Progress
from bench.sections import SECTIONS
from bench.stage import Size, open_stage


def main(arguments: list[str] | None = None) -> int:
    """Exit code 1 where an answer is not stored once, a bound or the ledger is off."""
    given = _parser().parse_args(arguments)
    size = Size(
        scale=given.scale,
        rounds=given.rounds,
        seconds=given.seconds,
        history=given.history,
        decisions=given.decisions,
    )
    names = given.sections.split(",") if given.sections else list(SECTIONS)
    for name in names:
        if name not in SECTIONS:
            print(f"no section {name!r}; there are: {', '.join(SECTIONS)}", file=sys.stderr)
            return 2
    say = Progress()
    with open_stage(size, say) as stage:
        for number, name in enumerate(names, 1):
            say(f"section {number} of {len(names)}: {name}")
            begun = time.monotonic()
            try:
                SECTIONS[name](stage)
            except HistoryTooLarge as problem:
                stage.report.problems.append(f"{name}: {problem}")
            stage.report.seconds[name] = round(time.monotonic() - begun, 1)
    stage.report.write(given.json)
    stage.report.show(Console(width=110))
    print(f"figures in {given.json}")
    return 1 if stage.report.problems else 0


def _parser() -> argparse.ArgumentParser:
    whole = Size()
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--sections", default="", help=f"some of {','.join(SECTIONS)}")
    parser.add_argument("--history", type=int, default=whole.history, help="stored authorizations")
    parser.add_argument("--seconds", type=int, default=whole.seconds, help="of a round")
    parser.add_argument("--rounds", type=int, default=whole.rounds)
    parser.add_argument("--decisions", type=int, default=whole.decisions, help="memory section")
    parser.add_argument("--scale", type=int, default=whole.scale, help="pgbench's")
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="where figures go")
    return parser


if __name__ == "__main__":
    sys.exit(main())
