"""``/v1/issuing/cards``. Virtual cards only."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from psycopg import sql
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from signets.core.money import EXPONENTS
from signets.issuers.sandbox.engine.base import Connection, Json, Missing
from signets.issuers.sandbox.engine.cards import new_card, read_card
from signets.issuers.sandbox.engine.numbers import card_number, security_code
from signets.issuers.sandbox.engine.outbox import About, publish
from signets.issuers.sandbox.engine.pages import equals
from signets.issuers.sandbox.engine.store import Sandbox, read_account
from signets.issuers.sandbox.stripe_face.cardholders import read_cardholder
from signets.issuers.sandbox.stripe_face.controls import Controls, stored
from signets.issuers.sandbox.stripe_face.face import read_holder
from signets.issuers.sandbox.stripe_face.render import card_object, needs_terms
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

_STATES = {"active": "OPEN", "inactive": "PAUSED", "canceled": "CLOSED"}
_YEARS = 3


class NewCard(Form, frozen=True, kw_only=True):
    """Parameters of a create."""

    cardholder: str
    currency: Annotated[str, Meta(pattern="^[a-z]{3}$")]
    type: Literal["virtual"]
    status: Literal["active", "inactive"] = "inactive"
    exp_month: Annotated[int, Meta(ge=1, le=12)] | None = None
    exp_year: Annotated[int, Meta(ge=2000, le=2099)] | None = None
    spending_controls: Controls = Controls()
    metadata: Metadata = msgspec.field(default_factory=dict)


class CardChange(Form, frozen=True, kw_only=True):
    """Parameters of an update; what is left out stays."""

    status: Literal["active", "inactive", "canceled"] | UnsetType = UNSET
    cancellation_reason: Literal["lost", "stolen"] | UnsetType = UNSET
    spending_controls: Controls | UnsetType = UNSET
    metadata: Metadata | Literal[""] | UnsetType = UNSET


class CardList(ListForm, frozen=True, kw_only=True):
    """Parameters of a list."""

    cardholder: str | None = None
    status: Literal["active", "inactive", "canceled"] | None = None
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    type: Literal["virtual", "physical"] | None = None


async def create(sandbox: Sandbox, params: Json, _: str) -> Json:
    """A new card, inactive unless asked otherwise. No number: that takes a retrieve."""
    form = convert(params, NewCard)
    currency = form.currency.upper()
    if currency not in EXPONENTS:
        raise StripeError(400, f"Invalid currency: {form.currency}", param="currency")
    async with sandbox.transaction() as connection:
        account = await read_account(connection)
        holder = await read_cardholder(connection, form.cardholder)
        if form.status == "active":
            _may_be_active(holder)
        row = await new_card(
            connection,
            account,
            {
                "face": "stripe",
                "type": "VIRTUAL",
                "state": _STATES[form.status],
                "exp_month": form.exp_month or account.now.month,
                "exp_year": form.exp_year or account.now.year + _YEARS,
                "tags": Jsonb(merged({}, form.metadata)),
                "cardholder_token": holder["token"],
                "currency": currency,
                "controls": Jsonb(stored(form.spending_controls)),
            },
        )
        made = card_object(row, holder)
        await _tell(sandbox, connection, row, "created", {"object": made}, account.now)
    return made


def _may_be_active(holder: DictRow) -> None:
    if holder["status"] != "active":
        raise StripeError(400, f"The cardholder is {holder['status']}.", param="status")
    if needs_terms(holder["details"]):
        raise StripeError(
            400,
            "The cardholder has outstanding requirements preventing card activation.",
            param="status",
        )


async def update(sandbox: Sandbox, params: Json, card: str) -> Json:
    """Change a card. ``canceled`` cannot be undone."""
    form = convert(params, CardChange)
    async with sandbox.transaction() as connection:
        row = await card_of(connection, card, lock=True)
        holder = await read_holder(connection, row)
        if row["state"] == "CLOSED" and form.status not in (UNSET, "canceled"):
            raise StripeError(400, "A canceled card cannot change its status.", param="status")
        if form.status == "active":
            _may_be_active(holder)
        change = dict(row)
        if form.status is not UNSET:
            change["state"] = _STATES[form.status]
        if form.cancellation_reason is not UNSET:
            change["cancellation_reason"] = form.cancellation_reason
        if form.spending_controls is not UNSET:
            change["controls"] = stored(form.spending_controls)
        if form.metadata is not UNSET:
            change["tags"] = {} if form.metadata == "" else merged(row["tags"], form.metadata)
        cursor = await connection.execute(
            "UPDATE cards SET state = %s, cancellation_reason = %s, controls = %s, tags = %s"
            " WHERE token = %s RETURNING *",
            (
                change["state"],
                change["cancellation_reason"],
                Jsonb(change["controls"]),
                Jsonb(change["tags"]),
                row["token"],
            ),
        )
        changed = await cursor.fetchone()
        assert changed is not None  # noqa: S101 - the row is locked
        shown, was = card_object(changed, holder), card_object(row, holder)
        before = {name: value for name, value in was.items() if value != shown[name]}
        if before:
            content = {"object": shown, "previous_attributes": before}
            now = (await read_account(connection)).now
            await _tell(sandbox, connection, row, "updated", content, now)
    return shown


async def _tell(
    sandbox: Sandbox, connection: Connection, row: DictRow, what: str, content: Json, now: datetime
) -> None:
    about = About(face="stripe", token=str(row["token"]), faulty=False)
    message = (f"issuing_card.{what}", content)
    await publish(connection, sandbox.faces["stripe"], about, [message], now)


async def retrieve(sandbox: Sandbox, params: Json, card: str) -> Json:
    """One card; with number and CVC where ``expand`` names them."""
    form = convert(params, Form)
    async with sandbox.transaction() as connection:
        account = await read_account(connection)
        row = await card_of(connection, card)
        holder = await read_holder(connection, row)
    token, shown = str(row["token"]), {}
    if "number" in form.expand:
        shown["number"] = card_number(account.seed, token)
    if "cvc" in form.expand:
        shown["cvc"] = security_code(account.seed, token)
    return card_object(row, holder, shown)


async def list_all(sandbox: Sandbox, params: Json, _: str) -> Json:
    """Cards, newest first."""
    form = convert(params, CardList)
    conditions: list[tuple[sql.Composable, object]] = [equals("face", "stripe")]
    if form.type == "physical":
        conditions.append((sql.SQL("type = %s"), "PHYSICAL"))
    if form.status is not None:
        conditions.append(equals("state", _STATES[form.status]))
    for column, value in (
        ("last_four", form.last4),
        ("exp_month", form.exp_month),
        ("exp_year", form.exp_year),
    ):
        if value is not None:
            conditions.append(equals(column, value))
    async with sandbox.transaction() as connection:
        if form.cardholder is not None:
            holder = await read_cardholder(connection, form.cardholder)
            conditions.append(equals("cardholder_token", holder["token"]))
        rows, has_more = await stripe_page(connection, form, "cards", conditions)
        data = [card_object(row, await read_holder(connection, row)) for row in rows]
    return list_object("/v1/issuing/cards", data, has_more=has_more)


async def card_of(connection: Connection, card: str, *, lock: bool = False) -> DictRow:
    """A card by id.

    Raises:
        StripeError: 404.
    """
    try:
        return await read_card(connection, "stripe", card, lock=lock)
    except Missing:
        raise missing("issuing card", card) from None


async def object_of(connection: Connection, token: str) -> Json:
    """The Card object of a purchase's card."""
    row = await read_card(connection, "stripe", token)
    return card_object(row, await read_holder(connection, row))
