"""JSON bodies, read strictly: what two parsers could read differently is refused.

RFC 8259 leaves duplicate names, numbers without bounds and unpaired surrogates to the reader; the
first two are how one system checks an amount and another books a different one (see also
RFC 7493, I-JSON). NUL cannot be stored as text in PostgreSQL.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from starlette.requests import Request

from signets.core.errors import Refusal, invalid

_DEEPEST = 32


class StrictRequest(Request):
    """A request whose JSON was read by :func:`read_body` before the framework asks for it."""

    parsed: Any = None

    async def json(self) -> Any:
        """What was read."""
        return self.parsed


async def read_body(request: StrictRequest) -> bytes:
    """Read, check and parse the body; return its bytes.

    Raises:
        Refusal: ``content_type_invalid``, ``json_invalid``, ``body_invalid`` or ``text_invalid``.
    """
    raw = await request.body()
    if raw:
        _check_content_type(request)
        request.parsed = parse_object(raw)
    return raw


def _check_content_type(request: Request) -> None:
    types = request.headers.getlist("content-type")
    media = types[0].partition(";")[0].strip().lower() if len(types) == 1 else ""
    if media != "application/json":
        raise invalid(
            "content_type_invalid",
            "send the body with exactly one `Content-Type: application/json`",
            param="Content-Type",
        )


def parse_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in ``raw``.

    Raises:
        Refusal: It is not UTF-8 JSON, no object, or holds what cannot be stored exactly.
    """
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except UnicodeDecodeError:
        raise invalid("json_invalid", "the body is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise invalid(
            "json_invalid",
            f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}",
        ) from None
    except (ValueError, RecursionError):
        raise invalid("json_invalid", "the body is not JSON that can be read exactly") from None
    if not isinstance(value, dict):
        raise invalid("body_invalid", "the body must be a JSON object, like `{…}`")
    for path, text in _texts(value):
        if "\0" in text or not _encodable(text):
            raise invalid(
                "text_invalid",
                f"`{path}` holds a character that no text has (NUL, or half a surrogate pair)",
                param=path,
            )
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise invalid("json_invalid", "an object in the body names one field twice")
    return value


def _no_constant(name: str) -> Refusal:
    raise invalid("json_invalid", f"`{name}` is not JSON; leave the field out or send a number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise invalid("json_invalid", "a number in the body is too large to be read exactly")
    return number


def _texts(value: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every string and name in the value with its path.

    Raises:
        Refusal: ``json_invalid`` where it is nested too deeply.
    """
    waiting: list[tuple[str, Any, int]] = [("", value, 0)]
    while waiting:
        path, part, depth = waiting.pop()
        if depth > _DEEPEST:
            raise invalid("json_invalid", f"the body is nested deeper than {_DEEPEST} levels")
        if isinstance(part, str):
            yield path, part
        elif isinstance(part, dict):
            for name, inner in part.items():
                yield path or "body", name
                waiting.append((f"{path}.{name}" if path else name, inner, depth + 1))
        elif isinstance(part, list):
            waiting += [(f"{path}[{at}]", inner, depth + 1) for at, inner in enumerate(part)]


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
