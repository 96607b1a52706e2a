"""``client.organization``, ``.members``, ``.agents``, ``.keys`` and ``.alerts``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from signets.client.call import (
    AgentRef,
    Call,
    MemberRef,
    Part,
    Repeat,
    get,
    given,
    many,
    one,
    optional_id,
    path_id,
    post,
    timestamp,
)
from signets.client.operation import Resource, RunnerT, listing, operation
from signets.client.types import Agent, Alert, ApiKey, Member, Organization


class OrganizationResource(Resource[RunnerT]):
    """The organization that the key belongs to."""

    @operation
    def get(self) -> Call[Organization]:
        """The organization."""
        return get("/v1/organization", one(Organization))

    @operation
    def freeze(self) -> Call[Organization]:
        """Kill switch: stop every card of the organization."""
        return post("/v1/organization/freeze", one(Organization))

    @operation
    def unfreeze(self) -> Call[Organization]:
        """Undo the organization's freeze; cards and agents frozen by themselves stay so."""
        return post("/v1/organization/unfreeze", one(Organization), repeat=Repeat.UNEXECUTED)


class Members(Resource[RunnerT]):
    """Humans."""

    @operation
    def create(
        self,
        *,
        email: str,
        name: str,
        role: Literal["admin", "approver", "viewer"],
        idempotency_key: str | None = None,
    ) -> Call[Member]:
        """Add a member."""
        body = given(email=email, name=name, role=role)
        return post("/v1/members", one(Member), body=body, idempotency_key=idempotency_key)

    @listing
    def list(self, *, limit: int | None = None, after: str | None = None) -> Call[Part[Member]]:
        """Members, newest first. ``limit``: page size, 1 to 100."""
        return many("/v1/members", Member, limit=limit, after=after)

    @operation
    def disable(self, member_id: MemberRef) -> Call[Member]:
        """Take a member's access away; what they decided stays."""
        return post(f"/v1/members/{path_id(member_id, param='member_id')}/disable", one(Member))


class Agents(Resource[RunnerT]):
    """Machine identities."""

    @operation
    def create(
        self, *, handle: str, name: str | None = None, idempotency_key: str | None = None
    ) -> Call[Agent]:
        """Add an agent. ``handle`` works wherever an agent's id does."""
        body = given(handle=handle, name=name)
        return post("/v1/agents", one(Agent), body=body, idempotency_key=idempotency_key)

    @operation
    def get(self, agent_id: AgentRef) -> Call[Agent]:
        """One agent, by id or handle."""
        return get(_agent_path(agent_id), one(Agent))

    @listing
    def list(self, *, limit: int | None = None, after: str | None = None) -> Call[Part[Agent]]:
        """Agents, newest first. ``limit``: page size, 1 to 100."""
        return many("/v1/agents", Agent, limit=limit, after=after)

    @operation
    def freeze(self, agent_id: AgentRef) -> Call[Agent]:
        """Kill switch: stop every card of the agent."""
        return post(f"{_agent_path(agent_id)}/freeze", one(Agent))

    @operation
    def unfreeze(self, agent_id: AgentRef) -> Call[Agent]:
        """Undo the agent's freeze."""
        return post(f"{_agent_path(agent_id)}/unfreeze", one(Agent), repeat=Repeat.UNEXECUTED)


class Keys(Resource[RunnerT]):
    """API keys."""

    @operation
    def create(
        self,
        *,
        owner: Literal["member", "agent", "organization"],
        name: str,
        member_id: MemberRef | None = None,
        agent_id: AgentRef | None = None,
        scopes: Sequence[str] | None = None,
        expires_at: datetime | None = None,
    ) -> Call[ApiKey]:
        """Issue a key; the answer's ``secret`` is shown this once.

        Args:
            scopes: Fewer than the owner could have; all of those if left out.
            expires_at: With a timezone; never if left out.

        Not repeated when its answer got lost: that would leave a key whose secret nobody has.
        """
        body = given(
            owner=owner,
            name=name,
            member_id=optional_id(member_id, param="member_id"),
            agent_id=optional_id(agent_id, param="agent_id"),
            scopes=scopes,
            expires_at=None if expires_at is None else timestamp(expires_at, param="expires_at"),
        )
        return post("/v1/keys", one(ApiKey), body=body, repeat=Repeat.UNEXECUTED)

    @listing
    def list(self, *, limit: int | None = None, after: str | None = None) -> Call[Part[ApiKey]]:
        """Keys without their secrets, newest first. ``limit``: page size, 1 to 100."""
        return many("/v1/keys", ApiKey, limit=limit, after=after)

    @operation
    def revoke(self, key_id: str | ApiKey) -> Call[ApiKey]:
        """Make a key useless at once."""
        return post(f"/v1/keys/{path_id(key_id, param='key_id')}/revoke", one(ApiKey))


class Alerts(Resource[RunnerT]):
    """What a person should look at."""

    @listing
    def list(self, *, limit: int | None = None, after: str | None = None) -> Call[Part[Alert]]:
        """Alerts, newest first. ``limit``: page size, 1 to 100."""
        return many("/v1/alerts", Alert, limit=limit, after=after)


def _agent_path(agent: AgentRef) -> str:
    return f"/v1/agents/{path_id(agent, param='agent_id')}"
