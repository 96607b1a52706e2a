"""The command's tree, and the one place where its errors become exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

from signets.cli import processes, setup
from signets.cli.failures import explain
from signets.cli.output import REFUSED, print_error

_EPILOG = "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 cannot connect."


def build() -> typer.Typer:
    """The whole command."""
    app = typer.Typer(
        name="signets",
        help="Spend control between AI agents and a card issuer.",
        epilog=_EPILOG,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.command()(setup.init)
    app.command()(processes.serve)
    app.command()(processes.api)
    app.command()(processes.worker)
    app.add_typer(setup.database, name="db")
    sandbox = typer.Typer(no_args_is_help=True, help="The sandbox issuer: a card network to play with.")
    sandbox.command("serve")(processes.sandbox_serve)
    app.add_typer(sandbox, name="sandbox")
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    command = typer.main.get_command(build())
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        result = command.main(args=given, prog_name="signets", standalone_mode=False)
    except typer.Abort:
        print_error("aborted")
        return REFUSED
    except typer.TyperException as wrong:
        print_error(f"{wrong.format_message()} (try --help)")
        return wrong.exit_code
    except BrokenPipeError:
        # Whoever read our output has gone; without this the interpreter complains at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    except Exception as error:
        explained = explain(error)
        if explained is None:
            raise
        print_error(explained[0])
        return explained[1]
    return result if isinstance(result, int) else 0
