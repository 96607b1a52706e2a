"""``issuers``: connections to card issuers."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signets.cli.connect import connect
from signets.cli.inputs import AfterOption, LimitOption, one_of
from signets.cli.output import (
    REFUSED,
    USAGE,
    CommandError,
    JsonFlag,
    print_fields,
    print_json,
    print_lines,
    print_table,
)
from signets.cli.session import open_client, plain, show_page
from signets.issuers.registry import READERS

if TYPE_CHECKING:
    from signets.client.types import Issuer

issuers = typer.Typer(no_args_is_help=True, help="Connections to card issuers.")


class Outcome(StrEnum):
    """What became of a received event."""

    FOLDED = "folded"
    UNKNOWN_KIND = "unknown_kind"
    PROBLEM = "problem"


ConnectionArgument = Annotated[
    str | None,
    typer.Argument(help="The connection's id; without it, all of them.", metavar="CONNECTION"),
]


@issuers.command("list")
def list_issuers(*, as_json: JsonFlag = False) -> None:
    """List connections, with how many of their events came to what.

    Example: signets issuers list
    """
    with open_client() as client:
        found = client.issuers.list()
    if as_json:
        print_json(plain(found))
        return
    print_table(
        ("id", "issuer", "mode", "address", "enrolled", "checked", "held", "events", "problems"),
        [
            (
                one.id,
                one.issuer,
                one.mode,
                one.base_url,
                one.enrolled_at,
                one.checked_at,
                one.held_at,
                sum(one.events.model_dump().values()) if one.events else 0,
                one.events.problem if one.events else 0,
            )
            for one in found.data
        ],
        empty="no issuer is connected",
    )


@issuers.command("check")
def check(connection: ConnectionArgument = None, *, as_json: JsonFlag = False) -> None:
    """Say what is wrong with how issuers reach us; exit code 1 where anything is.

    The worker does the same every minute. A critical finding holds the connection: every request
    is declined and its cards are paused at the issuer, until a check finds none.

    Example: signets issuers check
    """
    with open_client() as client:
        wanted = [connection] if connection else [one.id for one in client.issuers.list().data]
        results = [client.issuers.check(one) for one in wanted]
    if as_json:
        print_json({"data": [plain(one) for one in results]})
    else:
        for result in results:
            print_lines(_told(result.issuer, healthy=result.healthy))
        if not results:
            print_lines(["no issuer is connected"])
    if not all(one.healthy for one in results):
        raise typer.Exit(REFUSED)


def _told(issuer: Issuer, *, healthy: bool) -> list[str]:
    head = f"{issuer.issuer} ({issuer.mode}) {issuer.id}: {'well' if healthy else 'NOT WELL'}"
    lines = [head]
    for one in issuer.findings:
        lines += [f"  {one.severity}: {one.sentence}", f"    -> {one.remedy}"]
    if issuer.held_at is not None:
        lines.append("  held: every request is declined and cards are paused at the issuer")
    return lines


issuers.command("connect")(connect)


@issuers.command("rotate")
def rotate(
    connection: Annotated[str, typer.Argument(help="The connection's id.", metavar="CONNECTION")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """Renew the signing secret of authorization requests; the old one stays live beside it.

    Example: signets issuers rotate conn_01h455vb4pex5vsknk084sn02q
    """
    with open_client() as client:
        found = client.issuers.rotate_secret(connection)
    if as_json:
        print_json(plain(found))
    else:
        print_lines([f"rotated: {found.issuer} ({found.mode}) {found.id}; both secrets verify now"])


@issuers.command("events")
def events(
    *,
    problem: Annotated[
        bool, typer.Option("--problem", help="Only those that a person has to look at.")
    ] = False,
    outcome: Annotated[Outcome | None, typer.Option(help="Only those that came to this.")] = None,
    limit: LimitOption = 50,
    after: AfterOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List what issuers sent, newest first.

    Example: signets issuers events --problem
    """
    wanted = Outcome.PROBLEM if problem else outcome
    with open_client() as client:
        show_page(
            client.issuer_events.list(
                outcome=wanted.value if wanted else None, limit=limit, after=after
            ),
            ("id", "received", "type", "outcome", "attempts", "problem"),
            lambda one: (
                one.id,
                one.received_at,
                one.event_type,
                one.outcome or "waiting",
                one.attempts,
                one.problem,
            ),
            empty="no events",
            as_json=as_json,
        )


@issuers.command("replay")
def replay(
    event: Annotated[str, typer.Argument(help="The event's id, `evt_…`.", metavar="EVENT")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """Read and book a stored event once more; exit code 1 where it still cannot be.

    Example: signets issuers replay evt_01h455vb4pex5vsknk084sn02q
    """
    with open_client() as client:
        found = client.issuer_events.replay(event)
    if as_json:
        print_json(plain(found))
    else:
        print_lines([f"{found.id}: {found.outcome or 'waiting'}", *filter(None, [found.problem])])
    if found.outcome == Outcome.PROBLEM.value:
        raise typer.Exit(REFUSED)


@issuers.command("parse")
def parse(
    *,
    issuer: Annotated[
        str,
        typer.Option(
            help=f"Whose body it is: {', '.join(READERS)}.",
            parser=one_of(READERS),
            metavar="ISSUER",
        ),
    ],
    file: Annotated[
        Path,
        typer.Option("--input", help="A file with one JSON body.", exists=True, dir_okay=False),
    ],
    as_json: JsonFlag = False,
) -> None:
    """Show one authorization request, transaction or card body in our normal form.

    No signature is needed here, and nothing is stored. Exit code 2 names the field that could not
    be read.

    Example: signets issuers parse --issuer lithic --input body.json --json
    """
    from signets.app.ports import BodyUnreadable
    from signets.bootstrap import read_issuer_body
    from signets.cli.normal_form import as_plain

    try:
        found = as_plain(issuer, read_issuer_body(issuer, file.read_bytes()))
    except BodyUnreadable as error:
        if as_json:
            print_json({"issuer": issuer, "field": error.field, "problem": error.message})
        raise CommandError(f"{error.message} (field: {error.field})", USAGE) from None
    if as_json:
        print_json(found)
    else:
        print_fields((name, value) for name, value in found.items() if name != "normal")
        print_fields(found["normal"].items())
