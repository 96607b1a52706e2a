"""Transactions, their events, the inbox of raw issuer events, and stored decisions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from signets.app.records import DecisionRow, DecisionState, InboxOutcome, InboxRow, Transaction
from signets.core.settlement.model import LifecycleEvent
from signets.storage.postgres.rows import Table

TRANSACTION = Table("transaction", Transaction)
DECISION = Table("decision", DecisionRow)
INBOX = Table("issuer_inbox", InboxRow)

#: What may change on a transaction after its first row: everything the fold and verdict say.
_MUTABLE = [
    "intent_id",
    "kind",
    "status",
    "authorized",
    "held",
    "unconfirmed",
    "reversed",
    "cleared",
    "refunded",
    "disputed",
    "recovered",
    "provisional",
    "fees",
    "intent_use",
    "merchant_amount",
    "merchant_currency",
    "descriptor",
    "merchant",
    "match",
    "vendor",
    "decided_by",
    "reason",
    "verdict",
    "flags",
    "notes",
    "explanation",
    "totals",
    "updated_at",
]
#: Follows an insert of transactions: bring those up to date that are there already.
PUT_TRANSACTIONS = "ON CONFLICT (org_id, id) DO UPDATE SET " + ", ".join(
    f"{column} = excluded.{column}" for column in _MUTABLE
)


class Transactions:
    """What happened at the issuer, as we know it."""

    def __init__(self, connection: AsyncConnection[DictRow], org_id: str) -> None:
        self._db = connection
        self._org = org_id

    async def put(self, transactions: Sequence[Transaction]) -> None:
        """Insert, or bring up to date."""
        if transactions:
            await self._db.execute(
                f"{TRANSACTION.insert_many} {PUT_TRANSACTIONS}",
                TRANSACTION.many(self._org, transactions),
            )

    async def get(self, transaction_id: str) -> Transaction | None:
        cursor = await self._db.execute(
            TRANSACTION.select + "WHERE org_id = %s AND id = %s", (self._org, transaction_id)
        )
        row = await cursor.fetchone()
        return TRANSACTION.read(row) if row else None

    async def by_token(self, connection_id: str, issuer_token: str) -> Transaction | None:
        cursor = await self._db.execute(
            TRANSACTION.select + "WHERE org_id = %s AND connection_id = %s AND issuer_token = %s",
            (self._org, connection_id, issuer_token),
        )
        row = await cursor.fetchone()
        return TRANSACTION.read(row) if row else None

    async def of_intent(self, intent_id: str) -> list[Transaction]:
        cursor = await self._db.execute(
            TRANSACTION.select + "WHERE org_id = %s AND intent_id = %s ORDER BY id",
            (self._org, intent_id),
        )
        return [TRANSACTION.read(row) for row in await cursor.fetchall()]

    async def page(
        self,
        *,
        agent_id: str | None,
        card_id: str | None = None,
        intent_id: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> list[Transaction]:
        """Newest first; ``after`` is the last id of the page before."""
        cursor = await self._db.execute(
            TRANSACTION.select + "WHERE org_id = %(org)s"
            " AND (%(agent)s::text IS NULL OR agent_id = %(agent)s)"
            " AND (%(card)s::text IS NULL OR card_id = %(card)s)"
            " AND (%(intent)s::text IS NULL OR intent_id = %(intent)s)"
            " AND (%(after)s::text IS NULL OR id < %(after)s)"
            " ORDER BY id DESC LIMIT %(limit)s",
            {
                "org": self._org,
                "agent": agent_id,
                "card": card_id,
                "intent": intent_id,
                "after": after,
                "limit": limit,
            },
        )
        return [TRANSACTION.read(row) for row in await cursor.fetchall()]

    async def unconfirmed_before(self, before: datetime, limit: int) -> list[Transaction]:
        """Holds that we made and that no issuer event has named in time."""
        cursor = await self._db.execute(
            TRANSACTION.select
            + "WHERE org_id = %s AND unconfirmed > 0 AND created_at < %s ORDER BY id LIMIT %s",
            (self._org, before, limit),
        )
        return [TRANSACTION.read(row) for row in await cursor.fetchall()]

    async def add_events(
        self, transaction_id: str, events: Sequence[LifecycleEvent], at: datetime
    ) -> None:
        """Keep events that are new; a token that is known is left as it is."""
        for event in events:
            await self._db.execute(
                "INSERT INTO transaction_event (org_id, transaction_id, token, event, recorded_at)"
                " VALUES (%s, %s, %s, %s::jsonb, %s)"
                " ON CONFLICT (org_id, transaction_id, token) DO UPDATE SET event = excluded.event",
                (
                    self._org,
                    transaction_id,
                    event.token,
                    msgspec.json.encode(event).decode(),
                    at,
                ),
            )

    async def events(self, transaction_id: str) -> list[LifecycleEvent]:
        cursor = await self._db.execute(
            "SELECT event FROM transaction_event WHERE org_id = %s AND transaction_id = %s",
            (self._org, transaction_id),
        )
        return [
            msgspec.convert(row["event"], type=LifecycleEvent) for row in await cursor.fetchall()
        ]

    async def decisions_of(self, connection_id: str, request_id: str) -> list[DecisionRow]:
        """All our answers to one issuer request, in the order in which we gave them."""
        cursor = await self._db.execute(
            DECISION.select + "WHERE org_id = %s AND connection_id = %s AND request_id = %s"
            " ORDER BY decided_at, id",
            (self._org, connection_id, request_id),
        )
        return [DECISION.read(row) for row in await cursor.fetchall()]

    async def decision(self, decision_id: str) -> DecisionRow | None:
        cursor = await self._db.execute(
            DECISION.select + "WHERE org_id = %s AND id = %s", (self._org, decision_id)
        )
        row = await cursor.fetchone()
        return DECISION.read(row) if row else None

    async def decisions_page(self, *, after: str | None, limit: int) -> list[DecisionRow]:
        """Newest first; ``after`` is the last id of the page before."""
        cursor = await self._db.execute(
            DECISION.select
            + "WHERE org_id = %(org)s AND (%(after)s::text IS NULL OR id < %(after)s)"
            " ORDER BY id DESC LIMIT %(limit)s",
            {"org": self._org, "after": after, "limit": limit},
        )
        return [DECISION.read(row) for row in await cursor.fetchall()]

    async def set_decision_state(self, decision_ids: Sequence[str], state: DecisionState) -> None:
        await self._db.execute(
            "UPDATE decision SET state = %s WHERE org_id = %s AND id = ANY (%s)",
            (state, self._org, list(decision_ids)),
        )

    async def receive(self, row: InboxRow) -> bool:
        """Store a raw event; False where it is known already (the issuer sends twice)."""
        cursor = await self._db.execute(
            INBOX.insert + " ON CONFLICT (org_id, connection_id, event_id) DO NOTHING",
            INBOX.params(self._org, row),
        )
        return cursor.rowcount == 1

    async def inbox_waiting(self, now: datetime, limit: int) -> list[InboxRow]:
        """Events to be folded now, oldest first; one that failed waits a while."""
        cursor = await self._db.execute(
            INBOX.select + "WHERE org_id = %s AND processed_at IS NULL"
            " AND (next_attempt_at IS NULL OR next_attempt_at <= %s) ORDER BY received_at LIMIT %s",
            (self._org, now, limit),
        )
        return [INBOX.read(row) for row in await cursor.fetchall()]

    async def inbox_done(
        self, inbox_id: str, at: datetime, outcome: InboxOutcome, problem: str | None = None
    ) -> None:
        await self._db.execute(
            "UPDATE issuer_inbox SET processed_at = %s, outcome = %s, problem = %s"
            " WHERE org_id = %s AND id = %s",
            (at, outcome, problem, self._org, inbox_id),
        )

    async def erase_bodies(self, before: datetime) -> int:
        """Raw bodies are kept for a while only; their digest stays.

        One that nobody could read or fold yet is kept: it is all there is of that event.
        """
        cursor = await self._db.execute(
            "UPDATE issuer_inbox SET body_sealed = NULL WHERE org_id = %s AND received_at < %s"
            " AND body_sealed IS NOT NULL AND outcome IN ('folded', 'unknown_kind')",
            (self._org, before),
        )
        return cursor.rowcount

    async def summary(self) -> dict[str, Any]:
        """Counts for people and tests."""
        cursor = await self._db.execute(
            "SELECT count(*) AS decisions, count(*) FILTER (WHERE approved) AS approved"
            " FROM decision WHERE org_id = %s",
            (self._org,),
        )
        return dict(await cursor.fetchone() or {})
