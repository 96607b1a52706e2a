"""A mark that each writing transaction leaves in its organization."""

from signets.storage.postgres.sql_files import SQL_FOLDER, apply_sql

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Apply ``0012_mark.sql``."""
    apply_sql(SQL_FOLDER / "0012_mark.sql")
