"""``/_sim/deliveries`` and what can be done with one: look, repeat, forge, wait."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from psycopg.rows import DictRow
from starlette.requests import Request
from starlette.responses import Response

from signets.issuers.sandbox.engine.base import Json, as_token
from signets.issuers.sandbox.engine.delivery import keep, post
from signets.issuers.sandbox.engine.store import sandbox_of
from signets.issuers.sandbox.lithic_face.wire import (
    Form,
    LithicError,
    answer,
    page,
    read_body,
    stamp,
)
from signets.issuers.sandbox.signing import forged, is_signed

_DRAIN_STEP_SECONDS = 0.01


class DeliveryForm(Form, frozen=True, kw_only=True):
    """One delivery, by the token that ``GET /_sim/deliveries`` shows."""

    delivery: str


class DrainForm(Form, frozen=True, kw_only=True):
    """Wait until every first attempt has been made."""

    timeout_seconds: Annotated[float, Meta(gt=0, le=60)] = 10.0


async def list_deliveries(request: Request) -> Response:
    """``GET /_sim/deliveries``: newest first, with attempts and what the receiver answered.

    Filters: ``kind`` (``asa`` for any real-time request, ``event``), ``transaction_token`` (also
    ``iauth_…``); pages as at Lithic.
    """
    query = request.query_params
    equal: dict[str, object] = {}
    if "kind" in query:
        equal["kind"] = query["kind"]
    if "transaction_token" in query:
        equal["transaction_token"] = as_token(query["transaction_token"], "Transaction")
    async with sandbox_of(request).transaction() as connection:
        rows, has_more = await page(connection, request, "deliveries", equal=equal)
        cursor = await connection.execute(
            "SELECT * FROM attempts WHERE delivery_token = ANY (%s) ORDER BY seq",
            ([row["token"] for row in rows],),
        )
        attempts = await cursor.fetchall()
    data = [
        _delivery_object(row, [a for a in attempts if a["delivery_token"] == row["token"]])
        for row in rows
    ]
    return answer({"data": data, "has_more": has_more})


def _delivery_object(row: DictRow, attempts: list[DictRow]) -> Json:
    return {
        "token": str(row["token"]),
        "face": row["face"],
        "kind": row["kind"],
        "created": stamp(row["created"]),
        "message_id": row["message_id"],
        "transaction_token": str(row["transaction_token"]),
        "subscription_token": row["subscription_token"],
        "url": row["url"],
        "state": row["state"],
        "fault": row["fault"],
        "body": msgspec.json.decode(bytes(row["body"])),
        "attempts": [
            {
                "created": stamp(attempt["created"]),
                "why": attempt["why"],
                "signed": is_signed(attempt["headers"]),
                "status_code": attempt["status_code"],
                "response_body": attempt["response_body"],
                "error": attempt["error"],
            }
            for attempt in attempts
        ],
    }


async def replay(request: Request) -> Response:
    """``POST /_sim/replay``: the very same bytes and headers once more."""
    return await _repeat(request, forge=False)


async def forge(request: Request) -> Response:
    """``POST /_sim/forge``: the same bytes under a signature of no live secret."""
    return await _repeat(request, forge=True)


async def _repeat(request: Request, *, forge: bool) -> Response:
    sandbox = sandbox_of(request)
    form = await read_body(request, DeliveryForm)
    token = as_token(form.delivery, "Delivery")
    async with sandbox.transaction() as connection:
        cursor = await connection.execute(
            "SELECT d.url, d.body, a.headers FROM deliveries d"
            " JOIN attempts a ON a.delivery_token = d.token"
            " WHERE d.token = %s AND a.headers <> '{}' ORDER BY a.seq LIMIT 1",
            (token,),
        )
        row = await cursor.fetchone()
    if row is None:
        raise LithicError(404, "Delivery not found, or never sent")
    headers: dict[str, str] = row["headers"]
    try:
        async with asyncio.timeout(sandbox.config.deadline_seconds):
            attempt = await post(
                sandbox.http,
                row["url"],
                bytes(row["body"]),
                forged(headers) if forge else headers,
            )
    except TimeoutError:
        raise LithicError(504, "The receiver did not answer in time") from None
    async with sandbox.transaction() as connection:
        await keep(connection, token, "forge" if forge else "replay", attempt)
    result: dict[str, Any] = {
        "status_code": attempt.status_code,
        "response_body": attempt.response_body,
        "error": attempt.error,
    }
    return answer(result)


async def drain(request: Request) -> Response:
    """``POST /_sim/drain``: returns once no webhook waits for its first attempt."""
    sandbox = sandbox_of(request)
    form = await read_body(request, DrainForm)
    waiting = 1
    try:
        async with asyncio.timeout(form.timeout_seconds):
            while waiting:
                async with sandbox.transaction() as connection:
                    cursor = await connection.execute(
                        "SELECT count(*) AS waiting FROM deliveries"
                        " WHERE state = 'PENDING' AND attempt_count = 0"
                    )
                    row = await cursor.fetchone()
                waiting = 0 if row is None else row["waiting"]
                if waiting:
                    await asyncio.sleep(_DRAIN_STEP_SECONDS)
    except TimeoutError:
        raise LithicError(504, f"{waiting} webhooks still wait for their first attempt") from None
    return answer({"waiting": 0})
