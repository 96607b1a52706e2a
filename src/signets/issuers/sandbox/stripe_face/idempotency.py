"""``Idempotency-Key``: the same key and parameters give the same answer, and act once.

An answer is remembered once the request took effect; a refusal of the parameters is not, as at
Stripe. Source: docs.stripe.com/api/idempotent_requests.
"""

from __future__ import annotations

import hashlib

from signets.issuers.sandbox.engine.store import Sandbox
from signets.issuers.sandbox.stripe_face.wire import StripeError

_MAX_KEY = 255


def digest_of(path: str, raw: bytes) -> bytes:
    """What a key stands for."""
    return hashlib.sha256(path.encode() + b"\n" + raw).digest()


async def begin(sandbox: Sandbox, key: str, digest: bytes) -> bytes | None:
    """The remembered answer; ``None`` where this request is the first, which now holds the key.

    Raises:
        StripeError: 400 where the key stood for another request; 409 while the first is under way.
    """
    if len(key) > _MAX_KEY:
        raise StripeError(400, f"An idempotency key has at most {_MAX_KEY} characters")
    async with sandbox.transaction() as connection:
        cursor = await connection.execute(
            "INSERT INTO idempotency (key, digest) VALUES (%s, %s)"
            # Its process died before it could answer.
            " ON CONFLICT (key) DO UPDATE SET created = now()"
            " WHERE idempotency.body IS NULL AND idempotency.digest = excluded.digest"
            " AND idempotency.created < now() - interval '1 minute' RETURNING key",
            (key, digest),
        )
        if await cursor.fetchone() is not None:
            return None
        cursor = await connection.execute("SELECT * FROM idempotency WHERE key = %s", (key,))
        row = await cursor.fetchone()
    if row is None:
        raise _under_way()
    if bytes(row["digest"]) != digest:
        raise StripeError(
            400,
            "Keys for idempotent requests can only be used with the same parameters they were"
            " first used with.",
            kind="idempotency_error",
        )
    if row["body"] is None:
        raise _under_way()
    return bytes(row["body"])


def _under_way() -> StripeError:
    return StripeError(
        409,
        "There is currently another in-progress request using this idempotency key.",
        kind="idempotency_error",
        code="idempotency_key_in_use",
    )


async def remember(sandbox: Sandbox, key: str, body: bytes) -> None:
    """Keep the answer for whoever asks again."""
    async with sandbox.transaction() as connection:
        await connection.execute("UPDATE idempotency SET body = %s WHERE key = %s", (body, key))


async def forget(sandbox: Sandbox, key: str) -> None:
    """The request had no effect: its key is free."""
    async with sandbox.transaction() as connection:
        await connection.execute("DELETE FROM idempotency WHERE key = %s", (key,))
