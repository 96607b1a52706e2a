"""What the issuer holds a card to by itself, and what it may have counted so far."""

from signets.storage.postgres.sql_files import SQL_FOLDER, apply_sql

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Apply ``0009_issuer_controls.sql``."""
    apply_sql(SQL_FOLDER / "0009_issuer_controls.sql")
