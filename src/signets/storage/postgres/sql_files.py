"""How a migration applies a file of SQL."""

from __future__ import annotations

from pathlib import Path

from alembic import op
from psycopg import sql

SQL_FOLDER = Path(__file__).parent / "migrations" / "sql"


def apply_sql(path: Path, *, schema: str | None = None) -> None:
    """Run a SQL file in the migration's transaction, optionally inside a schema of its own.

    It goes to the driver as it is, without parameters: SQLAlchemy would read ``:name`` and the
    driver ``%`` in it, and PL/pgSQL is full of both.
    """
    connection = op.get_bind().connection.driver_connection
    if connection is None:
        raise RuntimeError("the migration has no connection")
    with connection.cursor() as cursor:
        if schema is not None:
            name = sql.Identifier(schema)
            cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(name))
            cursor.execute(sql.SQL("SET LOCAL search_path TO {}").format(name))
        cursor.execute(path.read_bytes())
        if schema is not None:
            cursor.execute("SET LOCAL search_path TO DEFAULT")
