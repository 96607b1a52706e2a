"""Migrations: complete, repeatable, safe in parallel, and SQL files reach the server as written."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path

import psycopg

from signets.storage.postgres import migrate

# What trips the ways that parse: a percent sign, a colon-name, dollar quotes.
AWKWARD_SQL = """
CREATE TABLE awkward (note text CHECK (note NOT LIKE '%:name%'));
CREATE FUNCTION shout(what text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN format('%s :name %% $1', what);
END $$;
"""
AWKWARD_VERSION = """
from pathlib import Path
from signets.storage.postgres.sql_files import apply_sql

revision = "0001"
down_revision = None


def upgrade():
    apply_sql(Path(__file__).parent.parent / "awkward.sql")
"""


def test_an_empty_database_reaches_head(empty_database_url):
    """An empty database has no revision; upgraded, it is at the newest one."""
    assert migrate.current(empty_database_url) is None
    migrate.upgrade(empty_database_url)
    assert migrate.current(empty_database_url) == migrate.head()


def test_upgrading_again_changes_nothing(database_url):
    """A second upgrade is a no-op: tables and revision stay."""
    before = _tables(database_url)
    migrate.upgrade(database_url)
    assert _tables(database_url) == before
    assert migrate.current(database_url) == migrate.head()


def test_parallel_upgrades_wait_for_each_other(empty_database_url):
    """Four upgrades of one empty database at once all succeed and end at head."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate.upgrade, [empty_database_url] * 4))
    assert migrate.current(empty_database_url) == migrate.head()


def test_job_tables_live_in_their_own_schema(database_url):
    """The job queue's tables are in schema procrastinate and nowhere else."""
    schemas = {schema for schema, table in _tables(database_url) if table == "procrastinate_jobs"}
    assert schemas == {"procrastinate"}


def test_existing_job_tables_are_left_alone(empty_database_url):
    """The job queue's schema is not applied twice, which would fail."""
    migrate.upgrade(empty_database_url, to="0002")
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("UPDATE public.alembic_version SET version_num = '0001'")
    migrate.upgrade(empty_database_url)
    assert migrate.current(empty_database_url) == migrate.head()


def test_what_older_cards_have_spent_is_counted(empty_database_url):
    """A backstop begins where the card stands: holds given back count, refunds give nothing."""
    migrate.upgrade(empty_database_url, to="0008")
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("SET session_replication_role = replica")  # the rows alone
        connection.execute(_OLD_CARD)
        for name, authorized, held, back, cleared in (
            ("a", 500, 100, 400, 0),
            ("b", 700, 0, 0, 900),
            ("c", 300, 0, 300, 300),
        ):
            connection.execute(_OLD_TRANSACTION, (name, name, authorized, held, back, cleared))
    migrate.upgrade(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        counted = "SELECT issuer_counted FROM transaction ORDER BY id"
        assert connection.execute(counted).fetchall() == [(500,), (900,), (600,)]
        row = connection.execute("SELECT issuer_counted, backstop FROM card").fetchone()
    assert row == (2000, None)


_OLD_CARD = """
INSERT INTO card (org_id, id, agent_id, connection_id, state, issuer_state, merchant_lock,
    allow_facilitators, currency, spending_limit, limit_period, recurring, memo, created_by,
    created_at)
VALUES ('org_1', 'card_1', 'agt_1', 'conn_1', 'locked', 'paused', '{openai.com}', false, 'USD',
    5000, 'month', false, '', 'system', now())"""
_OLD_TRANSACTION = """
INSERT INTO transaction (org_id, id, connection_id, issuer_token, card_id, kind, status, currency,
    authorized, held, unconfirmed, reversed, cleared, refunded, disputed, recovered, fees,
    intent_use, merchant_amount, merchant_currency, descriptor, merchant, match, decided_by,
    verdict, flags, notes, explanation, created_at, updated_at)
VALUES ('org_1', %s, 'conn_1', %s, 'card_1', 'purchase', 'settled', 'USD', %s, %s, 0, %s, %s, 50, 0,
    0, 0, 0, 1, 'USD', 'OPENAI', '{}', '{}', 'us', 'pending', '{}', '{}', '[]', now(), now())"""


def test_our_copy_of_the_job_schema_is_the_installed_one():
    """A new procrastinate with another schema fails here: it needs a migration of its own."""
    ours = (migrate.MIGRATIONS / "sql" / "0002_procrastinate.sql").read_text()
    theirs = resources.files("procrastinate.sql").joinpath("schema.sql").read_text()
    assert ours == theirs


def test_sql_files_reach_the_server_as_written(empty_database_url, tmp_path: Path):
    """Percent signs, :names and dollar quotes in a migration survive unchanged."""
    folder = tmp_path / "100% migrations"
    (folder / "versions").mkdir(parents=True)
    shutil.copy(migrate.MIGRATIONS / "env.py", folder)
    (folder / "versions" / "0001_awkward.py").write_text(AWKWARD_VERSION)
    (folder / "awkward.sql").write_text(AWKWARD_SQL)
    migrate.upgrade(empty_database_url, migrations=folder)
    with psycopg.connect(empty_database_url) as connection:
        row = connection.execute("SELECT shout('a')").fetchone()
    assert row == ("a :name % $1",)


def test_a_failing_migration_leaves_nothing(empty_database_url, tmp_path: Path):
    """A migration that fails half-way is rolled back whole, and the revision stays."""
    (tmp_path / "versions").mkdir()
    shutil.copy(migrate.MIGRATIONS / "env.py", tmp_path)
    (tmp_path / "versions" / "0001_awkward.py").write_text(AWKWARD_VERSION)
    (tmp_path / "awkward.sql").write_text(AWKWARD_SQL + "SELECT no_such_function();")
    try:
        migrate.upgrade(empty_database_url, migrations=tmp_path)
    except psycopg.errors.UndefinedFunction:
        pass
    else:
        raise AssertionError("the broken migration was accepted")
    assert migrate.current(empty_database_url) is None
    assert ("public", "awkward") not in _tables(empty_database_url)


def _tables(url: str) -> set[tuple[str, str]]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
    return {(schema, table) for schema, table in rows}
