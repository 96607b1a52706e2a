"""Reads fields out of an issuer's JSON bodies, naming what is wrong by its dotted path.

Bodies are read as plain dicts, never through an SDK's typed events: those try each class in turn,
so that one unknown enum value turns a transaction into another event, silently (lithic 0.133,
``webhooks.parse``).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from signets.app.ports import BodyUnreadable
from signets.core.money import MAX_MINOR

Json = Mapping[str, object]


@cache
def _parts(path: str) -> list[str]:
    """The paths are our own, so there are few of them."""
    return path.split(".")


def find(data: Json, path: str) -> object | None:
    """The value at a dotted path, ``None`` where a part of the path is missing or null."""
    if "." not in path:
        return data.get(path)
    value: object = data
    for part in _parts(path):
        # JSON's objects are dicts: asking the abstract class costs several times as much.
        if not isinstance(value, dict) and not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def text(data: Json, path: str) -> str:
    """A non-empty string.

    Raises:
        BodyUnreadable: where it is anything else.
    """
    return _text(find(data, path), path)


def _text(value: object, path: str) -> str:
    if not isinstance(value, str) or not value:
        raise BodyUnreadable(path, f"`{path}` must be a non-empty string")
    if "\0" in value or not (value.isascii() or _encodable(value)):
        # What no database and no UTF-8 document can hold exactly.
        raise BodyUnreadable(path, f"`{path}` holds NUL or half a surrogate pair")
    return value


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def optional_text(data: Json, path: str) -> str | None:
    """A string, ``None`` where it is missing, null or empty.

    Raises:
        BodyUnreadable: where it is of another type.
    """
    value = find(data, path)
    return None if value is None or value == "" else _text(value, path)


def integer(data: Json, path: str) -> int:
    """An integer; a float or a boolean is none.

    Raises:
        BodyUnreadable: where it is anything else.
    """
    value = find(data, path)
    if isinstance(value, bool) or not isinstance(value, int):
        raise BodyUnreadable(path, f"`{path}` must be an integer of minor units")
    if abs(value) > MAX_MINOR:
        raise BodyUnreadable(path, f"`{path}` is more than {MAX_MINOR} minor units")
    return value


def mapping(data: Json, path: str) -> Json:
    """An object.

    Raises:
        BodyUnreadable: where it is anything else.
    """
    value = find(data, path)
    if not isinstance(value, Mapping):
        raise BodyUnreadable(path, f"`{path}` must be an object")
    return value
