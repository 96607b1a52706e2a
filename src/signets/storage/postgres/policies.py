"""Versions of an organization's policy document."""

from __future__ import annotations

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from signets.app.records import PolicyVersion
from signets.storage.postgres.rows import Table

POLICY = Table("policy_version", PolicyVersion)


class Policies:
    """Stored documents; the highest version is in force."""

    def __init__(self, connection: AsyncConnection[DictRow], org_id: str) -> None:
        self._db = connection
        self._org = org_id

    async def current_version(self) -> int:
        """The version in force (0: none yet)."""
        cursor = await self._db.execute(
            "SELECT coalesce(max(version), 0) AS version FROM policy_version WHERE org_id = %s",
            (self._org,),
        )
        row = await cursor.fetchone()
        return int(row["version"]) if row else 0

    async def get(self, version: int) -> PolicyVersion | None:
        cursor = await self._db.execute(
            POLICY.select + "WHERE org_id = %s AND version = %s", (self._org, version)
        )
        row = await cursor.fetchone()
        return POLICY.read(row) if row else None

    async def add(self, version: PolicyVersion) -> None:
        await self._db.execute(POLICY.insert, POLICY.params(self._org, version))

    async def versions(self) -> list[PolicyVersion]:
        cursor = await self._db.execute(
            POLICY.select + "WHERE org_id = %s ORDER BY version DESC LIMIT 200", (self._org,)
        )
        return [POLICY.read(row) for row in await cursor.fetchall()]
