"""Members, agents, API keys and issuer connections."""

from __future__ import annotations

from datetime import datetime

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from signets.app.records import Agent, ApiKey, Connection, Member, Organization
from signets.storage.postgres.rows import Table

ORGANIZATION = Table("organization", Organization)
MEMBER = Table("member", Member)
AGENT = Table("agent", Agent)
API_KEY = Table("api_key", ApiKey)
CONNECTION = Table("issuer_connection", Connection)

_PAGE = (
    "WHERE org_id = %(org)s AND (%(after)s::text IS NULL OR id > %(after)s)"
    " ORDER BY id LIMIT %(limit)s"
)


class Identity:
    """Who may do what in one organization."""

    def __init__(self, connection: AsyncConnection[DictRow], org_id: str) -> None:
        self._db = connection
        self._org = org_id

    def _page(self, after: str | None, limit: int | None) -> dict[str, str | int | None]:
        return {"org": self._org, "after": after, "limit": limit}

    async def freeze_organization(self, at: datetime | None) -> None:
        """Set or lift (``None``) the organization's kill switch."""
        await self._db.execute(
            "UPDATE organization SET frozen_at = %s WHERE org_id = %s", (at, self._org)
        )

    async def add_member(self, member: Member) -> None:
        await self._db.execute(MEMBER.insert, MEMBER.params(self._org, member))

    async def member(self, member_id: str) -> Member | None:
        cursor = await self._db.execute(
            MEMBER.select + "WHERE org_id = %s AND id = %s", (self._org, member_id)
        )
        row = await cursor.fetchone()
        return MEMBER.read(row) if row else None

    async def member_by_email(self, email: str) -> Member | None:
        cursor = await self._db.execute(
            MEMBER.select
            + "WHERE org_id = %s AND lower(email) = lower(%s) AND disabled_at IS NULL",
            (self._org, email),
        )
        row = await cursor.fetchone()
        return MEMBER.read(row) if row else None

    async def members(self, *, after: str | None = None, limit: int | None = None) -> list[Member]:
        """Oldest first; ``after`` is the last id of the page before, no limit means all."""
        cursor = await self._db.execute(MEMBER.select + _PAGE, self._page(after, limit))
        return [MEMBER.read(row) for row in await cursor.fetchall()]

    async def disable_member(self, member_id: str, at: datetime) -> None:
        """A disabled member's keys stop working with it."""
        await self._db.execute(
            "UPDATE member SET disabled_at = %s WHERE org_id = %s AND id = %s",
            (at, self._org, member_id),
        )

    async def add_agent(self, agent: Agent) -> None:
        await self._db.execute(AGENT.insert, AGENT.params(self._org, agent))

    async def agent(self, id_or_handle: str) -> Agent | None:
        cursor = await self._db.execute(
            AGENT.select + "WHERE org_id = %s AND (id = %s OR handle = %s)",
            (self._org, id_or_handle, id_or_handle),
        )
        row = await cursor.fetchone()
        return AGENT.read(row) if row else None

    async def agents(self, *, after: str | None = None, limit: int | None = None) -> list[Agent]:
        """Oldest first; ``after`` is the last id of the page before, no limit means all."""
        cursor = await self._db.execute(AGENT.select + _PAGE, self._page(after, limit))
        return [AGENT.read(row) for row in await cursor.fetchall()]

    async def freeze_agent(self, agent_id: str, at: datetime | None) -> None:
        await self._db.execute(
            "UPDATE agent SET frozen_at = %s WHERE org_id = %s AND id = %s",
            (at, self._org, agent_id),
        )

    async def add_key(self, key: ApiKey) -> None:
        await self._db.execute(API_KEY.insert, API_KEY.params(self._org, key))

    async def key(self, key_id: str) -> ApiKey | None:
        cursor = await self._db.execute(
            API_KEY.select + "WHERE org_id = %s AND id = %s", (self._org, key_id)
        )
        row = await cursor.fetchone()
        return API_KEY.read(row) if row else None

    async def keys(self, *, after: str | None = None, limit: int | None = None) -> list[ApiKey]:
        """Oldest first; ``after`` is the last id of the page before, no limit means all."""
        cursor = await self._db.execute(API_KEY.select + _PAGE, self._page(after, limit))
        return [API_KEY.read(row) for row in await cursor.fetchall()]

    async def revoke_key(self, key_id: str, at: datetime) -> None:
        await self._db.execute(
            "UPDATE api_key SET revoked_at = %s"
            " WHERE org_id = %s AND id = %s AND revoked_at IS NULL",
            (at, self._org, key_id),
        )

    async def touch_key(self, key_id: str, at: datetime) -> None:
        """Record the last use, at most once a minute, so that reads stay cheap."""
        await self._db.execute(
            "UPDATE api_key SET last_used_at = %(at)s WHERE org_id = %(org)s AND id = %(id)s"
            " AND (last_used_at IS NULL OR last_used_at < %(at)s - interval '1 minute')",
            {"at": at, "org": self._org, "id": key_id},
        )

    async def connection(self, connection_id: str) -> Connection | None:
        cursor = await self._db.execute(
            CONNECTION.select + "WHERE org_id = %s AND id = %s", (self._org, connection_id)
        )
        row = await cursor.fetchone()
        return CONNECTION.read(row) if row else None

    async def connections(self) -> list[Connection]:
        cursor = await self._db.execute(
            CONNECTION.select + "WHERE org_id = %s ORDER BY id", (self._org,)
        )
        return [CONNECTION.read(row) for row in await cursor.fetchall()]
