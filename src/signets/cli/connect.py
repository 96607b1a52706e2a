"""``issuers connect``: an account at an issuer, tried dry or for real."""

from __future__ import annotations

import asyncio
import os
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from signets.cli.configuration import DataDirOption, load_settings
from signets.cli.inputs import one_of, read_pairs
from signets.cli.output import (
    USAGE,
    CommandError,
    JsonFlag,
    print_fields,
    print_json,
    print_lines,
)
from signets.issuers.registry import PROFILES

if TYPE_CHECKING:
    from signets.app.check_issuer import Checked
    from signets.app.connect_issuer import Account, Plan
    from signets.app.ports import Finding
    from signets.settings import Settings


class Mode(StrEnum):
    """Whose money moves."""

    TEST = "test"
    LIVE = "live"


def connect(
    issuer: Annotated[
        str,
        typer.Argument(
            help=f"Which issuer: {', '.join(PROFILES)}.", parser=one_of(PROFILES), metavar="ISSUER"
        ),
    ],
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

    Ends with the same look as `issuers check`: a critical finding holds the connection, and
    connecting again once it is mended lets it go.

    Example: signets issuers connect lithic --dry-run
    """
    from signets.processes.serve import public_url

    settings = load_settings(data_dir=data_dir)
    profile = PROFILES[issuer]
    key = os.environ.get(profile.key_variable, "").strip()
    if not key:
        raise CommandError(f"set {profile.key_variable} to the account's API key", USAGE)
    address = base_url or profile.addresses[mode]
    if settings.public_url is None and base_url is None:
        raise CommandError("set SIGNETS_PUBLIC_URL: the issuer has to know where to ask", USAGE)
    options = read_pairs(option or [], param="option")
    for variable, name in profile.secret_options.items():
        if os.environ.get(variable):
            options[name] = os.environ[variable]
    account = _account(issuer, mode, address, public_url(settings), key, options)
    if dry_run:
        _show_plan(asyncio.run(_plan(settings, organization, account)), as_json=as_json)
        return
    checked, was_held = asyncio.run(_connect(settings, organization, account))
    _show(checked, was_held=was_held, as_json=as_json)


def _show(checked: Checked, *, was_held: bool, as_json: bool) -> None:
    """The connection, and what a look at it right after connecting has found."""
    from signets.app.connect_issuer import addresses

    made = checked.connection
    authorize_url, events_url = addresses(made)
    held = made.held_at is not None
    facts = {
        "id": made.id,
        "organization": made.org_id,
        "issuer": made.issuer,
        "mode": made.mode,
        "base_url": made.base_url,
        "authorize_url": authorize_url,
        "events_url": events_url,
        "held": held,
        "released": was_held and not held,
    }
    if as_json:
        print_json({**facts, "findings": [_finding(one) for one in checked.findings]})
        return
    print_fields(facts.items())
    print_lines([""])
    for one in checked.findings:
        print_lines([f"{one.severity}: {one.sentence}", f"  -> {one.remedy}"])
    if held:
        print_lines(
            ["held: every request is declined and cards stay paused; mend what is critical above"]
        )
    elif was_held:
        print_lines(["released: nothing critical is left; cards open as their intents say"])
    else:
        print_lines(["ready: nothing critical was found; the worker looks again every minute"])


def _finding(one: Finding) -> dict[str, str]:
    return {
        "code": one.code,
        "severity": one.severity.value,
        "sentence": one.sentence,
        "remedy": one.remedy,
    }


def _account(
    issuer: str, mode: str, address: str, public: str, key: str, options: dict[str, str]
) -> Account:
    from signets.app.connect_issuer import Account

    return Account(
        issuer=issuer,
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


async def _connect(
    settings: Settings, organization: str | None, account: Account
) -> tuple[Checked, bool]:
    """Connected and looked at; and whether it was held until now."""
    from signets.app.check_issuer import check_issuer
    from signets.app.connect_issuer import connect_issuer
    from signets.bootstrap import open_runtime

    async with open_runtime(settings, pool_size=3) as runtime:
        known = await runtime.services.store.organization_ids()
        org_id = _one_organization(known, organization)
        made = await connect_issuer(runtime.services, org_id, account)
        checked = await check_issuer(runtime.services, made)
        return checked, made.held_at is not None


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
                "findings": [_finding(one) for one in plan.findings],
            }
        )
        return
    print_lines(["Nothing was changed. Connecting would:"])
    print_lines(f"  - {step}" for step in plan.steps)
    if plan.connection_id is None:
        print_lines(["  (the id is made when you connect, which shows both addresses)"])
    if plan.findings:
        print_lines(["", "At the issuer now:"])
        print_lines(f"  {one.severity}: {one.sentence}" for one in plan.findings)
