"""An ``Idempotency-Key``: the same key and body give the same object, for 24 hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from signets.app.caller import Caller
from signets.app.store import UnitOfWork
from signets.core.errors import Refusal, RefusalKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """The key as the caller sent it, and the digest of the request it belongs to."""

    key: str
    body_sha256: bytes


@dataclass(frozen=True, slots=True)
class Recalled:
    """What an earlier request with the key led to, and when it was made."""

    result_id: str
    at: datetime


async def recall(
    uow: UnitOfWork, caller: Caller, idempotency: Idempotency | None
) -> Recalled | None:
    """What an earlier request with this key led to, or ``None``.

    Raises:
        Refusal: ``idempotency_conflict`` where the key was used with another body.
    """
    if idempotency is None:
        return None
    found = await uow.housekeeping.remembered(caller.key_id, idempotency.key, uow.now)
    if found is None:
        return None
    body_sha256, result_id, at = found
    if body_sha256 != idempotency.body_sha256:
        raise Refusal(
            RefusalKind.CONFLICT,
            "idempotency_conflict",
            "this Idempotency-Key was used with another request; use a fresh key",
            param="Idempotency-Key",
        )
    return Recalled(result_id, at)


async def remember(
    uow: UnitOfWork, caller: Caller, idempotency: Idempotency | None, result_id: str
) -> None:
    """Keep the result, in the same transaction as the object itself."""
    if idempotency is not None:
        await uow.housekeeping.remember(
            caller.key_id, idempotency.key, idempotency.body_sha256, result_id, uow.now
        )
