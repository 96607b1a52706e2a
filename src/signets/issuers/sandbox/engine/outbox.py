"""Queues webhooks for subscribers, touched by whatever fault is set."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import DictRow

from signets.issuers.sandbox.engine import faults
from signets.issuers.sandbox.engine.base import Connection, Json
from signets.issuers.sandbox.engine.faces import Face


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What an event is about: the purchase or card whose events keep their order.

    Attributes:
        faulty: Whether faults strike it. Those of webhooks are for the events of purchases: a card
            that is opened for one would use them up.
    """

    face: str
    token: str
    faulty: bool = True


async def publish(
    connection: Connection,
    face: Face,
    about: About,
    messages: Sequence[tuple[str, Json]],
    now: datetime,
) -> None:
    """Store one event per message and queue it for everybody who subscribed to its type."""
    for message in messages:
        twice = about.faulty and await faults.take(connection, faults.TWIN) is not None
        for event_type, content in [message, message] if twice else [message]:
            await _publish(connection, face, about, event_type, content, now)


async def _publish(
    connection: Connection,
    face: Face,
    about: About,
    event_type: str,
    content: Json,
    now: datetime,
) -> None:
    token, body = face.event(event_type, content, now)
    await connection.execute(
        "INSERT INTO events (token, face, created, event_type, transaction_token, body)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (token, about.face, now, event_type, about.token, body),
    )
    cursor = await connection.execute(
        "SELECT * FROM subscriptions WHERE face = %s AND NOT disabled"
        " AND (event_types IS NULL OR %s = ANY (event_types)) ORDER BY seq",
        (about.face, event_type),
    )
    for subscription in await cursor.fetchall():
        await queue(connection, subscription, token, about.token, body, faulty=about.faulty)


async def queue(
    connection: Connection,
    subscription: DictRow,
    event_token: str,
    transaction_token: str,
    body: bytes,
    *,
    faulty: bool = True,
) -> None:
    """Queue one webhook for one subscription."""
    fault = await faults.take_first(connection, faults.WEBHOOK) if faulty else None
    name = fault.name if fault else ""
    state = {"webhook_drop": "DROPPED", "webhook_reorder": "HELD"}.get(name, "PENDING")
    cursor = await connection.execute(
        "INSERT INTO deliveries (token, face, kind, message_id, transaction_token,"
        " subscription_token, url, body, state, fault, next_attempt)"
        " VALUES (%s, %s, 'event', %s, %s, %s, %s, %s, %s, %s,"
        " now() + make_interval(secs => %s)) RETURNING seq",
        (
            uuid.uuid4(),
            subscription["face"],
            event_token,
            transaction_token,
            subscription["token"],
            subscription["url"],
            body,
            state,
            name or None,
            fault.delay_ms / 1000 if fault else 0,
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
