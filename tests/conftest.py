"""Shared fixtures: one embedded PostgreSQL for the whole run, a fresh database for each test.

The server lives in a folder per checkout (or in ``SIGNETS_TEST_PG``), so that xdist workers and
several runs at once share one; it stops with the last of them. The folder is in memory where there
is room for it: on a disk, making and dropping databases takes longer than most tests. A template
database is migrated once per state of the migration files, and each test gets a copy.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from tests.conformance.recording import pytest_pyfunc_call, pytest_sessionstart
from tests.world import Issuer, World, open_world

from signets.core.merchant.directory import Directory
from signets.storage.postgres import embedded, migrate
from signets.vendors import load_directory

#: Hooks of the whole run: what adapters send is held against its schema.
__all__ = ["pytest_pyfunc_call", "pytest_sessionstart"]

#: Files of twenty seconds and more.
LONGEST = (
    "test_scenario_run.py",
    "test_embedded.py",
    "test_convergence.py",
    "test_cli_end_to_end.py",
    "test_kills.py",
    "test_paused_database.py",
    "test_demo.py",
    "test_worlds.py",
    "test_attacks.py",
    "test_races.py",
    "test_openapi_fuzz.py",
)
#: Bytes that the server's folder may take, with some to spare.
_ROOM = 2 << 30
_TEMPLATE_LOCK = 7_446_001
_counter = itertools.count()

NewDatabase = Callable[..., str]


def pytest_configure() -> None:
    """HTTP clients share a trust store: to read it takes 20 ms, and a test makes ten clients."""
    ssl.create_default_context = cache(ssl.create_default_context)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files come first: at the end one of them would leave the other workers idle."""
    rank = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


@pytest.fixture(scope="session")
def postgres() -> Iterator[embedded.EmbeddedServer]:
    """The embedded server all tests of all workers share."""
    configured = os.environ.get("SIGNETS_TEST_PG")
    checkout = hashlib.sha256(str(Path(__file__).resolve()).encode()).hexdigest()[:10]
    default = _scratch() / f"signets-test-{os.geteuid()}-{checkout}"
    with embedded.start(Path(configured) if configured else default) as server:
        _drop_leftovers(server)
        yield server


@pytest.fixture(scope="session")
def template_database(postgres: embedded.EmbeddedServer) -> str:
    """The name of a migrated database to copy; its name carries a hash of the migrations."""
    digest = hashlib.sha256()
    for path in sorted(migrate.MIGRATIONS.rglob("*")):
        if path.suffix in {".py", ".sql"}:
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    name = f"template_{digest.hexdigest()[:12]}"
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (_TEMPLATE_LOCK,))
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
        if found.fetchone() is None:
            fresh = f"{name}_new"
            _drop(connection, fresh)
            postgres.create_database(fresh)
            migrate.upgrade(postgres.url(fresh))
            connection.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                    sql.Identifier(fresh), sql.Identifier(name)
                )
            )
    return name


@pytest.fixture
def new_database(
    postgres: embedded.EmbeddedServer, request: pytest.FixtureRequest
) -> Iterator[NewDatabase]:
    """A function that creates databases for one test: migrated, or with ``empty=True`` bare."""
    made: list[str] = []

    def create(*, empty: bool = False) -> str:
        name = f"test_{os.getpid()}_{next(_counter)}"
        template = "template0" if empty else request.getfixturevalue("template_database")
        with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
        made.append(name)
        return postgres.url(name)

    yield create
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        for name in made:
            _drop(connection, name)


@pytest.fixture
def database_url(new_database: NewDatabase) -> str:
    """The libpq URL of a fresh, migrated database of this test alone."""
    return new_database()


@pytest.fixture
def empty_database_url(new_database: NewDatabase) -> str:
    """The libpq URL of a fresh database with nothing in it."""
    return new_database(empty=True)


@pytest.fixture(scope="session")
def directory() -> Directory:
    """The vendor directory, read once."""
    return load_directory()


@pytest.fixture
def issuer() -> Issuer:
    """The issuer of ``world``; a test that is marked ``at_each_issuer`` is run with each."""
    return "lithic"


@pytest.fixture
async def world(
    new_database: NewDatabase, tmp_path: Path, directory: Directory, issuer: Issuer
) -> AsyncIterator[World]:
    """A whole Signets with its sandbox issuer over real HTTP (see :mod:`tests.world`)."""
    async with open_world(new_database, tmp_path, directory, issuer=issuer) as opened:
        yield opened


def _scratch() -> Path:
    """Where files are lost with the machine's power, if programs may be run there, or the usual
    place."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK) or shutil.disk_usage(memory).free < _ROOM:
        return Path(tempfile.gettempdir())
    may_run = not os.statvfs(memory).f_flag & os.ST_NOEXEC  # a server may need its own copy
    return memory if may_run else Path(tempfile.gettempdir())


def _drop(connection: psycopg.Connection, name: str) -> None:
    connection.execute(
        sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    )


def _drop_leftovers(server: embedded.EmbeddedServer) -> None:
    """Remove the databases of runs that were killed, told by the process id in their name."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        names = connection.execute(
            "SELECT datname FROM pg_database WHERE datname ~ '^test_[0-9]+_[0-9]+$'"
        ).fetchall()
        for (name,) in names:
            if not _lives(int(name.split("_")[1])):
                _drop(connection, name)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
