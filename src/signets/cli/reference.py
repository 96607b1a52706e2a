"""Writes docs/reference/cli.md from the commands: ``python -m signets.cli.reference``."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from enum import Enum
from typing import Any

import typer

from signets.cli.main import build

_HEAD = """# The `signets` command

Written by `python -m signets.cli.reference` from the commands themselves; do not edit.

- **Where.** Commands that talk to a server use `SIGNETS_API_KEY`, else the key that
  `signets init --save` kept in the data folder, and `SIGNETS_BASE_URL`, else `SIGNETS_HOST` and
  `SIGNETS_PORT` (http://127.0.0.1:8420). `signets sandbox …` reaches the sandbox issuer at
  `SIGNETS_SANDBOX_HOST` and `SIGNETS_SANDBOX_PORT` with the key in the data folder
  (`SIGNETS_DATA_DIR`). `policy check` and `evidence verify` need no server at all.
- **Amounts** are typed in major units (`20.00`) and shown in both; with `--json` they are integer
  minor units, as in the API.
- **`--json`** prints one JSON document on stdout and nothing else there: an object as the HTTP API
  answers it, a list as `{"data", "has_more", "next_after"}`.
  Progress and errors go to stderr.
- **Errors** are one line: `error: what is wrong (field: …, request: …)`.
- **Exit codes**: 0 done; 1 refused, failed, declined (`sandbox charge`, `increment`, `verify`) or
  not right (`policy check`, `evidence verify`, `ledger check`, `db status`); 2 wrong usage or no
  key; 3 nobody answers; 130 interrupted.
- **Card numbers** are never shown, but by `cards reveal --yes-show`. Keys are shown once, by
  `init` and `keys create`."""


def render_reference() -> str:
    """The whole page."""
    root = typer.main.get_command(build())
    return "\n".join([_HEAD, *_section("signets", root, 2)]) + "\n"


def _section(path: str, command: Any, depth: int) -> Iterator[str]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield from _command(path, command, depth)
        return
    if path != "signets":
        yield from ("", f"{'#' * depth} {path}", "", str(command.help))
    for name, child in inner.items():
        yield from _section(f"{path} {name}", child, depth + (path != "signets"))


def _command(path: str, command: Any, depth: int) -> Iterator[str]:
    text, _, example = inspect.cleandoc(command.help or "").partition("\n\nExample: ")
    parameters = [one for one in command.params if one.name != "help"]
    arguments = [_name(one) for one in parameters if one.param_type_name == "argument"]
    yield from ("", f"{'#' * depth} {' '.join([path, *arguments])}", "", text, "")
    yield from ("```sh", example, "```")
    if parameters:
        yield from ("", "| | |", "|---|---|")
    for one in parameters:
        yield f"| `{_name(one)}` | {_meaning(one)} |"


def _name(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name = parameter.metavar or parameter.name.upper()
        return name if parameter.required else f"[{name}]"
    return ", ".join([*parameter.opts, *parameter.secondary_opts])


def _meaning(parameter: Any) -> str:
    said = [str(parameter.help).rstrip(".")]
    choices = parameter.type_descriptor.choices
    if choices:
        said.append(" \\| ".join(f"`{_plain(choice)}`" for choice in choices))
    if parameter.required and parameter.param_type_name == "option":
        said.append("required")
    default = _plain(parameter.default)
    if default is True:
        said.append(f"default `{parameter.opts[0]}`")
    elif default is not False and default not in (None, ""):
        said.append(f"default `{default}`")
    return "; ".join(said)


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


if __name__ == "__main__":
    sys.stdout.write(render_reference())
