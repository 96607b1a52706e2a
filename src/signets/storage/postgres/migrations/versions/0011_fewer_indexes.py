"""Decisions without the two indexes that nobody needs."""

from signets.storage.postgres.sql_files import SQL_FOLDER, apply_sql

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Apply ``0011_fewer_indexes.sql``."""
    apply_sql(SQL_FOLDER / "0011_fewer_indexes.sql")
