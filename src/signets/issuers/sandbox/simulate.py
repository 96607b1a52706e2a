"""``/v1/simulate/*`` and ``/v1/transactions``: the network side of Lithic's sandbox.

Parameters as in ``transactions.simulate_*`` of the official SDK.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta
from psycopg import sql
from starlette.requests import Request
from starlette.responses import Response

from signets.core.money import EXPONENTS
from signets.issuers.sandbox.authorize import authorize
from signets.issuers.sandbox.cards import find_by_number
from signets.issuers.sandbox.checks import Purchase
from signets.issuers.sandbox.service import (
    Sandbox,
    read_account,
    read_transaction,
    record,
    sandbox_of,
)
from signets.issuers.sandbox.transaction import (
    Rate,
    held_of,
    merchant_object,
    network_id_of,
    new_event,
    new_network_id,
    new_transaction,
    pos_object,
    rate_of,
)
from signets.issuers.sandbox.wire import (
    Form,
    Json,
    LithicError,
    answer,
    page,
    read_body,
    read_uuid,
)

Amount = Annotated[int, Meta(ge=0, le=2_000_000_000)]
Positive = Annotated[int, Meta(ge=1, le=2_000_000_000)]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$")]
Number = Annotated[str, Meta(pattern="^[0-9]{16}$")]
Status = Literal[
    "AUTHORIZATION",
    "BALANCE_INQUIRY",
    "CREDIT_AUTHORIZATION",
    "FINANCIAL_AUTHORIZATION",
    "FINANCIAL_CREDIT_AUTHORIZATION",
]


class MerchantForm(Form, frozen=True, kw_only=True):
    """Where a card is used. Left out: a small online shop in California."""

    descriptor: Annotated[str, Meta(min_length=1, max_length=25)]
    mcc: Annotated[str, Meta(pattern="^[0-9]{4}$")] = "5734"
    merchant_acceptor_id: Annotated[str, Meta(min_length=1, max_length=15)] = "OODKZAPJVN4YS7O"
    merchant_acceptor_city: Annotated[str, Meta(max_length=13)] = "SAN FRANCISCO"
    merchant_acceptor_state: Annotated[str, Meta(max_length=3)] = "CA"
    merchant_acceptor_country: Annotated[str, Meta(pattern="^[A-Z]{3}$")] = "USA"
    billing_currency: Currency = "USD"
    settlement_currency: Currency | None = None

    def merchant(self) -> Json:
        """Lithic's ``merchant``."""
        return merchant_object(
            descriptor=self.descriptor,
            acceptor_id=self.merchant_acceptor_id,
            mcc=self.mcc,
            city=self.merchant_acceptor_city,
            state=self.merchant_acceptor_state,
            country=self.merchant_acceptor_country,
        )


class PricedForm(MerchantForm, frozen=True, kw_only=True):
    """With an amount, and the merchant's own amount where the currencies differ."""

    amount: Amount
    merchant_amount: Amount | None = None
    merchant_currency: Currency = "GBP"

    def rate(self) -> Rate:
        """The rate of this purchase.

        Raises:
            LithicError: 422 for an unknown currency.
        """
        foreign = self.merchant_amount is not None
        merchant_currency = self.merchant_currency if foreign else self.billing_currency
        settlement = self.settlement_currency or self.billing_currency
        for name, currency in (
            ("billing_currency", self.billing_currency),
            ("merchant_currency", merchant_currency),
        ):
            if currency not in EXPONENTS:
                raise LithicError(422, f"Invalid parameter(s): {name}")
        if settlement != self.billing_currency:
            raise LithicError(422, "Invalid parameter(s): settlement_currency is billing's here")
        return Rate(
            billing=self.amount,
            billing_currency=self.billing_currency,
            merchant=self.merchant_amount if self.merchant_amount is not None else self.amount,
            merchant_currency=merchant_currency,
        )


class AuthorizeForm(PricedForm, frozen=True, kw_only=True):
    """``POST /v1/simulate/authorize``."""

    pan: Number
    status: Status = "AUTHORIZATION"
    partial_approval_capable: bool = False
    pin: Annotated[str, Meta(pattern="^[0-9]{4,12}$")] | None = None


class ReturnForm(Form, frozen=True, kw_only=True):
    """``POST /v1/simulate/return``."""

    amount: Positive
    descriptor: Annotated[str, Meta(min_length=1, max_length=25)]
    pan: Number
    billing_currency: Currency = "USD"
    settlement_currency: Currency | None = None


class CreditAdviceForm(PricedForm, frozen=True, kw_only=True):
    """``POST /v1/simulate/credit_authorization_advice``."""

    pan: Number


class TokenForm(Form, frozen=True, kw_only=True):
    """A transaction."""

    token: str


class ClearingForm(Form, frozen=True, kw_only=True):
    """``POST /v1/simulate/clearing``; no amount: all that is left."""

    token: str
    amount: Positive | None = None


class AdviceForm(Form, frozen=True, kw_only=True):
    """``POST /v1/simulate/authorization_advice``; ``amount`` is the absolute new hold."""

    token: str
    amount: Amount


class VoidForm(Form, frozen=True, kw_only=True):
    """``POST /v1/simulate/void``; an expiry is always whole."""

    token: str
    amount: Positive | None = None
    type: Literal["AUTHORIZATION_REVERSAL", "AUTHORIZATION_EXPIRY"] = "AUTHORIZATION_REVERSAL"


def simulated(token: str | None = None) -> Response:
    """201 with a request id, and the token where there is one."""
    body = {"debugging_request_id": str(uuid.uuid4())}
    return answer(body if token is None else {**body, "token": token}, 201)


async def simulate_authorize(request: Request) -> Response:
    """An authorization from the terminal to the answer."""
    sandbox = sandbox_of(request)
    form = await read_body(request, AuthorizeForm)
    if form.status == "BALANCE_INQUIRY" and form.amount:
        raise LithicError(422, "Invalid parameter(s): amount must be 0 for a balance inquiry")
    purchase = Purchase(
        status=form.status,
        amount=form.amount,
        rate=form.rate(),
        merchant=form.merchant(),
        pos=pos_object(partial_approval=form.partial_approval_capable),
    )
    card_token = await _card_token(sandbox, form.pan)
    return simulated(await authorize(sandbox, card_token, purchase))


async def simulate_clearing(request: Request) -> Response:
    """Money moves to the merchant: less, as much, more, again, late."""
    form = await read_body(request, ClearingForm)
    async with sandbox_of(request).transaction() as connection:
        account = await read_account(connection)
        known = await read_transaction(connection, form.token)
        amount = form.amount or _left_to_clear(known)
        credit = known["events"][0]["effective_polarity"] == "CREDIT"
        event = _next_event("CLEARING", amount, known, account.now, credit=credit)
        await record(connection, known, [event], rate_of(known), account.now)
    return simulated()


def _left_to_clear(known: Json) -> int:
    """The hold, or what a released authorization had asked for and nobody cleared.

    Raises:
        LithicError: 400 where nothing is left.
    """
    cleared = sum(e["amount"] for e in known["events"] if e["type"] == "CLEARING")
    asked = sum(
        e["amount"]
        for e in known["events"]
        if e["type"].endswith("AUTHORIZATION") and e["result"] == "APPROVED"
    )
    left = abs(held_of(known)) or int(asked) - int(cleared)
    if left <= 0:
        raise LithicError(400, "Nothing is left to clear; name an amount")
    return left


def _next_event(
    kind: str, amount: int, known: Json, now: datetime, *, credit: bool | None = None
) -> Json:
    return new_event(
        kind, amount, rate_of(known), now, network_id=network_id_of(known), credit=credit
    )


async def simulate_void(request: Request) -> Response:
    """A reversal (partly or whole; never below zero) or an expiry."""
    form = await read_body(request, VoidForm)
    await release(sandbox_of(request), form.token, form.type, form.amount)
    return simulated()


async def expire(request: Request) -> Response:
    """``POST /v1/transactions/{token}/expire_authorization``."""
    token = request.path_params["token"]
    await release(sandbox_of(request), token, "AUTHORIZATION_EXPIRY", None)
    return Response(status_code=202)


async def release(sandbox: Sandbox, token: str, kind: str, amount: int | None) -> None:
    """Give back ``amount`` of the hold, all of it where it is ``None`` or an expiry.

    Raises:
        LithicError: 404; 400 where nothing is held.
    """
    async with sandbox.transaction() as connection:
        account = await read_account(connection)
        known = await read_transaction(connection, token)
        held = abs(held_of(known))
        if held == 0:
            raise LithicError(400, "Nothing is held on this transaction")
        whole = amount is None or kind == "AUTHORIZATION_EXPIRY"
        size = held if whole or amount is None else min(amount, held)
        event = _next_event(kind, size, known, account.now, credit=held_of(known) > 0)
        await record(connection, known, [event], rate_of(known), account.now)


async def simulate_advice(request: Request) -> Response:
    """The merchant states a new absolute amount; nobody is asked."""
    form = await read_body(request, AdviceForm)
    async with sandbox_of(request).transaction() as connection:
        account = await read_account(connection)
        known = await read_transaction(connection, form.token)
        event = _next_event("AUTHORIZATION_ADVICE", form.amount, known, account.now)
        await record(connection, known, [event], rate_of(known), account.now)
    return simulated(form.token)


async def simulate_return(request: Request) -> Response:
    """A refund: a new SETTLED transaction, linked to nothing."""
    form = await read_body(request, ReturnForm)
    priced = PricedForm(
        descriptor=form.descriptor,
        amount=form.amount,
        billing_currency=form.billing_currency,
        settlement_currency=form.settlement_currency,
    )
    sandbox = sandbox_of(request)
    card_token = await _card_token(sandbox, form.pan)
    return simulated(await unasked(sandbox, "RETURN", priced, card_token))


async def simulate_return_reversal(request: Request) -> Response:
    """The refund is taken back."""
    form = await read_body(request, TokenForm)
    async with sandbox_of(request).transaction() as connection:
        account = await read_account(connection)
        known = await read_transaction(connection, form.token)
        returned = sum(
            event["amount"] * (1 if event["type"] == "RETURN" else -1)
            for event in known["events"]
            if event["type"] in ("RETURN", "RETURN_REVERSAL")
        )
        if returned <= 0:
            raise LithicError(400, "This transaction holds no return")
        event = _next_event("RETURN_REVERSAL", returned, known, account.now)
        await record(connection, known, [event], rate_of(known), account.now)
    return simulated()


async def simulate_credit_advice(request: Request) -> Response:
    """A merchant announces a refund; a clearing makes it money."""
    form = await read_body(request, CreditAdviceForm)
    sandbox = sandbox_of(request)
    card_token = await _card_token(sandbox, form.pan)
    return simulated(await unasked(sandbox, "CREDIT_AUTHORIZATION_ADVICE", form, card_token))


async def _card_token(sandbox: Sandbox, number: str) -> str:
    async with sandbox.transaction() as connection:
        account = await read_account(connection)
        return str((await find_by_number(connection, account, number))["token"])


async def unasked(sandbox: Sandbox, kind: str, form: PricedForm, card_token: str) -> str:
    """A new transaction that begins without any request; its token.

    Raises:
        LithicError: 422 for a bad currency.
    """
    token, rate = str(uuid.uuid4()), form.rate()
    async with sandbox.transaction() as connection:
        account = await read_account(connection)
        transaction = new_transaction(
            token=token,
            account_token=str(account.row["account_token"]),
            card_token=card_token,
            merchant=form.merchant(),
            pos=pos_object(partial_approval=False),
            now=account.now,
        )
        event = new_event(kind, form.amount, rate, account.now, network_id=new_network_id())
        await record(connection, transaction, [event], rate, account.now)
    return token


async def list_all(request: Request) -> Response:
    """``GET /v1/transactions``."""
    query = request.query_params
    equal: dict[str, object] = {}
    if "card_token" in query:
        equal["card_token"] = read_uuid(query["card_token"], "Card")
    if "status" in query:
        equal["status"] = query["status"]
    conditions = (
        [(sql.SQL("(result = 'APPROVED') = (%s = 'APPROVED')"), query["result"])]
        if "result" in query
        else []
    )
    async with sandbox_of(request).transaction() as connection:
        rows, has_more = await page(
            connection, request, "transactions", equal=equal, conditions=conditions
        )
    return answer({"data": [row["object"] for row in rows], "has_more": has_more})


async def retrieve(request: Request) -> Response:
    """``GET /v1/transactions/{token}``."""
    async with sandbox_of(request).transaction() as connection:
        return answer(await read_transaction(connection, request.path_params["token"]))
