"""Sums over a window whose cost does not grow with it: subtotals of finished stretches.

A *key* is what one cap or budget counts by: the values of its scope's columns, and what its
``when`` names. Time is cut into stretches per key, without gaps, of about :data:`ROWS` rows each;
longer stretches add up :data:`FAN` shorter ones. A window is then

    rows before the first whole stretch · stretches, the longest that fit · rows after the last

which is exact to the microsecond, because whatever a stretch only touches is read row by row.

Nothing is kept up where rows are written in order: a reader that met a long rest remembers the
key, and the same unit of work, which holds the organization's lock, adds the rest up before it
writes (:meth:`Subtotals.add_up`). What comes later into a stretch that is added up (a give-back at
the time of its charge, a changed exposure) changes the subtotal by a trigger, whoever writes it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from signets.core.policy.model import Match
from signets.storage.postgres.named import Named

#: Rows of a stretch of level 1; up to twice as many, and all rows of one instant stay together.
ROWS = 128
#: Stretches that one of the next level adds up.
FAN = 32
LEVELS = 2
#: Rows that one unit of work adds up of a shape: what is longer (a new policy on years of history)
#: is done by as many of them as it takes, so that none holds the lock for long.
MOST = 20_000

#: Values of the columns of one scope, in the scope's order.
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A table that is added up, and where its subtotals are.

    Rows of one ``series`` are added up together; ``sums`` are ``(column, its sum over rows, its sum
    over subtotals)``, and ``summed`` the columns of a row that they are made of.
    """

    name: str
    rows: str
    subtotals: str
    time: str
    series: tuple[str, ...]
    summed: tuple[str, ...]
    sums: tuple[tuple[str, str, str], ...]


def _sums(kind: str, condition: str) -> tuple[tuple[str, str, str], ...]:
    counted = f"counted AND {condition}"
    return (
        (
            f"{kind}_counts",
            f"coalesce(sum(counts) FILTER (WHERE {counted}), 0)",
            f"sum({kind}_counts)",
        ),
        (
            f"{kind}_amount",
            f"coalesce(sum(amount) FILTER (WHERE {counted}), 0)",
            f"sum({kind}_amount)",
        ),
        (
            f"{kind}_oldest",
            f"min(at) FILTER (WHERE {counted} AND counts = 1)",
            f"min({kind}_oldest)",
        ),
    )


VELOCITY = Source(
    name="velocity",
    rows="velocity_event",
    subtotals="velocity_subtotal",
    time="at",
    series=("currency", "capped_by"),
    summed=("approved", "counts", "amount"),
    sums=(*_sums("approved", "approved"), *_sums("declined", "NOT approved")),
)
EXPOSURE = Source(
    name="exposure",
    rows="exposure",
    subtotals="exposure_subtotal",
    time="counts_at",
    series=("currency",),
    summed=("reserved", "held", "cleared", "refunded"),
    sums=tuple(
        (name, f"coalesce(sum({name}) FILTER (WHERE counted), 0)", f"sum({name})")
        for name in ("reserved", "held", "cleared", "refunded")
    ),
)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a cap or budget counts by: the columns of its scope, and what its ``when`` names."""

    source: Source
    columns: tuple[str, ...]
    when: Match

    @property
    def lists(self) -> dict[str, list[str]]:
        """Column → the values that count; a column that is not named counts with any."""
        return {
            "agent_id": list(self.when.agents),
            "vendor": list(self.when.vendors),
            "category": list(self.when.categories),
            "workflow": list(self.when.workflows),
        }

    @property
    def name(self) -> str:
        """The same for equal shapes, and for no others."""
        name = f"{self.source.name}/{','.join(self.columns) or 'organization'}"
        if any(self.lists.values()):
            name += f"/{hashlib.sha256(json.dumps(self.lists).encode()).hexdigest()}"
        return name

    @property
    def driver(self) -> tuple[str, ...]:
        """The column whose index finds a key's rows; none: the organization's.

        Stretches are cut by the rows that this finds, counted or not, so that reading a key costs
        the same however few of them it counts.
        """
        found = (one for one in ("card_id", "agent_id", "vendor") if one in self.columns)
        return tuple(found)[:1]

    @property
    def counted(self) -> str:
        """Whether the key counts a ``row`` that its index found (SQL)."""
        conditions = [
            f"row.{name} = wanted.{name}" for name in self.columns if name not in self.driver
        ]
        conditions += [
            f"row.{name} = ANY (%(only_{name})s)" for name, only in self.lists.items() if only
        ]
        return f"({' AND '.join(conditions)}) IS TRUE" if conditions else "true"

    def given(self, org_id: str, keys: Sequence[Key]) -> dict[str, Any]:
        """Parameters of :attr:`wanted`, :attr:`counted` and :attr:`mine`."""
        columns = {
            f"key_{name}": [key[position] for key in keys]
            for position, name in enumerate(self.columns)
        }
        only = {f"only_{name}": values for name, values in self.lists.items() if values}
        return {"org": org_id, "shape": self.name, **columns, **only}

    @property
    def register(self) -> str:
        """Let the triggers know of the shape, and until when to look for its stretches (SQL)."""
        lists = ", ".join(
            f"%(only_{name})s::text[]" if only else "'{}'" for name, only in self.lists.items()
        )
        columns = ", ".join(f"'{name}'" for name in self.columns)
        return (
            "INSERT INTO subtotal_shape AS known (org_id, shape, source, columns, agents, vendors,"
            f" categories, workflows, until_at) VALUES (%(org)s, %(shape)s, '{self.source.name}',"
            f" ARRAY[{columns}]::text[], {lists}, %(until)s::timestamptz)"
            " ON CONFLICT (org_id, shape) DO UPDATE"
            " SET until_at = greatest(known.until_at, excluded.until_at)"
        )

    @property
    def wanted(self) -> str:
        """The keys as rows with their place ``n`` (SQL).

        Each array comes from a subquery: a plan that saw its length would never be kept.
        """
        if not self.columns:
            return "(SELECT 1 AS n) AS wanted"
        arrays = ", ".join(f"(SELECT %(key_{name})s::text[])" for name in self.columns)
        return f"unnest({arrays}) WITH ORDINALITY AS wanted ({', '.join(self.columns)}, n)"

    @property
    def wanted_since(self) -> str:
        """The same, each with a ``since`` of its own (SQL)."""
        arrays = [f"(SELECT %(key_{name})s::text[])" for name in self.columns]
        arrays.append("(SELECT %(sinces)s::timestamptz[])")
        columns = ", ".join([*self.columns, "since", "n"])
        return f"unnest({', '.join(arrays)}) WITH ORDINALITY AS wanted ({columns})"

    @property
    def key(self) -> str:
        """The key ``wanted`` as subtotals hold it (SQL)."""
        return f"ARRAY[{', '.join(f'wanted.{name}' for name in self.columns)}]::text[]"

    @property
    def mine(self) -> str:
        """Of all stretches ``span``, those of the key ``wanted`` (SQL)."""
        return (
            "span.org_id = %(org)s AND span.shape = %(shape)s"
            f' AND span.key = {self.key} COLLATE "C"'
        )

    @property
    def found(self) -> str:
        """Of all rows ``row``, those that the key's index finds (SQL)."""
        return "row.org_id = %(org)s" + "".join(
            f" AND row.{name} = wanted.{name}" for name in self.driver
        )


def sum_query(shape: Shape, totals: str, of_row: str, of_subtotal: str) -> str:
    """One row per key: ``totals`` over what the window from ``since`` to before ``until`` holds.

    ``of_row`` and ``of_subtotal`` make the same columns of a row and of a subtotal; ``totals`` adds
    those up. Beside them stands how much was read per level (0: rows) before (``low``) and after
    (``high``) the stretches of the next level. Plan: per key two index probes a level find the
    whole stretches, one index range each part; what is not there is not looked for.
    """
    read = "".join(
        f", count(*) FILTER (WHERE part = {_part(level, side)}) AS {side}{level}"
        for level in range(LEVELS)
        for side in ("low", "high")
    )
    return (
        f"SELECT total.* FROM {shape.wanted}{_bounds(shape)} CROSS JOIN LATERAL ("
        f"SELECT {totals}{read} FROM ({_parts(shape, of_row, of_subtotal)}) piece) total ORDER BY n"
    )


def row_query(shape: Shape, totals: str, of_row: str) -> str:
    """The same where no key of the shape has a stretch: a fraction of the plan."""
    time = f"row.{shape.source.time}"
    read = "".join(
        f", {'count(*)' if (level, side) == (0, 'high') else '0'} AS {side}{level}"
        for level in range(LEVELS)
        for side in ("low", "high")
    )
    rows = (
        f"SELECT {of_row} FROM {shape.source.rows} row WHERE {shape.found}"
        f" AND {time} >= %(since)s::timestamptz AND {time} < %(until)s::timestamptz"
    )
    return (
        f"SELECT total.* FROM {shape.wanted} CROSS JOIN LATERAL ("
        f"SELECT {totals}{read} FROM ({rows}) piece) total ORDER BY n"
    )


def _bounds(shape: Shape) -> str:
    """Per level, from where (``lo``) to where (``hi``) whole stretches lie in the window."""
    joins = []
    inside = "span.from_at >= %(since)s::timestamptz"
    # Most cards are never busy: where no key of the shape was, none is looked up.
    there = "(SELECT true FROM subtotal_shape WHERE org_id = %(org)s AND shape = %(shape)s)"
    for level in range(1, LEVELS + 1):
        select = f"FROM {shape.source.subtotals} span WHERE {shape.mine} AND span.level = {level}"
        joins.append(
            f" LEFT JOIN LATERAL (SELECT span.from_at AS lo {select} AND {inside} AND {there}"
            f" ORDER BY span.from_at LIMIT 1) first{level} ON true"
            f" LEFT JOIN LATERAL (SELECT span.until_at AS hi {select}"
            f" AND span.from_at >= first{level}.lo AND span.from_at < %(until)s::timestamptz"
            f" AND span.until_at <= %(until)s::timestamptz"
            f" ORDER BY span.from_at DESC LIMIT 1) last{level} ON true"
        )
        inside, there = f"span.from_at >= first{level}.lo", f"last{level}.hi IS NOT NULL"
    return "".join(joins)


def _part(level: int, side: str) -> int:
    """A number for what lies on one side of the stretches of the level above ``level``."""
    return 2 * level + int(side == "high")


def _parts(shape: Shape, of_row: str, of_subtotal: str) -> str:
    """The pieces that the window consists of, from both ends towards the longest stretches."""
    source, time = shape.source, f"row.{shape.source.time}"
    rows = f"SELECT {of_row}, {{}} AS part FROM {source.rows} row WHERE {shape.found}"
    parts = [
        # Without a whole stretch, all of the window is what comes after the last one.
        rows.format("CASE WHEN last1.hi IS NULL THEN 1 ELSE 0 END")
        + f" AND {time} >= %(since)s::timestamptz AND {time} <"
        " CASE WHEN last1.hi IS NULL THEN %(until)s::timestamptz ELSE first1.lo END",
        rows.format(_part(0, "high"))
        + f" AND last1.hi IS NOT NULL AND {time} >= last1.hi AND {time} < %(until)s::timestamptz",
    ]
    for level in range(1, LEVELS + 1):
        end, above = f"last{level}.hi", level + 1
        ranges = {"low": f"span.from_at >= first{level}.lo AND span.from_at < {end}"}
        if level < LEVELS:
            ranges = {
                "low": f"span.from_at >= first{level}.lo AND span.from_at <"
                f" CASE WHEN last{above}.hi IS NULL THEN {end} ELSE first{above}.lo END",
                "high": f"span.from_at >= last{above}.hi AND span.from_at < {end}",
            }
        parts += [
            f"SELECT {of_subtotal}, {_part(level, side)} FROM {source.subtotals} span"
            f" WHERE last{level}.hi IS NOT NULL AND {shape.mine} AND span.level = {level}"
            f" AND {inside}"
            for side, inside in ranges.items()
        ]
    return " UNION ALL ".join(parts)


# ── adding up ──────────────────────────────────────────────────────────────────────────────────


def add_rows_up(shape: Shape) -> str:
    """Cut the rows of the keys that are in no stretch, from ``since`` to before ``until``.

    Two gaps a key: after the last stretch, and, where a longer window is asked for than ever
    before, before the first; of each at most ``most`` rows, nearest to the stretches. Rows of one
    instant stay in one stretch.
    """
    source, time = shape.source, shape.source.time
    series = ", ".join(source.series)
    taken = ", ".join(f"row.{name}" for name in (time, *source.series, *source.summed))
    names, sums = zip(*((name, rows) for name, rows, _ in source.sums), strict=True)
    stretches = f"FROM {source.subtotals} span WHERE {shape.mine} AND span.level = 1"
    inside = (
        f"FROM {source.rows} row WHERE {shape.found}"
        f" AND row.{time} >= wanted.begins AND row.{time} < wanted.ends"
    )
    return f"""
WITH registered AS ({shape.register}),
wanted AS MATERIALIZED (SELECT * FROM {shape.wanted_since}),
gap AS MATERIALIZED (
    SELECT wanted.*, 'after' AS side, coalesce(last, since) AS begins, last,
           %(until)s::timestamptz AS ends
      FROM wanted LEFT JOIN LATERAL (
           SELECT span.until_at AS last {stretches} ORDER BY span.from_at DESC LIMIT 1) l ON true
    UNION ALL
    SELECT wanted.*, 'before', since, NULL, first
      FROM wanted JOIN LATERAL (
           SELECT span.from_at AS first {stretches} ORDER BY span.from_at LIMIT 1) f
           ON since < first
), found AS MATERIALIZED (
    SELECT wanted.n, wanted.side, {taken}, {shape.counted} AS counted,
           (rank() OVER (PARTITION BY wanted.n, wanted.side ORDER BY row.{time}) - 1) / {ROWS}
               AS place,
           count(*) OVER (PARTITION BY wanted.n, wanted.side) / {ROWS} AS places
      FROM gap wanted JOIN LATERAL (
           (SELECT * {inside} AND wanted.side = 'after'
             ORDER BY row.{time} FETCH FIRST %(most)s ROWS WITH TIES)
           UNION ALL
           (SELECT * {inside} AND wanted.side = 'before'
             ORDER BY row.{time} DESC FETCH FIRST %(most)s ROWS WITH TIES)) row ON true
), cut AS (
    SELECT *, least(place, places - 1) AS stretch FROM found WHERE places > 0
), span AS (
    SELECT n, side, stretch, min({time}) AS first_at, max({time}) AS last_at,
           lead(min({time})) OVER one AS next_at, lag(stretch) OVER one IS NULL AS leads
      FROM cut GROUP BY n, side, stretch
    WINDOW one AS (PARTITION BY n, side ORDER BY stretch)
)
INSERT INTO {source.subtotals} (org_id, shape, key, level, from_at, until_at, {series},
    {", ".join(names)})
SELECT %(org)s, %(shape)s, {shape.key}, 1,
       CASE WHEN leads THEN coalesce(wanted.last, first_at) ELSE first_at END,
       coalesce(next_at, CASE WHEN side = 'before' THEN wanted.ends
                              ELSE last_at + interval '1 microsecond' END),
       {series}, {", ".join(f"sum.{name}" for name in names)}
  FROM span JOIN gap wanted USING (n, side)
  JOIN (SELECT n, side, stretch, {series},
               {", ".join(f"{rows} AS {name}" for name, rows in zip(names, sums, strict=True))}
          FROM cut GROUP BY n, side, stretch, {series}) sum USING (n, side, stretch)
"""


def drop_level(shape: Shape, level: int) -> str:
    """Forget a level that does not reach back as far as the one below; it is made anew."""
    first = f"SELECT span.from_at FROM {shape.source.subtotals} span WHERE {shape.mine}"
    return f"""
DELETE FROM {shape.source.subtotals} span USING {shape.wanted}
 WHERE {shape.mine} AND span.level = {level}
   AND ({first} AND span.level = {level} ORDER BY span.from_at LIMIT 1)
       > ({first} AND span.level = {level - 1} ORDER BY span.from_at LIMIT 1)
"""


def add_stretches_up(shape: Shape, level: int) -> str:
    """Make stretches of ``level`` of every :data:`FAN` of the level below that are in none."""
    source = shape.source
    series = ", ".join(source.series)
    mine = f"FROM {source.subtotals} span WHERE {shape.mine}"
    return f"""
WITH below AS (
    SELECT below.*,
           (dense_rank() OVER (PARTITION BY wanted.n ORDER BY below.from_at) - 1) / {FAN} AS stretch
      FROM {shape.wanted} CROSS JOIN LATERAL (
           SELECT * {mine} AND span.level = {level - 1}
              AND span.from_at >= coalesce((SELECT span.until_at {mine} AND span.level = {level}
                                             ORDER BY span.from_at DESC LIMIT 1), '-infinity')
           ) below
), made AS (
    SELECT key, stretch, min(from_at) AS begins, max(until_at) AS ends
      FROM below GROUP BY key, stretch HAVING count(DISTINCT from_at) = {FAN}
)
INSERT INTO {source.subtotals} (org_id, shape, key, level, from_at, until_at, {series},
    {", ".join(name for name, _, _ in source.sums)})
SELECT org_id, shape, key, {level}, begins, ends, {series},
       {", ".join(total for _, _, total in source.sums)}
  FROM below JOIN made USING (key, stretch)
 GROUP BY org_id, shape, key, begins, ends, {series}
"""


@dataclass(frozen=True, slots=True)
class SumQuery:
    """One sum in two ways: for shapes of which keys have stretches, and for those of which none."""

    of_stretches: Named
    of_rows: Named


def sum_both_ways(shape: Shape, totals: str, of_row: str, of_subtotal: str) -> SumQuery:
    """:func:`sum_query` and :func:`row_query`."""
    return SumQuery(
        Named(sum_query(shape, totals, of_row, of_subtotal)),
        Named(row_query(shape, totals, of_row)),
    )


@dataclass(slots=True)
class _Long:
    """What reading a key found long: from when on, and which levels are to be made."""

    since: datetime | None
    levels: set[int]


class Subtotals:
    """Sums windows, remembers where that was long, and adds up what is finished.

    ``now`` is the unit of work's time: only what lies before it is ever added up, so that rows
    written in order never touch a stretch.
    """

    def __init__(self, connection: AsyncConnection[DictRow], org_id: str, now: datetime) -> None:
        self._db = connection
        self._org = org_id
        self._now = now
        #: Names of the shapes that have stretches, where they were read; all others have none.
        self.shapes: frozenset[str] | None = None
        self._long: dict[Shape, dict[Key, _Long]] = {}

    async def sums(
        self,
        shape: Shape,
        keys: Sequence[Key],
        query: SumQuery,
        *,
        since: datetime | None,
        until: datetime | None,
        **given: Any,
    ) -> list[dict[str, Any]]:
        """Run a :func:`sum_query`; both bounds may be open."""
        params = {
            **shape.given(self._org, keys),
            "since": since or "-infinity",
            "until": until or "infinity",
            **given,
        }
        short = self.shapes is not None and shape.name not in self.shapes
        chosen = query.of_rows if short else query.of_stretches
        sums = await (await chosen.run(self._db, params)).fetchall()
        for key, row in zip(keys, sums, strict=True):
            self._look(shape, key, since, row)
        return sums

    def _look(self, shape: Shape, key: Key, since: datetime | None, row: dict[str, Any]) -> None:
        """Take from a row of a sum how much was read, and remember what was too much.

        Before the stretches of a level there may be most of one of its own, hence the factor.
        """
        levels = set()
        for level in range(LEVELS):
            size = ROWS if level == 0 else FAN
            if (row.pop(f"low{level}") >= 4 * size) | (row.pop(f"high{level}") >= size):
                levels.add(level + 1)
        if levels:
            known = self._long.setdefault(shape, {}).setdefault(key, _Long(since, set()))
            known.levels |= levels
            known.since = None if known.since is None or since is None else min(known.since, since)

    async def add_up(self) -> None:
        """Add up what this unit of work found long. It has to hold the organization's lock."""
        while self._long:
            shape, long = self._long.popitem()
            for level in range(1, LEVELS + 1):
                keys = [key for key, one in long.items() if level in one.levels]
                if not keys:
                    continue
                params = {**shape.given(self._org, keys), "until": self._now}
                if level == 1:
                    params["most"] = max(4 * ROWS, MOST // len(keys))
                    params["sinces"] = [long[key].since or "-infinity" for key in keys]
                    await self._db.execute(add_rows_up(shape), params)
                else:
                    await self._db.execute(drop_level(shape, level), params)
                    await self._db.execute(add_stretches_up(shape, level), params)
