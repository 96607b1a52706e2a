"""``/_sim``: the network's clock, the faults, and Stripe's real-time endpoint."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from signets.issuers.sandbox.engine import faults
from signets.issuers.sandbox.engine.base import Connection, Json
from signets.issuers.sandbox.engine.lifecycle import expire_old_holds
from signets.issuers.sandbox.engine.store import read_account, read_responder, sandbox_of
from signets.issuers.sandbox.lithic_face.events import Url
from signets.issuers.sandbox.lithic_face.wire import Form, LithicError, answer, read_body, stamp
from signets.issuers.sandbox.signing import ROTATION_OVERLAP, new_secret
from signets.issuers.sandbox.stripe_face.cardholders import block
from signets.issuers.sandbox.stripe_face.disputes import expire_drafts


class ClockForm(Form, frozen=True, kw_only=True):
    """Move the network's clock forward, or set it to real time."""

    advance_seconds: Annotated[int, Meta(ge=0, le=400 * 86_400)] = 0
    reset: bool = False


class FaultForm(Form, frozen=True, kw_only=True):
    """How often a fault strikes; ``count`` 0 turns it off."""

    count: Annotated[int, Meta(ge=0, le=100_000)] = 1
    delay_ms: Annotated[int, Meta(ge=0, le=600_000)] = 0
    part: Literal["request", "answer"] = "answer"


class RealtimeForm(Form, frozen=True, kw_only=True):
    """What Stripe's dashboard asks for."""

    url: Url
    on_timeout: Literal["approve", "decline"] = "decline"


async def read_clock(request: Request) -> Response:
    """``GET /_sim/clock``."""
    async with sandbox_of(request).transaction() as connection:
        account = await read_account(connection)
    return answer(_clock(account.row["clock_offset_seconds"], stamp(account.now)))


async def move_clock(request: Request) -> Response:
    """``POST /_sim/clock``; holds older than seven days by then expire, and Stripe's late drafts.

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
    old = await expire_old_holds(sandbox)
    await expire_drafts(sandbox)
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


async def read_realtime(request: Request) -> Response:
    """``GET /_sim/stripe/realtime_endpoint``: where, with which secret, and what a timeout does."""
    async with sandbox_of(request).transaction() as connection:
        return answer(await _realtime(connection))


async def set_realtime(request: Request) -> Response:
    """``POST /_sim/stripe/realtime_endpoint``: Stripe lets this be set in the dashboard only."""
    form = await read_body(request, RealtimeForm)
    async with sandbox_of(request).transaction() as connection:
        await connection.execute(
            "UPDATE responders SET url = %s, on_timeout = %s, secret = coalesce(secret, %s)"
            " WHERE face = 'stripe'",
            (form.url, form.on_timeout, new_secret()),
        )
        return answer(await _realtime(connection))


async def remove_realtime(request: Request) -> Response:
    """``DELETE /_sim/stripe/realtime_endpoint``: from now on Stripe approves by itself."""
    async with sandbox_of(request).transaction() as connection:
        await connection.execute("UPDATE responders SET url = NULL WHERE face = 'stripe'")
        return answer(await _realtime(connection))


async def roll_realtime_secret(request: Request) -> Response:
    """``POST /_sim/stripe/realtime_endpoint/roll_secret``: the old one signs along for a day."""
    async with sandbox_of(request).transaction() as connection:
        await connection.execute(
            "UPDATE responders SET previous_secret = secret, previous_until = now() + %s,"
            " secret = %s WHERE face = 'stripe'",
            (ROTATION_OVERLAP, new_secret()),
        )
        return answer(await _realtime(connection))


async def _realtime(connection: Connection) -> Json:
    row = await read_responder(connection, "stripe")
    return {name: row[name] for name in ("url", "secret", "on_timeout")}


class BlockForm(Form, frozen=True, kw_only=True):
    """A cardholder, ``ich_…``."""

    cardholder: str


async def block_cardholder(request: Request) -> Response:
    """``POST /_sim/stripe/block_cardholder``: no call of Stripe's API does, Stripe itself does."""
    sandbox, form = sandbox_of(request), await read_body(request, BlockForm)
    async with sandbox.transaction() as connection:
        return answer(await block(sandbox, connection, form.cardholder))
