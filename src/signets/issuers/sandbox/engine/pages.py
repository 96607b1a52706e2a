"""Cursor pages over the network's tables, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql
from psycopg.rows import DictRow

from signets.issuers.sandbox.engine.base import Connection


class NoSuchCursor(Exception):
    """The token to page from is nowhere; the text is the token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """How much of a list, and from where: tokens of the objects before and behind."""

    size: int
    after: str | None = None
    before: str | None = None


async def fetch_page(
    connection: Connection,
    table: str,
    cut: Cut,
    conditions: Sequence[tuple[sql.Composable, object]],
) -> tuple[list[DictRow], bool]:
    """One page; ``(rows, has_more)``.

    Raises:
        NoSuchCursor: ``cut`` names an object that is not there.
    """
    where: list[sql.Composable] = [sql.SQL("true")]
    values: list[object] = []
    for condition, value in conditions:
        where.append(condition)
        values.append(value)
    for token, operator in ((cut.after, "<"), (cut.before, ">")):
        if token is not None:
            cursor = await connection.execute(
                sql.SQL("SELECT seq FROM {} WHERE token::text = %s").format(sql.Identifier(table)),
                (token,),
            )
            row = await cursor.fetchone()
            if row is None:
                raise NoSuchCursor(token)
            where.append(sql.SQL("seq " + operator + " %s"))
            values.append(row["seq"])
    backwards = cut.before is not None
    statement = sql.SQL("SELECT * FROM {} WHERE {} ORDER BY seq {} LIMIT %s").format(
        sql.Identifier(table),
        sql.SQL(" AND ").join(where),
        sql.SQL("ASC" if backwards else "DESC"),
    )
    rows = await (await connection.execute(statement, (*values, cut.size + 1))).fetchall()
    has_more = len(rows) > cut.size
    rows = rows[: cut.size]
    return (rows[::-1] if backwards else rows), has_more


def equals(column: str, value: object) -> tuple[sql.Composable, object]:
    """The condition that ``column`` is ``value``."""
    return sql.SQL("{} = %s").format(sql.Identifier(column)), value
