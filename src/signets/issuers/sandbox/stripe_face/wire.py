"""Stripe's wire habits: bracket forms, one error shape, lists, ids, idempotency.

Source: docs.stripe.com/api (errors, pagination, idempotent requests, expanding responses).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta
from psycopg import sql
from psycopg.rows import DictRow
from starlette.responses import Response

from signets.issuers.sandbox.engine.base import Connection, Json
from signets.issuers.sandbox.engine.pages import Cut, NoSuchCursor, fetch_page

#: The version of the API that this face speaks.
API_VERSION = "2026-10-28.endive"
_MAX_KEYS = 1000

Body = TypeVar("Body")
Metadata = dict[Annotated[str, Meta(max_length=40)], Annotated[str, Meta(max_length=500)]]


class StripeError(Exception):
    """An answer other than 2xx, in Stripe's shape."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.content = {"type": kind, "message": message, "code": code, "param": param}


class Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all parameters: an unknown one is an error, as at Stripe."""

    expand: list[str] = msgspec.field(default_factory=list)


class Created(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``created`` of a list, in seconds since the epoch."""

    gt: int | None = None
    gte: int | None = None
    lt: int | None = None
    lte: int | None = None


class ListForm(Form, frozen=True, kw_only=True):
    """What every list takes."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    starting_after: str | None = None
    ending_before: str | None = None
    created: Created | int | None = None


def encoded(content: object) -> bytes:
    """JSON bytes."""
    return msgspec.json.encode(content)


def respond(status: int, body: bytes, headers: Mapping[str, str]) -> Response:
    """An answer with the headers that Stripe sets on each."""
    return Response(
        body,
        status,
        {
            "request-id": f"req_{secrets.token_hex(7)}",
            "stripe-version": API_VERSION,
            **headers,
        },
        media_type="application/json",
    )


def error_response(error: StripeError) -> Response:
    """Stripe's ``{"error": {"type", "code", "message", "param"}}``."""
    content = {name: value for name, value in error.content.items() if value is not None}
    return respond(error.status, encoded({"error": content}), {})


def read_form(raw: str) -> Json:
    """``a[b][0]=c`` as nested objects and lists of strings.

    Raises:
        StripeError: 400 for a form that contradicts itself.
    """
    root: Json = {}
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, max_num_fields=_MAX_KEYS)
    except ValueError as error:
        raise StripeError(400, f"The form cannot be read: {error}") from None
    for key, value in pairs:
        name, *rest = key.replace("]", "").split("[")
        place: Json = root
        for part in rest:
            inner = place.setdefault(name, {})
            if not isinstance(inner, dict):
                raise StripeError(400, f"Invalid parameter: {key}", param=key)
            place, name = inner, part or str(len(inner))
        place[name] = value
    return {name: _with_lists(value) for name, value in root.items()}


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _with_lists(one) for name, one in value.items()}
    if inner and all(name.isdigit() for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner


def convert(params: Json, form: type[Body]) -> Body:
    """``params`` as ``form``.

    Raises:
        StripeError: 400 with the parameter's name.
    """
    try:
        return msgspec.convert(params, form, strict=False)
    except msgspec.ValidationError as error:
        text = str(error)
        if "unknown field" in text:
            name = text.split("`")[1]
            raise StripeError(
                400, f"Received unknown parameter: {name}", code="parameter_unknown", param=name
            ) from None
        if "missing required field" in text:
            name = text.split("`")[1]
            raise StripeError(
                400, f"Missing required param: {name}.", code="parameter_missing", param=name
            ) from None
        place = text.partition("$.")[2].rstrip("`")
        raise StripeError(
            400, f"Invalid parameter: {text}", code="parameter_invalid", param=place or None
        ) from None


def missing(what: str, given: str) -> StripeError:
    """404 for an id of nothing."""
    return StripeError(404, f"No such {what}: '{given}'", code="resource_missing", param="id")


def object_id(prefix: str, token: object) -> str:
    """``iauth_0123…`` from a token."""
    return f"{prefix}_{str(token).replace('-', '')}"


def seconds(moment: datetime) -> int:
    """Seconds since the epoch."""
    return int(moment.timestamp())


def _during(created: Created | int | None) -> list[tuple[sql.Composable, object]]:
    if created is None:
        return []
    if isinstance(created, int):
        created = Created(gte=created, lte=created)
    # Stripe counts whole seconds.
    column = "date_trunc('second', created)"
    bounds = (("> %s", created.gt), (">= %s", created.gte), ("< %s", created.lt))
    found: list[tuple[sql.Composable, object]] = []
    for operator, value in (*bounds, ("<= %s", created.lte)):
        if value is not None:
            condition = sql.SQL(column + " " + operator)
            found.append((condition, datetime.fromtimestamp(value, UTC)))
    return found


async def stripe_page(
    connection: Connection,
    form: ListForm,
    table: str,
    conditions: Sequence[tuple[sql.Composable, object]],
) -> tuple[list[DictRow], bool]:
    """One page of ``table``, newest first.

    Raises:
        StripeError: 400 for a cursor of nothing.
    """
    cut = Cut(
        size=form.limit,
        after=_cursor(form.starting_after),
        before=_cursor(form.ending_before),
    )
    try:
        return await fetch_page(connection, table, cut, [*conditions, *_during(form.created)])
    except NoSuchCursor:
        raise StripeError(400, "No such object to page from", code="resource_missing") from None


def _cursor(given: str | None) -> str | None:
    """An id as the token it stands for: ours end in a UUID, events and endpoints are their own."""
    if given is None or given.startswith(("evt_", "we_")):
        return given
    bare = given.rpartition("_")[2]
    parts = (bare[:8], bare[8:12], bare[12:16], bare[16:20], bare[20:])
    return "-".join(parts)


def list_object(url: str, data: Sequence[Json], *, has_more: bool) -> Json:
    """Stripe's list."""
    return {"object": "list", "url": url, "has_more": has_more, "data": list(data)}


def merged(known: Mapping[str, str], change: Mapping[str, str]) -> dict[str, str]:
    """Metadata after an update: an empty value removes its key."""
    return {name: value for name, value in {**known, **change}.items() if value != ""}
