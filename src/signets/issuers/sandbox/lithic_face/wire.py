"""Lithic's wire habits: one error shape, cursor pages, timestamps, strict bodies.

Source: lithic-openapi (``error``, ``list_*`` schemas, parameters ``starting_after`` …).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
from psycopg import sql
from psycopg.rows import DictRow
from starlette.requests import Request
from starlette.responses import Response

from signets.issuers.sandbox.engine.base import Connection
from signets.issuers.sandbox.engine.pages import Cut, NoSuchCursor, equals, fetch_page

Body = TypeVar("Body")

MAX_PAGE = 100
DEFAULT_PAGE = 50
MAX_BODY_BYTES = 1_000_000


class LithicError(Exception):
    """An answer other than 2xx, in Lithic's shape. ``extra`` joins the body (a token)."""

    def __init__(self, status: int, message: str, **extra: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.extra = extra


class Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all request bodies: an unknown field is an error, not a silence."""


def answer(content: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def error_answer(error: LithicError) -> Response:
    """Lithic's ``{"debugging_request_id", "message"}``."""
    body = {"debugging_request_id": str(uuid.uuid4()), "message": error.message, **error.extra}
    return answer(body, error.status)


async def read_body(request: Request, form: type[Body]) -> Body:
    """The request's body as ``form``.

    Raises:
        LithicError: 413 too large, 400 not JSON, 422 not of the right shape.
    """
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_BODY_BYTES:
            raise LithicError(413, f"the body is larger than {MAX_BODY_BYTES} bytes")
    try:
        return msgspec.json.decode(bytes(raw) or b"{}", type=form)
    except msgspec.ValidationError as error:
        raise LithicError(422, f"Invalid parameter(s): {error}") from error
    except msgspec.DecodeError as error:
        raise LithicError(400, f"The body is not JSON: {error}") from error


def read_uuid(text: str, what: str) -> str:
    """``text`` as a canonical UUID.

    Raises:
        LithicError: 404, since no object has such a token.
    """
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise LithicError(404, f"{what} not found") from None


def stamp(moment: datetime) -> str:
    """RFC 3339 in UTC with ``Z``, as Lithic writes it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def read_moment(text: str, name: str) -> datetime:
    """An RFC 3339 query parameter.

    Raises:
        LithicError: 400.
    """
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise LithicError(400, f"`{name}` must be an RFC 3339 date and time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


async def page(
    connection: Connection,
    request: Request,
    table: str,
    *,
    equal: Mapping[str, object] | None = None,
    conditions: Sequence[tuple[sql.Composable, object]] = (),
) -> tuple[list[DictRow], bool]:
    """One cursor page, newest first; ``(rows, has_more)``.

    Reads ``page_size``, ``starting_after``, ``ending_before``, ``begin``, ``end`` of the query.

    Raises:
        LithicError: 400 for a bad parameter.
    """
    query = request.query_params
    try:
        size = int(query.get("page_size", DEFAULT_PAGE))
    except ValueError:
        size = 0
    if not 1 <= size <= MAX_PAGE:
        raise LithicError(400, f"`page_size` must be between 1 and {MAX_PAGE}")
    where = [*(equals(column, value) for column, value in (equal or {}).items()), *conditions]
    for name, operator in (("begin", ">="), ("end", "<")):
        if name in query:
            where.append((sql.SQL("created " + operator + " %s"), read_moment(query[name], name)))
    cut = Cut(size=size, after=query.get("starting_after"), before=query.get("ending_before"))
    try:
        return await fetch_page(connection, table, cut, where)
    except NoSuchCursor as error:
        raise LithicError(400, f"The page cursor `{error}` names no object") from None
