"""The job queue's tables, in their own schema: procrastinate 3.10.0's ``schema.sql``, unchanged.

A copy, so that what this migration does never changes; a test says when the installed
procrastinate has moved on, and then the next migration applies its own migration scripts.
"""

from alembic import op
from sqlalchemy import text

from signets.storage.postgres.sql_files import SQL_FOLDER, apply_sql

revision = "0002"
down_revision = "0001"

SCHEMA = "procrastinate"


def upgrade() -> None:
    """Apply it unless the tables are there: a second application would fail."""
    there = op.get_bind().scalar(text("SELECT to_regclass('procrastinate.procrastinate_jobs')"))
    if there is None:
        apply_sql(SQL_FOLDER / "0002_procrastinate.sql", schema=SCHEMA)
