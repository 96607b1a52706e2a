"""Members, agents and API keys."""

from __future__ import annotations

import re
from datetime import datetime

from signets.app.authenticate import make_token
from signets.app.caller import Caller, not_found
from signets.app.idempotency import Idempotency, recall, remember
from signets.app.journal import record
from signets.app.records import Agent, Alert, ApiKey, KeyOwner, Member, Organization
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.core.access import Scope, most_scopes
from signets.core.approval import Role
from signets.core.errors import Refusal, RefusalKind, invalid
from signets.core.ids import Prefix
from signets.core.pan import refuse_pan

_HANDLE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")


async def get_organization(services: Services, caller: Caller) -> Organization:
    """The caller's own organization."""
    async with services.store.unlocked(caller.org_id) as uow:
        return uow.organization


async def add_member(
    services: Services,
    caller: Caller,
    *,
    email: str,
    name: str,
    role: Role,
    idempotency: Idempotency | None = None,
) -> Member:
    """Add a human.

    Raises:
        Refusal: ``email_invalid``, or ``email_taken`` (conflict).
    """
    caller.require(Scope.IDENTITY_WRITE)
    async with services.store.transaction(caller.org_id) as uow:
        earlier = await recall(uow, caller, idempotency)
        if earlier is not None and (known := await uow.identity.member(earlier.result_id)):
            return known
        member = await write_member(
            services, uow, email=email, name=name, role=role, actor=caller.actor
        )
        await remember(uow, caller, idempotency, member.id)
        return member


async def write_member(
    services: Services, uow: UnitOfWork, *, email: str, name: str, role: Role, actor: str
) -> Member:
    """The member's row and evidence."""
    if not _EMAIL.fullmatch(email):
        raise invalid("email_invalid", f"`{email}` is not an e-mail address", param="email")
    refuse_pan(name, param="name")
    if await uow.identity.member_by_email(email) is not None:
        raise Refusal(
            RefusalKind.CONFLICT,
            "email_taken",
            "a member with this e-mail address exists already",
            param="email",
        )
    member = Member(
        id=services.new_id(Prefix.MEMBER),
        email=email,
        name=name,
        role=role,
        disabled_at=None,
        created_at=uow.now,
    )
    await uow.identity.add_member(member)
    await record(
        services,
        uow,
        "member.added",
        actor=actor,
        subject=member.id,
        data={"role": role.value},
    )
    return member


async def disable_member(services: Services, caller: Caller, member_id: str) -> Member:
    """Their keys stop working at once."""
    caller.require(Scope.IDENTITY_WRITE)
    async with services.store.transaction(caller.org_id) as uow:
        member = await uow.identity.member(member_id)
        if member is None:
            raise not_found("member", member_id)
        if member.id == caller.member_id:
            raise Refusal(
                RefusalKind.CONFLICT,
                "self_disable",
                "you cannot disable yourself; ask another admin",
            )
        await uow.identity.disable_member(member_id, uow.now)
        await record(
            services, uow, "member.disabled", actor=caller.actor, subject=member_id, data={}
        )
        found = await uow.identity.member(member_id)
        return found or member


async def list_members(
    services: Services, caller: Caller, *, after: str | None = None, limit: int | None = None
) -> list[Member]:
    """All members, oldest first."""
    caller.require(Scope.IDENTITY_READ)
    async with services.store.unlocked(caller.org_id) as uow:
        return await uow.identity.members(after=after, limit=limit)


async def add_agent(
    services: Services,
    caller: Caller,
    *,
    handle: str,
    name: str | None = None,
    idempotency: Idempotency | None = None,
) -> Agent:
    """Add a machine identity; it needs a key of its own to act.

    Raises:
        Refusal: ``handle_invalid``, or ``handle_taken`` (conflict).
    """
    caller.require(Scope.IDENTITY_WRITE)
    if not _HANDLE.fullmatch(handle):
        raise invalid(
            "handle_invalid",
            "`handle` is 1 to 63 lower-case letters, digits and dashes, and starts with a letter "
            "or digit (`infra-agent`)",
            param="handle",
        )
    refuse_pan(name or "", param="name")
    async with services.store.transaction(caller.org_id) as uow:
        earlier = await recall(uow, caller, idempotency)
        if earlier is not None and (known := await uow.identity.agent(earlier.result_id)):
            return known
        if await uow.identity.agent(handle) is not None:
            raise Refusal(
                RefusalKind.CONFLICT,
                "handle_taken",
                f"an agent `{handle}` exists already",
                param="handle",
            )
        agent = Agent(
            id=services.new_id(Prefix.AGENT),
            handle=handle,
            name=name or handle,
            frozen_at=None,
            created_at=uow.now,
        )
        await uow.identity.add_agent(agent)
        await record(
            services,
            uow,
            "agent.added",
            actor=caller.actor,
            subject=agent.id,
            data={"handle": handle},
        )
        await remember(uow, caller, idempotency, agent.id)
        return agent


async def list_agents(
    services: Services, caller: Caller, *, after: str | None = None, limit: int | None = None
) -> list[Agent]:
    """All agents, oldest first."""
    caller.require(Scope.IDENTITY_READ)
    async with services.store.unlocked(caller.org_id) as uow:
        return await uow.identity.agents(after=after, limit=limit)


async def get_agent(services: Services, caller: Caller, agent: str) -> Agent:
    """One agent by id or handle."""
    caller.require(Scope.IDENTITY_READ)
    async with services.store.unlocked(caller.org_id) as uow:
        found = await uow.identity.agent(agent)
        if found is None:
            raise not_found("agent", agent)
        return found


async def issue_key(
    services: Services,
    caller: Caller,
    *,
    owner: KeyOwner,
    name: str,
    member_id: str | None = None,
    agent: str | None = None,
    scopes: tuple[str, ...] | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """``(key, token)``: the token is shown this once.

    Without ``scopes`` the key gets the most that its owner may have.

    Raises:
        Refusal: An owner that does not exist, scopes the owner may never have, an expiry in the
            past.
    """
    caller.require(Scope.IDENTITY_WRITE)
    async with services.store.transaction(caller.org_id) as uow:
        return await write_key(
            services,
            uow,
            actor=caller.actor,
            owner=owner,
            name=name,
            member_id=member_id,
            agent=agent,
            scopes=scopes,
            expires_at=expires_at,
        )


async def write_key(
    services: Services,
    uow: UnitOfWork,
    *,
    actor: str,
    owner: KeyOwner,
    name: str,
    member_id: str | None = None,
    agent: str | None = None,
    scopes: tuple[str, ...] | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """The key's row and evidence."""
    refuse_pan(name, param="name")
    role, agent_id = await _owner(uow, owner, member_id, agent)
    granted = _granted(owner, role, scopes)
    if expires_at is not None and expires_at <= uow.now:
        raise invalid("expiry_past", "`expires_at` must lie in the future", param="expires_at")
    key_id = services.new_id(Prefix.KEY)
    made = make_token(uow.org_id, key_id)
    key = ApiKey(
        id=key_id,
        owner=owner,
        member_id=member_id if owner is KeyOwner.MEMBER else None,
        agent_id=agent_id,
        name=name,
        secret_sha256=made.sha256,
        scopes=granted,
        created_by=actor,
        created_at=uow.now,
        expires_at=expires_at,
        revoked_at=None,
        last_used_at=None,
    )
    await uow.identity.add_key(key)
    await record(
        services,
        uow,
        "key.issued",
        actor=actor,
        subject=key.id,
        data={"owner": owner.value, "of": agent_id or member_id, "scopes": list(granted)},
    )
    return key, made.token


async def _owner(
    uow: UnitOfWork, owner: KeyOwner, member_id: str | None, agent: str | None
) -> tuple[Role | None, str | None]:
    if (owner is KeyOwner.MEMBER) != (member_id is not None):
        raise invalid(
            "owner_invalid",
            "`member_id` goes with owner `member`, and only with it",
            param="member_id",
        )
    if (owner is KeyOwner.AGENT) != (agent is not None):
        raise invalid(
            "owner_invalid",
            "`agent_id` goes with owner `agent`, and only with it",
            param="agent_id",
        )
    if member_id is not None:
        member = await uow.identity.member(member_id)
        if member is None or member.disabled_at is not None:
            raise not_found("member", member_id)
        return member.role, None
    if agent is not None:
        found = await uow.identity.agent(agent)
        if found is None:
            raise not_found("agent", agent)
        return None, found.id
    return None, None


def _granted(owner: KeyOwner, role: Role | None, scopes: tuple[str, ...] | None) -> tuple[str, ...]:
    most = most_scopes(owner, role)
    if scopes is None:
        return tuple(sorted(most))
    for scope in scopes:
        if scope not in most:
            allowed = ", ".join(sorted(most))
            raise invalid(
                "scope_invalid",
                f"scope `{scope}` is not for such a key; it may have: {allowed}",
                param="scopes",
            )
    return tuple(sorted(set(scopes)))


async def list_keys(
    services: Services, caller: Caller, *, after: str | None = None, limit: int | None = None
) -> list[ApiKey]:
    """All keys, without secrets."""
    caller.require(Scope.IDENTITY_READ)
    async with services.store.unlocked(caller.org_id) as uow:
        return await uow.identity.keys(after=after, limit=limit)


async def revoke_key(services: Services, caller: Caller, key_id: str) -> ApiKey:
    """The key stops working at once."""
    caller.require(Scope.IDENTITY_WRITE)
    async with services.store.transaction(caller.org_id) as uow:
        key = await uow.identity.key(key_id)
        if key is None:
            raise not_found("key", key_id)
        await uow.identity.revoke_key(key_id, uow.now)
        await record(services, uow, "key.revoked", actor=caller.actor, subject=key_id, data={})
        return await uow.identity.key(key_id) or key


async def list_alerts(
    services: Services, caller: Caller, *, after: str | None, limit: int
) -> list[Alert]:
    """What a person should look at, newest first."""
    caller.require(Scope.IDENTITY_READ)
    async with services.store.unlocked(caller.org_id) as uow:
        return await uow.housekeeping.alerts(after=after, limit=limit)
