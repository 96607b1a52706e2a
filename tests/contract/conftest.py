"""Fixtures of the issuer contract tests."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from psycopg import sql
from tests.contract.sandbox_kit import Network, network

from signets.storage.postgres import embedded


@pytest.fixture(scope="session")
def sandbox_database(postgres: embedded.EmbeddedServer) -> Iterator[str]:
    """One database for all sandboxes of this worker: emptying it is faster than a new one."""
    name = f"test_{os.getpid()}_{10**6}"  # the shape that the shared clean-up knows
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield postgres.url(name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def sandbox_url(sandbox_database: str) -> str:
    """The URL of an empty database for one sandbox."""
    with psycopg.connect(sandbox_database, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return sandbox_database


@pytest.fixture
async def sandbox(sandbox_url: str) -> AsyncIterator[Network]:
    """A running sandbox, enrolled at a receiver that approves everything."""
    async with network(sandbox_url, retry_seconds=(0.0, 0.05, 0.05)) as running:
        await running.enroll()
        yield running
