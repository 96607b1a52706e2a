"""What a member says of a claim, for issuers that ask for more than a note."""

from signets.storage.postgres.sql_files import SQL_FOLDER, apply_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Apply ``0005_dispute_evidence.sql``."""
    apply_sql(SQL_FOLDER / "0005_dispute_evidence.sql")
