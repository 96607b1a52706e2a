"""Subtotals of velocity and exposure, and indexes that keep every count of a busy card short."""

from signets.storage.postgres.sql_files import SQL_FOLDER, apply_sql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Apply ``0008_subtotals.sql``."""
    apply_sql(SQL_FOLDER / "0008_subtotals.sql")
