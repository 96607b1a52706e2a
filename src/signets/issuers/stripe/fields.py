"""Stripe's own kinds of field: epoch times, lists of objects, expandable ids."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from signets.app.ports import BodyUnreadable
from signets.issuers.fields import Json, find, integer, text


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
