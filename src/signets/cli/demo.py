"""``demo``: the whole purchase loop on a temporary system."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from signets.cli.output import REFUSED, say
from signets.processes.sandbox_account import Face

#: As the shell has it: 128 + SIGINT.
_INTERRUPTED = 130


def demo(
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object as the last line, for programs.")
    ] = False,
    issuer: Annotated[
        Face, typer.Option(help="Whose cards: the sandbox speaks this issuer's wire API.")
    ] = Face.LITHIC,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the data folder, to look around in it.")
    ] = False,
) -> None:
    """Play the whole purchase loop on a temporary system: real processes, database and HTTP.

    Example: signets demo
    """
    from signets.demo.printer import Progress, Story
    from signets.demo.runner import run, stopping_once, temporary_folder

    story = Story(issuer.value.capitalize())
    started = time.monotonic()
    try:
        with stopping_once(), temporary_folder(keep=keep) as folder:
            result = run(folder, Progress() if as_json else story, issuer)
    except KeyboardInterrupt:
        say("interrupted; everything is stopped")
        raise typer.Exit(_INTERRUPTED) from None
    if as_json:
        if keep:
            say(f"kept: {folder}")
        print(json.dumps(result.as_dict()))
    else:
        story.summary(
            list(result.outcomes),
            balanced=result.ledger_balanced,
            seconds=time.monotonic() - started,
        )
        story.lines(_next(folder if keep else None))
    raise typer.Exit(0 if result.ok else REFUSED)


def _next(kept: Path | None) -> list[str]:
    if kept is not None:
        return [
            "Look around in what was played (the admin's key is kept in the folder):",
            f"  export SIGNETS_DATA_DIR={kept}",
            "  signets serve",
            "then, in another terminal, with the same variable:",
            "  signets intents list",
            "  signets transactions list",
            "  signets alerts",
            "  signets evidence key",
            f"  signets evidence verify {kept}/INTENT.evidence.jsonl --key KEY",
        ]
    return [
        "Try it yourself. Play again and keep everything, to look around:",
        "  signets demo --keep",
        "Or start a system of your own (API, worker, PostgreSQL, sandbox issuer):",
        "  signets init --save",
        "  signets serve",
        "then, in another terminal, buy something, and be the merchant yourself:",
        "  signets agents add infra-agent",
        "  signets cards create --agent infra-agent --limit 50.00 --vendor openai.com",
        '  signets intents create "Buy $20 of API credits" --agent infra-agent --amount 20.00'
        " --vendor openai.com",
        '  signets sandbox charge CARD 21.65 --descriptor "OPENAI *CHATGPT SUBSCR"',
        "  signets sandbox clear TOKEN",
        "  signets transactions list",
        "  signets evidence export INTENT -o evidence.jsonl",
        "  signets evidence verify evidence.jsonl",
    ]
