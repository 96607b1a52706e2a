"""Long statements with named parameters, prepared for the driver once."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from psycopg import AsyncConnection, AsyncRawCursor
from psycopg.rows import DictRow

_NAME = re.compile(r"%\((\w+)\)s")


class Named:
    """SQL with ``%(name)s`` placeholders, as the ``$1`` that the server takes.

    The driver rewrites texts of more than 4 kB anew for each call, which costs more than sending
    them.
    """

    def __init__(self, sql: str) -> None:
        self.text = sql
        self._names = list(dict.fromkeys(_NAME.findall(sql)))
        place = {name: f"${number}" for number, name in enumerate(self._names, 1)}
        self._sql = _NAME.sub(lambda found: place[found[1]], sql)

    async def run(
        self, connection: AsyncConnection[DictRow], given: Mapping[str, Any]
    ) -> AsyncRawCursor[DictRow]:
        """Execute it; ``given`` may hold more than it names.

        Raises:
            KeyError: A parameter is missing.
        """
        cursor = AsyncRawCursor(connection, row_factory=connection.row_factory)
        await cursor.execute(self._sql, [given[name] for name in self._names])
        return cursor


@functools.lru_cache(maxsize=1024)
def several(texts: tuple[str, ...]) -> Named:
    """Several queries as one, which gives a JSON array of the rows of each, as one text.

    The parameters of the first are named ``name_0``, of the second ``name_1``, and so on. Sending
    a statement costs both sides more than all else about a short one. (``json_agg`` takes the rows
    as they come, and so in the order of the query.)
    """
    parts = (
        _NAME.sub(lambda found, n=n: f"%({found[1]}_{n})s", text)  # type: ignore[misc]
        for n, text in enumerate(texts)
    )
    arrays = (f"(SELECT coalesce(json_agg(part), '[]') FROM ({part}) part)" for part in parts)
    return Named(f"SELECT json_build_array({', '.join(arrays)})::text AS found")
