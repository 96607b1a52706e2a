"""``/v1/issuing/transactions`` and the test helpers that move money without being asked."""

from __future__ import annotations

from typing import Literal

from psycopg import sql

from signets.issuers.sandbox.engine import lifecycle
from signets.issuers.sandbox.engine.base import Connection, Json, as_token
from signets.issuers.sandbox.engine.pages import equals
from signets.issuers.sandbox.engine.purchase import Kind, Move, Purchase
from signets.issuers.sandbox.engine.store import Sandbox, read_purchase
from signets.issuers.sandbox.stripe_face.authorizations import Positive, PricedForm, on_cards
from signets.issuers.sandbox.stripe_face.cards import card_of, object_of
from signets.issuers.sandbox.stripe_face.render import is_transaction, transaction_object
from signets.issuers.sandbox.stripe_face.wire import (
    Form,
    ListForm,
    StripeError,
    convert,
    list_object,
    missing,
    stripe_page,
)

_WHAT = "issuing transaction"
_IS_REFUND = sql.SQL("(credit OR move->>'kind' = 'return_reversal') = %s")


class RefundForm(Form, frozen=True, kw_only=True):
    """Parameters of ``refund``; no amount: all of it."""

    refund_amount: Positive | None = None


class TransactionList(ListForm, frozen=True, kw_only=True):
    """Parameters of a list."""

    card: str | None = None
    cardholder: str | None = None
    type: Literal["capture", "refund"] | None = None


async def force_capture(sandbox: Sandbox, params: Json, _: str) -> Json:
    """A capture that nobody was asked about, whatever the card's status."""
    return await _unasked(sandbox, params, Kind.CLEARING)


async def unlinked_refund(sandbox: Sandbox, params: Json, _: str) -> Json:
    """A refund that names no purchase."""
    return await _unasked(sandbox, params, Kind.RETURN)


async def _unasked(sandbox: Sandbox, params: Json, kind: Kind) -> Json:
    form = convert(params, PricedForm)
    if form.amount == 0:
        raise StripeError(400, "The amount must be positive", param="amount")
    async with sandbox.transaction() as connection:
        card = await card_of(connection, form.card)
    purchase = await lifecycle.unasked(
        sandbox,
        "stripe",
        kind,
        str(card["token"]),
        form.merchant_data.merchant(),
        form.rate(card["currency"]),
    )
    return await _shown(sandbox, purchase, purchase.moves[-1])


async def refund(sandbox: Sandbox, params: Json, transaction: str) -> Json:
    """Money back on a capture: a new Transaction under the same authorization."""
    form = convert(params, RefundForm)
    async with sandbox.transaction() as connection:
        purchase, move = await find_transaction(connection, transaction)
    if move.kind is not Kind.CLEARING:
        raise StripeError(400, "Only a capture can be refunded.")
    amount = form.refund_amount or move.amount
    if amount > move.amount:
        raise StripeError(400, "The refund is larger than the capture.", param="refund_amount")
    changed = await lifecycle.add(sandbox, purchase.token, Kind.RETURN, amount, what=_WHAT)
    return await _shown(sandbox, changed, changed.moves[-1])


async def retrieve(sandbox: Sandbox, params: Json, transaction: str) -> Json:
    """One transaction."""
    convert(params, Form)
    async with sandbox.transaction() as connection:
        purchase, move = await find_transaction(connection, transaction)
    return await _shown(sandbox, purchase, move)


async def list_all(sandbox: Sandbox, params: Json, _: str) -> Json:
    """Transactions, newest first."""
    form = convert(params, TransactionList)
    conditions: list[tuple[sql.Composable, object]] = [
        equals("face", "stripe"),
        equals("is_money", True),
    ]
    if form.type is not None:
        conditions.append((_IS_REFUND, form.type == "refund"))
    async with sandbox.transaction() as connection:
        conditions += await on_cards(connection, form.card, form.cardholder)
        rows, has_more = await stripe_page(connection, form, "moves", conditions)
        data = [await _object(connection, str(row["token"])) for row in rows]
    return list_object("/v1/issuing/transactions", data, has_more=has_more)


async def _object(connection: Connection, token: str) -> Json:
    purchase, move = await find_transaction(connection, token)
    card = await object_of(connection, purchase.card_token)
    return transaction_object(purchase, move, card["cardholder"]["id"])


async def find_transaction(connection: Connection, transaction: str) -> tuple[Purchase, Move]:
    """The purchase and the move behind an id.

    Raises:
        Missing: The id is none.
        StripeError: 404.
    """
    token = as_token(transaction, _WHAT)
    cursor = await connection.execute(
        "SELECT purchase_token FROM moves WHERE token = %s AND face = 'stripe'", (token,)
    )
    row = await cursor.fetchone()
    if row is None:
        raise missing(_WHAT, transaction)
    purchase = await read_purchase(connection, str(row["purchase_token"]), what=_WHAT)
    move = next(one for one in purchase.moves if one.token == token)
    if not is_transaction(move):
        raise missing(_WHAT, transaction)
    return purchase, move


async def _shown(sandbox: Sandbox, purchase: Purchase, move: Move) -> Json:
    async with sandbox.transaction() as connection:
        card = await object_of(connection, purchase.card_token)
    return transaction_object(purchase, move, card["cardholder"]["id"])
