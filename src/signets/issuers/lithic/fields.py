"""Lithic's own kinds of field: currency codes and RFC 3339 times."""

from __future__ import annotations

from datetime import UTC, datetime

from signets.app.ports import BodyUnreadable
from signets.issuers.fields import Json, text


def currency(data: Json, path: str) -> str:
    """An ISO 4217 code, in upper case.

    Raises:
        BodyUnreadable: where it is not three letters.
    """
    value = text(data, path).upper()
    if len(value) != 3 or not (value.isascii() and value.isalpha()):
        raise BodyUnreadable(path, f"`{path}` must be an ISO 4217 code like `USD`")
    return value


def moment(data: Json, path: str) -> datetime:
    """An RFC 3339 time, in UTC.

    Raises:
        BodyUnreadable: where it is anything else.
    """
    try:
        value = datetime.fromisoformat(text(data, path))
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BodyUnreadable(path, f"`{path}` must be an RFC 3339 date and time") from None
