"""Lithic's face: its controls, its question, its one webhook."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from psycopg.rows import DictRow

from signets.issuers.sandbox.engine.base import Connection, Json
from signets.issuers.sandbox.engine.checks import declined, spent
from signets.issuers.sandbox.engine.delivery import live_secrets
from signets.issuers.sandbox.engine.faces import Asked, Presented, Question
from signets.issuers.sandbox.engine.purchase import Cause, Move, Purchase, Verdict
from signets.issuers.sandbox.engine.store import read_account, read_responder
from signets.issuers.sandbox.lithic_face.asa import question, read_answer
from signets.issuers.sandbox.lithic_face.rules import rule_check
from signets.issuers.sandbox.lithic_face.transaction import transaction_object, transaction_status
from signets.issuers.sandbox.signing import signed_headers

_EVENT_TYPE = "card_transaction.updated"
#: A network failure or a 5xx is asked again once, at once; a 4xx is not.
_TRIES = 2


class LithicFace:
    """Lithic's wire format (``engine.faces.Face``)."""

    def __init__(self, deadline_seconds: float) -> None:
        self._deadline_seconds = deadline_seconds

    async def check(
        self, connection: Connection, card: DictRow, presented: Presented, now: datetime
    ) -> Verdict | None:
        """Spend limit, then auth rules."""
        limit = card["spend_limit"]
        if limit and presented.amount and not presented.is_credit:
            used = await _used(connection, card, now)
            if used + presented.amount > limit:
                return declined(Cause.SPEND_LIMIT)
        return await rule_check(connection, card, presented, now)

    async def question(self, connection: Connection, asked: Asked) -> Question | None:
        """An ASA request."""
        responder = await read_responder(connection, "lithic")
        if responder["url"] is None:
            return None
        live = live_secrets(
            responder["secret"], responder["previous_secret"], responder["previous_until"]
        )
        content = question(asked)
        body = msgspec.json.encode(content)
        return Question(
            message_id=content["event_token"],
            url=responder["url"],
            body=body,
            sign=lambda: signed_headers(content["event_token"], body, live),
            read=lambda attempt: read_answer(attempt, content),
            deadline_seconds=self._deadline_seconds,
            tries=_TRIES,
            timed_out=declined(Cause.TIMEOUT),
        )

    async def messages(
        self, connection: Connection, purchase: Purchase, new: Sequence[Move]
    ) -> Sequence[tuple[str, Json]]:
        """The whole transaction, whatever is new."""
        account = await read_account(connection)
        return [(_EVENT_TYPE, transaction_object(purchase, str(account.row["account_token"])))]

    def event(self, event_type: str, content: Json, now: datetime) -> tuple[str, bytes]:
        """The object itself with ``event_type``."""
        body = msgspec.json.encode({**content, "event_type": event_type})
        return f"msg_{uuid.uuid4().hex}", body

    def status(self, purchase: Purchase) -> str:
        """Lithic's ``status``."""
        return transaction_status(purchase)

    def sign(self, message_id: str, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
        """Standard Webhooks."""
        return signed_headers(message_id, body, secrets)


async def _used(connection: Connection, card: DictRow, now: datetime) -> int:
    """What counts against the card's limit already, in minor units."""
    duration = card["spend_limit_duration"]
    if duration == "TRANSACTION":
        return 0
    since = {
        "MONTHLY": _month_before(now) + timedelta(days=6),
        "ANNUALLY": now - timedelta(days=365),
        "FOREVER": datetime.min.replace(tzinfo=now.tzinfo),
    }[duration]
    return await spent(connection, card, since)


def _month_before(now: datetime) -> datetime:
    first = now.replace(day=1)
    last_month = first - timedelta(days=1)
    return last_month.replace(day=min(now.day, last_month.day))
