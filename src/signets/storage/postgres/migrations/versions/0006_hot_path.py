"""Cheaper writes for an authorization: room for updates in place, no check made twice."""

from signets.storage.postgres.sql_files import SQL_FOLDER, apply_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Apply ``0006_hot_path.sql``."""
    apply_sql(SQL_FOLDER / "0006_hot_path.sql")
