"""Idempotency keys and alerts."""

from __future__ import annotations

from datetime import datetime, timedelta

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from signets.app.records import Alert
from signets.storage.postgres.rows import Table

ALERT = Table("alert", Alert)


class Housekeeping:
    """What is not the product's story but needs a place."""

    def __init__(self, connection: AsyncConnection[DictRow], org_id: str) -> None:
        self._db = connection
        self._org = org_id

    async def remembered(
        self, principal: str, key: str, now: datetime
    ) -> tuple[bytes, str, datetime] | None:
        """``(body_sha256, result_id, created_at)`` of this key's request in the last 24 hours."""
        cursor = await self._db.execute(
            "SELECT body_sha256, result_id, created_at FROM idempotency"
            " WHERE org_id = %s AND principal = %s AND key = %s AND created_at > %s",
            (self._org, principal, key, now - timedelta(hours=24)),
        )
        row = await cursor.fetchone()
        return (row["body_sha256"], row["result_id"], row["created_at"]) if row else None

    async def remember(
        self, principal: str, key: str, body_sha256: bytes, result_id: str, now: datetime
    ) -> None:
        """Keep the result of a request; an entry older than 24 hours gives way."""
        await self._db.execute(
            "INSERT INTO idempotency (org_id, principal, key, body_sha256, result_id, created_at)"
            " VALUES (%s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (org_id, principal, key) DO UPDATE SET"
            " body_sha256 = excluded.body_sha256, result_id = excluded.result_id,"
            " created_at = excluded.created_at",
            (self._org, principal, key, body_sha256, result_id, now),
        )

    async def add_alert(self, alert: Alert) -> None:
        await self._db.execute(ALERT.insert, ALERT.params(self._org, alert))

    async def alerts(self, *, after: str | None, limit: int) -> list[Alert]:
        cursor = await self._db.execute(
            ALERT.select + "WHERE org_id = %(org)s AND (%(after)s::text IS NULL OR id < %(after)s)"
            " ORDER BY id DESC LIMIT %(limit)s",
            {"org": self._org, "after": after, "limit": limit},
        )
        return [ALERT.read(row) for row in await cursor.fetchall()]
