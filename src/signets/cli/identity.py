"""``agents``, ``members``, ``keys``, ``alerts``, and the organization's kill switch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from signets.cli.inputs import AfterOption, LimitOption, read_duration
from signets.cli.output import USAGE, CommandError, JsonFlag, print_fields, print_json, print_lines
from signets.cli.session import open_client, plain, show_page
from signets.core.approval import Role

if TYPE_CHECKING:
    from signets.client.types import Agent, ApiKey, Member, Organization

agents = typer.Typer(no_args_is_help=True, help="Machine identities that buy.")
members = typer.Typer(no_args_is_help=True, help="Humans who approve and administer.")
keys = typer.Typer(no_args_is_help=True, help="API keys.")

AgentArgument = Annotated[str, typer.Argument(help="The agent's handle or id.")]


class Owner(StrEnum):
    """Whose key."""

    MEMBER = "member"
    AGENT = "agent"
    ORGANIZATION = "organization"


@agents.command("list")
def list_agents(*, as_json: JsonFlag = False) -> None:
    """List agents, newest first.

    Example: signets agents list
    """
    with open_client() as client:
        page = client.agents.list()
        show_page(
            page,
            ("handle", "name", "frozen", "id", "since"),
            lambda one: (one.handle, one.name, one.frozen, one.id, one.created_at),
            empty="no agents yet; add one: signets agents add infra-agent",
            as_json=as_json,
        )


@agents.command("add")
def add_agent(
    handle: Annotated[str, typer.Argument(help="The name people use, like infra-agent.")],
    *,
    name: Annotated[str | None, typer.Option(help="A longer name.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Add an agent.

    Example: signets agents add infra-agent
    """
    with open_client() as client:
        _show_agent(client.agents.create(handle=handle, name=name), as_json=as_json)


@agents.command("freeze")
def freeze_agent(agent: AgentArgument, *, as_json: JsonFlag = False) -> None:
    """Stop every card of an agent at once.

    Example: signets agents freeze infra-agent
    """
    with open_client() as client:
        _show_agent(client.agents.freeze(agent), as_json=as_json)


@agents.command("unfreeze")
def unfreeze_agent(agent: AgentArgument, *, as_json: JsonFlag = False) -> None:
    """Undo an agent's freeze.

    Example: signets agents unfreeze infra-agent
    """
    with open_client() as client:
        _show_agent(client.agents.unfreeze(agent), as_json=as_json)


def _show_agent(agent: Agent, *, as_json: bool) -> None:
    if as_json:
        print_json(plain(agent))
        return
    names = ("id", "handle", "name", "frozen", "created_at")
    print_fields([(name, getattr(agent, name)) for name in names])


@members.command("list")
def list_members(*, as_json: JsonFlag = False) -> None:
    """List members, newest first.

    Example: signets members list
    """
    with open_client() as client:
        show_page(
            client.members.list(),
            ("email", "name", "role", "disabled", "id"),
            lambda one: (one.email, one.name, one.role, one.disabled, one.id),
            empty="no members",
            as_json=as_json,
        )


@members.command("add")
def add_member(
    email: Annotated[str, typer.Argument(help="The member's address.")],
    *,
    name: Annotated[str | None, typer.Option(help="The member's name.")] = None,
    role: Annotated[Role, typer.Option(help="What the member may do.")] = Role.APPROVER,
    as_json: JsonFlag = False,
) -> None:
    """Add a member; a key comes from `signets keys create --member`.

    Example: signets members add approver@example.com --role approver
    """
    with open_client() as client:
        made = client.members.create(
            email=email, name=name or email.partition("@")[0], role=role.value
        )
        _show_member(made, as_json=as_json)


@members.command("disable")
def disable_member(
    member: Annotated[str, typer.Argument(help="The member's id.")], *, as_json: JsonFlag = False
) -> None:
    """Take a member's access away; what they decided stays.

    Example: signets members disable mem_01h455vb4pex5vsknk084sn02q
    """
    with open_client() as client:
        _show_member(client.members.disable(member), as_json=as_json)


def _show_member(member: Member, *, as_json: bool) -> None:
    if as_json:
        print_json(plain(member))
        return
    names = ("id", "email", "name", "role", "disabled", "created_at")
    print_fields([(name, getattr(member, name)) for name in names])


@keys.command("list")
def list_keys(*, as_json: JsonFlag = False) -> None:
    """List keys without their secrets, newest first.

    Example: signets keys list
    """
    with open_client() as client:
        show_page(
            client.keys.list(),
            ("id", "name", "owner", "whose", "last used", "expires", "revoked"),
            lambda one: (
                one.id,
                one.name,
                one.owner,
                one.member_id or one.agent_id,
                one.last_used_at,
                one.expires_at,
                one.revoked_at,
            ),
            empty="no keys",
            as_json=as_json,
        )


@keys.command("create")
def create_key(
    *,
    agent: Annotated[str | None, typer.Option(help="For this agent (handle or id).")] = None,
    member: Annotated[str | None, typer.Option(help="For this member (id).")] = None,
    organization: Annotated[
        bool, typer.Option("--organization", help="For the organization's own programs.")
    ] = False,
    name: Annotated[str, typer.Option(help="What the key is for.")] = "key",
    scope: Annotated[
        list[str] | None, typer.Option(help="Only this permission; repeat for several.")
    ] = None,
    expires_in: Annotated[
        str | None, typer.Option(help="Lifetime, like 30d; without it the key never expires.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Issue a key; its secret is shown this once.

    Example: signets keys create --agent infra-agent --name laptop
    """
    owners = [
        owner
        for owner, given in (
            (Owner.AGENT, agent is not None),
            (Owner.MEMBER, member is not None),
            (Owner.ORGANIZATION, organization),
        )
        if given
    ]
    if len(owners) != 1:
        raise CommandError("give exactly one of --agent, --member and --organization", USAGE)
    expires_at = None
    if expires_in is not None:
        seconds = read_duration(expires_in, param="expires_in")
        expires_at = datetime.now(UTC) + timedelta(seconds=seconds)
    with open_client() as client:
        made = client.keys.create(
            owner=owners[0].value,
            name=name,
            member_id=member,
            agent_id=agent,
            scopes=scope or None,
            expires_at=expires_at,
        )
    _show_key(made, as_json=as_json)


@keys.command("revoke")
def revoke_key(
    key: Annotated[str, typer.Argument(help="The key's id.")], *, as_json: JsonFlag = False
) -> None:
    """Make a key useless at once.

    Example: signets keys revoke key_01h455vb4pex5vsknk084sn02q
    """
    with open_client() as client:
        _show_key(client.keys.revoke(key), as_json=as_json)


def _show_key(key: ApiKey, *, as_json: bool) -> None:
    if as_json:
        print_json(plain(key))
        return
    names = ("id", "name", "owner", "member_id", "agent_id", "scopes", "expires_at", "revoked_at")
    print_fields([*((name, getattr(key, name)) for name in names), ("secret", key.secret)])
    if key.secret is not None:
        print_lines(["", "The secret is shown this once; only its hash is stored."])


def alerts(
    *, limit: LimitOption = 50, after: AfterOption = None, as_json: JsonFlag = False
) -> None:
    """List what a person should look at, newest first.

    Example: signets alerts
    """
    with open_client() as client:
        show_page(
            client.alerts.list(limit=limit, after=after),
            ("at", "kind", "about", "message"),
            lambda one: (one.at, one.kind, one.subject_id, one.message),
            empty="no alerts",
            as_json=as_json,
        )


def freeze(*, as_json: JsonFlag = False) -> None:
    """Kill switch: stop every card of the organization at once.

    Example: signets freeze
    """
    with open_client() as client:
        _show_organization(client.organization.freeze(), as_json=as_json)


def unfreeze(*, as_json: JsonFlag = False) -> None:
    """Undo the organization's freeze; cards and agents frozen by themselves stay so.

    Example: signets unfreeze
    """
    with open_client() as client:
        _show_organization(client.organization.unfreeze(), as_json=as_json)


def _show_organization(organization: Organization, *, as_json: bool) -> None:
    if as_json:
        print_json(plain(organization))
        return
    names = ("id", "name", "currency", "frozen")
    print_fields([(name, getattr(organization, name)) for name in names])
