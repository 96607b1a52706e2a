"""``/v1/cards``: create, list, read, change."""

from __future__ import annotations

import hashlib
import uuid
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from psycopg import sql
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb
from starlette.requests import Request
from starlette.responses import Response

from signets.issuers.sandbox.engine import faults
from signets.issuers.sandbox.engine.base import Connection, Json
from signets.issuers.sandbox.engine.cards import new_card, read_card
from signets.issuers.sandbox.engine.numbers import card_number, security_code
from signets.issuers.sandbox.engine.outbox import About, publish
from signets.issuers.sandbox.engine.store import Account, read_account, sandbox_of
from signets.issuers.sandbox.lithic_face.wire import (
    Form,
    LithicError,
    answer,
    page,
    read_body,
    stamp,
)

#: What a change of is told.
_TOLD = ("state", "memo", "spend_limit", "spend_limit_duration", "tags")

Limit = Annotated[int, Meta(ge=0, le=1_000_000_000_000_000)]
Duration = Literal["ANNUALLY", "FOREVER", "MONTHLY", "TRANSACTION"]
Tags = dict[Annotated[str, Meta(max_length=40)], Annotated[str, Meta(max_length=500)]]


class NewCard(Form, frozen=True, kw_only=True):
    """Body of a create. Account and programme tokens are taken and must be the sandbox's own."""

    type: Literal["VIRTUAL", "UNLOCKED", "SINGLE_USE", "MERCHANT_LOCKED"]
    state: Literal["OPEN", "PAUSED"] = "OPEN"
    memo: Annotated[str, Meta(max_length=500)] = ""
    spend_limit: Limit = 0
    spend_limit_duration: Duration = "TRANSACTION"
    exp_month: Annotated[str, Meta(pattern="^(0[1-9]|1[0-2])$")] | None = None
    exp_year: Annotated[str, Meta(pattern="^20[0-9]{2}$")] | None = None
    tags: Tags = msgspec.field(default_factory=dict)
    account_token: str | None = None
    card_program_token: str | None = None


class CardChange(Form, frozen=True, kw_only=True):
    """Body of an update; what is left out stays."""

    state: Literal["OPEN", "PAUSED", "CLOSED"] | UnsetType = UNSET
    memo: Annotated[str, Meta(max_length=500)] | UnsetType = UNSET
    spend_limit: Limit | UnsetType = UNSET
    spend_limit_duration: Duration | UnsetType = UNSET
    tags: dict[str, str | None] | UnsetType = UNSET


def card_object(row: DictRow, account: Account, *, with_number: bool) -> Json:
    """Lithic's Card; the number only where a single card is created or read."""
    card = {
        "token": str(row["token"]),
        "account_token": str(account.row["account_token"]),
        "auth_rule_tokens": [],
        "card_program_token": str(account.row["card_program_token"]),
        "cardholder_currency": "USD",
        "created": stamp(row["created"]),
        "exp_month": f"{row['exp_month']:02d}",
        "exp_year": str(row["exp_year"]),
        "funding": None,
        "hostname": row["locked_merchant"] or "",
        "last_four": row["last_four"],
        "memo": row["memo"],
        "pin_status": "NOT_SET",
        "spend_limit": row["spend_limit"],
        "spend_limit_duration": row["spend_limit_duration"],
        "state": row["state"],
        "tags": row["tags"],
        "type": row["type"],
    }
    if with_number:
        token = card["token"]
        card["pan"] = card_number(account.seed, token)
        card["cvv"] = security_code(account.seed, token)
    return card


async def create(request: Request) -> Response:
    """``POST /v1/cards``; the same ``Idempotency-Key`` gives the same card."""
    sandbox = sandbox_of(request)
    form = await read_body(request, NewCard)
    key = _idempotency_key(request)
    digest = hashlib.sha256(msgspec.json.encode(form, order="sorted")).digest()
    async with sandbox.transaction() as connection:
        account = await read_account(connection)
        for field, given in (
            ("account_token", form.account_token),
            ("card_program_token", form.card_program_token),
        ):
            if given not in (None, str(account.row[field])):
                raise LithicError(422, f"Invalid parameter(s): {field}")
        row = await _insert(connection, account, form, key, digest)
        if bytes(row["request_digest"]) != digest:
            raise LithicError(422, "This Idempotency-Key was used with another body")
        broken = await faults.take(connection, faults.CREATE_CARD)
    if broken is not None:
        raise LithicError(500, "Internal Server Error")
    return answer(card_object(row, account, with_number=True))


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    try:
        return str(uuid.UUID(key))
    except ValueError:
        raise LithicError(400, "`Idempotency-Key` must be a UUID") from None


async def _insert(
    connection: Connection, account: Account, form: NewCard, key: str | None, digest: bytes
) -> DictRow:
    """The new card, or the one that this key made before."""
    if key is not None:
        # Two creates with one key must not make two cards.
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (key,))
        cursor = await connection.execute("SELECT * FROM cards WHERE idempotency_key = %s", (key,))
        if (row := await cursor.fetchone()) is not None:
            return row
    return await new_card(
        connection,
        account,
        {
            "face": "lithic",
            "type": form.type,
            "state": form.state,
            "memo": form.memo,
            "spend_limit": form.spend_limit,
            "spend_limit_duration": form.spend_limit_duration,
            "exp_month": int(form.exp_month) if form.exp_month else account.now.month,
            "exp_year": int(form.exp_year) if form.exp_year else account.now.year + 5,
            "tags": Jsonb(form.tags),
            "idempotency_key": key,
            "request_digest": digest,
        },
    )


async def list_all(request: Request) -> Response:
    """``GET /v1/cards``: without numbers, as at Lithic."""
    query = request.query_params
    equal: dict[str, object] = {"face": "lithic"}
    if "state" in query:
        equal["state"] = query["state"]
    conditions = (
        [(sql.SQL("strpos(lower(memo), lower(%s)) > 0"), query["memo"])] if "memo" in query else []
    )
    async with sandbox_of(request).transaction() as connection:
        account = await read_account(connection)
        rows, has_more = await page(
            connection, request, "cards", equal=equal, conditions=conditions
        )
    data = [card_object(row, account, with_number=False) for row in rows]
    return answer({"data": data, "has_more": has_more})


async def retrieve(request: Request) -> Response:
    """``GET /v1/cards/{token}``: with number and CVV."""
    async with sandbox_of(request).transaction() as connection:
        account = await read_account(connection)
        row = await read_card(connection, "lithic", request.path_params["token"])
    return answer(card_object(row, account, with_number=True))


async def update(request: Request) -> Response:
    """``PATCH /v1/cards/{token}``. ``CLOSED`` cannot be undone."""
    sandbox = sandbox_of(request)
    form = await read_body(request, CardChange)
    async with sandbox.transaction() as connection:
        account = await read_account(connection)
        row = await read_card(connection, "lithic", request.path_params["token"], lock=True)
        if row["state"] == "CLOSED" and form.state not in (UNSET, "CLOSED"):
            raise LithicError(400, "Card is closed and cannot be reopened")
        changed = {**row, **{k: v for k, v in msgspec.to_builtins(form).items() if k != "tags"}}
        if form.tags is not UNSET:
            merged = {**row["tags"], **form.tags}
            changed["tags"] = {k: v for k, v in merged.items() if v is not None}
        cursor = await connection.execute(
            "UPDATE cards SET state = %s, memo = %s, spend_limit = %s, spend_limit_duration = %s,"
            " tags = %s WHERE token = %s RETURNING *",
            (
                changed["state"],
                changed["memo"],
                changed["spend_limit"],
                changed["spend_limit_duration"],
                Jsonb(changed["tags"]),
                row["token"],
            ),
        )
        stored = await cursor.fetchone()
        assert stored is not None  # noqa: S101 - the row is locked
        before = {k: row[k] for k in _TOLD if row[k] != stored[k]}
        if before:
            message = _updated(stored, before)
            about = About(face="lithic", token=str(row["token"]), faulty=False)
            await publish(connection, sandbox.faces["lithic"], about, [message], account.now)
    return answer(card_object(stored, account, with_number=True))


def _updated(row: DictRow, before: Json) -> tuple[str, Json]:
    """``card.updated``: the token, the state, and what was changed."""
    content = {"card_token": str(row["token"]), "state": row["state"], "previous_fields": before}
    return "card.updated", content
