"""The evidence log: entries, tree positions, nodes and checkpoints."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from signets.app.records import Checkpoint, EvidenceRow
from signets.core.evidence.merkle import Node
from signets.storage.postgres.rows import Table

ENTRY = Table("evidence_entry", EvidenceRow)
CHECKPOINT = Table("evidence_checkpoint", Checkpoint)


class Evidence:
    """Append-only; only the sequencer touches the tree."""

    def __init__(self, connection: AsyncConnection[DictRow], org_id: str) -> None:
        self._db = connection
        self._org = org_id

    async def next_card_seq(self, card_id: str, count: int = 1) -> int:
        """The first of ``count`` fresh sequence numbers of a card."""
        cursor = await self._db.execute(
            "UPDATE card SET evidence_seq = evidence_seq + %s WHERE org_id = %s AND id = %s"
            " RETURNING evidence_seq",
            (count, self._org, card_id),
        )
        row = await cursor.fetchone()
        assert row is not None  # noqa: S101 - callers hold the card's row
        return int(row["evidence_seq"]) - count + 1

    async def next_intent_seq(self, intent_id: str, count: int = 1) -> int:
        """The first of ``count`` fresh sequence numbers of an intent."""
        cursor = await self._db.execute(
            "UPDATE intent SET evidence_seq = evidence_seq + %s WHERE org_id = %s AND id = %s"
            " RETURNING evidence_seq",
            (count, self._org, intent_id),
        )
        row = await cursor.fetchone()
        assert row is not None  # noqa: S101 - callers hold the intent's row
        return int(row["evidence_seq"]) - count + 1

    async def append(self, entries: Sequence[EvidenceRow]) -> None:
        if entries:
            await self._db.execute(ENTRY.insert_many, ENTRY.many(self._org, entries))

    async def unsequenced(self, limit: int) -> list[tuple[int, EvidenceRow]]:
        """``(position, entry)`` of entries without a place in the tree, in commit order.

        Plan: the last leaf by primary key, then a range of (org_id, position).
        """
        cursor = await self._db.execute(
            f"SELECT {ENTRY.columns}, position FROM evidence_entry"
            " WHERE org_id = %(org)s AND position > coalesce((SELECT position FROM evidence_leaf"
            " WHERE org_id = %(org)s ORDER BY index DESC LIMIT 1), 0)"
            " ORDER BY position LIMIT %(limit)s",
            {"org": self._org, "limit": limit},
        )
        rows = await cursor.fetchall()
        return [(row.pop("position"), ENTRY.read(row)) for row in rows]

    async def of_intent(self, intent_id: str) -> list[tuple[int | None, EvidenceRow]]:
        """``(tree index, entry)`` of an intent in its own order; index None: not sequenced."""
        cursor = await self._db.execute(
            f"SELECT {ENTRY.qualified}, leaf.index AS leaf_index FROM evidence_entry"
            " LEFT JOIN evidence_leaf leaf ON leaf.org_id = evidence_entry.org_id"
            " AND leaf.entry_id = evidence_entry.id"
            " WHERE evidence_entry.org_id = %s AND evidence_entry.intent_id = %s"
            " ORDER BY intent_seq",
            (self._org, intent_id),
        )
        rows = await cursor.fetchall()
        return [(row.pop("leaf_index"), ENTRY.read(row)) for row in rows]

    async def log(self) -> list[EvidenceRow]:
        """Every entry that has a place in the tree, in its order."""
        cursor = await self._db.execute(
            f"SELECT {ENTRY.qualified} FROM evidence_leaf leaf JOIN evidence_entry"
            " ON evidence_entry.org_id = leaf.org_id AND evidence_entry.id = leaf.entry_id"
            " WHERE leaf.org_id = %s ORDER BY leaf.index",
            (self._org,),
        )
        return [ENTRY.read(row) for row in await cursor.fetchall()]

    async def page(
        self, *, card_id: str | None, intent_id: str | None, after: str | None, limit: int
    ) -> list[EvidenceRow]:
        cursor = await self._db.execute(
            ENTRY.select + "WHERE org_id = %(org)s"
            " AND (%(card)s::text IS NULL OR card_id = %(card)s)"
            " AND (%(intent)s::text IS NULL OR intent_id = %(intent)s)"
            " AND (%(after)s::text IS NULL OR id > %(after)s)"
            " ORDER BY id LIMIT %(limit)s",
            {
                "org": self._org,
                "card": card_id,
                "intent": intent_id,
                "after": after,
                "limit": limit,
            },
        )
        return [ENTRY.read(row) for row in await cursor.fetchall()]

    async def add_leaves(self, first: int, entries: Sequence[tuple[int, str]]) -> None:
        """Give ``(position, entry id)`` the tree indexes from ``first`` on."""
        await self._db.execute(
            "INSERT INTO evidence_leaf (org_id, index, entry_id, position)"
            " SELECT %s, %s + n - 1, entry_id, position"
            " FROM unnest(%s::text[], %s::bigint[]) WITH ORDINALITY"
            " AS given (entry_id, position, n)",
            (
                self._org,
                first,
                [entry_id for _, entry_id in entries],
                [position for position, _ in entries],
            ),
        )

    async def add_nodes(self, nodes: Sequence[Node]) -> None:
        await self._db.execute(
            "INSERT INTO evidence_node (org_id, level, index, hash)"
            " SELECT %s, * FROM unnest(%s::smallint[], %s::bigint[], %s::bytea[])",
            (
                self._org,
                [node.level for node in nodes],
                [node.index for node in nodes],
                [node.hash for node in nodes],
            ),
        )

    async def nodes(self, positions: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
        cursor = await self._db.execute(
            "SELECT level, index, hash FROM evidence_node JOIN"
            " unnest(%s::smallint[], %s::bigint[]) AS wanted (level, index) USING (level, index)"
            " WHERE org_id = %s",
            (
                [level for level, _ in positions],
                [index for _, index in positions],
                self._org,
            ),
        )
        return {(row["level"], row["index"]): row["hash"] for row in await cursor.fetchall()}

    async def checkpoint(self) -> Checkpoint | None:
        """The newest signed tree head."""
        cursor = await self._db.execute(
            CHECKPOINT.select + "WHERE org_id = %s ORDER BY size DESC LIMIT 1", (self._org,)
        )
        row = await cursor.fetchone()
        return CHECKPOINT.read(row) if row else None

    async def add_checkpoint(self, checkpoint: Checkpoint) -> None:
        await self._db.execute(CHECKPOINT.insert, CHECKPOINT.params(self._org, checkpoint))
