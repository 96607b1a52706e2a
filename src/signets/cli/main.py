"""The command's tree, and the one place where its errors become exit codes."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from signets.cli import (
    audit,
    cards,
    demo,
    disputes,
    evidence,
    identity,
    intents,
    issuers,
    merchant_reviews,
    merchants,
    policy,
    processes,
    sandbox,
    setup,
    transactions,
)
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
    for name, group in (
        ("agents", identity.agents),
        ("members", identity.members),
        ("keys", identity.keys),
        ("cards", cards.cards),
        ("intents", intents.intents),
        ("transactions", transactions.transactions),
        ("decisions", transactions.decisions),
        ("merchants", merchants.merchants),
        ("policy", policy.policy),
        ("evidence", evidence.evidence),
        ("audit", audit.audit),
        ("ledger", transactions.ledger),
        ("issuers", issuers.issuers),
        ("disputes", disputes.disputes),
        ("sandbox", sandbox.sandbox),
        ("db", setup.database),
    ):
        app.add_typer(group, name=name)
    merchant_reviews.register(merchants.merchants)
    app.command()(demo.demo)
    app.command()(identity.alerts)
    app.command()(identity.freeze)
    app.command()(identity.unfreeze)
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
        message = wrong.format_message()
        if message:  # a group named alone has shown its help, and that is all there is to say
            print_error(f"{message} (try --help)")
        return wrong.exit_code
    except Exception as error:
        explained = explain(error)
        if explained is None:
            raise
        print_error(explained[0])
        return explained[1]
    return result if isinstance(result, int) else 0
