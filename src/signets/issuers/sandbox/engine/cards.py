"""Cards, whichever face made them: made with a derived number, found by token or number."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from psycopg import sql
from psycopg.rows import DictRow

from signets.issuers.sandbox.engine.base import Connection, Missing, as_token
from signets.issuers.sandbox.engine.numbers import card_number, number_digest
from signets.issuers.sandbox.engine.store import Account


async def new_card(
    connection: Connection, account: Account, columns: Mapping[str, object]
) -> DictRow:
    """A card with a fresh number."""
    while True:
        token = str(uuid.uuid4())
        number = card_number(account.seed, token)
        row = {
            **columns,
            "token": token,
            "created": account.now,
            "last_four": number[-4:],
            "pan_digest": number_digest(account.seed, number),
        }
        cursor = await connection.execute(
            sql.SQL(
                "INSERT INTO cards ({}) VALUES ({}) ON CONFLICT (pan_digest) DO NOTHING RETURNING *"
            ).format(
                sql.SQL(", ").join(map(sql.Identifier, row)),
                sql.SQL(", ").join(sql.Placeholder() * len(row)),
            ),
            list(row.values()),
        )
        if (made := await cursor.fetchone()) is not None:
            return made
        # Two tokens gave one number (nine digits are few). Another token, another number.


async def read_card(
    connection: Connection, face: str | None, token: str, *, lock: bool = False
) -> DictRow:
    """A card of ``face`` by token; of any where that is ``None``.

    Raises:
        Missing: There is no such card.
    """
    query = "SELECT * FROM cards WHERE token = %(token)s AND face = coalesce(%(face)s, face)"
    values = {"token": as_token(token, "Card"), "face": face}
    cursor = (
        await connection.execute(
            "SELECT * FROM cards WHERE token = %(token)s AND face = coalesce(%(face)s, face)"
            " FOR UPDATE",
            values,
        )
        if lock
        else await connection.execute(query, values)
    )
    row = await cursor.fetchone()
    if row is None:
        raise Missing("Card")
    return row


async def find_by_number(connection: Connection, account: Account, number: str) -> DictRow:
    """A card by number.

    Raises:
        Missing: No card has it.
    """
    cursor = await connection.execute(
        "SELECT * FROM cards WHERE pan_digest = %s", (number_digest(account.seed, number),)
    )
    row = await cursor.fetchone()
    if row is None:
        raise Missing("Card")
    return row
