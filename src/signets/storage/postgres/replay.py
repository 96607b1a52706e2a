"""Stored decisions, for the audit that decides them again."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from signets.app.records import DecisionRow
from signets.storage.postgres.transactions import DECISION


class ReplayRecords:
    """Reads only."""

    def __init__(self, connection: AsyncConnection[DictRow], org_id: str) -> None:
        self._db = connection
        self._org = org_id

    async def page(
        self, *, card_id: str | None, after: str | None, limit: int
    ) -> list[tuple[DecisionRow, str | None]]:
        """Decisions of one card or all, newest first, each with the category it counted under.

        ``after`` is the last id of the page before. The vendor's category is the directory's of
        that time, as the decision's velocity event keeps it: time and id are that table's key, so
        each is one probe. A card's decisions are those on its transactions, also one probe each.
        """
        whose = (
            " AND (decision.connection_id, decision.request_id) IN ("
            "SELECT connection_id, issuer_token FROM transaction"
            " WHERE org_id = %(org)s AND card_id = %(card)s)"
        )
        cursor = await self._db.execute(
            f"SELECT {DECISION.qualified}, v.category FROM decision"
            " LEFT JOIN velocity_event v ON v.org_id = decision.org_id"
            " AND v.at = decision.decided_at AND v.id = decision.id"
            f" WHERE decision.org_id = %(org)s{whose if card_id else ''}"
            " AND (%(after)s::text IS NULL OR decision.id < %(after)s)"
            " ORDER BY decision.id DESC LIMIT %(limit)s",
            {"org": self._org, "card": card_id, "after": after, "limit": limit},
        )
        return [(DECISION.read(row), row["category"]) for row in await cursor.fetchall()]

    async def workflows(self, intent_ids: Sequence[str]) -> dict[str, str | None]:
        """The workflow of each intent that there is."""
        cursor = await self._db.execute(
            "SELECT id, workflow FROM intent WHERE org_id = %s AND id = ANY(%s)",
            (self._org, list(intent_ids)),
        )
        return {row["id"]: row["workflow"] for row in await cursor.fetchall()}
