"""Fixtures of the HTTP edge's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.http.world import World, world


@pytest.fixture
async def running(new_database: Callable[..., str], tmp_path: Path) -> AsyncIterator[World]:
    """A fresh world."""
    async with world(new_database, tmp_path) as made:
        yield made
