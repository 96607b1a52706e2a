"""Issuer connections as they are set up and watched, their events for people, and disputes."""

from __future__ import annotations

from datetime import datetime

from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from signets.app.records import Connection, Dispute, InboxOutcome, InboxRow, JsonObject
from signets.core.settlement.dispute import DisputeState
from signets.storage.postgres.identity import CONNECTION
from signets.storage.postgres.rows import Table
from signets.storage.postgres.transactions import INBOX

DISPUTE = Table("dispute", Dispute)

#: What connecting again may change; the rest is the watcher's.
_SET_UP = (
    "base_url",
    "api_key_sealed",
    "options_sealed",
    "secrets_sealed",
    "public_url",
    "enrolled_at",
)


class Issuers:
    """What one organization keeps about its issuers."""

    def __init__(self, connection: AsyncConnection[DictRow], org_id: str) -> None:
        self._db = connection
        self._org = org_id

    async def save_connection(self, connection: Connection) -> None:
        """Add it, or bring its set-up up to date."""
        changed = ", ".join(f"{column} = excluded.{column}" for column in _SET_UP)
        await self._db.execute(
            CONNECTION.insert + f" ON CONFLICT (org_id, id) DO UPDATE SET {changed}",
            CONNECTION.params(self._org, connection),
        )

    async def set_secrets(self, connection_id: str, secrets_sealed: bytes) -> None:
        await self._db.execute(
            "UPDATE issuer_connection SET secrets_sealed = %s WHERE org_id = %s AND id = %s",
            (secrets_sealed, self._org, connection_id),
        )

    async def set_checked(
        self, connection_id: str, at: datetime, findings: list[JsonObject]
    ) -> None:
        await self._db.execute(
            "UPDATE issuer_connection SET checked_at = %s, findings = %s"
            " WHERE org_id = %s AND id = %s",
            (at, Jsonb(findings), self._org, connection_id),
        )

    async def hold(self, connection_id: str, at: datetime | None, because: str | None) -> None:
        """Hold the connection, or (both ``None``) let it go."""
        await self._db.execute(
            "UPDATE issuer_connection SET held_at = %s, held_because = %s"
            " WHERE org_id = %s AND id = %s",
            (at, because, self._org, connection_id),
        )

    async def set_pulled(
        self, connection_id: str, until: datetime, deep_at: datetime | None
    ) -> None:
        """Missed events were looked for up to ``until``; ``deep_at`` where it was a long look."""
        await self._db.execute(
            "UPDATE issuer_connection SET pulled_until = %s,"
            " pulled_deep_at = coalesce(%s, pulled_deep_at) WHERE org_id = %s AND id = %s",
            (until, deep_at, self._org, connection_id),
        )

    async def cards_open_at(self, connection_id: str) -> list[str]:
        """Cards of the connection that the issuer has open."""
        cursor = await self._db.execute(
            "SELECT id FROM card WHERE org_id = %s AND connection_id = %s"
            " AND issuer_state = 'open' ORDER BY id",
            (self._org, connection_id),
        )
        return [row["id"] for row in await cursor.fetchall()]

    async def events(
        self, *, outcome: InboxOutcome | None, waiting: bool, after: str | None, limit: int
    ) -> list[InboxRow]:
        """Received events, newest first; of one outcome, or those that still wait."""
        cursor = await self._db.execute(
            INBOX.select + "WHERE org_id = %(org)s"
            " AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s)"
            " AND (NOT %(waiting)s OR processed_at IS NULL)"
            " AND (%(after)s::text IS NULL OR id < %(after)s) ORDER BY id DESC LIMIT %(limit)s",
            {
                "org": self._org,
                "outcome": outcome,
                "waiting": waiting,
                "after": after,
                "limit": limit,
            },
        )
        return [INBOX.read(row) for row in await cursor.fetchall()]

    async def event(self, inbox_id: str) -> InboxRow | None:
        cursor = await self._db.execute(
            INBOX.select + "WHERE org_id = %s AND id = %s", (self._org, inbox_id)
        )
        row = await cursor.fetchone()
        return INBOX.read(row) if row else None

    async def retry_event(self, inbox_id: str) -> None:
        """Let a processed event wait again, as if it had just come."""
        await self._db.execute(
            "UPDATE issuer_inbox SET processed_at = NULL, outcome = NULL, problem = NULL,"
            " attempts = 0, next_attempt_at = NULL WHERE org_id = %s AND id = %s",
            (self._org, inbox_id),
        )

    async def event_failed(self, inbox_id: str, attempts: int, retry_at: datetime) -> None:
        """It stays waiting, and is tried again later."""
        await self._db.execute(
            "UPDATE issuer_inbox SET attempts = %s, next_attempt_at = %s"
            " WHERE org_id = %s AND id = %s",
            (attempts, retry_at, self._org, inbox_id),
        )

    async def event_counts(self) -> dict[str, dict[str, int]]:
        """How many events of each connection waited, or came to what."""
        cursor = await self._db.execute(
            "SELECT connection_id, coalesce(outcome, 'waiting') AS outcome, count(*) AS n"
            " FROM issuer_inbox WHERE org_id = %s GROUP BY 1, 2",
            (self._org,),
        )
        found: dict[str, dict[str, int]] = {}
        for row in await cursor.fetchall():
            found.setdefault(row["connection_id"], {})[row["outcome"]] = row["n"]
        return found

    async def add_dispute(self, dispute: Dispute) -> None:
        await self._db.execute(DISPUTE.insert, DISPUTE.params(self._org, dispute))

    async def dispute(self, dispute_id: str) -> Dispute | None:
        cursor = await self._db.execute(
            DISPUTE.select + "WHERE org_id = %s AND id = %s", (self._org, dispute_id)
        )
        row = await cursor.fetchone()
        return DISPUTE.read(row) if row else None

    async def dispute_by_token(self, connection_id: str, issuer_token: str) -> Dispute | None:
        cursor = await self._db.execute(
            DISPUTE.select + "WHERE org_id = %s AND connection_id = %s AND issuer_token = %s",
            (self._org, connection_id, issuer_token),
        )
        row = await cursor.fetchone()
        return DISPUTE.read(row) if row else None

    async def disputes(
        self, *, transaction_id: str | None, after: str | None, limit: int
    ) -> list[Dispute]:
        """Newest first; ``after`` is the last id of the page before."""
        cursor = await self._db.execute(
            DISPUTE.select + "WHERE org_id = %(org)s"
            " AND (%(transaction)s::text IS NULL OR transaction_id = %(transaction)s)"
            " AND (%(after)s::text IS NULL OR id < %(after)s) ORDER BY id DESC LIMIT %(limit)s",
            {"org": self._org, "transaction": transaction_id, "after": after, "limit": limit},
        )
        return [DISPUTE.read(row) for row in await cursor.fetchall()]

    async def disputes_in(self, state: DisputeState, limit: int) -> list[Dispute]:
        """Of one state, oldest first."""
        cursor = await self._db.execute(
            DISPUTE.select + "WHERE org_id = %s AND state = %s ORDER BY id LIMIT %s",
            (self._org, state, limit),
        )
        return [DISPUTE.read(row) for row in await cursor.fetchall()]

    async def update_dispute(self, dispute: Dispute) -> None:
        """Its state and what came with it."""
        await self._db.execute(
            "UPDATE dispute SET state = %(state)s, issuer_token = %(issuer_token)s,"
            " recovered = %(recovered)s, problem = %(problem)s,"
            " submitted_at = %(submitted_at)s, ended_at = %(ended_at)s"
            " WHERE org_id = %(org_id)s AND id = %(id)s",
            DISPUTE.params(self._org, dispute),
        )
