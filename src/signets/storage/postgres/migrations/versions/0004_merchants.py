"""What an organization knows about merchants: seen, asked, decided, and its own vendors."""

from signets.storage.postgres.sql_files import SQL_FOLDER, apply_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Apply ``0004_merchants.sql``."""
    apply_sql(SQL_FOLDER / "0004_merchants.sql")
