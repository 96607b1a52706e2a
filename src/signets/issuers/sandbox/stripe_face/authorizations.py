"""``/v1/issuing/authorizations`` and the test helpers that play the network."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from psycopg import sql

from signets.core.money import EXPONENTS
from signets.issuers.sandbox.engine import lifecycle
from signets.issuers.sandbox.engine.authorize import authorize, increment
from signets.issuers.sandbox.engine.base import Connection, Json
from signets.issuers.sandbox.engine.faces import Presented
from signets.issuers.sandbox.engine.metadata import set_metadata
from signets.issuers.sandbox.engine.pages import equals
from signets.issuers.sandbox.engine.purchase import ASKED, Kind, Merchant, Purchase, Rate
from signets.issuers.sandbox.engine.store import Sandbox, read_purchase, with_moves
from signets.issuers.sandbox.stripe_face.cardholders import read_cardholder
from signets.issuers.sandbox.stripe_face.cards import card_of, object_of
from signets.issuers.sandbox.stripe_face.categories import CODES
from signets.issuers.sandbox.stripe_face.render import authorization_object, authorization_status
from signets.issuers.sandbox.stripe_face.wire import (
    Form,
    ListForm,
    Metadata,
    StripeError,
    convert,
    list_object,
    merged,
    missing,
    stripe_page,
)

Amount = Annotated[int, Meta(ge=0, le=2_000_000_000)]
Positive = Annotated[int, Meta(ge=1, le=2_000_000_000)]
Currency = Annotated[str, Meta(pattern="^[a-z]{3}$")]
_WHAT = "issuing authorization"


class MerchantForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``merchant_data``. Left out: a small online shop in California."""

    category: str = "computer_software_stores"
    city: str = "San Francisco"
    country: str = "US"
    name: Annotated[str, Meta(max_length=200)] = "Sandbox Software"
    network_id: str = "1234567890"
    postal_code: str | None = "94103"
    state: str = "CA"
    terminal_id: str | None = None
    url: str | None = None

    def merchant(self) -> Merchant:
        """As the network knows it.

        Raises:
            StripeError: 400 for a category that this sandbox has no code for.
        """
        if self.category not in CODES:
            raise StripeError(
                400,
                f"This sandbox knows the categories {', '.join(CODES)}",
                param="merchant_data[category]",
            )
        return Merchant(
            name=self.name,
            network_id=self.network_id,
            mcc=CODES[self.category],
            city=self.city,
            state=self.state,
            country=self.country,
            postal_code=self.postal_code,
            terminal_id=self.terminal_id,
            url=self.url,
        )


class PricedForm(Form, frozen=True, kw_only=True):
    """A card, an amount, a place."""

    card: str
    amount: Amount
    currency: Currency | None = None
    merchant_data: MerchantForm = MerchantForm()
    merchant_amount: Amount | None = None
    merchant_currency: Currency | None = None

    def rate(self, card_currency: str) -> Rate:
        """The rate of this purchase.

        Raises:
            StripeError: 400 for a currency that is not the card's, or unknown.
        """
        if self.currency not in (None, card_currency.lower()):
            raise StripeError(400, "`currency` must be the card's here", param="currency")
        merchant_currency = (self.merchant_currency or card_currency).upper()
        if merchant_currency not in EXPONENTS:
            raise StripeError(400, "Invalid currency", param="merchant_currency")
        merchant = self.amount if self.merchant_amount is None else self.merchant_amount
        return Rate(
            billing=self.amount,
            billing_currency=card_currency,
            merchant=merchant,
            merchant_currency=merchant_currency,
        )


class NewAuthorization(PricedForm, frozen=True, kw_only=True):
    """Parameters of ``authorizations.create``."""

    is_amount_controllable: bool = False
    authorization_method: Literal["online", "keyed_in"] = "online"


class CaptureForm(Form, frozen=True, kw_only=True):
    """Parameters of ``capture``; no amount: all that is left."""

    capture_amount: Positive | None = None
    close_authorization: bool = True


class IncrementForm(Form, frozen=True, kw_only=True):
    """Parameters of ``increment``: the difference."""

    increment_amount: Positive
    is_amount_controllable: bool = False


class ReverseForm(Form, frozen=True, kw_only=True):
    """Parameters of ``reverse``; no amount: all of it."""

    reverse_amount: Positive | None = None


class FinalizeForm(Form, frozen=True, kw_only=True):
    """Parameters of ``finalize_amount``: the new whole."""

    final_amount: Amount


class AuthorizationChange(Form, frozen=True, kw_only=True):
    """Parameters of an update."""

    metadata: Metadata | UnsetType = UNSET


class AuthorizationList(ListForm, frozen=True, kw_only=True):
    """Parameters of a list."""

    card: str | None = None
    cardholder: str | None = None
    status: Literal["pending", "closed", "reversed", "expired"] | None = None


async def create(sandbox: Sandbox, params: Json, _: str) -> Json:
    """A test authorization, asked and answered. A declined one is closed, not an error."""
    form = convert(params, NewAuthorization)
    async with sandbox.transaction() as connection:
        card = await card_of(connection, form.card)
    presented = Presented(
        kind=Kind.AUTHORIZATION,
        amount=form.amount,
        rate=form.rate(card["currency"]),
        merchant=form.merchant_data.merchant(),
        partial_approval=form.is_amount_controllable,
    )
    purchase, _verdict = await authorize(sandbox, "stripe", str(card["token"]), presented)
    return await _shown(sandbox, purchase)


async def capture(sandbox: Sandbox, params: Json, authorization: str) -> Json:
    """Money moves to the merchant; by default the rest of the hold is released."""
    form = convert(params, CaptureForm)
    known = await _known(sandbox, authorization, {"pending", "expired"})
    amount = form.capture_amount or lifecycle.left_to_clear(known)
    purchase = await lifecycle.clear(
        sandbox, authorization, amount, what=_WHAT, final=form.close_authorization
    )
    return await _shown(sandbox, purchase)


async def more(sandbox: Sandbox, params: Json, authorization: str) -> Json:
    """Asks for an additional amount; a decline leaves the rest as it was."""
    form = convert(params, IncrementForm)
    await _known(sandbox, authorization, {"pending"})
    purchase, _verdict = await increment(
        sandbox,
        authorization,
        form.increment_amount,
        what=_WHAT,
        partial_approval=form.is_amount_controllable,
    )
    return await _shown(sandbox, purchase)


async def reverse(sandbox: Sandbox, params: Json, authorization: str) -> Json:
    """The merchant gives back a part of the hold, or all of it."""
    form = convert(params, ReverseForm)
    await _known(sandbox, authorization, {"pending"})
    purchase = await lifecycle.release(
        sandbox, authorization, Kind.AUTHORIZATION_REVERSAL, form.reverse_amount, what=_WHAT
    )
    return await _shown(sandbox, purchase)


async def expire(sandbox: Sandbox, params: Json, authorization: str) -> Json:
    """The hold runs out."""
    convert(params, Form)
    await _known(sandbox, authorization, {"pending"})
    purchase = await lifecycle.release(
        sandbox, authorization, Kind.AUTHORIZATION_EXPIRY, None, what=_WHAT
    )
    return await _shown(sandbox, purchase)


async def finalize(sandbox: Sandbox, params: Json, authorization: str) -> Json:
    """The merchant states the final amount; nobody is asked."""
    form = convert(params, FinalizeForm)
    await _known(sandbox, authorization, {"pending"})
    purchase = await lifecycle.add(
        sandbox, authorization, Kind.AUTHORIZATION_ADVICE, form.final_amount, what=_WHAT
    )
    return await _shown(sandbox, purchase)


async def retrieve(sandbox: Sandbox, params: Json, authorization: str) -> Json:
    """One authorization."""
    convert(params, Form)
    return await _shown(sandbox, await _known(sandbox, authorization))


async def update(sandbox: Sandbox, params: Json, authorization: str) -> Json:
    """Change an authorization's metadata."""
    form = convert(params, AuthorizationChange)
    known = await _known(sandbox, authorization)
    if form.metadata is UNSET:
        return await _shown(sandbox, known)
    async with sandbox.transaction() as connection:
        changed = await set_metadata(connection, known, merged(known.metadata, form.metadata))
    return await _shown(sandbox, changed)


async def list_all(sandbox: Sandbox, params: Json, _: str) -> Json:
    """Authorizations, newest first."""
    form = convert(params, AuthorizationList)
    conditions: list[tuple[sql.Composable, object]] = [
        equals("face", "stripe"),
        equals("authorized", True),
    ]
    if form.status is not None:
        conditions.append(equals("status", form.status))
    async with sandbox.transaction() as connection:
        conditions += await on_cards(connection, form.card, form.cardholder)
        rows, has_more = await stripe_page(connection, form, "purchases", conditions)
        data = [
            authorization_object(purchase, await object_of(connection, purchase.card_token))
            for purchase in await with_moves(connection, rows)
        ]
    return list_object("/v1/issuing/authorizations", data, has_more=has_more)


async def on_cards(
    connection: Connection, card: str | None, cardholder: str | None
) -> list[tuple[sql.Composable, object]]:
    """The conditions that a list is of this card, of this cardholder's cards.

    Raises:
        StripeError: 404.
    """
    found: list[tuple[sql.Composable, object]] = []
    if card is not None:
        found.append(equals("card_token", (await card_of(connection, card))["token"]))
    if cardholder is not None:
        holder = await read_cardholder(connection, cardholder)
        cards = sql.SQL("card_token IN (SELECT token FROM cards WHERE cardholder_token = %s)")
        found.append((cards, holder["token"]))
    return found


async def _known(
    sandbox: Sandbox, authorization: str, statuses: set[str] | None = None
) -> Purchase:
    """The purchase behind an id, where its status is one of ``statuses``.

    Raises:
        Missing: There is none.
        StripeError: 400 for another status.
    """
    async with sandbox.transaction() as connection:
        known = await read_purchase(connection, authorization, what=_WHAT)
    if known.face != "stripe" or known.moves[0].kind not in ASKED:
        raise missing(_WHAT, authorization)
    status = authorization_status(known)
    if statuses is not None and status not in statuses:
        raise StripeError(400, f"This authorization is {status}.")
    return known


async def _shown(sandbox: Sandbox, purchase: Purchase) -> Json:
    async with sandbox.transaction() as connection:
        return authorization_object(purchase, await object_of(connection, purchase.card_token))
