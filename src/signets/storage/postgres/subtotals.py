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

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from signets.storage.postgres.sum_queries import (
    FAN,
    LEVELS,
    ROWS,
    add_rows_up,
    add_stretches_up,
    drop_level,
    row_query,
    sum_query,
)
from signets.storage.postgres.sum_shapes import Key, Shape

#: Rows that one unit of work adds up of a shape: what is longer (a new policy on years of history)
#: is done by as many of them as it takes, so that none holds the lock for long.
MOST = 20_000


@dataclass(frozen=True, slots=True)
class SumQuery:
    """One sum in two ways: for shapes of which keys have stretches, and for those of which none."""

    of_stretches: str
    of_rows: str


def sum_both_ways(shape: Shape, totals: str, of_row: str, of_subtotal: str) -> SumQuery:
    """:func:`sum_query` and :func:`row_query`."""
    return SumQuery(
        sum_query(shape, totals, of_row, of_subtotal),
        row_query(shape, totals, of_row),
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

    def ask(
        self,
        shape: Shape,
        keys: Sequence[Key],
        query: SumQuery,
        *,
        since: datetime | None,
        until: datetime | None,
        **given: Any,
    ) -> tuple[str, dict[str, Any]]:
        """A sum's text and parameters; both bounds may be open. Its rows are for :meth:`look`."""
        params = {
            **shape.given(self._org, keys),
            "since": since or "-infinity",
            "until": until or "infinity",
            **given,
        }
        short = self.shapes is not None and shape.name not in self.shapes
        return (query.of_rows if short else query.of_stretches), params

    def look(
        self,
        shape: Shape,
        keys: Sequence[Key],
        since: datetime | None,
        rows: Sequence[dict[str, Any]],
    ) -> None:
        """Take from the rows of a sum how much was read, and remember what was too much."""
        for key, row in zip(keys, rows, strict=True):
            self._look(shape, key, since, row)

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
