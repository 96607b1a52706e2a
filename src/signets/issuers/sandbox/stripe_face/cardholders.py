"""``/v1/issuing/cardholders``."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from psycopg import sql
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from signets.issuers.sandbox.engine.base import Connection, Json, Missing, as_token
from signets.issuers.sandbox.engine.outbox import About, publish
from signets.issuers.sandbox.engine.pages import equals
from signets.issuers.sandbox.engine.store import Sandbox, read_account
from signets.issuers.sandbox.stripe_face.controls import Controls, stored
from signets.issuers.sandbox.stripe_face.render import cardholder_object
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

_CONTAINS = sql.SQL("details @> %s")


class Address(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A billing address; ``country`` is ISO 3166 alpha-2."""

    line1: Annotated[str, Meta(min_length=1)]
    city: Annotated[str, Meta(min_length=1)]
    postal_code: Annotated[str, Meta(min_length=1)]
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")]
    line2: str | None = None
    state: str | None = None


class Billing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``billing``."""

    address: Address


class NewCardholder(Form, frozen=True, kw_only=True):
    """Parameters of a create."""

    name: Annotated[str, Meta(min_length=1, max_length=24)]
    billing: Billing
    type: Literal["individual", "company"] = "individual"
    status: Literal["active", "inactive"] = "active"
    email: str | None = None
    phone_number: str | None = None
    individual: dict[str, Any] | None = None
    company: dict[str, Any] | None = None
    preferred_locales: list[str] = msgspec.field(default_factory=list)
    spending_controls: Controls | None = None
    metadata: Metadata = msgspec.field(default_factory=dict)


class CardholderChange(Form, frozen=True, kw_only=True):
    """Parameters of an update; what is left out stays."""

    billing: Billing | UnsetType = UNSET
    status: Literal["active", "inactive"] | UnsetType = UNSET
    email: str | UnsetType = UNSET
    phone_number: str | UnsetType = UNSET
    individual: dict[str, Any] | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET


class CardholderList(ListForm, frozen=True, kw_only=True):
    """Parameters of a list."""

    email: str | None = None
    phone_number: str | None = None
    status: Literal["active", "inactive", "blocked"] | None = None
    type: Literal["individual", "company"] | None = None


async def create(sandbox: Sandbox, params: Json, _: str) -> Json:
    """A new cardholder."""
    form = convert(params, NewCardholder)
    details = {
        name: value
        for name, value in msgspec.to_builtins(form).items()
        if name not in ("status", "expand")
    }
    if form.spending_controls is not None:
        details["spending_controls"] = stored(form.spending_controls)
    if form.type == "individual" and not (form.individual or {}).get("last_name"):
        raise StripeError(
            400,
            "Missing required param: individual[last_name].",
            code="parameter_missing",
            param="individual[last_name]",
        )
    async with sandbox.transaction() as connection:
        now = (await read_account(connection)).now
        cursor = await connection.execute(
            "INSERT INTO cardholders (token, created, status, details)"
            " VALUES (%s, %s, %s, %s) RETURNING *",
            (uuid.uuid4(), now, form.status, Jsonb(details)),
        )
        row = await cursor.fetchone()
        assert row is not None  # noqa: S101 - INSERT … RETURNING
        made = cardholder_object(row)
        await _tell(sandbox, connection, row, "created", {"object": made})
    return made


async def update(sandbox: Sandbox, params: Json, cardholder: str) -> Json:
    """Change a cardholder."""
    form = convert(params, CardholderChange)
    async with sandbox.transaction() as connection:
        row = await read_cardholder(connection, cardholder)
        change = msgspec.to_builtins(form)
        change.pop("expand")
        status = change.pop("status", row["status"])
        if "metadata" in change:
            change["metadata"] = merged(row["details"]["metadata"], change["metadata"])
        cursor = await connection.execute(
            "UPDATE cardholders SET status = %s, details = %s WHERE token = %s RETURNING *",
            (status, Jsonb({**row["details"], **change}), row["token"]),
        )
        changed = await cursor.fetchone()
        assert changed is not None  # noqa: S101 - the row is locked
        shown, was = cardholder_object(changed), cardholder_object(row)
        before = {name: value for name, value in was.items() if value != shown[name]}
        if before:
            content = {"object": shown, "previous_attributes": before}
            await _tell(sandbox, connection, row, "updated", content)
    return shown


async def block(sandbox: Sandbox, connection: Connection, cardholder: str) -> Json:
    """Stripe's own doing: every card of theirs is declined, until ``status`` is set again."""
    row = await read_cardholder(connection, cardholder)
    await connection.execute(
        "UPDATE cardholders SET status = 'blocked' WHERE token = %s", (row["token"],)
    )
    shown = cardholder_object({**row, "status": "blocked"})
    before = {"status": row["status"]}
    content = {"object": shown, "previous_attributes": before}
    await _tell(sandbox, connection, row, "updated", content)
    return shown


async def _tell(
    sandbox: Sandbox, connection: Connection, row: DictRow, what: str, content: Json
) -> None:
    now = (await read_account(connection)).now
    about = About(face="stripe", token=str(row["token"]), faulty=False)
    message = (f"issuing_cardholder.{what}", content)
    await publish(connection, sandbox.faces["stripe"], about, [message], now)


async def retrieve(sandbox: Sandbox, params: Json, cardholder: str) -> Json:
    """One cardholder."""
    convert(params, Form)
    async with sandbox.transaction() as connection:
        return cardholder_object(await read_cardholder(connection, cardholder))


async def list_all(sandbox: Sandbox, params: Json, _: str) -> Json:
    """Cardholders, newest first."""
    form = convert(params, CardholderList)
    conditions = [equals("status", form.status)] if form.status is not None else []
    wanted = {
        name: value
        for name in ("email", "phone_number", "type")
        if (value := getattr(form, name)) is not None
    }
    if wanted:
        conditions.append((_CONTAINS, Jsonb(wanted)))
    async with sandbox.transaction() as connection:
        rows, has_more = await stripe_page(connection, form, "cardholders", conditions)
    data = [cardholder_object(row) for row in rows]
    return list_object("/v1/issuing/cardholders", data, has_more=has_more)


async def read_cardholder(connection: Connection, cardholder: str) -> DictRow:
    """A cardholder by id, locked.

    Raises:
        StripeError: 404.
    """
    try:
        token = as_token(cardholder, "cardholder")
    except Missing:
        raise missing("issuing cardholder", cardholder) from None
    cursor = await connection.execute(
        "SELECT * FROM cardholders WHERE token = %s FOR UPDATE", (token,)
    )
    row = await cursor.fetchone()
    if row is None:
        raise missing("issuing cardholder", cardholder)
    return row
