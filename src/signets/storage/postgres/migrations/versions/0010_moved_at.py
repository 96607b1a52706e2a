"""What an organization's writing transactions leave in its row: their time."""

from signets.storage.postgres.sql_files import SQL_FOLDER, apply_sql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Apply ``0010_moved_at.sql``."""
    apply_sql(SQL_FOLDER / "0010_moved_at.sql")
