"""Issuer connections that are watched, events that are never lost, disputes."""

from signets.storage.postgres.sql_files import SQL_FOLDER, apply_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Apply ``0003_issuers.sql``."""
    apply_sql(SQL_FOLDER / "0003_issuers.sql")
