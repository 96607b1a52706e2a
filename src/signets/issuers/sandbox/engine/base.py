"""The few names that every part of the network shares."""

from __future__ import annotations

import uuid
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

Connection = AsyncConnection[DictRow]
Json = dict[str, Any]


class Missing(Exception):
    """No such object; the text is what was looked for (``Card``)."""


class Impossible(Exception):
    """The network cannot do this now; the text says why."""


def as_token(text: str, what: str) -> str:
    """``text`` as a canonical token: a UUID, or a face's id that ends in one (``iauth_…``).

    Raises:
        Missing: Nothing has such a token.
    """
    try:
        return str(uuid.UUID(text.rpartition("_")[2]))
    except ValueError:
        raise Missing(what) from None
