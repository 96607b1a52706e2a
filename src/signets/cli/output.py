"""How the command speaks: results on stdout (a table, or one JSON document), the rest on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

#: What every command that answers with data takes.
JsonFlag = Annotated[
    bool, typer.Option("--json", help="One JSON document on stdout, for programs.")
]

OK = 0
REFUSED = 1
USAGE = 2
UNREACHABLE = 3

#: Wider than any row: what is piped is never wrapped or cut.
_PIPE_WIDTH = 4000


class CommandError(Exception):
    """The command cannot go on; one line for a person, and the exit code."""

    def __init__(self, message: str, code: int = REFUSED) -> None:
        super().__init__(message)
        self.code = code


def say(line: str) -> None:
    """Progress, on stderr."""
    print(printable(line), file=sys.stderr, flush=True)


def print_error(message: str) -> None:
    """The one line that says what is wrong."""
    say("error: " + " ".join(message.split()))


def print_json(value: object) -> None:
    """The one document of ``--json``."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def printable(text: str) -> str:
    """Without control characters: a merchant's descriptor must not drive the terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)


def print_lines(lines: Iterable[str]) -> None:
    """Plain lines on stdout."""
    for line in lines:
        print(printable(line))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """A table; ``empty`` is said instead of one without rows. ``None`` is shown as a dash."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    shown = [[_cell(value) for value in row] for row in rows]
    if not shown:
        print(empty)
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in shown:
        table.add_row(*row)
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    Console(markup=False, highlight=False, width=width).print(table)


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """One object, a line for each field that has a value."""
    known = [(name, value) for name, value in fields if value not in (None, "", (), [])]
    width = max((len(name) for name, _ in known), default=0)
    print_lines(f"{name:<{width}}  {_cell(value)}" for name, value in known)


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "–"  # noqa: RUF001  # a dash for people
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return ", ".join(_cell(one) for one in value) or "–"  # noqa: RUF001
    if hasattr(value, "astimezone"):
        return f"{value.astimezone():%Y-%m-%d %H:%M:%S}"
    return printable(str(value))
