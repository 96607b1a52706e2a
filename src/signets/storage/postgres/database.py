"""Which database serves: a configured one, or the embedded one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict

from signets.storage.postgres import embedded
from signets.storage.postgres.durability import check_durability
from signets.storage.postgres.errors import unavailable

CONNECT_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A database that was found reachable and durable.

    ``url`` is a libpq URL (it may hold a password: never log it).
    """

    url: str
    is_embedded: bool


@contextmanager
def open_database(
    *, url: str | None, data_dir: Path, name: str = embedded.DATABASE
) -> Iterator[Database]:
    """The configured database, or, without a URL, ``name`` on the embedded server.

    The embedded server lives at least as long as the ``with`` block.

    Raises:
        Refusal: It cannot be reached or started, is older than 15, or may lose commits.
    """
    if url is not None:
        _check_external(url)
        yield Database(url=url, is_embedded=False)
        return
    with embedded.start(data_dir) as server:
        server.create_database(name)
        yield Database(url=server.url(name), is_embedded=True)


def file_name(url: str) -> str:
    """A database as the name of a file: the same for all who connect alike, without a password."""
    named = conninfo_to_dict(url)
    named.pop("password", None)
    return sha256(msgspec.json.encode(sorted(named.items()))).hexdigest()[:16]


def _check_external(url: str) -> None:
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_SECONDS, autocommit=True) as connection:
            check_durability(connection)
    except psycopg.ProgrammingError as problem:
        raise unavailable(
            "database_url_invalid",
            "the database URL is not one that PostgreSQL understands; write "
            "postgresql://user:password@host:5432/database",
        ) from problem
    except psycopg.OperationalError as problem:
        raise unavailable(
            "database_unreachable", f"the configured database cannot be reached: {problem}"
        ) from problem
