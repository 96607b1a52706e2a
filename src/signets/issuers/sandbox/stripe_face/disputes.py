"""``/v1/issuing/disputes``, and what ``/_sim`` makes of one. A claim is on one Transaction.

Source: docs.stripe.com/issuing/purchases/disputes.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from psycopg import sql
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from signets.issuers.sandbox.engine.base import Connection, Impossible, Json, Missing, as_token
from signets.issuers.sandbox.engine.outbox import About, publish
from signets.issuers.sandbox.engine.pages import equals
from signets.issuers.sandbox.engine.purchase import Kind, Move
from signets.issuers.sandbox.engine.store import Sandbox, read_account
from signets.issuers.sandbox.stripe_face.dispute_evidence import (
    known_fields,
    require_whole,
    with_evidence,
)
from signets.issuers.sandbox.stripe_face.transactions import find_transaction
from signets.issuers.sandbox.stripe_face.wire import (
    Form,
    ListForm,
    Metadata,
    StripeError,
    convert,
    list_object,
    merged,
    missing,
    object_id,
    seconds,
    stripe_page,
)

_PREFIX = "idp"
_WHAT = "issuing dispute"
#: How long after its capture a claim may be submitted.
WINDOW = timedelta(days=110)
_ENDED = ("won", "lost", "expired")

Amount = Annotated[int, Meta(ge=1, le=2_000_000_000)]
Status = Literal["unsubmitted", "submitted", "won", "lost", "expired"]


class NewDispute(Form, frozen=True, kw_only=True):
    """Parameters of a create; no amount: the whole transaction."""

    transaction: str
    amount: Amount | None = None
    evidence: dict[str, Any] = msgspec.field(default_factory=dict)
    metadata: Metadata = msgspec.field(default_factory=dict)


class DisputeChange(Form, frozen=True, kw_only=True):
    """Parameters of an update; what is left out stays."""

    amount: Amount | UnsetType = UNSET
    evidence: dict[str, Any] | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET


class SubmitForm(Form, frozen=True, kw_only=True):
    """Parameters of ``submit``."""

    metadata: Metadata = msgspec.field(default_factory=dict)


class DisputeList(ListForm, frozen=True, kw_only=True):
    """Parameters of a list."""

    status: Status | None = None
    transaction: str | None = None


async def create(sandbox: Sandbox, params: Json, _: str) -> Json:
    """A draft on a capture: evidence may come later, the network is not told yet."""
    form = convert(params, NewDispute)
    async with sandbox.transaction() as connection:
        purchase, move = await find_transaction(connection, form.transaction)
        now = (await read_account(connection)).now
        _refuse_ineligible(move, form.amount or move.amount, now)
        cursor = await connection.execute(
            "SELECT 1 FROM stripe_disputes WHERE move_token = %s AND status <> 'expired'",
            (move.token,),
        )
        if await cursor.fetchone() is not None:
            raise StripeError(400, "This transaction is disputed already.", param="transaction")
        cursor = await connection.execute(
            "INSERT INTO stripe_disputes (token, purchase_token, move_token, created, status,"
            " amount, currency, evidence, metadata)"
            " VALUES (%s, %s, %s, %s, 'unsubmitted', %s, %s, %s, %s)"
            " RETURNING *",
            (
                uuid.uuid4(),
                purchase.token,
                move.token,
                now,
                form.amount or move.amount,
                move.rate.billing_currency.lower(),
                Jsonb(with_evidence({}, form.evidence)),
                Jsonb(merged({}, form.metadata)),
            ),
        )
        row = await cursor.fetchone()
        assert row is not None  # noqa: S101 - INSERT … RETURNING
        await _tell(sandbox, connection, row, "created")
    return _object(row, form.expand)


def _refuse_ineligible(move: Move, amount: int, now: datetime) -> None:
    if move.kind is not Kind.CLEARING or move.credit:
        raise StripeError(400, "Only a capture can be disputed.", param="transaction")
    if amount > move.amount:
        raise StripeError(400, "The amount is more than was captured.", param="amount")
    if now - move.at > WINDOW:
        raise StripeError(400, "The dispute window of this transaction is over.")


async def update(sandbox: Sandbox, params: Json, dispute: str) -> Json:
    """Evidence and amount of a draft; metadata at any time."""
    form = convert(params, DisputeChange)
    async with sandbox.transaction() as connection:
        row = await _read(connection, dispute)
        is_draft = row["status"] == "unsubmitted"
        if not is_draft and (form.evidence is not UNSET or form.amount is not UNSET):
            raise StripeError(400, "A submitted dispute cannot be changed.")
        if form.amount is not UNSET:
            _, move = await find_transaction(connection, object_id("ipi", row["move_token"]))
            _refuse_ineligible(move, form.amount, (await read_account(connection)).now)
            row = {**row, "amount": form.amount}
        if form.evidence is not UNSET:
            row = {**row, "evidence": with_evidence(row["evidence"], form.evidence)}
        if form.metadata is not UNSET:
            row = {**row, "metadata": merged(row["metadata"], form.metadata)}
        await _write(connection, row)
        await _tell(sandbox, connection, row, "updated")
    return _object(row, form.expand)


async def submit(sandbox: Sandbox, params: Json, dispute: str) -> Json:
    """To the card network, once; all that its reason requires has to be there."""
    form = convert(params, SubmitForm)
    async with sandbox.transaction() as connection:
        row = await _read(connection, dispute)
        if row["status"] != "unsubmitted":
            raise StripeError(400, f"The dispute is {row['status']}.")
        require_whole(row["evidence"])
        row = {**row, "status": "submitted", "metadata": merged(row["metadata"], form.metadata)}
        await _write(connection, row)
        await _tell(sandbox, connection, row, "submitted")
    return _object(row, form.expand)


async def retrieve(sandbox: Sandbox, params: Json, dispute: str) -> Json:
    """One dispute; its balance transactions where they are expanded."""
    form = convert(params, Form)
    async with sandbox.transaction() as connection:
        return _object(await _read(connection, dispute), form.expand)


async def list_all(sandbox: Sandbox, params: Json, _: str) -> Json:
    """Disputes, newest first."""
    form = convert(params, DisputeList)
    conditions: list[tuple[sql.Composable, object]] = []
    if form.status is not None:
        conditions.append(equals("status", form.status))
    async with sandbox.transaction() as connection:
        if form.transaction is not None:
            disputed = await find_transaction(connection, form.transaction)
            conditions.append(equals("move_token", disputed[1].token))
        rows, has_more = await stripe_page(connection, form, "stripe_disputes", conditions)
    data = [_object(row, form.expand) for row in rows]
    return list_object("/v1/issuing/disputes", data, has_more=has_more)


def is_one(token: str) -> bool:
    """Whether a token names a dispute of this face."""
    return token.startswith(f"{_PREFIX}_")


async def decide(
    sandbox: Sandbox,
    connection: Connection,
    token: str,
    *,
    outcome: str,
    reason: str | UnsetType | None,
    amount: int | None,
) -> Json:
    """The network moves the claim, again if need be: the money first, then the status.

    Raises:
        Impossible: Stripe has no such end.
    """
    row = await _read(connection, token)
    row = {**row, "amount": amount or row["amount"]}
    if outcome == "represented":
        await _tell(sandbox, connection, row, "updated")
        return _object(row, [])
    if outcome not in _ENDED:
        raise Impossible(f"Stripe shows no dispute as {outcome}")
    provisional = sum(one["amount"] for one in row["funds"] if one["type"] != "issuing_dispute")
    owed = row["amount"] - provisional if outcome == "won" else -provisional
    if owed:
        final = outcome == "won"
        row = await _move(sandbox, connection, row, owed, final=final)
    lost = outcome == "lost"
    why = ("other" if isinstance(reason, UnsetType) else reason) if lost else None
    row = {**row, "status": outcome, "loss_reason": why}
    await _write(connection, row)
    await _tell(sandbox, connection, row, "closed")
    return _object(row, [])


async def credit(
    sandbox: Sandbox, connection: Connection, token: str, amount: int, *, reverse: bool
) -> Json:
    """A provisional credit is granted, or clawed back."""
    row = await _read(connection, token)
    signed = -amount if reverse else amount
    return _object(await _move(sandbox, connection, row, signed, final=False), [])


async def expire_drafts(sandbox: Sandbox) -> None:
    """What was not submitted in time."""
    async with sandbox.transaction() as connection:
        now = (await read_account(connection)).now
        cursor = await connection.execute(
            "SELECT d.token FROM stripe_disputes d JOIN moves m ON m.token = d.move_token"
            " WHERE d.status = 'unsubmitted' AND m.created < %s ORDER BY d.seq",
            (now - WINDOW,),
        )
        for late in await cursor.fetchall():
            await decide(
                sandbox,
                connection,
                object_id(_PREFIX, late["token"]),
                outcome="expired",
                reason=UNSET,
                amount=None,
            )


async def _move(
    sandbox: Sandbox, connection: Connection, row: DictRow, amount: int, *, final: bool
) -> DictRow:
    """Money on the issuing balance, and the event that says so."""
    kind = "issuing_dispute"
    if not final:
        kind += "_provisional_credit" if amount > 0 else "_provisional_credit_reversal"
    now = (await read_account(connection)).now
    entry = {"id": f"txn_{uuid.uuid4().hex}", "amount": amount, "type": kind, "at": seconds(now)}
    row = {**row, "funds": [*row["funds"], entry]}
    await _write(connection, row)
    await _tell(sandbox, connection, row, "funds_reinstated" if amount > 0 else "funds_rescinded")
    return row


async def _tell(sandbox: Sandbox, connection: Connection, row: DictRow, what: str) -> None:
    """The event; balance transactions are expandable, and so not in it."""
    now = (await read_account(connection)).now
    about = About(face="stripe", token=str(row["purchase_token"]))
    message = (f"issuing_dispute.{what}", {"object": _object(row, [])})
    await publish(connection, sandbox.faces["stripe"], about, [message], now)


async def _write(connection: Connection, row: DictRow) -> None:
    await connection.execute(
        "UPDATE stripe_disputes SET status = %s, amount = %s, evidence = %s, metadata = %s,"
        " loss_reason = %s, funds = %s WHERE token = %s",
        (
            row["status"],
            row["amount"],
            Jsonb(row["evidence"]),
            Jsonb(row["metadata"]),
            row["loss_reason"],
            Jsonb(row["funds"]),
            row["token"],
        ),
    )


async def _read(connection: Connection, dispute: str) -> DictRow:
    try:
        token = as_token(dispute, _WHAT)
    except Missing:
        raise missing(_WHAT, dispute) from None
    cursor = await connection.execute(
        "SELECT * FROM stripe_disputes WHERE token = %s FOR UPDATE", (token,)
    )
    row = await cursor.fetchone()
    if row is None:
        raise missing(_WHAT, dispute)
    return row


def _object(row: DictRow, expand: list[str]) -> Json:
    """Stripe's Dispute."""
    evidence = row["evidence"]
    reason = evidence.get("reason")
    shown: Json = {"reason": reason}
    if reason is not None:
        given = evidence.get(reason, {})
        shown[reason] = {name: given.get(name) for name in sorted(known_fields(reason))}
    content: Json = {
        "id": object_id(_PREFIX, row["token"]),
        "object": "issuing.dispute",
        "amount": row["amount"],
        "created": seconds(row["created"]),
        "currency": row["currency"],
        "evidence": shown,
        "livemode": False,
        "metadata": row["metadata"],
        "status": row["status"],
        "transaction": object_id("ipi", row["move_token"]),
        "treasury": None,
    }
    if row["loss_reason"] is not None:
        content["loss_reason"] = row["loss_reason"]
    if "balance_transactions" in expand:
        content["balance_transactions"] = [_balance(one, row["currency"]) for one in row["funds"]]
    return content


def _balance(entry: Json, currency: str) -> Json:
    return {
        "id": entry["id"],
        "object": "balance_transaction",
        "amount": entry["amount"],
        "available_on": entry["at"],
        "balance_type": "issuing",
        "created": entry["at"],
        "currency": currency,
        "description": None,
        "exchange_rate": None,
        "fee": 0,
        "fee_details": [],
        "net": entry["amount"],
        "reporting_category": "issuing_dispute",
        "source": None,
        "status": "available",
        "type": entry["type"],
    }
