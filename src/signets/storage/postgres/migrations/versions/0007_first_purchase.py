"""Ids known by a first verified purchase; waiting questions by vendor."""

from signets.storage.postgres.sql_files import SQL_FOLDER, apply_sql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Apply ``0007_first_purchase.sql``."""
    apply_sql(SQL_FOLDER / "0007_first_purchase.sql")
