"""``sandbox run``: scenarios through a whole Signets of their own."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer

from signets.cli.output import REFUSED, USAGE, CommandError, print_lines, say
from signets.processes.sandbox_account import Face

if TYPE_CHECKING:
    from signets.issuers.sandbox.scenarios import Scenario
    from signets.processes.scenario_run import Report

#: As the shell has it: 128 + SIGINT.
_INTERRUPTED = 130


def run_scenarios(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="As in docs/reference/scenarios.md.", metavar="SCENARIO"),
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All that this issuer knows.")] = False,
    issuer: Annotated[Face, typer.Option(help="Through which issuer's wire API.")] = Face.LITHIC,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object as the last line, for programs.")
    ] = False,
) -> None:
    """Play life cycles of a purchase through a whole Signets, and hold it against their promise.

    Everything is started on free ports in a temporary folder, and removed at the end; a running
    system is not touched. Common scenarios are played at both issuers and must end alike. Exit
    code 1 where anything is not as promised.

    Example: signets sandbox run --all --issuer stripe
    """
    from signets.demo.runner import own_settings, stopping_once, temporary_folder
    from signets.processes.scenario_run import run
    from signets.structured_log import configure_logging

    chosen = _chosen(names or [], every=every, issuer=issuer)
    tell = say if as_json else lambda line: print_lines([line])
    try:
        with stopping_once(), temporary_folder(keep=False) as folder:
            settings = own_settings(folder)
            configure_logging(settings.log_level)
            report = asyncio.run(run(settings, issuer, chosen, tell))
    except KeyboardInterrupt:
        say("interrupted; everything is stopped")
        raise typer.Exit(_INTERRUPTED) from None
    for line in _summary(report):
        tell(line)
    if as_json:
        *compared, asked = map(json.dumps, report.documents())
        for document in compared:
            tell(document)
        print(asked)
    raise typer.Exit(0 if report.ok else REFUSED)


def _chosen(names: list[str], *, every: bool, issuer: Face) -> list[Scenario]:
    from signets.issuers.sandbox.scenarios import SCENARIOS

    known = {one.name: one for one in SCENARIOS if issuer.value in one.issuers}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise CommandError(
            f"{issuer.value} has no scenario {', '.join(unknown)}; see docs/reference/scenarios.md",
            USAGE,
        )
    if bool(names) is every:
        raise CommandError("name scenarios, or give --all", USAGE)
    return [one for one in known.values() if every or one.name in names]


def _summary(report: Report) -> list[str]:
    said = report.as_dict()
    lines = [f"failed in the background: {one}" for one in report.failures]
    lines += [f"not alike at both issuers: {one}" for one in report.different]
    return [
        *lines,
        f"{len(report.played)} scenarios at {report.issuer.value}: "
        f"{said['common']} common, {said['specific']} of its own; "
        f"ledger {'balanced' if report.ledger_balanced else 'NOT BALANCED'}, "
        f"{said['unflagged_surprises']} unflagged surprises; "
        f"{'all as promised' if report.ok else 'NOT AS PROMISED'}",
    ]
