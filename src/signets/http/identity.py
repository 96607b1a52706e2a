"""The organization, its members, agents, keys and alerts."""

from __future__ import annotations

from signets.app import freeze, manage_identity
from signets.core.access import Scope
from signets.core.ids import Prefix
from signets.http.inputs import AgentInput, KeyInput, MemberInput
from signets.http.outputs.base import Page, page_of
from signets.http.outputs.identity import (
    AgentOut,
    AlertOut,
    KeyOut,
    MemberOut,
    NewKeyOut,
    OrganizationOut,
)
from signets.http.pages import After, Limit, cursor
from signets.http.routing import Ask, Endpoint


async def get_organization(ask: Ask) -> OrganizationOut:
    """The organization that the key belongs to."""
    return OrganizationOut.of(await manage_identity.get_organization(ask.services, ask.caller))


async def freeze_organization(ask: Ask) -> OrganizationOut:
    """The kill switch: every card declines until it is lifted; all windows end."""
    return OrganizationOut.of(
        await freeze.switch_organization(ask.services, ask.caller, frozen=True)
    )


async def unfreeze_organization(ask: Ask) -> OrganizationOut:
    """Lifts the kill switch; cards stay locked until an intent opens them."""
    return OrganizationOut.of(
        await freeze.switch_organization(ask.services, ask.caller, frozen=False)
    )


async def list_members(ask: Ask, after: After = None, limit: Limit = 50) -> Page[MemberOut]:
    """Members, oldest first."""
    rows = await manage_identity.list_members(
        ask.services, ask.caller, after=cursor(after, Prefix.MEMBER), limit=limit + 1
    )
    return page_of(rows, limit, MemberOut.of)


async def create_member(ask: Ask, body: MemberInput) -> MemberOut:
    """Adds a human; they need a key of their own to act."""
    return MemberOut.of(
        await manage_identity.add_member(
            ask.services,
            ask.caller,
            email=body.email,
            name=body.name,
            role=body.role,
            idempotency=ask.idempotency,
        )
    )


async def disable_member(ask: Ask, member_id: str) -> MemberOut:
    """Their keys stop working at once."""
    return MemberOut.of(await manage_identity.disable_member(ask.services, ask.caller, member_id))


async def list_agents(ask: Ask, after: After = None, limit: Limit = 50) -> Page[AgentOut]:
    """Agents, oldest first."""
    rows = await manage_identity.list_agents(
        ask.services, ask.caller, after=cursor(after, Prefix.AGENT), limit=limit + 1
    )
    return page_of(rows, limit, AgentOut.of)


async def create_agent(ask: Ask, body: AgentInput) -> AgentOut:
    """Adds a machine identity; it needs a key of its own to act."""
    return AgentOut.of(
        await manage_identity.add_agent(
            ask.services,
            ask.caller,
            handle=body.handle,
            name=body.name,
            idempotency=ask.idempotency,
        )
    )


async def get_agent(ask: Ask, agent: str) -> AgentOut:
    """One agent, by id or handle."""
    return AgentOut.of(await manage_identity.get_agent(ask.services, ask.caller, agent))


async def freeze_agent(ask: Ask, agent: str) -> AgentOut:
    """All cards of the agent decline until it is unfrozen; its windows end."""
    return AgentOut.of(await freeze.switch_agent(ask.services, ask.caller, agent, frozen=True))


async def unfreeze_agent(ask: Ask, agent: str) -> AgentOut:
    """The agent may act again; its cards stay locked until an intent opens them."""
    return AgentOut.of(await freeze.switch_agent(ask.services, ask.caller, agent, frozen=False))


async def list_keys(ask: Ask, after: After = None, limit: Limit = 50) -> Page[KeyOut]:
    """Keys without secrets, oldest first."""
    rows = await manage_identity.list_keys(
        ask.services, ask.caller, after=cursor(after, Prefix.KEY), limit=limit + 1
    )
    return page_of(rows, limit, KeyOut.of)


async def create_key(ask: Ask, body: KeyInput) -> NewKeyOut:
    """Issues an API key for a member, an agent or the organization.

    Its `secret` is shown this once.
    """
    key, secret = await manage_identity.issue_key(
        ask.services,
        ask.caller,
        owner=body.owner,
        name=body.name,
        member_id=body.member_id,
        agent=body.agent_id,
        scopes=None if body.scopes is None else tuple(body.scopes),
        expires_at=body.expires_at,
    )
    return NewKeyOut.made(key, secret)


async def revoke_key(ask: Ask, key_id: str) -> KeyOut:
    """The key stops working at once."""
    return KeyOut.of(await manage_identity.revoke_key(ask.services, ask.caller, key_id))


async def list_alerts(ask: Ask, after: After = None, limit: Limit = 50) -> Page[AlertOut]:
    """What a person should look at, newest first."""
    rows = await manage_identity.list_alerts(
        ask.services, ask.caller, after=cursor(after, Prefix.ALERT), limit=limit + 1
    )
    return page_of(rows, limit, AlertOut.of)


_READ, _WRITE, _CONTROL = Scope.IDENTITY_READ, Scope.IDENTITY_WRITE, Scope.CARDS_CONTROL

ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/v1/organization",
        operation="organization_get",
        call=get_organization,
        summary="Get the organization",
        scope=None,
    ),
    Endpoint(
        method="POST",
        path="/v1/organization/freeze",
        operation="organization_freeze",
        call=freeze_organization,
        summary="Freeze everything",
        scope=_WRITE,
    ),
    Endpoint(
        method="POST",
        path="/v1/organization/unfreeze",
        operation="organization_unfreeze",
        call=unfreeze_organization,
        summary="Unfreeze the organization",
        scope=_WRITE,
    ),
    Endpoint(
        method="GET",
        path="/v1/members",
        operation="members_list",
        call=list_members,
        summary="List members",
        scope=_READ,
    ),
    Endpoint(
        method="POST",
        path="/v1/members",
        operation="members_create",
        call=create_member,
        summary="Add a member",
        scope=_WRITE,
        status=201,
        idempotent=True,
        refuses=(409,),
    ),
    Endpoint(
        method="POST",
        path="/v1/members/{member_id}/disable",
        operation="members_disable",
        call=disable_member,
        summary="Disable a member",
        scope=_WRITE,
        refuses=(404, 409),
    ),
    Endpoint(
        method="GET",
        path="/v1/agents",
        operation="agents_list",
        call=list_agents,
        summary="List agents",
        scope=_READ,
    ),
    Endpoint(
        method="POST",
        path="/v1/agents",
        operation="agents_create",
        call=create_agent,
        summary="Add an agent",
        scope=_WRITE,
        status=201,
        idempotent=True,
        refuses=(409,),
    ),
    Endpoint(
        method="GET",
        path="/v1/agents/{agent}",
        operation="agents_get",
        call=get_agent,
        summary="Get an agent",
        scope=_READ,
        refuses=(404,),
    ),
    Endpoint(
        method="POST",
        path="/v1/agents/{agent}/freeze",
        operation="agents_freeze",
        call=freeze_agent,
        summary="Freeze an agent",
        scope=_CONTROL,
        refuses=(404,),
    ),
    Endpoint(
        method="POST",
        path="/v1/agents/{agent}/unfreeze",
        operation="agents_unfreeze",
        call=unfreeze_agent,
        summary="Unfreeze an agent",
        scope=_CONTROL,
        refuses=(404,),
    ),
    Endpoint(
        method="GET",
        path="/v1/keys",
        operation="keys_list",
        call=list_keys,
        summary="List API keys",
        scope=_READ,
    ),
    Endpoint(
        method="POST",
        path="/v1/keys",
        operation="keys_create",
        call=create_key,
        summary="Issue an API key",
        scope=_WRITE,
        status=201,
        refuses=(404,),
    ),
    Endpoint(
        method="POST",
        path="/v1/keys/{key_id}/revoke",
        operation="keys_revoke",
        call=revoke_key,
        summary="Revoke an API key",
        scope=_WRITE,
        refuses=(404,),
    ),
    Endpoint(
        method="GET",
        path="/v1/alerts",
        operation="alerts_list",
        call=list_alerts,
        summary="List alerts",
        scope=_READ,
    ),
)
