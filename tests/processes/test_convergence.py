"""kill -9 of worker and API at any point: the state is the same as if nobody had been killed.

Real processes on real PostgreSQL; the network lives on, and sends again what was not taken.
``SIGNETS_CONVERGE_ROUNDS=n`` plays more than the one seed of an ordinary run, at both issuers in
turn, with three kills each.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest
from croniter import croniter
from tests.conftest import NewDatabase
from tests.postgres.process_kit import rows
from tests.processes.converging import Blow, Processes, System, blows, processes, strike, system
from tests.world import SANDBOX_KEY

from signets.core.merchant.directory import Directory
from signets.issuers.sandbox.scenarios import SCENARIOS, Scenario
from signets.jobs import BURY, CHECK, PULL, SWEEP
from signets.processes.sandbox_account import Face

ROUNDS = int(os.environ.get("SIGNETS_CONVERGE_ROUNDS", "1"))
KILLS = 3
#: What the network does in one round, in an order that the seed chooses. Left out: what is about
#: a request that nobody answers, and about the clock.
PLAYED = (
    "increment",
    "partial_clearing_then_expiry",
    "multiple_clearings",
    "over_capture",
    "force_post",
    "partial_reversal",
    "full_reversal",
    "linked_refund",
    "unlinked_refund",
    "refund_reversal",
    "webhooks_twice",
    "webhooks_out_of_order",
    "webhook_forged",
    "clearing_after_decline",
)


def chosen(seed: int) -> list[Scenario]:
    """All of them, shuffled."""
    known = [one for one in SCENARIOS if one.name in PLAYED]
    assert len(known) == len(PLAYED)
    random.Random(seed).shuffle(known)
    return known


async def played(running: System, seed: int, planned: list[Blow]) -> dict[str, Any]:
    """Play all, with the blows in between; what is there at the end."""
    strikes: list[asyncio.Task[None]] = []

    def passed(number: int) -> None:
        for blow in planned:
            if blow.step == number:
                strikes.append(asyncio.create_task(strike(running, blow)))
        if number % 5 == 0:
            strikes.append(asyncio.create_task(running.hurry()))

    running.gate.passed = passed
    await running.play(chosen(seed), seed)
    running.gate.passed = lambda number: None
    await asyncio.gather(*strikes)
    await dispute(running)
    await running.converged()
    return await running.end()


async def dispute(running: System) -> None:
    """A claim that is won."""
    await running.converged()
    paid = await running.transaction(running.purchases["increment"]["a"])
    made = await running.account.admin.disputes.open(paid, reason="duplicate", note="twice")
    if made.issuer_token is None:
        made = await running.account.admin.disputes.get(made)
    answer = await running.http.post(
        "/_sim/dispute",
        json={"token": made.issuer_token, "outcome": "won"},
        headers={"authorization": SANDBOX_KEY},
    )
    assert answer.is_success, answer.text


@pytest.mark.timeout(60 + 90 * ROUNDS)
@pytest.mark.parametrize("number", range(ROUNDS))
async def test_killed_at_any_point_the_state_converges(
    number: int, new_database: NewDatabase, tmp_path: Path, directory: Directory
) -> None:
    """Books, intents, cards, inbox, disputes and evidence: alike, balanced, verified, none lost."""
    face = list(Face)[number % len(Face)]
    seed = 20_260 + number
    async with processes(new_database, tmp_path, directory) as running:
        organization = await system(running, new_database(empty=True), face, chosen(seed))
        calm = await played(organization, seed, [])
        planned = blows(seed, organization.gate.steps, KILLS)
        organization = await system(running, new_database(empty=True), face, chosen(seed))
        killed = await played(organization, seed, planned)
    different = {one: (calm[one], killed[one]) for one in calm if calm[one] != killed[one]}
    assert (different, killed.keys()) == ({}, calm.keys()), planned
    assert (calm["wrong"], calm["balanced"]) == ({}, True)
    assert all(verified for verified, _ in calm["evidence"].values())
    assert {outcome for _, outcome in calm["inbox"]} <= {"folded", "unknown_kind"}


@pytest.mark.timeout(90)
async def test_a_worker_killed_in_the_middle_of_the_sweep_is_no_obstacle(
    new_database: NewDatabase, tmp_path: Path, directory: Directory
) -> None:
    """What it was doing is nobody's any more: the next worker sweeps."""
    async with processes(new_database, tmp_path, directory) as running:
        await system(running, new_database(empty=True), Face.LITHIC, [])
        with psycopg.connect(running.url) as blocking:
            blocking.execute("LOCK TABLE organization IN ACCESS EXCLUSIVE MODE")
            known = await sweeps(running, lambda known: "doing" in known.values())
            doing = next(one for one, status in known.items() if status == "doing")
            running.worker.kill()
        assert (await sweeps(running, lambda known: True)).get(doing) == "doing"
        running.worker.start()
        later = await sweeps(running, lambda known: max(known, default=0) > doing)
        await sweeps(running, lambda known: not known.keys() & {doing, *later})


@pytest.mark.parametrize(("cron", "seconds"), [(SWEEP, 2), (BURY, 5), (CHECK, 60), (PULL, 300)])
def test_periodic_work_comes_as_often_as_said(cron: str, seconds: int) -> None:
    """In every minute of an hour, by the library that reads the expressions."""
    hour = croniter(cron, start_time=1_764_000_000)
    times = [hour.get_next() for _ in range(3600 // seconds)]
    assert {later - earlier for earlier, later in pairwise(times)} == {seconds}


async def sweeps(running: Processes, enough: Callable[[dict[int, str]], bool]) -> dict[int, str]:
    """The sweep's jobs and their states, once that is enough. What is done is no longer there."""
    found: dict[int, str] = {}
    async with asyncio.timeout(40):
        while True:
            listed = await asyncio.to_thread(rows, running.url, _SWEEPS)
            found = {row["id"]: row["status"] for row in listed}
            if enough(found):
                return found
            await asyncio.sleep(0.05)


_SWEEPS = """
    SELECT id, status::text FROM procrastinate.procrastinate_jobs WHERE task_name = 'sweep'"""
