"""``/v1/simulate/*`` and ``/v1/transactions``: the network side of Lithic's sandbox.

Parameters as in ``transactions.simulate_*`` of the official SDK.
"""

from __future__ import annotations

import uuid
from typing import Annotated, Literal

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from signets.core.money import EXPONENTS
from signets.issuers.sandbox.engine import lifecycle
from signets.issuers.sandbox.engine.authorize import authorize
from signets.issuers.sandbox.engine.cards import find_by_number
from signets.issuers.sandbox.engine.faces import Presented
from signets.issuers.sandbox.engine.purchase import Cause, Kind, Merchant, Rate, Verdict
from signets.issuers.sandbox.engine.store import (
    Sandbox,
    read_account,
    read_purchase,
    sandbox_of,
    with_moves,
)
from signets.issuers.sandbox.lithic_face.transaction import transaction_object, words_of
from signets.issuers.sandbox.lithic_face.wire import (
    Form,
    LithicError,
    answer,
    page,
    read_body,
    read_uuid,
)

#: What objects here are called in a 404.
_WHAT = "Transaction"

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

    def merchant(self) -> Merchant:
        """As the network knows it."""
        return Merchant(
            name=self.descriptor,
            network_id=self.merchant_acceptor_id,
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
    presented = Presented(
        kind=Kind(form.status.lower()),
        amount=form.amount,
        rate=form.rate(),
        merchant=form.merchant(),
        partial_approval=form.partial_approval_capable,
    )
    card_token = await _card_token(sandbox, form.pan)
    purchase, verdict = await authorize(sandbox, "lithic", card_token, presented)
    refuse_declined(verdict, purchase.token)
    return simulated(purchase.token)


def refuse_declined(verdict: Verdict, token: str) -> None:
    """Lithic's answer to a simulated authorization that was declined.

    Raises:
        LithicError: 422 with the token.
    """
    if not verdict.approved and verdict.cause is not Cause.STAND_IN:
        raise LithicError(422, f"Transaction was declined: {words_of(verdict)[0]}", token=token)


async def simulate_clearing(request: Request) -> Response:
    """Money moves to the merchant: less, as much, more, again, late."""
    form = await read_body(request, ClearingForm)
    await lifecycle.clear(sandbox_of(request), form.token, form.amount, what=_WHAT)
    return simulated()


async def simulate_void(request: Request) -> Response:
    """A reversal (partly or whole; never below zero) or an expiry."""
    form = await read_body(request, VoidForm)
    kind = Kind(form.type.lower())
    await lifecycle.release(sandbox_of(request), form.token, kind, form.amount, what=_WHAT)
    return simulated()


async def expire(request: Request) -> Response:
    """``POST /v1/transactions/{token}/expire_authorization``."""
    token = request.path_params["token"]
    await lifecycle.release(sandbox_of(request), token, Kind.AUTHORIZATION_EXPIRY, None, what=_WHAT)
    return Response(status_code=202)


async def simulate_advice(request: Request) -> Response:
    """The merchant states a new absolute amount; nobody is asked."""
    form = await read_body(request, AdviceForm)
    await lifecycle.add(
        sandbox_of(request), form.token, Kind.AUTHORIZATION_ADVICE, form.amount, what=_WHAT
    )
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
    return await _unasked(sandbox_of(request), Kind.RETURN, priced, form.pan)


async def simulate_return_reversal(request: Request) -> Response:
    """The refund is taken back."""
    form = await read_body(request, TokenForm)
    await lifecycle.take_back_return(sandbox_of(request), form.token, what=_WHAT)
    return simulated()


async def simulate_credit_advice(request: Request) -> Response:
    """A merchant announces a refund; a clearing makes it money."""
    form = await read_body(request, CreditAdviceForm)
    return await _unasked(sandbox_of(request), Kind.CREDIT_AUTHORIZATION_ADVICE, form, form.pan)


async def _unasked(sandbox: Sandbox, kind: Kind, form: PricedForm, number: str) -> Response:
    card_token = await _card_token(sandbox, number)
    purchase = await lifecycle.unasked(
        sandbox, "lithic", kind, card_token, form.merchant(), form.rate()
    )
    return simulated(purchase.token)


async def _card_token(sandbox: Sandbox, number: str) -> str:
    async with sandbox.transaction() as connection:
        account = await read_account(connection)
        return str((await find_by_number(connection, account, number))["token"])


async def list_all(request: Request) -> Response:
    """``GET /v1/transactions``."""
    query = request.query_params
    equal: dict[str, object] = {"face": "lithic"}
    if "card_token" in query:
        equal["card_token"] = read_uuid(query["card_token"], "Card")
    if "status" in query:
        equal["status"] = query["status"]
    if "result" in query:
        equal["approved"] = query["result"] == "APPROVED"
    async with sandbox_of(request).transaction() as connection:
        account = str((await read_account(connection)).row["account_token"])
        rows, has_more = await page(connection, request, "purchases", equal=equal)
        purchases = await with_moves(connection, rows)
    data = [transaction_object(purchase, account) for purchase in purchases]
    return answer({"data": data, "has_more": has_more})


async def retrieve(request: Request) -> Response:
    """``GET /v1/transactions/{token}``."""
    async with sandbox_of(request).transaction() as connection:
        account = str((await read_account(connection)).row["account_token"])
        purchase = await read_purchase(connection, request.path_params["token"], what=_WHAT)
    if purchase.face != "lithic":
        raise LithicError(404, f"{_WHAT} not found")
    return answer(transaction_object(purchase, account))
