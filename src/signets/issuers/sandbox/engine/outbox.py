"""Queues webhooks for subscribers, touched by whatever fault is set."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from psycopg.rows import DictRow

from signets.issuers.sandbox.engine import faults
from signets.issuers.sandbox.engine.base import Connection, Json
from signets.issuers.sandbox.engine.faces import Face
from signets.issuers.sandbox.engine.purchase import Purchase


async def publish(
    connection: Connection,
    face: Face,
    purchase: Purchase,
    messages: Sequence[tuple[str, Json]],
    now: datetime,
) -> None:
    """Store one event per message and queue it for everybody who subscribed to its type."""
    for event_type, content in messages:
        token, body = face.event(event_type, content, now)
        await connection.execute(
            "INSERT INTO events (token, face, created, event_type, transaction_token, body)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            (token, purchase.face, now, event_type, purchase.token, body),
        )
        cursor = await connection.execute(
            "SELECT * FROM subscriptions WHERE face = %s AND NOT disabled"
            " AND (event_types IS NULL OR %s = ANY (event_types)) ORDER BY seq",
            (purchase.face, event_type),
        )
        for subscription in await cursor.fetchall():
            await queue(connection, subscription, token, purchase.token, body)


async def queue(
    connection: Connection,
    subscription: DictRow,
    event_token: str,
    transaction_token: str,
    body: bytes,
) -> None:
    """Queue one webhook for one subscription."""
    fault = await faults.take_first(connection, faults.WEBHOOK)
    state = {"webhook_drop": "DROPPED", "webhook_reorder": "HELD"}.get(fault or "", "PENDING")
    cursor = await connection.execute(
        "INSERT INTO deliveries (token, face, kind, message_id, transaction_token,"
        " subscription_token, url, body, state, fault)"
        " VALUES (%s, %s, 'event', %s, %s, %s, %s, %s, %s, %s) RETURNING seq",
        (
            uuid.uuid4(),
            subscription["face"],
            event_token,
            transaction_token,
            subscription["token"],
            subscription["url"],
            body,
            state,
            fault,
        ),
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - INSERT … RETURNING of one row
    await connection.execute("UPDATE deliveries SET position = seq WHERE seq = %s", (row["seq"],))
    if state == "PENDING":
        # A message held back for disorder goes out right behind its successor.
        await connection.execute(
            "UPDATE deliveries SET state = 'PENDING', position = %s + 0.5"
            " WHERE state = 'HELD' AND subscription_token = %s AND transaction_token = %s",
            (row["seq"], subscription["token"], transaction_token),
        )
