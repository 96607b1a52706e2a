"""What the authorization path reads and writes, set-wise: one statement a table and batch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from signets.app.records import Card, DecisionRow, Intent, Transaction, WindowRow
from signets.storage.postgres.cards import CARD, WINDOW
from signets.storage.postgres.intents import INTENT
from signets.storage.postgres.transactions import DECISION, TRANSACTION


class Authorizations:
    """Gathers for, and commits, a batch of decisions."""

    def __init__(self, connection: AsyncConnection[DictRow], org_id: str) -> None:
        self._db = connection
        self._org = org_id

    async def cards(
        self, connection_id: str, tokens: Sequence[str]
    ) -> list[tuple[Card, str, datetime | None]]:
        """``(card, agent's handle, when the agent was frozen)`` by the issuer's token."""
        cursor = await self._db.execute(
            f"SELECT {CARD.qualified}, agent.handle AS agent_handle,"
            " agent.frozen_at AS agent_frozen_at"
            " FROM card JOIN agent ON agent.org_id = card.org_id AND agent.id = card.agent_id"
            " WHERE card.org_id = %s AND connection_id = %s AND issuer_token = ANY (%s)",
            (self._org, connection_id, list(tokens)),
        )
        found = []
        for row in await cursor.fetchall():
            handle, frozen = row.pop("agent_handle"), row.pop("agent_frozen_at")
            found.append((CARD.read(row), handle, frozen))
        return found

    async def decisions(self, connection_id: str, request_ids: Sequence[str]) -> list[DecisionRow]:
        """Earlier answers under the same request ids, oldest first."""
        cursor = await self._db.execute(
            DECISION.select + "WHERE org_id = %s AND connection_id = %s AND request_id = ANY (%s)"
            " ORDER BY decided_at, id",
            (self._org, connection_id, list(request_ids)),
        )
        return [DECISION.read(row) for row in await cursor.fetchall()]

    async def open_windows(self, card_ids: Sequence[str]) -> list[WindowRow]:
        cursor = await self._db.execute(
            WINDOW.select + "WHERE org_id = %s AND card_id = ANY (%s) AND ended_at IS NULL",
            (self._org, list(card_ids)),
        )
        return [WINDOW.read(row) for row in await cursor.fetchall()]

    async def intents(self, intent_ids: Sequence[str]) -> list[Intent]:
        cursor = await self._db.execute(
            INTENT.select + "WHERE org_id = %s AND id = ANY (%s)", (self._org, list(intent_ids))
        )
        return [INTENT.read(row) for row in await cursor.fetchall()]

    async def transactions(
        self, connection_id: str, tokens: Sequence[str], card_ids: Sequence[str]
    ) -> list[Transaction]:
        """Those named by a request id, and all of the cards that still hold money."""
        cursor = await self._db.execute(
            TRANSACTION.select + "WHERE org_id = %(org)s AND connection_id = %(connection)s"
            " AND issuer_token = ANY (%(tokens)s)"
            " UNION ALL "
            + TRANSACTION.select
            + "WHERE org_id = %(org)s AND card_id = ANY (%(cards)s) AND held > 0"
            " AND NOT (connection_id = %(connection)s AND issuer_token = ANY (%(tokens)s))",
            {
                "org": self._org,
                "connection": connection_id,
                "tokens": list(tokens),
                "cards": list(card_ids),
            },
        )
        return [TRANSACTION.read(row) for row in await cursor.fetchall()]

    async def add_decisions(self, decisions: Sequence[DecisionRow]) -> None:
        if decisions:
            await self._db.execute(DECISION.insert_many, DECISION.many(self._org, decisions))

    async def update_intents(self, rows: Sequence[dict[str, Any]]) -> None:
        """``id, state, charges, used, evidence_seq`` of each intent that was charged."""
        await self._update(
            "UPDATE intent SET state = new.state, charges = new.charges, used = new.used,"
            " evidence_seq = new.evidence_seq"
            " FROM json_to_recordset(%(rows)s::json) AS new (id text, state intent_state,"
            " charges integer, used bigint, evidence_seq integer)"
            " WHERE intent.org_id = %(org)s AND intent.id = new.id",
            rows,
        )

    async def update_cards(self, rows: Sequence[dict[str, Any]]) -> None:
        """``id, evidence_seq`` of each card."""
        await self._update(
            "UPDATE card SET evidence_seq = new.evidence_seq"
            " FROM json_to_recordset(%(rows)s::json) AS new (id text, evidence_seq integer)"
            " WHERE card.org_id = %(org)s AND card.id = new.id",
            rows,
        )

    async def consume_windows(self, rows: Sequence[dict[str, Any]]) -> None:
        """``id, consumed_at, ends_at`` of each window whose ``single`` intent was used."""
        await self._update(
            "UPDATE unlock_window SET consumed_at = new.consumed_at, ends_at = new.ends_at"
            " FROM json_to_recordset(%(rows)s::json) AS new (id text,"
            " consumed_at timestamptz, ends_at timestamptz)"
            " WHERE unlock_window.org_id = %(org)s AND unlock_window.id = new.id",
            rows,
        )

    async def _update(self, sql: str, rows: Sequence[dict[str, Any]]) -> None:
        if rows:
            await self._db.execute(
                sql, {"org": self._org, "rows": msgspec.json.encode(rows).decode()}
            )
