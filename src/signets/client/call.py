"""One API call as a value: what to send, how to read the answer, when it may be sent again.

Resources only *build* calls; a runner (:mod:`signets.client.runner`) sends them. That is why each
operation is written once for both clients.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from signets.client.types import Agent, Card, Intent, JsonObject, Member, Value

T = TypeVar("T")
ValueT = TypeVar("ValueT", bound=Value)

AgentRef = str | Agent
CardRef = str | Card
IntentRef = str | Intent
MemberRef = str | Member


class Repeat(Enum):
    """When a failed attempt may be sent again."""

    SAFE = auto()  # after any passing failure: carrying it out twice changes nothing more
    UNEXECUTED = auto()  # only if the first was certainly not carried out


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T]):
    """One request. ``read`` turns the answer's bytes into the result."""

    method: str
    path: str
    read: Callable[[bytes], T]
    params: Mapping[str, str] = field(default_factory=dict)
    body: JsonObject | None = None
    repeat: Repeat = Repeat.SAFE
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part(Generic[T]):
    """One page as the server sent it."""

    data: tuple[T, ...]
    has_more: bool
    next_after: str | None


class _Envelope(BaseModel):
    data: list[JsonObject]
    has_more: bool
    next_after: str | None = None


def get(
    path: str, read: Callable[[bytes], T], *, params: Mapping[str, str] | None = None
) -> Call[T]:
    """A read."""
    return Call(method="GET", path=path, read=read, params=params or {})


def post(
    path: str,
    read: Callable[[bytes], T],
    *,
    body: JsonObject | None = None,
    repeat: Repeat = Repeat.SAFE,
    idempotency_key: str | None = None,
) -> Call[T]:
    """A write. It always carries an idempotency key, the same on every repeat.

    Raises:
        ValueError: ``idempotency_key`` is not 1 to 255 printable ASCII characters.
    """
    key = uuid.uuid4().hex if idempotency_key is None else idempotency_key
    if not (0 < len(key) <= 255 and key.isascii() and key.isprintable()):
        raise ValueError("`idempotency_key` must be 1 to 255 printable ASCII characters")
    return Call(method="POST", path=path, read=read, body=body, repeat=repeat, idempotency_key=key)


def one(model: type[ValueT]) -> Callable[[bytes], ValueT]:
    """Reads one object."""
    return model.model_validate_json


def many(
    path: str, model: type[ValueT], *, limit: int | None, after: str | None, **filters: str | None
) -> Call[Part[ValueT]]:
    """A list request: page size, cursor and filters; those that are None are left out."""

    def read(content: bytes) -> Part[ValueT]:
        envelope = _Envelope.model_validate_json(content)
        return Part(
            data=tuple(model.model_validate(item) for item in envelope.data),
            has_more=envelope.has_more,
            next_after=envelope.next_after,
        )

    wanted = {"limit": None if limit is None else str(limit), "after": after, **filters}
    return get(path, read, params=given(**wanted))


def given(**fields: T | None) -> dict[str, T]:
    """The fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def segment(value: str, *, param: str) -> str:
    """An id as one path segment.

    Raises:
        ValueError: empty or a dot segment, which would address another route.
    """
    if value.strip(".") == "":
        raise ValueError(f"`{param}` must be an id, not {value!r}")
    return quote(value, safe="")


def id_of(ref: str | Value, *, param: str) -> str:
    """The id behind an id or an object.

    Raises:
        TypeError: neither text nor an object with an id.
    """
    if isinstance(ref, str):
        return ref
    found = getattr(ref, "id", None)
    if not isinstance(found, str):
        raise TypeError(f"`{param}` must be an id or an object with one, not {type(ref).__name__}")
    return found


def optional_id(ref: str | Value | None, *, param: str) -> str | None:
    """Like :func:`id_of`, passing None on."""
    return None if ref is None else id_of(ref, param=param)


def path_id(ref: str | Value, *, param: str) -> str:
    """The id behind an id or an object, as one path segment."""
    return segment(id_of(ref, param=param), param=param)


def timestamp(at: datetime, *, param: str) -> str:
    """RFC 3339 in UTC.

    Raises:
        ValueError: a datetime without a zone.
    """
    if at.tzinfo is None:
        raise ValueError(f"`{param}` must be a datetime with a timezone")
    return at.astimezone(UTC).isoformat()


def encode(body: JsonObject) -> bytes:
    """The body's bytes; made once, so that every repeat sends the same.

    Raises:
        TypeError: a value that JSON has no form for.
    """
    return json.dumps(body, ensure_ascii=False, allow_nan=False, default=_plain).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
