"""``/_sim``: what happens to cards and purchases and no issuer lets a caller ask for.

A card or a purchase is named by Lithic's token or by Stripe's id (``ic_…``, ``iauth_…``).
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from signets.issuers.sandbox.engine import lifecycle
from signets.issuers.sandbox.engine.authorize import authorize, increment
from signets.issuers.sandbox.engine.base import Impossible, as_token
from signets.issuers.sandbox.engine.cards import find_by_number, read_card
from signets.issuers.sandbox.engine.faces import Presented
from signets.issuers.sandbox.engine.purchase import UNASKED, Cause, Kind, Verdict
from signets.issuers.sandbox.engine.store import Sandbox, read_account, read_purchase, sandbox_of
from signets.issuers.sandbox.lithic_face.simulate import (
    Number,
    Positive,
    PricedForm,
    Status,
    TokenForm,
    refuse_declined,
    simulated,
)
from signets.issuers.sandbox.lithic_face.wire import Form, LithicError, read_body

_WHAT = "Transaction"
_NOT_FOUND = Verdict(approved=False, cause=Cause.ORIGINAL_NOT_FOUND)


class OnCardForm(PricedForm, frozen=True, kw_only=True):
    """On a card of either face; give ``card_token`` or ``pan``."""

    merchant_acceptor_country: Annotated[str, Meta(pattern="^[A-Z]{2,3}$")] = "USA"
    card_token: str | None = None
    pan: Number | None = None


class AuthorizeForm(OnCardForm, frozen=True, kw_only=True):
    """Any kind of request, also one that settles at once, on any card."""

    status: Status = "AUTHORIZATION"
    partial_approval_capable: bool = False
    original: str | None = None


class IncrementForm(Form, frozen=True, kw_only=True):
    """``amount`` more on a known transaction."""

    token: str
    amount: Positive


class ClearForm(Form, frozen=True, kw_only=True):
    """A clearing, at another rate where ``merchant_amount`` says so."""

    token: str
    amount: Positive | None = None
    merchant_amount: Positive | None = None
    final: bool = False


class LinkedForm(Form, frozen=True, kw_only=True):
    """A return or a correction on a known transaction."""

    token: str
    amount: Positive
    type: Literal["RETURN", "CORRECTION_CREDIT", "CORRECTION_DEBIT"] = "RETURN"


async def simulate_authorize(request: Request) -> Response:
    """``POST /_sim/authorize``: an authorization on a card of either face."""
    sandbox = sandbox_of(request)
    form = await read_body(request, AuthorizeForm)
    face, card = await _card(sandbox, form)
    presented = Presented(
        kind=Kind(form.status.lower()),
        amount=form.amount,
        rate=form.rate(),
        merchant=form.merchant(),
        partial_approval=form.partial_approval_capable,
        original_network_id=await _network_id(sandbox, form.original),
    )
    purchase, verdict = await authorize(sandbox, face, card, presented)
    refuse_declined(verdict, purchase.token)
    return simulated(purchase.token)


async def _network_id(sandbox: Sandbox, token: str | None) -> str | None:
    if token is None:
        return None
    async with sandbox.transaction() as connection:
        return (await read_purchase(connection, token, what=_WHAT)).network_id


async def force_post(request: Request) -> Response:
    """``POST /_sim/force_post``: money without a question, whatever the card's state."""
    return await _unasked(request, Kind.CLEARING)


async def offline_advice(request: Request) -> Response:
    """``POST /_sim/offline_advice``: a hold that a terminal approved by itself. Lithic only."""
    return await _unasked(request, Kind.AUTHORIZATION_ADVICE)


async def declined_return(request: Request) -> Response:
    """``POST /_sim/declined_return``: a refund whose purchase nobody finds. Lithic only."""
    return await _unasked(request, Kind.RETURN, _NOT_FOUND)


async def _unasked(request: Request, kind: Kind, verdict: Verdict = UNASKED) -> Response:
    sandbox = sandbox_of(request)
    form = await read_body(request, OnCardForm)
    face, card = await _card(sandbox, form)
    if kind is not Kind.CLEARING and face != "lithic":
        raise Impossible("Stripe shows no such thing")
    purchase = await lifecycle.unasked(
        sandbox, face, kind, card, form.merchant(), form.rate(), verdict
    )
    return simulated(purchase.token)


async def _card(sandbox: Sandbox, form: OnCardForm) -> tuple[str, str]:
    """Face and token of the card."""
    if (form.pan is None) == (form.card_token is None):
        raise LithicError(422, "Give exactly one of `card_token` and `pan`")
    async with sandbox.transaction() as connection:
        if form.card_token is not None:
            card = await read_card(connection, None, form.card_token)
        else:
            account = await read_account(connection)
            card = await find_by_number(connection, account, form.pan or "")
    return card["face"], str(card["token"])


async def simulate_increment(request: Request) -> Response:
    """``POST /_sim/increment``: a second question under the same token."""
    form = await read_body(request, IncrementForm)
    purchase, verdict = await increment(sandbox_of(request), form.token, form.amount, what=_WHAT)
    refuse_declined(verdict, purchase.token)
    return simulated(purchase.token)


async def simulate_clear(request: Request) -> Response:
    """``POST /_sim/clear``: a clearing at another rate, or one that releases the rest."""
    form = await read_body(request, ClearForm)
    await lifecycle.clear(
        sandbox_of(request),
        form.token,
        form.amount,
        what=_WHAT,
        merchant_amount=form.merchant_amount,
        final=form.final,
    )
    return simulated(as_token(form.token, _WHAT))


async def linked(request: Request) -> Response:
    """``POST /_sim/linked``: a return or correction on the transaction itself."""
    form = await read_body(request, LinkedForm)
    kind = Kind(form.type.lower())
    await lifecycle.add(sandbox_of(request), form.token, kind, form.amount, what=_WHAT)
    return simulated(as_token(form.token, _WHAT))


async def take_back(request: Request) -> Response:
    """``POST /_sim/return_reversal``: a refund is taken back, on a card of either face."""
    form = await read_body(request, TokenForm)
    await lifecycle.take_back_return(sandbox_of(request), form.token, what=_WHAT)
    return simulated(as_token(form.token, _WHAT))


async def undo(request: Request) -> Response:
    """``POST /_sim/undo``: the network takes an approval back."""
    form = await read_body(request, TokenForm)
    await lifecycle.undo(sandbox_of(request), form.token, what=_WHAT)
    return simulated(as_token(form.token, _WHAT))
