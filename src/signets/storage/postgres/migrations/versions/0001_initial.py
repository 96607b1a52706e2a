"""The first schema: everything the purchase loop keeps."""

from signets.storage.postgres.sql_files import SQL_FOLDER, apply_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Apply ``0001_initial.sql``."""
    apply_sql(SQL_FOLDER / "0001_initial.sql")
