"""Enrolment, secrets, subscriptions and events under ``/v1``."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from psycopg.rows import DictRow
from starlette.requests import Request
from starlette.responses import Response

from signets.issuers.sandbox.engine.base import Connection, Json
from signets.issuers.sandbox.engine.outbox import queue
from signets.issuers.sandbox.engine.store import read_responder, sandbox_of
from signets.issuers.sandbox.lithic_face.wire import (
    Form,
    LithicError,
    answer,
    page,
    read_body,
    read_moment,
    stamp,
)
from signets.issuers.sandbox.signing import ROTATION_OVERLAP, new_secret

Url = Annotated[str, Meta(pattern="^https?://[^ ]+$", max_length=2000)]


class ResponderForm(Form, frozen=True, kw_only=True):
    """``POST /v1/responder_endpoints``."""

    type: Literal["AUTH_STREAM_ACCESS"]
    url: Url


class SubscriptionForm(Form, frozen=True, kw_only=True):
    """``POST /v1/event_subscriptions``."""

    url: Url
    description: str = ""
    disabled: bool = False
    event_types: list[str] | None = None


class SubscriptionChange(Form, frozen=True, kw_only=True):
    """``PATCH /v1/event_subscriptions/{token}``: the URL is required, as at Lithic."""

    url: Url
    description: str | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    event_types: list[str] | UnsetType | None = UNSET


async def enroll(request: Request) -> Response:
    """Point real-time requests at a URL."""
    form = await read_body(request, ResponderForm)
    async with sandbox_of(request).transaction() as connection:
        await connection.execute(
            "UPDATE responders SET url = %s WHERE face = 'lithic'", (form.url,)
        )
    return answer({"enrolled": True})


async def responder_status(request: Request) -> Response:
    """Whether and where."""
    _asa_only(request)
    async with sandbox_of(request).transaction() as connection:
        url = (await read_responder(connection, "lithic"))["url"]
    return answer({"enrolled": url is not None, "url": url})


async def withdraw(request: Request) -> Response:
    """Ask nobody any more."""
    _asa_only(request)
    async with sandbox_of(request).transaction() as connection:
        await connection.execute("UPDATE responders SET url = NULL WHERE face = 'lithic'")
    return Response(status_code=200)


def _asa_only(request: Request) -> None:
    if request.query_params.get("type") != "AUTH_STREAM_ACCESS":
        raise LithicError(400, "`type` must be AUTH_STREAM_ACCESS")


async def asa_secret(request: Request) -> Response:
    """The signing secret of real-time requests; the first read makes it."""
    async with sandbox_of(request).transaction() as connection:
        secret = (await read_responder(connection, "lithic", lock=True))["secret"]
        if secret is None:
            secret = new_secret()
            await connection.execute(
                "UPDATE responders SET secret = %s WHERE face = 'lithic'", (secret,)
            )
    return answer({"secret": secret})


async def rotate_asa_secret(request: Request) -> Response:
    """A new secret; the old one signs too for 24 hours."""
    async with sandbox_of(request).transaction() as connection:
        await connection.execute(
            "UPDATE responders SET previous_secret = secret, previous_until = %s, secret = %s"
            " WHERE face = 'lithic'",
            (datetime.now(UTC) + ROTATION_OVERLAP, new_secret()),
        )
    return Response(status_code=204)


def _subscription_object(row: DictRow) -> Json:
    filtered = {} if row["event_types"] is None else {"event_types": row["event_types"]}
    return {
        "token": row["token"],
        "description": row["description"],
        "disabled": row["disabled"],
        "url": row["url"],
        **filtered,
    }


async def subscribe(request: Request) -> Response:
    """A new subscription."""
    form = await read_body(request, SubscriptionForm)
    async with sandbox_of(request).transaction() as connection:
        cursor = await connection.execute(
            "INSERT INTO subscriptions (token, face, created, url, description, event_types,"
            " disabled, secret) VALUES (%s, 'lithic', now(), %s, %s, %s, %s, %s) RETURNING *",
            (
                f"ep_{uuid.uuid4().hex}",
                form.url,
                form.description,
                form.event_types,
                form.disabled,
                new_secret(),
            ),
        )
        row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - INSERT … RETURNING
    return answer(_subscription_object(row), 201)


async def list_subscriptions(request: Request) -> Response:
    """All subscriptions."""
    async with sandbox_of(request).transaction() as connection:
        rows, has_more = await page(connection, request, "subscriptions", equal={"face": "lithic"})
    return answer({"data": [_subscription_object(row) for row in rows], "has_more": has_more})


async def retrieve_subscription(request: Request) -> Response:
    """One subscription."""
    async with sandbox_of(request).transaction() as connection:
        return answer(_subscription_object(await _subscription(connection, request)))


async def update_subscription(request: Request) -> Response:
    """Change URL, filter or state."""
    form = await read_body(request, SubscriptionChange)
    async with sandbox_of(request).transaction() as connection:
        row = await _subscription(connection, request)
        changed = {**row, **msgspec.to_builtins(form)}
        await connection.execute(
            "UPDATE subscriptions SET url = %s, description = %s, disabled = %s, event_types = %s"
            " WHERE token = %s",
            (
                changed["url"],
                changed["description"],
                changed["disabled"],
                changed["event_types"],
                row["token"],
            ),
        )
    return answer(_subscription_object(changed))


async def delete_subscription(request: Request) -> Response:
    """Unsubscribe; messages under way are dropped."""
    async with sandbox_of(request).transaction() as connection:
        row = await _subscription(connection, request)
        await connection.execute("DELETE FROM subscriptions WHERE token = %s", (row["token"],))
    return Response(status_code=204)


async def subscription_secret(request: Request) -> Response:
    """The signing secret of one subscription."""
    async with sandbox_of(request).transaction() as connection:
        row = await _subscription(connection, request)
    return answer({"secret": row["secret"]})


async def rotate_subscription_secret(request: Request) -> Response:
    """A new secret; the old one signs too for 24 hours."""
    async with sandbox_of(request).transaction() as connection:
        row = await _subscription(connection, request)
        await connection.execute(
            "UPDATE subscriptions SET previous_secret = secret, previous_until = %s, secret = %s"
            " WHERE token = %s",
            (datetime.now(UTC) + ROTATION_OVERLAP, new_secret(), row["token"]),
        )
    return Response(status_code=204)


async def recover(request: Request) -> Response:
    """Send again what failed for good in a period."""
    return await _send_again(request, failed_only=True)


async def replay_missing(request: Request) -> Response:
    """Send what was never taken in a period."""
    return await _send_again(request, failed_only=False)


async def _send_again(request: Request, *, failed_only: bool) -> Response:
    query = request.query_params
    begin = read_moment(query.get("begin", "0001-01-01T00:00:00Z"), "begin")
    end = read_moment(query.get("end", "9999-12-31T00:00:00Z"), "end")
    async with sandbox_of(request).transaction() as connection:
        subscription = await _subscription(connection, request)
        cursor = await connection.execute(
            "SELECT e.token, e.transaction_token::text AS transaction_token, e.body FROM events e"
            " WHERE e.face = 'lithic' AND e.created >= %(begin)s AND e.created < %(end)s"
            " AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.message_id = e.token"
            "   AND d.subscription_token = %(to)s AND d.state IN ('SUCCESS', 'PENDING', 'HELD'))"
            " AND (NOT %(failed_only)s OR EXISTS (SELECT 1 FROM deliveries d"
            "   WHERE d.message_id = e.token AND d.subscription_token = %(to)s))"
            " ORDER BY e.seq",
            {
                "begin": begin,
                "end": end,
                "to": subscription["token"],
                "failed_only": failed_only,
            },
        )
        for row in await cursor.fetchall():
            await queue(
                connection, subscription, row["token"], row["transaction_token"], row["body"]
            )
    return Response(status_code=202)


async def list_events(request: Request) -> Response:
    """``GET /v1/events``."""
    async with sandbox_of(request).transaction() as connection:
        rows, has_more = await page(connection, request, "events", equal={"face": "lithic"})
    return answer({"data": [_event_object(row) for row in rows], "has_more": has_more})


async def retrieve_event(request: Request) -> Response:
    """``GET /v1/events/{token}``."""
    async with sandbox_of(request).transaction() as connection:
        return answer(_event_object(await _event(connection, request)))


async def resend_event(request: Request) -> Response:
    """Send one event again to one subscription, under the same id."""
    async with sandbox_of(request).transaction() as connection:
        event = await _event(connection, request)
        subscription = await _subscription(connection, request)
        await queue(
            connection,
            subscription,
            event["token"],
            str(event["transaction_token"]),
            bytes(event["body"]),
        )
    return Response(status_code=202)


def _event_object(row: DictRow) -> Json:
    payload = msgspec.json.decode(bytes(row["body"]))
    return {
        "token": row["token"],
        "created": stamp(row["created"]),
        "event_type": row["event_type"],
        "payload": {name: value for name, value in payload.items() if name != "event_type"},
    }


async def _event(connection: Connection, request: Request) -> DictRow:
    cursor = await connection.execute(
        "SELECT * FROM events WHERE face = 'lithic' AND token = %s", (request.path_params["event"],)
    )
    row = await cursor.fetchone()
    if row is None:
        raise LithicError(404, "Event not found")
    return row


async def _subscription(connection: Connection, request: Request) -> DictRow:
    cursor = await connection.execute(
        "SELECT * FROM subscriptions WHERE face = 'lithic' AND token = %s",
        (request.path_params["subscription"],),
    )
    row = await cursor.fetchone()
    if row is None:
        raise LithicError(404, "Event subscription not found")
    return row
