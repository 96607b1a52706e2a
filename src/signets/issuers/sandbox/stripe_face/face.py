"""Stripe's face: its controls, its question, its events."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
from psycopg.rows import DictRow

from signets.issuers.sandbox.engine.base import Connection, Json
from signets.issuers.sandbox.engine.delivery import live_secrets
from signets.issuers.sandbox.engine.faces import Asked, Attempt, Presented, Question
from signets.issuers.sandbox.engine.purchase import ASKED, Cause, Move, Purchase, Verdict
from signets.issuers.sandbox.engine.store import read_responder
from signets.issuers.sandbox.signing import stripe_headers
from signets.issuers.sandbox.stripe_face.controls import controls_check
from signets.issuers.sandbox.stripe_face.render import (
    authorization_object,
    authorization_status,
    card_object,
    is_transaction,
    transaction_object,
)
from signets.issuers.sandbox.stripe_face.wire import API_VERSION, encoded, seconds

_REQUEST = "issuing_authorization.request"


class _Answer(msgspec.Struct):
    """The body of a direct answer."""

    approved: bool
    amount: int | None = None
    metadata: dict[str, str] = msgspec.field(default_factory=dict)


class StripeFace:
    """Stripe's wire format (``engine.faces.Face``)."""

    def __init__(self, deadline_seconds: float) -> None:
        self._deadline_seconds = deadline_seconds

    async def check(
        self, connection: Connection, card: DictRow, presented: Presented, now: datetime
    ) -> Verdict | None:
        """The cardholder's status, then spending controls."""
        holder = await read_holder(connection, card)
        if holder["status"] != "active":
            return Verdict(approved=False, cause=Cause.CARDHOLDER, words=holder["status"])
        return await controls_check(connection, card, presented, now)

    async def question(self, connection: Connection, asked: Asked) -> Question | None:
        """``issuing_authorization.request``; sent once, Stripe documents no retry."""
        responder = await read_responder(connection, "stripe")
        if responder["url"] is None:
            return None
        live = live_secrets(
            responder["secret"], responder["previous_secret"], responder["previous_until"]
        )
        card = card_object(asked.card, await read_holder(connection, asked.card))
        content = authorization_object(asked.purchase, card, pending=asked.presented)
        event_id, body = self.event(_REQUEST, {"object": content}, asked.now)
        by_default = Verdict(approved=responder["on_timeout"] == "approve", cause=Cause.TIMEOUT)
        return Question(
            message_id=event_id,
            url=responder["url"],
            body=body,
            sign=lambda: stripe_headers(body, live),
            read=lambda attempt: read_answer(attempt, asked.presented),
            deadline_seconds=self._deadline_seconds,
            tries=1,
            timed_out=by_default,
        )

    async def messages(
        self, connection: Connection, purchase: Purchase, new: Sequence[Move]
    ) -> Sequence[tuple[str, Json]]:
        """The authorization where there is one, and every new Transaction."""
        cursor = await connection.execute(
            "SELECT * FROM cards WHERE token = %s", (purchase.card_token,)
        )
        row = await cursor.fetchone()
        assert row is not None  # noqa: S101 - a purchase's card is never deleted
        card = card_object(row, await read_holder(connection, row))
        told: list[tuple[str, Json]] = []
        if purchase.moves[0].kind in ASKED:
            told.append(_authorization_message(purchase, new, card))
        told.extend(
            (
                "issuing_transaction.created",
                {"object": transaction_object(purchase, move, card["cardholder"]["id"])},
            )
            for move in new
            if is_transaction(move)
        )
        return told

    def event(self, event_type: str, content: Json, now: datetime) -> tuple[str, bytes]:
        """Stripe's event envelope around ``data``."""
        event_id = f"evt_{uuid.uuid4().hex}"
        envelope = {
            "id": event_id,
            "object": "event",
            "api_version": API_VERSION,
            "created": seconds(now.astimezone(UTC)),
            "data": content,
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": event_type,
        }
        return event_id, encoded(envelope)

    def status(self, purchase: Purchase) -> str:
        """Stripe's ``status`` of the authorization."""
        return authorization_status(purchase)

    def sign(self, message_id: str, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
        """``Stripe-Signature``."""
        return stripe_headers(body, secrets)


def _authorization_message(purchase: Purchase, new: Sequence[Move], card: Json) -> tuple[str, Json]:
    """``.created``, or ``.updated`` with what the changed attributes were before."""
    content = authorization_object(purchase, card)
    known = purchase.moves[: len(purchase.moves) - len(new)]
    if not known:
        return "issuing_authorization.created", {"object": content}
    before = authorization_object(replace(purchase, moves=known), card)
    changed = {name: value for name, value in before.items() if value != content[name]}
    return "issuing_authorization.updated", {"object": content, "previous_attributes": changed}


async def read_holder(connection: Connection, card: DictRow) -> DictRow:
    """The cardholder of a card that Stripe's face made."""
    cursor = await connection.execute(
        "SELECT * FROM cardholders WHERE token = %s", (card["cardholder_token"],)
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - required at the card's creation, never deleted
    return row


def read_answer(attempt: Attempt, presented: Presented) -> Verdict:
    """What a direct answer means. Anything but a well-formed one declines (``webhook_error``).

    Source: docs.stripe.com/issuing/controls/real-time-authorizations.
    """
    if attempt.status_code != 200:
        return _bad(f"The endpoint answered {attempt.status_code} instead of 200.")
    headers = attempt.response_headers
    if not headers.get("stripe-version"):
        return _bad("The answer has no Stripe-Version header.")
    if not headers.get("content-type", "").startswith("application/json"):
        return _bad("The answer's Content-Type is not application/json.")
    try:
        answer = msgspec.json.decode(attempt.response_body or "", type=_Answer)
    except msgspec.DecodeError as error:
        return _bad(f"The answer cannot be read: {error}")
    if not answer.approved:
        return Verdict(approved=False, cause=Cause.ANSWERED)
    partial = answer.amount
    if partial is not None and not (presented.partial_approval and 0 < partial <= presented.amount):
        return _bad("`amount` is only allowed where is_amount_controllable, up to the request's.")
    return Verdict(approved=True, cause=Cause.ANSWERED, approved_amount=partial)


def _bad(message: str) -> Verdict:
    return Verdict(approved=False, cause=Cause.MALFORMED, words=message)
