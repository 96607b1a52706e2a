"""Millions of stored authorizations as the product would have left them, loaded by COPY.

The product makes a little history itself (:mod:`bench.life`); this casts it again and again onto
the cards of a world, each time with ids, times and evidence numbers of its own, through the same
constraints and triggers. Every card gets its history before its open intent, spread evenly over
ninety days.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from bench import life
from bench.casting import HEADER, TRAILER, Cast, Mould, read_rows
from bench.life import AUTHORIZATIONS
from bench.policy import Role
from bench.world import Plastic, Shop, World
from signets.settings import Settings

Connection = psycopg.Connection[Any]
#: How far back it reaches, and how long before now it ends.
_SPAN, _ENDS = timedelta(days=90), timedelta(hours=30)
#: Authorizations written in one transaction.
_CHUNK = 10_000
#: Disk to leave alone, and what PostgreSQL's log may take beside the tables, bytes.
_SPARE = 4 << 30
_PER_CARD = "card_id = %(card)s"
_PER_TRANSACTION = "transaction_id IN (SELECT id FROM transaction WHERE card_id = %(card)s)"
#: What a card's history is, in an order that foreign keys allow, and in what order its rows came.
_TABLES = {
    "intent": (_PER_CARD, "id"),
    "unlock_window": (_PER_CARD, "id"),
    "transaction": (_PER_CARD, "id"),
    "decision": (_PER_CARD, "id"),
    "transaction_event": (_PER_TRANSACTION, "recorded_at"),
    "velocity_event": (_PER_CARD, "at"),
    "exposure": (_PER_CARD, "subject_id"),
    "posting": (_PER_CARD, "id, line"),
    "evidence_entry": (_PER_CARD, "position"),
    "merchant_settlement": (_PER_TRANSACTION, "at"),
}
#: Tables of an organization that hold no history of a card: who and what there is, and what is
#: made of the history anew.
_OTHERS = frozenset(
    {
        *("organization", "member", "agent", "api_key", "issuer_connection", "policy_version"),
        *("card", "merchant_sighting"),
        # Made of the rows by whoever reads them.
        *("subtotal_shape", "velocity_subtotal", "exposure_subtotal"),
    }
)


class HistoryTooLarge(RuntimeError):
    """The disk does not hold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What was loaded: authorizations, the time it took, and what it takes on disk."""

    authorizations: int
    seconds: float
    bytes: int


def load_history(
    settings: Settings,
    world: World,
    authorizations: int,
    seed: int,
    say: Callable[[str], None],
) -> Loaded:
    """Give the buying cards of ``world`` that many stored authorizations (rounded up).

    Raises:
        HistoryTooLarge: After a first part it shows that the disk will not do.
    """
    begun = time.monotonic()
    if settings.database_url is None:
        raise ValueError("the history needs the database's URL")
    mould = asyncio.run(life.live(settings, seed))
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        before = _size(connection)
        foundry = _Foundry(connection, mould, world, seed)
        total = -(-authorizations // AUTHORIZATIONS)
        done = 0
        # While the database takes one chunk in, the next one is cast.
        with ThreadPoolExecutor(1) as writer:
            chunks = foundry.chunks(total)
            chunk = next(chunks, None)
            while chunk is not None:
                writing = writer.submit(_write, connection, chunk)
                chunk = next(chunks, None)
                first, done = not done, done + writing.result()
                if first:
                    _check_disk(settings.data_dir, (_size(connection) - before) / done, total)
                rate = done * AUTHORIZATIONS / (time.monotonic() - begun)
                say(f"history: {done * AUTHORIZATIONS:,} of {authorizations:,}, {rate:,.0f}/s")
        foundry.finish()
        connection.commit()
        say("history: one purchase with every card")
        asyncio.run(life.buy_once(settings, world, seed))
        return Loaded(
            authorizations=done * AUTHORIZATIONS,
            seconds=time.monotonic() - begun,
            bytes=_size(connection) - before,
        )


class _Foundry:
    """Casts for one world."""

    def __init__(self, connection: Connection, made: life.Mould, world: World, seed: int) -> None:
        self._connection = connection
        self._world = world
        self._random = random.Random(f"history {seed}")
        self._mould_world = made.world
        self._columns = {table: _columns(connection, table) for table in _TABLES}
        _check_tables(connection, made.world.org_id)
        self._moulds: dict[Shop, tuple[Plastic, Mould]] = {}
        for card in made.world.cards[Role.BUYS]:
            self._moulds[card.shop] = card, self._mould(card, made.said)
        self._sequence: dict[str, int] = {}
        [(self._length,)] = connection.execute(
            "SELECT max(evidence_seq) FROM card WHERE org_id = %s", (made.world.org_id,)
        ).fetchall()
        [(self._begins, self._ends)] = connection.execute(
            "SELECT min(at), now() FROM evidence_entry WHERE org_id = %s AND card_id IS NOT NULL",
            (made.world.org_id,),
        ).fetchall()

    def _mould(self, card: Plastic, said: tuple[datetime, ...]) -> Mould:
        mould_world = self._mould_world
        times = set(said)
        rows = {}
        for table, (condition, order) in _TABLES.items():
            given = {"card": card.card_id}
            columns = [name for name, _ in self._columns[table]]
            listed = sql.SQL(", ").join(map(sql.Identifier, columns))
            query = sql.SQL("SELECT {} FROM {} WHERE {} ORDER BY {}").format(
                listed, sql.Identifier(table), sql.SQL(condition), sql.SQL(order)
            )
            moments = [name for name, kind in self._columns[table] if kind == "timestamptz"]
            for row in self._connection.execute(query, given).fetchall():
                named = dict(zip(columns, row, strict=True))
                times |= {named[one] for one in moments if named[one] is not None}
            with self._connection.cursor().copy(
                sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(query), given
            ) as copy:
                rows[table] = read_rows(b"".join(map(bytes, copy)), columns)
        known = (
            mould_world.org_id,
            mould_world.connection_id,
            card.card_id,
            card.token,
            card.agent_id,
            card.agent_handle,
        )
        mould = Mould(known=[one.encode() for one in known], times=sorted(times))
        for table, found in rows.items():
            mould.add(table, found)
        return mould

    def chunks(self, total: int) -> Iterator[dict[str, tuple[list[str], list[bytes]]]]:
        """Casts in the order of their times, all cards in turn; rows by table."""
        cards = self._world.cards[Role.BUYS]
        begins = self._ends - _ENDS - _SPAN
        chunk = self._empty()
        for number in range(total):
            begun = begins + _SPAN * (number / total)
            for table, rows in self._cast(cards[number % len(cards)], number, begun).items():
                chunk[table][1].append(rows)
            if (number + 1) % (_CHUNK // AUTHORIZATIONS) == 0:
                yield chunk
                chunk = self._empty()
        if any(rows for _, rows in chunk.values()):
            yield chunk

    def _empty(self) -> dict[str, tuple[list[str], list[bytes]]]:
        return {
            table: ([name for name, _ in columns], []) for table, columns in self._columns.items()
        }

    def _cast(self, card: Plastic, number: int, begun: datetime) -> dict[str, bytes]:
        model, mould = self._moulds[card.shop]
        world, old = self._world, self._mould_world
        pairs = (
            (old.org_id, world.org_id),
            (old.connection_id, world.connection_id),
            (model.card_id, card.card_id),
            (model.token, card.token),
            (model.agent_id, card.agent_id),
            (model.agent_handle, card.agent_handle),
        )
        sequence = self._sequence.get(card.card_id, 0)
        self._sequence[card.card_id] = sequence + self._length
        return mould.cast(
            Cast(
                known={one.encode(): other.encode() for one, other in pairs},
                later=timedelta(seconds=int((begun - self._begins).total_seconds())),
                begun=begun,
                number=number,
                sequence=sequence,
                new_uuid=lambda: str(
                    uuid.UUID(int=self._random.getrandbits(128), version=4)
                ).encode(),
            )
        )

    def finish(self) -> None:
        """What the history leaves on cards and in what was learned of merchants."""
        self._connection.execute(
            "UPDATE card SET evidence_seq = new.seq FROM unnest(%s::text[], %s::integer[])"
            " AS new (id, seq) WHERE card.org_id = %s AND card.id = new.id",
            (list(self._sequence), list(self._sequence.values()), self._world.org_id),
        )
        self._connection.execute(
            "INSERT INTO merchant_sighting SELECT %(org)s, sighting.vendor, kind, value,"
            " learned.settlements, learned.days, learned.last_day, mcc, country"
            " FROM merchant_sighting sighting JOIN ("
            "SELECT vendor, count(*) AS settlements, count(DISTINCT (at AT TIME ZONE 'UTC')::date)"
            " AS days, max((at AT TIME ZONE 'UTC')::date) AS last_day"
            " FROM merchant_settlement WHERE org_id = %(org)s GROUP BY vendor) learned"
            " USING (vendor) WHERE sighting.org_id = %(mould)s",
            {"org": self._world.org_id, "mould": self._mould_world.org_id},
        )
        self._connection.execute(
            "UPDATE organization SET merchants_version = known.merchants_version"
            " FROM organization known WHERE organization.org_id = %s AND known.org_id = %s",
            (self._world.org_id, self._mould_world.org_id),
        )


def _write(connection: Connection, chunk: dict[str, tuple[list[str], list[bytes]]]) -> int:
    """One transaction; how many casts that were."""
    for table, (columns, rows) in chunk.items():
        statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
            sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        with connection.cursor().copy(statement) as copy:
            copy.write(HEADER)
            for row in rows:
                copy.write(row)
            copy.write(TRAILER)
    connection.commit()
    return len(chunk["intent"][1])


def _columns(connection: Connection, table: str) -> list[tuple[str, str]]:
    """``(name, type)`` of what is given a value when a row is written."""
    return connection.execute(
        "SELECT attname, typname FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
        " AND attidentity = '' AND attgenerated = '' ORDER BY attnum",
        (table,),
    ).fetchall()


def _check_tables(connection: Connection, org_id: str) -> None:
    """The mould left nothing in a table that nobody has thought of.

    Raises:
        RuntimeError: Naming the table.
    """
    tables = connection.execute(
        "SELECT table_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_name = 'org_id'"
    ).fetchall()
    for (table,) in tables:
        if table in _TABLES or table in _OTHERS:
            continue
        query = sql.SQL("SELECT 1 FROM {} WHERE org_id = %s LIMIT 1").format(sql.Identifier(table))
        if connection.execute(query, (org_id,)).fetchone():
            raise RuntimeError(f"history leaves rows in `{table}`, which bench.history leaves out")


def _size(connection: Connection) -> int:
    [(size,)] = connection.execute("SELECT pg_database_size(current_database())").fetchall()
    return int(size)


def _check_disk(folder: Path, per_cast: float, total: int) -> None:
    needed, free = per_cast * total + _SPARE, shutil.disk_usage(folder).free
    if needed > free:
        raise HistoryTooLarge(
            f"{total * AUTHORIZATIONS:,} authorizations take about {needed / 2**30:.0f} GB and"
            f" {free / 2**30:.0f} GB are free: choose fewer (HISTORY=…)"
        )
