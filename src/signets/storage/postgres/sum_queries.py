"""SQL that adds up windows from rows and subtotals, and SQL that makes subtotals."""

from __future__ import annotations

from signets.storage.postgres.sum_shapes import Shape

#: Rows of a stretch of level 1; up to twice as many, and all rows of one instant stay together.
ROWS = 128
#: Stretches that one of the next level adds up.
FAN = 32
LEVELS = 2


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
