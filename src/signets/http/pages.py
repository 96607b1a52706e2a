"""Cursor pagination: ``limit`` and ``after``, the id that the page before ended with."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from signets.core.ids import Prefix, parse_id

_MOST = 100


def _decimal(value: Any) -> Any:
    if isinstance(value, str) and not (value.isascii() and value.isdecimal()):
        raise PydanticCustomError("field_invalid", f"must be an integer from 1 to {_MOST}")
    return value


Limit = Annotated[
    int, BeforeValidator(_decimal), Query(ge=1, le=_MOST, description="Most items on the page.")
]
After = Annotated[
    str | None,
    Query(min_length=1, max_length=80, description="`next_after` of the page before."),
]
Filter = Annotated[str | None, Query(min_length=1, max_length=300)]


def cursor(after: str | None, prefix: Prefix) -> str | None:
    """``after``, checked.

    Raises:
        Refusal: ``id_invalid``.
    """
    return None if after is None else parse_id(after, prefix, param="after")
