"""Ledger postings, exposures and velocity events: what the money rules count."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from signets.app.ledger_store import Declined, Sum, Used
from signets.app.records import ExposureRow, PostingRow, VelocityRow
from signets.core.policy.model import Match, Measure
from signets.core.velocity import Exposure, Usage
from signets.storage.postgres.named import named
from signets.storage.postgres.rows import Table
from signets.storage.postgres.subtotals import Subtotals, SumQuery, sum_both_ways
from signets.storage.postgres.sum_shapes import EXPOSURE as EXPOSURE_SUMS
from signets.storage.postgres.sum_shapes import VELOCITY as VELOCITY_SUMS
from signets.storage.postgres.sum_shapes import Key, Shape

T = TypeVar("T")

POSTING = Table("posting", PostingRow)
EXPOSURE = Table("exposure", ExposureRow)
VELOCITY = Table("velocity_event", VelocityRow)

#: Follows an insert of exposures: bring those up to date that are there already.
PUT_EXPOSURES = (
    "ON CONFLICT (org_id, subject_id) DO UPDATE SET reserved = excluded.reserved,"
    " held = excluded.held, cleared = excluded.cleared, refunded = excluded.refunded"
)
ANYTHING = Match()
_TICK = timedelta(microseconds=1)


@lru_cache(maxsize=1024)
def _exposed(shape: Shape) -> SumQuery:
    """What stands at each key, from subtotals and rows."""
    of_row = f"reserved, held, cleared, refunded, currency, {shape.counted} AS counted"
    totals = ", ".join(
        f"coalesce(sum({name}) FILTER (WHERE counted AND currency = %(currency)s), 0)::bigint"
        f" AS {name}"
        for name in ("reserved", "held", "cleared", "refunded")
    )
    return sum_both_ways(shape, totals, of_row, "reserved, held, cleared, refunded, currency, true")


@lru_cache(maxsize=1024)
def _used(shape: Shape, measure: Measure) -> SumQuery:
    """What counts in a window at each key, from subtotals and rows."""
    attempts = measure is Measure.ATTEMPTS
    counted = shape.counted if attempts else f"(row.approved AND {shape.counted})"
    of_row = (
        "counts::bigint AS counts, amount, CASE WHEN counts = 1 THEN at END AS oldest, at AS first,"
        f" currency, capped_by, {counted} AS counted"
    )
    of_subtotal = (
        "approved_counts, approved_amount, approved_oldest, from_at, currency, capped_by, true"
    )
    if attempts:
        of_subtotal = (
            "approved_counts + declined_counts, approved_amount + declined_amount,"
            " least(approved_oldest, declined_oldest), from_at, currency, capped_by, true"
        )
    counts = "counted AND NOT %(cap)s = ANY (capped_by)"
    return sum_both_ways(
        shape,
        f"coalesce(sum(counts) FILTER (WHERE {counts}), 0)::bigint AS count,"
        f" coalesce(sum(amount) FILTER (WHERE {counts} AND currency = %(currency)s), 0)::bigint"
        f" AS amount, min(oldest) FILTER (WHERE {counts}) AS oldest,"
        f" min(first) FILTER (WHERE {counts}) AS first",
        of_row,
        of_subtotal,
    )


#: Declines of a card at a vendor. Plan: the card's range of declined events.
_DECLINES = (
    "SELECT found.* FROM unnest(%(cards)s::text[], %(vendors)s::text[], %(sinces)s::timestamptz[])"
    " WITH ORDINALITY AS wanted (card_id, vendor, since, n) CROSS JOIN LATERAL ("
    "SELECT count(*) AS declines, min(row.at) AS first FROM velocity_event row"
    " WHERE row.org_id = %(org)s AND row.card_id = wanted.card_id AND row.at > wanted.since"
    " AND NOT row.approved AND row.vendor IS NOT DISTINCT FROM wanted.vendor) found ORDER BY n"
)


class Ledger:
    """Append postings and velocity events; keep exposures; add them up."""

    def __init__(self, connection: AsyncConnection[DictRow], org_id: str, now: datetime) -> None:
        self._db = connection
        self._org = org_id
        self._subtotals = Subtotals(connection, org_id, now)

    def know_shapes(self, shapes: Sequence[str]) -> None:
        """Which shapes have subtotals; sums of others are asked for without them."""
        self._subtotals.shapes = frozenset(shapes)

    async def add_up(self) -> None:
        """Leave subtotals where reading was long. The organization's lock has to be held."""
        await self._subtotals.add_up()

    async def post(self, postings: Sequence[PostingRow]) -> None:
        if postings:
            await self._db.execute(POSTING.insert_many, POSTING.many(self._org, postings))

    async def add_velocity(self, events: Sequence[VelocityRow]) -> None:
        await self.add_up()
        if events:
            await self._db.execute(VELOCITY.insert_many, VELOCITY.many(self._org, events))

    async def put_exposures(self, rows: Sequence[ExposureRow]) -> None:
        """Insert or replace the amounts of these subjects."""
        await self.add_up()
        if rows:
            await self._db.execute(
                f"{EXPOSURE.insert_many} {PUT_EXPOSURES}",
                EXPOSURE.many(self._org, rows),
            )

    async def exposures(self, subject_ids: Sequence[str]) -> dict[str, ExposureRow]:
        cursor = await self._db.execute(
            EXPOSURE.select + "WHERE org_id = %s AND subject_id = ANY (%s)",
            (self._org, list(subject_ids)),
        )
        rows = [EXPOSURE.read(row) for row in await cursor.fetchall()]
        return {row.subject_id: row for row in rows}

    def exposure(
        self,
        scope: Sequence[str],
        keys: Sequence[Key],
        *,
        since: datetime | None,
        until: datetime | None,
        currency: str,
        when: Match = ANYTHING,
    ) -> Sum[Exposure]:
        """What stands at each key inside a period: from its start to before its end.

        ``scope`` names columns (``card_id``, ``agent_id``, ``vendor``, ``workflow``; none: the
        organization).
        """
        shape = Shape(EXPOSURE_SUMS, tuple(scope), when)
        text, given = self._subtotals.ask(
            shape, keys, _exposed(shape), since=since, until=until, currency=currency
        )

        def read(rows: list[dict[str, Any]]) -> list[Exposure]:
            self._subtotals.look(shape, keys, since, rows)
            return [Exposure(**row) for row in rows]

        return Sum(text, given, read)

    def usage(
        self,
        scope: Sequence[str],
        keys: Sequence[Key],
        *,
        since: datetime,
        measure: Measure,
        cap: str,
        currency: str | None,
        when: Match = ANYTHING,
    ) -> Sum[Used]:
        """What a cap has used at each key: events after ``since`` (exclusive).

        Events that the cap declined itself are left out.
        """
        shape = Shape(VELOCITY_SUMS, tuple(scope), when)
        after = since + _TICK
        text, given = self._subtotals.ask(
            shape,
            keys,
            _used(shape, measure),
            since=after,
            until=None,
            cap=cap,
            currency=currency,
        )

        def read(rows: list[dict[str, Any]]) -> list[Used]:
            self._subtotals.look(shape, keys, after, rows)
            return [
                Used(
                    Usage(count=row["count"], amount=row["amount"], oldest=row["oldest"]),
                    row["first"],
                )
                for row in rows
            ]

        return Sum(text, given, read)

    def declines(self, keys: Sequence[tuple[str, str | None, datetime]]) -> Sum[Declined]:
        """Per ``(card, vendor or None for unmatched, since)``: declines, for the breaker."""
        given = {
            "org": self._org,
            "cards": [card for card, _, _ in keys],
            "vendors": [vendor for _, vendor, _ in keys],
            "sinces": [since for _, _, since in keys],
        }
        return Sum(
            _DECLINES,
            given,
            lambda rows: [Declined(row["declines"], row["first"]) for row in rows],
        )

    async def sums(self, wanted: Sequence[Sum[T]]) -> list[list[T]]:
        """What each sum comes to, one value for each of its keys.

        A statement each, so that there are few and each is planned once; inside
        :meth:`~signets.app.store.UnitOfWork.together` they take one round trip.
        """
        asked = [await named(one.text).run(self._db, one.given) for one in wanted]
        return [one.read(await rows.fetchall()) for one, rows in zip(wanted, asked, strict=True)]

    async def velocity_of(
        self, card_id: str, transaction_id: str, since: datetime
    ) -> list[VelocityRow]:
        """What one transaction counts, oldest first. Plan: the card's range from ``since``."""
        cursor = await self._db.execute(
            VELOCITY.select
            + "WHERE org_id = %s AND card_id = %s AND at >= %s AND transaction_id = %s"
            " ORDER BY at, id",
            (self._org, card_id, since, transaction_id),
        )
        return [VELOCITY.read(row) for row in await cursor.fetchall()]

    async def verifications(self, card_ids: Sequence[str], since: datetime) -> dict[str, int]:
        """Approved account verifications per card."""
        cursor = await self._db.execute(
            "SELECT card_id, count(*) AS n FROM velocity_event WHERE org_id = %s"
            " AND card_id = ANY (%s) AND at >= %s AND verification AND approved GROUP BY card_id",
            (self._org, list(card_ids), since),
        )
        return {row["card_id"]: int(row["n"]) for row in await cursor.fetchall()}

    async def imbalance(self) -> list[str]:
        """Sentences that say where ledger, transactions and exposures disagree; empty: balanced.

        Debits equal credits by construction (one row is one posting), so what is compared is
        each account's balance with the amounts that transactions and intents state.
        """
        cursor = await self._db.execute(_IMBALANCE, {"org": self._org})
        return [row["problem"] for row in await cursor.fetchall()]


_IMBALANCE = """
WITH balance AS (
    SELECT account, currency, sum(amount) AS amount FROM (
        SELECT debit AS account, currency, amount FROM posting WHERE org_id = %(org)s
        UNION ALL
        SELECT credit, currency, -amount FROM posting WHERE org_id = %(org)s
    ) lines GROUP BY account, currency
), stated AS (
    SELECT 'auth_held' AS account, currency, sum(held) AS amount
      FROM transaction WHERE org_id = %(org)s GROUP BY currency
    UNION ALL
    SELECT 'issuer_payable', currency, sum(refunded + recovered + provisional - cleared)
      FROM transaction WHERE org_id = %(org)s GROUP BY currency
    UNION ALL
    SELECT 'disputed_receivable', currency, sum(disputed)
      FROM transaction WHERE org_id = %(org)s GROUP BY currency
    UNION ALL
    SELECT 'provisional_credit', currency, -sum(provisional)
      FROM transaction WHERE org_id = %(org)s GROUP BY currency
    UNION ALL
    SELECT 'intent_reserved', currency, sum(reserved)
      FROM exposure WHERE org_id = %(org)s GROUP BY currency
), exposed AS (
    SELECT currency, sum(held) AS held, sum(cleared) AS cleared
      FROM exposure WHERE org_id = %(org)s GROUP BY currency
), moved AS (
    SELECT currency, sum(held) AS held, sum(cleared) AS cleared
      FROM transaction WHERE org_id = %(org)s AND card_id IS NOT NULL GROUP BY currency
)
SELECT format('%%s %%s: ledger has %%s, records say %%s', account, currency,
              coalesce(balance.amount, 0), coalesce(stated.amount, 0)) AS problem
  FROM stated FULL JOIN balance USING (account, currency)
 WHERE account IN ('auth_held', 'issuer_payable', 'disputed_receivable', 'provisional_credit',
                   'intent_reserved')
   AND coalesce(balance.amount, 0) <> coalesce(stated.amount, 0)
UNION ALL
SELECT format('%%s: sum of all accounts is %%s', currency, sum(amount))
  FROM balance GROUP BY currency HAVING sum(amount) <> 0
UNION ALL
SELECT format('exposure %%s: %%s held and %%s cleared, transactions say %%s and %%s', currency,
              coalesce(exposed.held, 0), coalesce(exposed.cleared, 0),
              coalesce(moved.held, 0), coalesce(moved.cleared, 0))
  FROM exposed FULL JOIN moved USING (currency)
 WHERE (coalesce(exposed.held, 0), coalesce(exposed.cleared, 0))
       <> (coalesce(moved.held, 0), coalesce(moved.cleared, 0))
"""
