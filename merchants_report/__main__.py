"""`make merchants-report`: the merchant lock on the part of the corpus not tuned on.

Prints a report and writes ``merchants-report.json``. With ``--part dev`` it looks at the other
part, which is the one to look at while changing vendors or rules.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from merchants_report.corpus import read_corpus, read_rows
from merchants_report.scoring import ask, by_split, measure
from signets.vendors import load_directory

_TARGETS = {"recall": 0.97, "false_accepts": 0.005, "spoofs_accepted": 0}


def main() -> None:
    """Measure one part, print it and write it down."""
    parser = argparse.ArgumentParser(prog="merchants_report", description=__doc__)
    parser.add_argument("--part", choices=("test", "dev"), default="test")
    parser.add_argument("--rows", type=Path, help="score labelled rows from this file instead")
    parser.add_argument(
        "--held-out", action="store_true", help="nobody looked at the rows of --rows"
    )
    parser.add_argument("--output", type=Path, default=Path("merchants-report.json"))
    options = parser.parse_args()
    if options.held_out and options.rows is None:
        parser.error("--held-out speaks of the rows of --rows")
    directory = load_directory()
    corpus = (
        read_corpus() if options.rows is None else read_rows(options.rows, unseen=options.held_out)
    )
    answers = ask(corpus, directory)
    wanted = [
        one
        for one in answers
        if options.rows is not None or one.row.held_out == (options.part == "test")
    ]
    found: dict[str, Any] = measure(wanted)
    report = {
        "part": options.part if options.rows is None else options.rows.name,
        "by_split": by_split(answers),
        "vendors": len(directory.vendors),
        "targets": _TARGETS,
        **found,
    }
    options.output.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", "utf-8")
    print("\n".join(_lines(report)))
    print(f"\nwritten to {options.output}")


def _lines(report: dict[str, Any]) -> list[str]:
    base = report["baseline"]
    lines = [
        f"merchant lock, {report['part']} part: {report['rows']} rows "
        f"({report['positives']} to match, {report['negatives']} to refuse), "
        f"{report['vendors']} vendors",
        "",
        f"{'':22}{'ours':>10}{'substring':>12}{'target':>12}",
        f"{'recall':22}{report['recall']:>10.1%}{base['recall']:>12.1%}{'>= 97 %':>12}",
        f"{'false accepts':22}{report['false_accepts']:>10.2%}{base['false_accepts']:>12.1%}"
        f"{'<= 0.5 %':>12}",
        f"{'spoofs let through':22}{report['spoofs_accepted']:>10}{base['spoofs_accepted']:>12}"
        f"{'0':>12}   of {report['spoofs']}",
        f"{'unverified':22}{report['unverified']:>10.1%}",
        f"{'  of rows to match':22}{report['unverified_of_positives']:>10.1%}",
    ]
    lines += ["", f"{'by split':40}{'rows':>6}{'recall':>9}{'false acc.':>12}{'spoofs':>8}"]
    lines += [
        f"{name:40}{one['rows']:>6}{one['recall']:>9.1%}{one['false_accepts']:>12.2%}"
        f"{one['spoofs_accepted']:>8}"
        for name, one in report["by_split"].items()
    ]
    for title in ("kind", "source", "file"):
        table = report[f"by_{title}"]
        lines += [
            "",
            f"{'by ' + title:32}{'rows':>6}{'match':>8}{'unverified':>12}{'no_match':>10}",
        ]
        lines += [
            f"{name:32}{c['rows']:>6}{c['match']:>8}{c['unverified']:>12}{c['no_match']:>10}"
            for name, c in table.items()
        ]
    lines += ["", f"{'confidence':16}{'rows':>6}{'stated':>8}{'true':>8}"]
    lines += [
        f"{one['confidence']:16}{one['rows']:>6}{one['stated']:>8}{one['true']:>8}"
        for one in report["calibration"]
    ]
    lines += ["", f"misses: {len(report['misses'])}"]
    lines += [
        f"  {m['lock']} < `{m['descriptor']}` {m['country'] or ''} {m['city'] or ''} "
        f"[{m['kind']}] wanted {m['expected']}, got {m['result']}: {m['reason']}"
        for m in report["misses"]
    ]
    return lines


if __name__ == "__main__":
    main()
