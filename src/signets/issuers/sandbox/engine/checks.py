"""The issuer's own checks before anybody is asked, the same for every face."""

from __future__ import annotations

from datetime import datetime

from psycopg.rows import DictRow

from signets.issuers.sandbox.engine.base import Connection
from signets.issuers.sandbox.engine.faces import Presented
from signets.issuers.sandbox.engine.purchase import Cause, Check, Verdict, Verification


def verification_check(found: Verification) -> Verdict | None:
    """The decline of what was typed. An address that differs declines nothing: it is told."""
    if found.expiry is Check.MISMATCH:
        return declined(Cause.EXPIRY_MISMATCH)
    if found.cvc is Check.MISMATCH:
        return declined(Cause.CVC_MISMATCH)
    return declined(Cause.CARD_EXPIRED) if found.expired else None


def card_check(card: DictRow, presented: Presented) -> Verdict | None:
    """The decline of the card itself: its state, the merchant it is locked to."""
    if card["state"] == "CLOSED":
        single = card["type"] == "SINGLE_USE"
        return declined(Cause.SINGLE_USE_CARD if single else Cause.CARD_CLOSED)
    if card["state"] == "PAUSED":
        return declined(Cause.CARD_PAUSED)
    locked = card["locked_merchant"]
    if locked is not None and locked != presented.merchant.network_id:
        return declined(Cause.MERCHANT_LOCK)
    return None


def declined(cause: Cause) -> Verdict:
    """A decline without an answer."""
    return Verdict(approved=False, cause=cause)


async def spent(connection: Connection, card: DictRow, since: datetime) -> int:
    """What is held and settled on the card from purchases since then, in minor units."""
    cursor = await connection.execute(
        "SELECT coalesce(sum(held + settled), 0)::bigint AS spent FROM purchases"
        " WHERE card_token = %s AND created >= %s",
        (card["token"], since),
    )
    row = await cursor.fetchone()
    return 0 if row is None else int(row["spent"])
