"""Answers about who may do what."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from signets.app.records import Agent, Alert, ApiKey, KeyOwner, Member, Organization
from signets.core.access import Scope
from signets.core.approval import Role
from signets.http.outputs.base import Identified, JsonObject, Time


class OrganizationOut(Identified):
    """The tenant."""

    object: Literal["organization"] = "organization"
    name: str
    currency: str
    frozen: bool
    created_at: Time

    @classmethod
    def of(cls, row: Organization) -> OrganizationOut:
        """From the record."""
        return cls(
            id=row.org_id,
            name=row.name,
            currency=row.currency,
            frozen=row.frozen_at is not None,
            created_at=row.created_at,
        )


class MemberOut(Identified):
    """A human."""

    object: Literal["member"] = "member"
    email: str
    name: str
    role: Role
    disabled: bool
    created_at: Time

    @classmethod
    def of(cls, row: Member) -> MemberOut:
        """From the record."""
        return cls(
            id=row.id,
            email=row.email,
            name=row.name,
            role=row.role,
            disabled=row.disabled_at is not None,
            created_at=row.created_at,
        )


class AgentOut(Identified):
    """A machine identity."""

    object: Literal["agent"] = "agent"
    handle: str
    name: str
    frozen: bool
    created_at: Time

    @classmethod
    def of(cls, row: Agent) -> AgentOut:
        """From the record."""
        return cls(
            id=row.id,
            handle=row.handle,
            name=row.name,
            frozen=row.frozen_at is not None,
            created_at=row.created_at,
        )


class KeyOut(Identified):
    """An API key without its secret."""

    object: Literal["key"] = "key"
    owner: KeyOwner
    member_id: str | None
    agent_id: str | None
    name: str
    scopes: list[Scope]
    created_at: Time
    expires_at: Time | None
    revoked_at: Time | None
    last_used_at: Time | None

    @classmethod
    def of(cls, row: ApiKey) -> KeyOut:
        """From the record."""
        return cls(**_key(row))


class NewKeyOut(KeyOut):
    """A key just made."""

    secret: str = Field(description="The bearer token. Shown this once, stored nowhere.")

    @classmethod
    def made(cls, row: ApiKey, secret: str) -> NewKeyOut:
        """From the record and the token."""
        return cls(**_key(row), secret=secret)


def _key(row: ApiKey) -> JsonObject:
    return {
        "id": row.id,
        "owner": row.owner,
        "member_id": row.member_id,
        "agent_id": row.agent_id,
        "name": row.name,
        "scopes": [Scope(scope) for scope in row.scopes],
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "revoked_at": row.revoked_at,
        "last_used_at": row.last_used_at,
    }


class AlertOut(Identified):
    """Something a person should look at."""

    object: Literal["alert"] = "alert"
    kind: str
    subject_id: str
    message: str
    at: Time

    @classmethod
    def of(cls, row: Alert) -> AlertOut:
        """From the record."""
        return cls(
            id=row.id, kind=row.kind, subject_id=row.subject_id, message=row.message, at=row.at
        )
