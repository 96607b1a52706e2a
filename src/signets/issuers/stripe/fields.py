"""Strict reading of plain JSON: every miss names the field.

Bodies are dispatched on their ``type`` and ``object`` as plain dicts, never through the SDK's
typed events, so that an unknown value or a missing field cannot turn one object into another.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from signets.app.ports import BodyUnreadable

Json = Mapping[str, object]


def find(data: Json, path: str) -> object | None:
    """The value at a dotted path, ``None`` where a part of the path is missing or null."""
    value: object = data
    for part in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def text(data: Json, path: str) -> str:
    """A non-empty string.

    Raises:
        BodyUnreadable: where it is anything else.
    """
    value = find(data, path)
    if not isinstance(value, str) or not value:
        raise BodyUnreadable(path, f"`{path}` must be a non-empty string")
    return value


def optional_text(data: Json, path: str) -> str | None:
    """A string, ``None`` where it is missing, null or empty.

    Raises:
        BodyUnreadable: where it is of another type.
    """
    value = find(data, path)
    return None if value is None or value == "" else text(data, path)


def integer(data: Json, path: str) -> int:
    """An integer; a float or a boolean is none.

    Raises:
        BodyUnreadable: where it is anything else.
    """
    value = find(data, path)
    if isinstance(value, bool) or not isinstance(value, int):
        raise BodyUnreadable(path, f"`{path}` must be an integer")
    return value


def boolean(data: Json, path: str) -> bool:
    """True or false.

    Raises:
        BodyUnreadable: where it is anything else.
    """
    value = find(data, path)
    if not isinstance(value, bool):
        raise BodyUnreadable(path, f"`{path}` must be true or false")
    return value


def moment(data: Json, path: str) -> datetime:
    """Seconds since the Unix epoch, as a time in UTC.

    Raises:
        BodyUnreadable: where it is anything else.
    """
    try:
        return datetime.fromtimestamp(integer(data, path), tz=UTC)
    except (OverflowError, OSError, ValueError):
        raise BodyUnreadable(path, f"`{path}` is not a time") from None


def mapping(data: Json, path: str) -> Json:
    """An object.

    Raises:
        BodyUnreadable: where it is anything else.
    """
    value = find(data, path)
    if not isinstance(value, Mapping):
        raise BodyUnreadable(path, f"`{path}` must be an object")
    return value


def objects(data: Json, path: str) -> tuple[Json, ...]:
    """A list of objects; empty where it is missing or null.

    Raises:
        BodyUnreadable: where it is anything else, or holds anything else (an id, for one).
    """
    value = find(data, path)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise BodyUnreadable(path, f"`{path}` must be a list")
    for index, item in enumerate(value):
        if not isinstance(item, Mapping):
            raise BodyUnreadable(f"{path}.{index}", f"`{path}.{index}` must be an object")
    return tuple(value)


def identity(data: Json, path: str) -> str:
    """The id of an expandable field: it comes as the id itself, or as the whole object.

    Raises:
        BodyUnreadable: where it is neither.
    """
    return text(data, path if isinstance(find(data, path), str) else f"{path}.id")
