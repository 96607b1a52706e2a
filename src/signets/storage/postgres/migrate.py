"""Bring a database to the newest schema, one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

MIGRATIONS = Path(__file__).parent / "migrations"
# Any constant of our own: "signets" in ASCII. Everyone who migrates takes this advisory lock.
_LOCK_KEY = int.from_bytes(b"signets", "big")


def upgrade(url: str, *, migrations: Path = MIGRATIONS, to: str = "head") -> None:
    """Apply every migration that is missing, each in a transaction of its own.

    Several processes may call this at once: one works, the others wait and find nothing to do.
    """
    with _connect(url) as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK_KEY})
        connection.commit()
        config = _config(migrations)
        config.attributes["connection"] = connection
        command.upgrade(config, to)


def current(url: str) -> str | None:
    """The revision the database is at, None when it is empty."""
    with _connect(url) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head(*, migrations: Path = MIGRATIONS) -> str:
    """The newest revision this program knows."""
    revision = ScriptDirectory.from_config(_config(migrations)).get_current_head()
    if revision is None:
        raise LookupError(f"no migrations in {migrations}")
    return revision


def _config(migrations: Path) -> Config:
    config = Config()
    # Alembic interpolates '%' in option values.
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def _connect(url: str) -> Iterator[Connection]:
    """A connection through SQLAlchemy, which Alembic needs, opened by psycopg from a libpq URL."""
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=NullPool
    )
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()
