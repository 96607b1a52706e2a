"""Fixtures of the HTTP edge's tests."""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql
from tests.http.world import NewDatabase, World, world

from signets.storage.postgres import embedded


@pytest.fixture
async def running(new_database: Callable[..., str], tmp_path: Path) -> AsyncIterator[World]:
    """A fresh world, for a test that changes or breaks it."""
    async with world(new_database, tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def module_database(
    postgres: embedded.EmbeddedServer, template_database: str
) -> Iterator[NewDatabase]:
    """What ``new_database`` is, for as long as a module's tests run."""
    made: list[str] = []
    numbers = itertools.count(2 * 10**6)  # names in the shape that the shared clean-up knows

    def create(*, empty: bool = False) -> str:
        name = f"test_{os.getpid()}_{next(numbers)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
            sql.Identifier(name), sql.Identifier("template0" if empty else template_database)
        )
        with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)
        made.append(name)
        return postgres.url(name)

    yield create
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        for name in made:
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(
    module_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """One world for a module whose tests leave it usable."""
    async with world(module_database, tmp_path_factory.mktemp("world")) as made:
        yield made
