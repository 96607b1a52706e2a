"""The issuer's own checks before anybody is asked: card state and type, spend limit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.rows import DictRow

from signets.issuers.sandbox.responder import Verdict
from signets.issuers.sandbox.transaction import Rate
from signets.issuers.sandbox.wire import Connection, Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """What a terminal sends. ``amount`` is a magnitude in billing minor units."""

    status: str
    amount: int
    rate: Rate
    merchant: Json
    pos: Json

    @property
    def is_credit(self) -> bool:
        """Whether money would come back."""
        return "CREDIT" in self.status


async def issuer_check(
    connection: Connection, card: DictRow, purchase: Purchase, now: datetime
) -> Verdict | None:
    """The issuer's own decline before anybody is asked; ``None`` where it has none."""
    if card["state"] == "CLOSED":
        single = card["type"] == "SINGLE_USE"
        detail = "SINGLE_USE_CARD_REATTEMPTED" if single else "CARD_CLOSED"
        return Verdict(result="CARD_CLOSED", detail=detail)
    if card["state"] == "PAUSED":
        return Verdict(result="CARD_PAUSED", detail="CARD_PAUSED")
    locked = card["locked_merchant"]
    if locked is not None and locked != purchase.merchant["acceptor_id"]:
        return Verdict(
            result="UNAUTHORIZED_MERCHANT", detail="MERCHANT_LOCKED_CARD_ATTEMPTED_ELSEWHERE"
        )
    limit = card["spend_limit"]
    if limit == 0 or purchase.is_credit or purchase.amount == 0:
        return None
    spent = await _spent(connection, card, now)
    if spent + purchase.amount > limit:
        return Verdict(result="USER_TRANSACTION_LIMIT", detail="CARD_SPEND_LIMIT_EXCEEDED")
    return None


async def _spent(connection: Connection, card: DictRow, now: datetime) -> int:
    """What counts against the card's limit already, in minor units."""
    since = {
        "TRANSACTION": now,
        "MONTHLY": _month_before(now) + timedelta(days=6),
        "ANNUALLY": now - timedelta(days=365),
        "FOREVER": datetime.min.replace(tzinfo=now.tzinfo),
    }[card["spend_limit_duration"]]
    if card["spend_limit_duration"] == "TRANSACTION":
        return 0
    cursor = await connection.execute(
        "SELECT coalesce(sum(held + settled), 0)::bigint AS spent FROM transactions"
        " WHERE card_token = %s AND created >= %s",
        (card["token"], since),
    )
    row = await cursor.fetchone()
    return 0 if row is None else int(row["spent"])


def _month_before(now: datetime) -> datetime:
    first = now.replace(day=1)
    last_month = first - timedelta(days=1)
    return last_month.replace(day=min(now.day, last_month.day))
