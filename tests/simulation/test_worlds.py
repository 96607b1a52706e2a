"""Random worlds on the real engine and database, held against a simple model (design §11).

``SIM_SEED=n`` plays one world again; ``SIM_WORLDS=n`` plays more of them.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.postgres.process_kit import tenant_runtime
from tests.simulation.world_run import WorldRun

from signets.bootstrap import Runtime
from signets.core.merchant.directory import Directory

STEPS = 60


@pytest.fixture
def shift() -> dict[str, timedelta]:
    """How far time has been moved."""
    return {"by": timedelta()}


@pytest.fixture
async def runtime(
    database_url: str, tmp_path: Path, directory: Directory, shift: dict[str, timedelta]
) -> AsyncIterator[Runtime]:
    """One runtime for all worlds of a test: each is an organization of its own."""
    async with tenant_runtime(tmp_path, directory, url=database_url, shift=shift) as opened:
        yield opened


def seeds() -> list[int]:
    chosen = os.environ.get("SIM_SEED")
    return [int(chosen)] if chosen else list(range(int(os.environ.get("SIM_WORLDS", "20"))))


@pytest.mark.timeout(0)
async def test_random_worlds_keep_every_bound(
    runtime: Runtime, shift: dict[str, timedelta]
) -> None:
    """Whatever agents, merchants, network and members do, the invariants hold after each step."""
    for seed in seeds():
        await WorldRun(seed, runtime, shift, runtime.database_url).run(STEPS)
