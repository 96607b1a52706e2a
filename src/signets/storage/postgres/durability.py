"""A decision is answered only once it is durable, so a database that may forget is refused."""

from __future__ import annotations

from typing import Any

import psycopg

from signets.storage.postgres.errors import unavailable

OLDEST_VERSION = 150_000


def check_durability(connection: psycopg.Connection[Any]) -> None:
    """Refuse a server that acknowledges commits it could lose, or that is too old.

    Any value of ``synchronous_commit`` but ``off`` waits for the local disk (PostgreSQL
    documentation, "Write Ahead Log / Settings").

    Raises:
        Refusal: ``fsync`` or ``synchronous_commit`` is off, or the version is below 15.
    """
    if connection.info.server_version < OLDEST_VERSION:
        raise unavailable(
            "database_too_old",
            f"PostgreSQL 15 or newer is needed; this one is {connection.info.server_version}",
        )
    for setting in ("fsync", "synchronous_commit"):
        row = connection.execute("SELECT current_setting(%s)", (setting,)).fetchone()
        if row is None or row[0] == "off":
            raise unavailable(
                "database_not_durable",
                f"PostgreSQL runs with {setting} = off, so a crash could undo an approval that "
                f"was already sent; set {setting} = on (server, database and role settings) and "
                "start again",
            )
