"""``/v1/disputes``, and what ``/_sim`` makes of one.

Amounts are minor units. A claim moves no money here: Lithic pays outside the card transaction.
"""

from __future__ import annotations

import uuid
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType
from psycopg import sql
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb
from starlette.requests import Request
from starlette.responses import Response

from signets.issuers.sandbox.engine import faults
from signets.issuers.sandbox.engine.base import Connection, Impossible, Json
from signets.issuers.sandbox.engine.outbox import About, publish
from signets.issuers.sandbox.engine.purchase import standing
from signets.issuers.sandbox.engine.store import (
    Sandbox,
    read_account,
    read_purchase,
    sandbox_of,
)
from signets.issuers.sandbox.lithic_face.managed_dispute import credit_event, managed_object
from signets.issuers.sandbox.lithic_face.wire import (
    Form,
    LithicError,
    answer,
    page,
    read_body,
    read_uuid,
    stamp,
)

_EVENT_TYPE = "dispute.updated"
_WHAT = "Dispute"
_ENDED = ("CASE_WON", "CASE_CLOSED")
#: What can become of a claim -> status and usual ``resolution_reason``.
_OUTCOMES: dict[str, tuple[str, str | None]] = {
    "represented": ("REPRESENTMENT", None),
    "won": ("CASE_WON", "WON_FIRST_CHARGEBACK"),
    "lost": ("CASE_CLOSED", "CASE_LOST"),
    "withdrawn": ("CASE_CLOSED", "WITHDRAWN"),
}

Amount = Annotated[int, Meta(ge=1, le=2_000_000_000)]
Note = Annotated[str, Meta(max_length=5000)]
Reason = Literal[
    "ATM_CASH_MISDISPENSE",
    "CANCELLED",
    "DUPLICATED",
    "FRAUD_CARD_NOT_PRESENT",
    "FRAUD_CARD_PRESENT",
    "FRAUD_OTHER",
    "GOODS_SERVICES_NOT_AS_DESCRIBED",
    "GOODS_SERVICES_NOT_RECEIVED",
    "INCORRECT_AMOUNT",
    "MISSING_AUTH",
    "OTHER",
    "PROCESSING_ERROR",
    "RECURRING_TRANSACTION_NOT_CANCELLED",
    "REFUND_NOT_PROCESSED",
]


class DisputeForm(Form, frozen=True, kw_only=True):
    """``POST /v1/disputes``."""

    amount: Amount
    reason: Reason
    transaction_token: str
    customer_filed_date: str | None = None
    customer_note: Note | None = None


class DisputeChange(Form, frozen=True, kw_only=True):
    """``PATCH /v1/disputes/{token}``."""

    amount: Amount | UnsetType = UNSET
    reason: Reason | UnsetType = UNSET
    customer_filed_date: str | UnsetType | None = UNSET
    customer_note: Note | UnsetType | None = UNSET


async def create(request: Request) -> Response:
    """``POST /v1/disputes``: at most what has settled, one live claim a transaction."""
    sandbox = sandbox_of(request)
    form = await read_body(request, DisputeForm)
    async with sandbox.transaction() as connection:
        purchase = await read_purchase(connection, form.transaction_token, what="Transaction")
        if purchase.face != "lithic":
            raise LithicError(404, "Transaction not found")
        if form.amount > standing(purchase.moves).settled:
            raise LithicError(400, "The amount is more than has settled")
        cursor = await connection.execute(
            "SELECT 1 FROM disputes WHERE transaction_token = %s AND NOT (status = ANY (%s))",
            (purchase.token, list(_ENDED)),
        )
        if await cursor.fetchone() is not None:
            raise LithicError(400, "The transaction is disputed already")
        now = (await read_account(connection)).now
        cursor = await connection.execute(
            "INSERT INTO disputes (token, transaction_token, created, status, amount, reason,"
            " customer_filed_date, customer_note) VALUES (%s, %s, %s, 'NEW', %s, %s, %s, %s)"
            " RETURNING *",
            (
                uuid.uuid4(),
                purchase.token,
                now,
                form.amount,
                form.reason,
                form.customer_filed_date,
                form.customer_note,
            ),
        )
        made = await cursor.fetchone()
        broken = await faults.take(connection, faults.CREATE_DISPUTE)
    assert made is not None  # noqa: S101 - INSERT … RETURNING
    if broken is not None:
        raise LithicError(500, "Internal Server Error")
    return answer(_object(made))


async def list_all(request: Request) -> Response:
    """``GET /v1/disputes``; ``transaction_tokens`` as the SDK writes a list."""
    wanted = [
        read_uuid(token, "Transaction")
        for name in ("transaction_tokens", "transaction_tokens[]")
        for given in request.query_params.getlist(name)
        for token in given.split(",")
    ]
    conditions = [(sql.SQL("transaction_token = ANY (%s::uuid[])"), wanted)] if wanted else []
    async with sandbox_of(request).transaction() as connection:
        rows, has_more = await page(connection, request, "disputes", conditions=conditions)
    return answer({"data": [_object(row) for row in rows], "has_more": has_more})


async def retrieve(request: Request) -> Response:
    """``GET /v1/disputes/{token}``."""
    async with sandbox_of(request).transaction() as connection:
        return answer(_object(await _read(connection, request.path_params["token"])))


async def update(request: Request) -> Response:
    """``PATCH /v1/disputes/{token}``, while it is not decided."""
    form = await read_body(request, DisputeChange)
    async with sandbox_of(request).transaction() as connection:
        row = await _read(connection, request.path_params["token"])
        _refuse_ended(row)
        changed: Json = {
            name: getattr(form, name)
            for name in ("amount", "reason", "customer_filed_date", "customer_note")
            if getattr(form, name) is not UNSET
        }
        row = {**row, **changed}
        await _write(connection, row)
    return answer(_object(row))


async def withdraw(request: Request) -> Response:
    """``DELETE /v1/disputes/{token}``: withdrawn, and said so to subscribers."""
    sandbox = sandbox_of(request)
    async with sandbox.transaction() as connection:
        row = await _read(connection, request.path_params["token"])
        _refuse_ended(row)
        row = await _decide(sandbox, connection, row, "CASE_CLOSED", "WITHDRAWN")
    return answer(_object(row))


async def decide(
    sandbox: Sandbox,
    connection: Connection,
    token: str,
    *,
    outcome: str,
    reason: str | UnsetType | None,
    amount: int | None,
) -> Json:
    """The network or Lithic moves the claim, again if need be.

    Raises:
        Impossible: Lithic has no such end.
    """
    if outcome not in _OUTCOMES:
        raise Impossible(f"Lithic lets no dispute be {outcome}")
    status, usual = _OUTCOMES[outcome]
    row = await _read(connection, token)
    row = {**row, "amount": amount or row["amount"]}
    why = usual if isinstance(reason, UnsetType) else reason
    return _object(await _decide(sandbox, connection, row, status, why))


async def credit(
    sandbox: Sandbox, connection: Connection, token: str, amount: int, *, reverse: bool
) -> Json:
    """A provisional credit is granted, or taken back."""
    row = await _read(connection, token)
    account = await read_account(connection)
    purchase = await read_purchase(connection, str(row["transaction_token"]), what="Transaction")
    row["credits"] = [*row["credits"], credit_event(amount, account.now, reverse=reverse)]
    await connection.execute(
        "UPDATE disputes SET credits = %s WHERE token = %s", (Jsonb(row["credits"]), row["token"])
    )
    content = managed_object(row, purchase, str(account.row["account_token"]), account.now)
    message = ("dispute_transaction.updated", content)
    about = About(face="lithic", token=purchase.token)
    await publish(connection, sandbox.faces["lithic"], about, [message], account.now)
    return content


async def _decide(
    sandbox: Sandbox, connection: Connection, row: DictRow, status: str, reason: str | None
) -> DictRow:
    now = (await read_account(connection)).now
    moved = {
        **row,
        "status": status,
        "resolution_reason": reason,
        "resolved": now if status in _ENDED else None,
    }
    await _write(connection, moved)
    about = About(face="lithic", token=str(row["transaction_token"]))
    message = (_EVENT_TYPE, _object(moved))
    await publish(connection, sandbox.faces["lithic"], about, [message], now)
    return moved


async def _write(connection: Connection, row: DictRow) -> None:
    await connection.execute(
        "UPDATE disputes SET status = %(status)s, amount = %(amount)s, reason = %(reason)s,"
        " customer_filed_date = %(customer_filed_date)s, customer_note = %(customer_note)s,"
        " resolution_reason = %(resolution_reason)s, resolved = %(resolved)s"
        " WHERE token = %(token)s",
        row,
    )


def _refuse_ended(row: DictRow) -> None:
    if row["status"] in _ENDED:
        raise LithicError(400, f"The dispute is {row['status']}")


async def _read(connection: Connection, token: str) -> DictRow:
    cursor = await connection.execute(
        "SELECT * FROM disputes WHERE token = %s FOR UPDATE", (read_uuid(token, _WHAT),)
    )
    row = await cursor.fetchone()
    if row is None:
        raise LithicError(404, f"{_WHAT} not found")
    return row


def _object(row: DictRow) -> Json:
    """Lithic's Dispute."""
    return {
        "token": str(row["token"]),
        "amount": row["amount"],
        "arbitration_date": None,
        "created": stamp(row["created"]),
        "customer_filed_date": row["customer_filed_date"],
        "customer_note": row["customer_note"],
        "network_claim_ids": [],
        "network_filed_date": None,
        "network_reason_code": None,
        "prearbitration_date": None,
        "primary_claim_id": None,
        "reason": row["reason"],
        "representment_date": None,
        "resolution_date": stamp(row["resolved"]) if row["resolved"] else None,
        "resolution_note": None,
        "resolution_reason": row["resolution_reason"],
        "status": row["status"],
        "transaction_token": str(row["transaction_token"]),
    }
