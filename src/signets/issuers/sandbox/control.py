"""``/_sim``: what Lithic has no endpoint for, so that tests and demonstrations can ask for it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from psycopg import sql
from psycopg.rows import DictRow
from starlette.requests import Request
from starlette.responses import Response

from signets.issuers.sandbox import faults
from signets.issuers.sandbox.authorize import increment
from signets.issuers.sandbox.cards import find_by_number, read_card
from signets.issuers.sandbox.delivery import keep, post
from signets.issuers.sandbox.service import read_account, read_transaction, record, sandbox_of
from signets.issuers.sandbox.signing import forged
from signets.issuers.sandbox.simulate import (
    Number,
    Positive,
    PricedForm,
    release,
    simulated,
    unasked,
)
from signets.issuers.sandbox.transaction import network_id_of, new_event, rate_of
from signets.issuers.sandbox.wire import (
    Connection,
    Form,
    Json,
    LithicError,
    answer,
    page,
    read_body,
    read_uuid,
    stamp,
)

#: After how long a hold runs out when the clock is moved (Lithic: typically 7 days).
HOLD_LIFETIME = timedelta(days=7)
_DRAIN_STEP_SECONDS = 0.01


class ForcePostForm(PricedForm, frozen=True, kw_only=True):
    """A clearing that nobody was asked about. Give ``card_token`` or ``pan``."""

    card_token: str | None = None
    pan: Number | None = None


class IncrementForm(Form, frozen=True, kw_only=True):
    """``amount`` more on a known transaction."""

    token: str
    amount: Positive


class LinkedForm(Form, frozen=True, kw_only=True):
    """A return or a correction on a known transaction."""

    token: str
    amount: Positive
    type: Literal["RETURN", "CORRECTION_CREDIT", "CORRECTION_DEBIT"] = "RETURN"


class ClockForm(Form, frozen=True, kw_only=True):
    """Move the network's clock forward, or set it to real time."""

    advance_seconds: Annotated[int, Meta(ge=0, le=400 * 86_400)] = 0
    reset: bool = False


class FaultForm(Form, frozen=True, kw_only=True):
    """How often a fault strikes; ``count`` 0 turns it off."""

    count: Annotated[int, Meta(ge=0, le=100_000)] = 1
    delay_ms: Annotated[int, Meta(ge=0, le=600_000)] = 0
    part: Literal["request", "answer"] = "answer"


class DeliveryForm(Form, frozen=True, kw_only=True):
    """One delivery, by the token that ``GET /_sim/deliveries`` shows."""

    delivery: str


class DrainForm(Form, frozen=True, kw_only=True):
    """Wait until every first attempt has been made."""

    timeout_seconds: Annotated[float, Meta(gt=0, le=60)] = 10.0


async def force_post(request: Request) -> Response:
    """``POST /_sim/force_post``: the first event is a CLEARING, whatever the card's state."""
    sandbox = sandbox_of(request)
    form = await read_body(request, ForcePostForm)
    if (form.pan is None) == (form.card_token is None):
        raise LithicError(422, "Give exactly one of `card_token` and `pan`")
    async with sandbox.transaction() as connection:
        if form.card_token is not None:
            card = await read_card(connection, form.card_token)
        else:
            account = await read_account(connection)
            card = await find_by_number(connection, account, form.pan or "")
    return simulated(await unasked(sandbox, "CLEARING", form, str(card["token"])))


async def force_increment(request: Request) -> Response:
    """``POST /_sim/increment``: a second question under the same token."""
    form = await read_body(request, IncrementForm)
    return simulated(await increment(sandbox_of(request), form.token, form.amount))


async def linked(request: Request) -> Response:
    """``POST /_sim/linked``: a return or correction on the transaction itself."""
    form = await read_body(request, LinkedForm)
    async with sandbox_of(request).transaction() as connection:
        account = await read_account(connection)
        known = await read_transaction(connection, form.token)
        rate = rate_of(known)
        event = new_event(
            form.type, form.amount, rate, account.now, network_id=network_id_of(known)
        )
        await record(connection, known, [event], rate, account.now)
    return simulated(form.token)


async def read_clock(request: Request) -> Response:
    """``GET /_sim/clock``."""
    async with sandbox_of(request).transaction() as connection:
        account = await read_account(connection)
    return answer(_clock(account.row["clock_offset_seconds"], stamp(account.now)))


async def move_clock(request: Request) -> Response:
    """``POST /_sim/clock``; holds older than seven days by then expire.

    Signatures keep real time: receivers refuse any other.
    """
    sandbox = sandbox_of(request)
    form = await read_body(request, ClockForm)
    async with sandbox.transaction() as connection:
        await connection.execute(
            "UPDATE account SET clock_offset_seconds ="
            " CASE WHEN %s THEN 0 ELSE clock_offset_seconds END + %s",
            (form.reset, form.advance_seconds),
        )
        account = await read_account(connection)
        cursor = await connection.execute(
            "SELECT token::text AS token FROM transactions"
            " WHERE held <> 0 AND created < %s ORDER BY seq",
            (account.now - HOLD_LIFETIME,),
        )
        old = [row["token"] for row in await cursor.fetchall()]
    for token in old:
        await release(sandbox, token, "AUTHORIZATION_EXPIRY", None)
    clock = _clock(account.row["clock_offset_seconds"], stamp(account.now))
    return answer({**clock, "expired": old})


def _clock(offset: int, now: str) -> Json:
    return {"offset_seconds": offset, "now": now}


async def set_faults(request: Request) -> Response:
    """``POST /_sim/faults``: ``{name: {count, delay_ms?, part?}}``; others stay as they are."""
    form = await read_body(request, dict[str, FaultForm])
    for name in form:
        if name not in faults.NAMES:
            raise LithicError(422, f"`{name}` is no fault; there are {', '.join(faults.NAMES)}")
    async with sandbox_of(request).transaction() as connection:
        for name, fault in form.items():
            await connection.execute(
                "INSERT INTO faults (name, remaining, delay_ms, part) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (name) DO UPDATE SET remaining = excluded.remaining,"
                " delay_ms = excluded.delay_ms, part = excluded.part",
                (name, fault.count, fault.delay_ms, fault.part),
            )
        return answer(await _faults(connection))


async def read_faults(request: Request) -> Response:
    """``GET /_sim/faults``."""
    async with sandbox_of(request).transaction() as connection:
        return answer(await _faults(connection))


async def clear_faults(request: Request) -> Response:
    """``DELETE /_sim/faults``: all off; messages held back for disorder go out."""
    async with sandbox_of(request).transaction() as connection:
        await connection.execute("DELETE FROM faults")
        await connection.execute("UPDATE deliveries SET state = 'PENDING' WHERE state = 'HELD'")
    return answer({})


async def _faults(connection: Connection) -> Json:
    cursor = await connection.execute("SELECT * FROM faults WHERE remaining > 0 ORDER BY name")
    return {
        row["name"]: {"count": row["remaining"], "delay_ms": row["delay_ms"], "part": row["part"]}
        for row in await cursor.fetchall()
    }


async def list_deliveries(request: Request) -> Response:
    """``GET /_sim/deliveries``: newest first, with attempts and what the receiver answered.

    Filters: ``kind`` (``asa``, ``event``), ``transaction_token``; pages as everywhere.
    """
    query = request.query_params
    equal: dict[str, object] = {}
    if "kind" in query:
        equal["kind"] = query["kind"]
    if "transaction_token" in query:
        equal["transaction_token"] = read_uuid(query["transaction_token"], "Transaction")
    async with sandbox_of(request).transaction() as connection:
        rows, has_more = await page(connection, request, "deliveries", equal=equal)
        cursor = await connection.execute(
            sql.SQL("SELECT * FROM attempts WHERE delivery_token = ANY (%s) ORDER BY seq"),
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
                "signed": "webhook-signature" in attempt["headers"],
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
    token = read_uuid(form.delivery, "Delivery")
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
