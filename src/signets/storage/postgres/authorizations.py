"""What the authorization path reads and writes, set-wise: one statement a table and batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from signets.app.records import Card, DecisionRow, Intent, Transaction, WindowRow
from signets.core.authorization.facts import LiveAuthorization
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
    ) -> list[tuple[Card, str, datetime | None, datetime | None]]:
        """``(card, agent's handle, since when the agent is frozen, and the connection held)``."""
        cursor = await self._db.execute(
            f"SELECT {CARD.qualified}, agent.handle AS agent_handle,"
            " agent.frozen_at AS agent_frozen_at, issuer_connection.held_at AS held_at"
            " FROM card JOIN agent ON agent.org_id = card.org_id AND agent.id = card.agent_id"
            " JOIN issuer_connection ON issuer_connection.org_id = card.org_id"
            " AND issuer_connection.id = card.connection_id"
            " WHERE card.org_id = %s AND connection_id = %s AND issuer_token = ANY (%s)",
            (self._org, connection_id, list(tokens)),
        )
        found = []
        for row in await cursor.fetchall():
            handle, frozen = row.pop("agent_handle"), row.pop("agent_frozen_at")
            held = row.pop("held_at")
            found.append((CARD.read(row), handle, frozen, held))
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

    async def transactions(self, connection_id: str, tokens: Sequence[str]) -> list[Transaction]:
        """Those that a request id names."""
        cursor = await self._db.execute(
            TRANSACTION.select
            + "WHERE org_id = %s AND connection_id = %s AND issuer_token = ANY (%s)",
            (self._org, connection_id, list(tokens)),
        )
        return [TRANSACTION.read(row) for row in await cursor.fetchall()]

    async def live(self, card_ids: Sequence[str]) -> list[tuple[str, LiveAuthorization]]:
        """``(card, authorization)`` of all that still hold money. Plan: the partial index."""
        cursor = await self._db.execute(
            "SELECT card_id, issuer_token, vendor, held, currency, intent_id FROM transaction"
            " WHERE org_id = %s AND card_id = ANY (%s) AND held > 0",
            (self._org, list(card_ids)),
        )
        return [
            (
                row["card_id"],
                LiveAuthorization(
                    request_id=row["issuer_token"],
                    vendor=row["vendor"],
                    amount=row["held"],
                    currency=row["currency"],
                    intent_id=row["intent_id"],
                ),
            )
            for row in await cursor.fetchall()
        ]

    async def add_decisions(self, decisions: Sequence[DecisionRow]) -> None:
        if decisions:
            await self._db.execute(DECISION.insert_many, DECISION.many(self._org, decisions))

    # Arrays, not JSON: the planner takes an unknown array for ten rows and probes the index; it
    # takes a JSON set for a hundred and reads the whole table.

    async def update_intents(self, intents: Sequence[Intent]) -> None:
        """State, counts and sequence number of each intent that was charged."""
        if intents:
            await self._db.execute(
                "UPDATE intent SET state = new.state, charges = new.charges, used = new.used,"
                " evidence_seq = new.evidence_seq"
                " FROM unnest(%s::text[], %s::intent_state[], %s::integer[], %s::bigint[],"
                " %s::integer[]) AS new (id, state, charges, used, evidence_seq)"
                " WHERE intent.org_id = %s AND intent.id = new.id",
                (
                    [intent.id for intent in intents],
                    [intent.state.value for intent in intents],
                    [intent.charges for intent in intents],
                    [intent.used for intent in intents],
                    [intent.evidence_seq for intent in intents],
                    self._org,
                ),
            )

    async def update_cards(self, sequence: Mapping[str, int]) -> None:
        """The last evidence number of each card."""
        if sequence:
            await self._db.execute(
                "UPDATE card SET evidence_seq = new.evidence_seq"
                " FROM unnest(%s::text[], %s::integer[]) AS new (id, evidence_seq)"
                " WHERE card.org_id = %s AND card.id = new.id",
                (list(sequence), list(sequence.values()), self._org),
            )

    async def consume_windows(self, windows: Sequence[WindowRow]) -> None:
        """When each window whose ``single`` intent was used was consumed, and ends."""
        if windows:
            await self._db.execute(
                "UPDATE unlock_window SET consumed_at = new.consumed_at, ends_at = new.ends_at"
                " FROM unnest(%s::text[], %s::timestamptz[], %s::timestamptz[])"
                " AS new (id, consumed_at, ends_at)"
                " WHERE unlock_window.org_id = %s AND unlock_window.id = new.id",
                (
                    [window.id for window in windows],
                    [window.consumed_at for window in windows],
                    [window.ends_at for window in windows],
                    self._org,
                ),
            )
