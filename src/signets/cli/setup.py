"""``init`` and ``db``: what is done once, before anything runs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from signets.cli.configuration import DataDirOption, load_settings
from signets.cli.credentials import credentials_file, save_key
from signets.cli.output import CommandError, JsonFlag, print_json, print_lines, say

if TYPE_CHECKING:
    from signets.app.set_up_organization import NewOrganization
    from signets.settings import Settings

RunningPort = Annotated[
    int | None, typer.Option(min=1, max=65535, help="Where it runs already, if not as configured.")
]

database = typer.Typer(no_args_is_help=True, help="The database's schema.")


def init(
    *,
    name: Annotated[str, typer.Option(help="The organization's name.")] = "My organization",
    currency: Annotated[str, typer.Option(help="Its currency, ISO 4217.")] = "USD",
    email: Annotated[str, typer.Option(help="The first admin's address.")] = "admin@example.com",
    save: Annotated[
        bool | None,
        typer.Option(
            "--save/--no-save",
            help="Keep the admin key in the data folder for later commands. On at a terminal.",
        ),
    ] = None,
    another: Annotated[
        bool, typer.Option("--another", help="Add an organization where there is one already.")
    ] = False,
    port: RunningPort = None,
    sandbox_port: RunningPort = None,
    data_dir: DataDirOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Make the first organization, its admin and its keys.

    Example: signets init --name "Example Inc" --email admin@example.com
    """
    settings = load_settings(data_dir=data_dir, port=port, sandbox_port=sandbox_port)
    say("opening the database (the first time this takes a few seconds)")
    made = asyncio.run(_set_up(settings, name, currency, email, another=another))
    kept = credentials_file(settings.data_dir)
    keep = save if save is not None else sys.stdout.isatty() and not kept.exists()
    if keep:
        keep = _save(settings, made.admin_token)
    connected = _connect_running_sandbox(settings)
    if as_json:
        print_json(
            {
                "organization": {
                    "id": made.organization.org_id,
                    "name": made.organization.name,
                    "currency": made.organization.currency,
                },
                "admin": {"id": made.admin.id, "email": made.admin.email},
                "admin_key": made.admin_token,
                "organization_key": made.organization_token,
                "saved_to": str(kept) if keep else None,
                "sandbox_connected": connected,
            }
        )
        return
    print_lines(_story(made, str(kept) if keep else None, connected=connected))


async def _set_up(
    settings: Settings, name: str, currency: str, email: str, *, another: bool
) -> NewOrganization:
    from signets.app.set_up_organization import set_up_organization
    from signets.bootstrap import open_runtime

    async with open_runtime(settings, pool_size=2) as runtime:
        known = await runtime.services.store.organization_ids()
        if known and not another:
            raise CommandError(
                f"there is an organization already ({known[0]}); add --another to make one more"
            )
        return await set_up_organization(
            runtime.services,
            name=name,
            currency=currency,
            admin_email=email,
            admin_name=email.partition("@")[0],
        )


def _connect_running_sandbox(settings: Settings) -> bool:
    """Connect the organization to the sandbox if that is up; ``serve`` does it otherwise."""
    import httpx

    from signets.app.ports import IssuerRefused, IssuerUnavailable
    from signets.processes.sandbox import sandbox_key, sandbox_url
    from signets.processes.serve import connect_sandbox

    try:
        with httpx.Client(trust_env=False, timeout=2.0) as client:
            answer = client.get(
                f"{sandbox_url(settings)}/v1/status",
                headers={"Authorization": sandbox_key(settings)},
            )
    except httpx.TransportError:
        return False
    if answer.status_code != httpx.codes.OK:
        say("a sandbox runs there but refuses this data folder's key; not connected")
        return False
    try:
        connect_sandbox(settings, say)
    except (IssuerRefused, IssuerUnavailable) as problem:
        # The keys are still to be shown; `serve` connects again.
        say(f"the sandbox is not connected: {problem}")
        return False
    return True


def _save(settings: Settings, key: str) -> bool:
    """Keep the key; where that fails it must still be shown, so nothing is raised."""
    try:
        save_key(settings.data_dir, key)
    except OSError as problem:
        say(f"the admin key could not be kept: {problem}")
        return False
    return True


def _story(made: NewOrganization, kept: str | None, *, connected: bool) -> list[str]:
    next_step = (
        "The running sandbox issuer is connected."
        if connected
        else "Next: signets serve            (API, worker and sandbox issuer)"
    )
    return [
        f"Organization {made.organization.name} ({made.organization.org_id}) is made.",
        "",
        f"  admin key         {made.admin_token}",
        f"  organization key  {made.organization_token}",
        "",
        "These keys are shown this once; only their hashes are stored.",
        f"The admin key is kept in {kept} (mode 0600) and used by later commands."
        if kept
        else "For later commands: export SIGNETS_API_KEY=<the admin key>",
        "",
        next_step,
        "Then: signets agents add infra-agent",
        "      signets cards create --agent infra-agent --limit 50.00 --vendor openai.com",
    ]


@database.command()
def upgrade(*, data_dir: DataDirOption = None, as_json: JsonFlag = False) -> None:
    """Bring the schema to the newest revision.

    Example: signets db upgrade
    """
    from signets.storage.postgres import migrate

    with _open(load_settings(data_dir=data_dir)) as url:
        before = migrate.current(url)
        migrate.upgrade(url)
        after = migrate.current(url)
    if as_json:
        print_json({"before": before, "after": after})
    elif before == after:
        print_lines([f"nothing to do: the schema is at {after}"])
    else:
        print_lines([f"upgraded from {before or 'nothing'} to {after}"])


@database.command()
def status(*, data_dir: DataDirOption = None, as_json: JsonFlag = False) -> None:
    """Show the schema's revision; exit code 1 where it is not the newest.

    Example: signets db status
    """
    from signets.storage.postgres import migrate

    with _open(load_settings(data_dir=data_dir)) as url:
        current, head = migrate.current(url), migrate.head()
    if as_json:
        print_json({"current": current, "newest": head, "up_to_date": current == head})
    else:
        print_lines([f"schema: {current or 'empty'}", f"newest: {head}"])
    if current != head:
        raise typer.Exit(1)


@contextmanager
def _open(settings: Settings) -> Iterator[str]:
    from signets.storage.postgres.database import open_database

    url = settings.database_url.get_secret_value() if settings.database_url else None
    with open_database(url=url, data_dir=settings.data_dir) as database:
        yield database.url
