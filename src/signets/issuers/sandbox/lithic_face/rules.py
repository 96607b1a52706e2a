"""``/v2/auth_rules``: rules that the issuer itself applies, before anybody is asked.

The sandbox evaluates what Signets may set as a superset control: merchant locks, velocity over a
trailing window, and declines by simple conditions. Anything else is refused, never just stored.
Source: lithic-openapi ``auth-rule``, ``velocity-limit-params``, ``merchant-lock-parameters``.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb
from starlette.requests import Request
from starlette.responses import Response

from signets.issuers.sandbox.engine.base import Connection, Json
from signets.issuers.sandbox.engine.faces import Presented
from signets.issuers.sandbox.engine.purchase import Cause, Merchant, Verdict
from signets.issuers.sandbox.engine.store import Account, read_account, sandbox_of
from signets.issuers.sandbox.lithic_face.wire import (
    Form,
    LithicError,
    answer,
    page,
    read_body,
    read_uuid,
)


class LockedMerchant(Form, frozen=True, kw_only=True):
    """One merchant of a lock: by acceptor id, by exact descriptor, or both."""

    merchant_id: str | None = None
    descriptor: str | None = None
    comment: str | None = None


class MerchantLock(Form, frozen=True, kw_only=True):
    """Only these merchants."""

    merchants: Annotated[list[LockedMerchant], Meta(min_length=1)]


class TrailingWindow(Form, frozen=True, kw_only=True):
    """The last ``duration`` seconds."""

    type: Literal["CUSTOM"]
    duration: Annotated[int, Meta(ge=10, le=7_776_000)]


class VelocityLimit(Form, frozen=True, kw_only=True):
    """At most so much, or so often, in the window; this purchase included."""

    scope: Literal["CARD", "ACCOUNT"]
    period: TrailingWindow
    limit_amount: Annotated[int, Meta(ge=0)] | None = None
    limit_count: Annotated[int, Meta(ge=0)] | None = None


class Condition(Form, frozen=True, kw_only=True):
    """One condition on the presented."""

    attribute: Literal[
        "MCC", "COUNTRY", "CURRENCY", "MERCHANT_ID", "DESCRIPTOR", "TRANSACTION_AMOUNT"
    ]
    operation: Literal[
        "IS_ONE_OF", "IS_NOT_ONE_OF", "IS_EQUAL_TO", "IS_GREATER_THAN", "IS_LESS_THAN"
    ]
    value: list[str] | str | int


class ConditionalAction(Form, frozen=True, kw_only=True):
    """Decline where every condition holds."""

    action: Literal["DECLINE"]
    conditions: Annotated[list[Condition], Meta(min_length=1)]


_PARAMETERS: dict[str, type[MerchantLock | VelocityLimit | ConditionalAction]] = {
    "MERCHANT_LOCK": MerchantLock,
    "VELOCITY_LIMIT": VelocityLimit,
    "CONDITIONAL_ACTION": ConditionalAction,
}


class NewRule(Form, frozen=True, kw_only=True):
    """Body of a create: for named cards, or for all of them."""

    type: Literal["MERCHANT_LOCK", "VELOCITY_LIMIT", "CONDITIONAL_ACTION"]
    parameters: msgspec.Raw
    name: str | None = None
    card_tokens: list[uuid.UUID] | None = None
    program_level: bool = False
    excluded_card_tokens: list[uuid.UUID] = msgspec.field(default_factory=list)
    event_stream: Literal["AUTHORIZATION"] = "AUTHORIZATION"


class RuleChange(Form, frozen=True, kw_only=True):
    """Body of an update. Lithic lets a rule be switched off here, not on."""

    name: str | UnsetType | None = UNSET
    state: Literal["INACTIVE"] | UnsetType = UNSET
    card_tokens: list[uuid.UUID] | UnsetType = UNSET


async def create(request: Request) -> Response:
    """A new rule, in force at once."""
    form = await read_body(request, NewRule)
    if form.program_level == bool(form.card_tokens):
        raise LithicError(422, "Give either `card_tokens` or `program_level`")
    try:
        parameters = msgspec.json.decode(form.parameters, type=_PARAMETERS[form.type])
    except msgspec.ValidationError as error:
        raise LithicError(422, f"Invalid parameter(s): parameters: {error}") from error
    async with sandbox_of(request).transaction() as connection:
        account = await read_account(connection)
        cursor = await connection.execute(
            "INSERT INTO auth_rules (token, created, name, type, state, program_level,"
            " card_tokens, excluded_card_tokens, parameters)"
            " VALUES (%s, %s, %s, %s, 'ACTIVE', %s, %s, %s, %s) RETURNING *",
            (
                uuid.uuid4(),
                account.now,
                form.name,
                form.type,
                form.program_level,
                form.card_tokens or [],
                form.excluded_card_tokens,
                Jsonb(msgspec.to_builtins(parameters)),
            ),
        )
        row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - INSERT … RETURNING
    return answer(_rule_object(row, account), 201)


async def list_all(request: Request) -> Response:
    """All rules, those of one card with ``card_token``."""
    async with sandbox_of(request).transaction() as connection:
        account = await read_account(connection)
        rows, has_more = await page(connection, request, "auth_rules")
    card = request.query_params.get("card_token")
    data = [
        _rule_object(row, account)
        for row in rows
        if card is None or card in [str(token) for token in row["card_tokens"]]
    ]
    return answer({"data": data, "has_more": has_more})


async def retrieve(request: Request) -> Response:
    """One rule."""
    async with sandbox_of(request).transaction() as connection:
        account = await read_account(connection)
        return answer(_rule_object(await _rule(connection, request), account))


async def update(request: Request) -> Response:
    """Rename, switch off, or apply to other cards."""
    form = await read_body(request, RuleChange)
    async with sandbox_of(request).transaction() as connection:
        account = await read_account(connection)
        row = await _rule(connection, request)
        changed = {**row, **msgspec.structs.asdict(form)}
        changed = {k: row[k] if v is UNSET else v for k, v in changed.items()}
        await connection.execute(
            "UPDATE auth_rules SET name = %s, state = %s, card_tokens = %s WHERE token = %s",
            (changed["name"], changed["state"], changed["card_tokens"], row["token"]),
        )
    return answer(_rule_object(changed, account))


async def delete(request: Request) -> Response:
    """The rule is gone."""
    async with sandbox_of(request).transaction() as connection:
        row = await _rule(connection, request)
        await connection.execute("DELETE FROM auth_rules WHERE token = %s", (row["token"],))
    return Response(status_code=204)


async def _rule(connection: Connection, request: Request) -> DictRow:
    cursor = await connection.execute(
        "SELECT * FROM auth_rules WHERE token = %s FOR UPDATE",
        (read_uuid(request.path_params["token"], "Auth rule"),),
    )
    row = await cursor.fetchone()
    if row is None:
        raise LithicError(404, "Auth rule not found")
    return row


def _rule_object(row: DictRow, account: Account) -> Json:
    cards = [str(token) for token in row["card_tokens"]]
    excluded = [str(token) for token in row["excluded_card_tokens"]]
    program = [{"type": "PROGRAM"}] if row["program_level"] else []
    return {
        "token": str(row["token"]),
        "account_tokens": [],
        "business_account_tokens": [],
        "card_tokens": cards,
        "current_version": {"parameters": row["parameters"], "version": 1},
        "draft_version": None,
        "entities": {
            "include": [*program, *({"type": "CARD", "token": token} for token in cards)],
            "exclude": [{"type": "CARD", "token": token} for token in excluded],
        },
        "event_stream": "AUTHORIZATION",
        "excluded_card_tokens": excluded,
        "lithic_managed": False,
        "name": row["name"],
        "program_level": row["program_level"],
        "state": row["state"],
        "type": row["type"],
    }


async def rule_check(
    connection: Connection, card: DictRow, presented: Presented, now: datetime
) -> Verdict | None:
    """The decline of every active rule that this purchase breaks; ``None`` where it breaks none."""
    cursor = await connection.execute(
        "SELECT * FROM auth_rules WHERE state = 'ACTIVE' AND (%(card)s = ANY (card_tokens)"
        " OR program_level AND NOT %(card)s = ANY (excluded_card_tokens)) ORDER BY seq",
        {"card": card["token"]},
    )
    broken = []
    for row in await cursor.fetchall():
        parameters = msgspec.convert(row["parameters"], _PARAMETERS[row["type"]])
        if await _breaks(connection, parameters, card, presented, now):
            broken.append(
                {
                    "auth_rule_token": str(row["token"]),
                    "explanation": None,
                    "name": row["name"],
                    "result": "AUTH_RULE",
                }
            )
    if not broken:
        return None
    return Verdict(approved=False, cause=Cause.RULE, rules=tuple(broken))


async def _breaks(
    connection: Connection,
    parameters: MerchantLock | VelocityLimit | ConditionalAction,
    card: DictRow,
    presented: Presented,
    now: datetime,
) -> bool:
    if isinstance(parameters, MerchantLock):
        return not any(_is_merchant(one, presented.merchant) for one in parameters.merchants)
    if isinstance(parameters, ConditionalAction):
        return all(_holds(one, presented) for one in parameters.conditions)
    cursor = await connection.execute(
        "SELECT count(*) AS count, coalesce(sum(held + settled), 0)::bigint AS amount"
        " FROM purchases WHERE face = 'lithic' AND status <> 'DECLINED' AND created > %s"
        " AND (%s OR card_token = %s)",
        (
            now - timedelta(seconds=parameters.period.duration),
            parameters.scope == "ACCOUNT",
            card["token"],
        ),
    )
    used = await cursor.fetchone()
    if used is None or presented.is_credit:
        return False
    amount, count = parameters.limit_amount, parameters.limit_count
    return (amount is not None and used["amount"] + presented.amount > amount) or (
        count is not None and used["count"] + 1 > count
    )


def _is_merchant(allowed: LockedMerchant, merchant: Merchant) -> bool:
    wanted = ((allowed.merchant_id, merchant.network_id), (allowed.descriptor, merchant.name))
    named = [(value, actual) for value, actual in wanted if value is not None]
    return bool(named) and all(actual == value for value, actual in named)


def _holds(condition: Condition, presented: Presented) -> bool:
    values: dict[str, str | int] = {
        "MCC": presented.merchant.mcc,
        "COUNTRY": presented.merchant.country,
        "CURRENCY": presented.rate.merchant_currency,
        "MERCHANT_ID": presented.merchant.network_id,
        "DESCRIPTOR": presented.merchant.name,
        "TRANSACTION_AMOUNT": presented.amount,
    }
    actual = values[condition.attribute]
    value, operation = condition.value, condition.operation
    if operation in ("IS_ONE_OF", "IS_NOT_ONE_OF"):
        listed = isinstance(value, list) and actual in value
        return listed == (operation == "IS_ONE_OF")
    if operation == "IS_EQUAL_TO":
        return actual == value
    if not isinstance(actual, int) or not isinstance(value, int):
        return False
    return actual > value if operation == "IS_GREATER_THAN" else actual < value
