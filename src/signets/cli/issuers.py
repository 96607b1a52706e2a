"""``issuers``: connections to card issuers."""

from __future__ import annotations

import asyncio
import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signets.cli.configuration import DataDirOption, load_settings
from signets.cli.inputs import AfterOption, LimitOption, read_pairs
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

if TYPE_CHECKING:
    from signets.app.connect_issuer import Account, Plan
    from signets.app.records import Connection
    from signets.client.types import Issuer
    from signets.settings import Settings

issuers = typer.Typer(no_args_is_help=True, help="Connections to card issuers.")


class IssuerName(StrEnum):
    """An issuer that can be connected."""

    LITHIC = "lithic"
    STRIPE = "stripe"


class BodyIssuer(StrEnum):
    """An issuer whose bodies can be read."""

    SANDBOX = "sandbox"
    LITHIC = "lithic"
    STRIPE = "stripe"


class Mode(StrEnum):
    """Whose money moves."""

    TEST = "test"
    LIVE = "live"


class Outcome(StrEnum):
    """What became of a received event."""

    FOLDED = "folded"
    UNKNOWN_KIND = "unknown_kind"
    PROBLEM = "problem"


_ADDRESSES = {
    (IssuerName.LITHIC, Mode.TEST): "https://sandbox.lithic.com",
    (IssuerName.LITHIC, Mode.LIVE): "https://api.lithic.com",
    (IssuerName.STRIPE, Mode.TEST): "https://api.stripe.com",
    (IssuerName.STRIPE, Mode.LIVE): "https://api.stripe.com",
}
_KEYS = {IssuerName.LITHIC: "LITHIC_API_KEY", IssuerName.STRIPE: "STRIPE_API_KEY"}
#: Options that are secrets come from the environment: an argument is seen by everybody.
_SECRET_OPTIONS = {
    IssuerName.LITHIC: {},
    IssuerName.STRIPE: {
        "STRIPE_AUTHORIZATION_SECRET": "authorization_secret",
        "STRIPE_EVENTS_SECRET": "events_secret",
    },
}

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


@issuers.command("connect")
def connect(
    issuer: Annotated[IssuerName, typer.Argument(help="Which issuer.")],
    *,
    mode: Annotated[Mode, typer.Option(help="Whose money moves.")] = Mode.TEST,
    organization: Annotated[
        str | None, typer.Option(help="The organization's id, where there are several.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(help="Another address of the issuer's API (a local double).")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", help="NAME=VALUE that this issuer needs besides; repeatable."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Connect an account, or connect it again after a change of key or address.

    The key comes from the environment: LITHIC_API_KEY or STRIPE_API_KEY, and Stripe's signing
    secrets from STRIPE_AUTHORIZATION_SECRET and STRIPE_EVENTS_SECRET. SIGNETS_PUBLIC_URL is where
    the issuer reaches us. Runs where the server runs, with its settings.

    Example: signets issuers connect lithic --dry-run
    """
    from signets.processes.serve import public_url

    settings = load_settings(data_dir=data_dir)
    key = os.environ.get(_KEYS[issuer], "").strip()
    if not key:
        raise CommandError(f"set {_KEYS[issuer]} to the account's API key", USAGE)
    address = base_url or _ADDRESSES[(issuer, mode)]
    if settings.public_url is None and base_url is None:
        raise CommandError("set SIGNETS_PUBLIC_URL: the issuer has to know where to ask", USAGE)
    options = read_pairs(option or [], param="option")
    for variable, name in _SECRET_OPTIONS[issuer].items():
        if os.environ.get(variable):
            options[name] = os.environ[variable]
    account = _account(issuer, mode, address, public_url(settings), key, options)
    if dry_run:
        _show_plan(asyncio.run(_plan(settings, organization, account)), as_json=as_json)
        return
    made = asyncio.run(_connect(settings, organization, account))
    facts = {
        "id": made.id,
        "organization": made.org_id,
        "issuer": made.issuer,
        "mode": made.mode,
        "base_url": made.base_url,
        "public_url": made.public_url,
    }
    if as_json:
        print_json(facts)
        return
    print_fields(facts.items())
    print_lines(["", "Next: signets issuers check"])


def _account(
    issuer: str, mode: str, address: str, public: str, key: str, options: dict[str, str]
) -> Account:
    from signets.app.connect_issuer import Account

    return Account(
        issuer=str(issuer),
        mode=str(mode),
        base_url=address,
        public_url=public,
        api_key=key,
        options=options,
    )


async def _plan(settings: Settings, organization: str | None, account: Account) -> Plan:
    from signets.app.connect_issuer import plan_connection
    from signets.bootstrap import open_runtime

    async with open_runtime(settings, pool_size=3) as runtime:
        known = await runtime.services.store.organization_ids()
        org_id = _one_organization(known, organization)
        return await plan_connection(runtime.services, org_id, account)


async def _connect(settings: Settings, organization: str | None, account: Account) -> Connection:
    from signets.app.connect_issuer import connect_issuer
    from signets.bootstrap import open_runtime

    async with open_runtime(settings, pool_size=3) as runtime:
        known = await runtime.services.store.organization_ids()
        org_id = _one_organization(known, organization)
        return await connect_issuer(runtime.services, org_id, account)


def _one_organization(known: list[str], wanted: str | None) -> str:
    if wanted is None and len(known) == 1:
        return known[0]
    if wanted is not None and wanted in known:
        return wanted
    listed = ", ".join(known) or "none: make one with `signets init`"
    raise CommandError(f"name the --organization; there are: {listed}", USAGE)


def _show_plan(plan: Plan, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "dry_run": True,
                "connection_id": plan.connection_id,
                "authorize_url": plan.authorize_url,
                "events_url": plan.events_url,
                "steps": list(plan.steps),
                "findings": [
                    {"code": one.code, "severity": one.severity, "sentence": one.sentence}
                    for one in plan.findings
                ],
            }
        )
        return
    print_lines(["Nothing was changed. Connecting would:"])
    print_lines(f"  - {step}" for step in plan.steps)
    if plan.connection_id is None:
        print_lines(["  (a new connection's id, and so its addresses, are made then)"])
    if plan.findings:
        print_lines(["", "At the issuer now:"])
        print_lines(f"  {one.severity}: {one.sentence}" for one in plan.findings)


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
    issuer: Annotated[BodyIssuer, typer.Option(help="Whose body it is.")],
    file: Annotated[
        Path, typer.Option("--input", help="A file with one JSON body.", dir_okay=False)
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
        found = as_plain(issuer.value, read_issuer_body(issuer.value, file.read_bytes()))
    except BodyUnreadable as error:
        if as_json:
            print_json({"issuer": issuer.value, "field": error.field, "problem": error.message})
        raise CommandError(f"{error.message} (field: {error.field})", USAGE) from None
    if as_json:
        print_json(found)
    else:
        print_fields((name, value) for name, value in found.items() if name != "normal")
        print_fields(found["normal"].items())
