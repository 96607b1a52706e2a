"""Random worlds on the real engine and database, held against a simple model (design §11).

``SIM_SEED=n`` plays one world again; ``SIM_WORLDS=n`` plays more of them.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from tests.postgres.process_kit import tenant_runtime
from tests.simulation.cut import wire_to
from tests.simulation.world_run import WorldRun

from signets.core.merchant.directory import Directory

STEPS = 60


def seeds() -> list[int]:
    chosen = os.environ.get("SIM_SEED")
    return [int(chosen)] if chosen else list(range(int(os.environ.get("SIM_WORLDS", "10"))))


@pytest.mark.timeout(0)
async def test_random_worlds_are_as_the_model_says(
    database_url: str, tmp_path: Path, directory: Directory
) -> None:
    """Whatever agents, merchants, network and members do, and wherever the process dies in it.

    Every answer and balance is the model's, and the invariants hold after each step.
    """
    shift = {"by": timedelta()}
    crashes = stood = 0
    with wire_to(database_url) as (wire, url):
        async with tenant_runtime(tmp_path, directory, url=url, shift=shift) as runtime:
            for seed in seeds():
                world = WorldRun(seed, runtime, wire, shift, database_url)
                try:
                    await world.run(STEPS)
                finally:
                    if "SIM_SEED" in os.environ:
                        print(f"\nworld {seed}, {world.crashes} crashes", *world.trail, sep="\n")
                crashes += world.crashes
                stood += world.stood
    assert crashes > 0
    assert stood > 0
