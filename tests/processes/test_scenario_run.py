"""``signets sandbox run``: scenarios through a whole Signets, at both issuers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.conformance import recording
from tests.conformance.request_schemas import operation_of, problems

from signets.demo.runner import temporary_folder
from signets.issuers.sandbox.scenarios import SCENARIOS, Books, Reach, Scenario
from signets.processes.sandbox_account import Face
from signets.processes.scenario_run import Report, run
from signets.processes.serve import with_ports
from signets.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
#: Python's path of a program whose adapters are watched (``tests.conformance.recording``).
WATCHED = (ROOT / "tests" / "conformance" / "watched", ROOT / "src", ROOT)
BY_NAME = {one.name: one for one in SCENARIOS}


@pytest.fixture
def settings() -> Iterator[Settings]:
    """A folder that PostgreSQL can enter too, and a free port."""
    with temporary_folder(keep=False) as folder:
        yield with_ports(Settings(database_url=None, data_dir=folder, port=0, sandbox_port=0))


async def played(settings: Settings, *scenarios: Scenario, issuer: Face = Face.LITHIC) -> Report:
    said: list[str] = []
    return await run(settings, issuer, scenarios, said.append)


@pytest.mark.timeout(420)
@pytest.mark.parametrize("issuer", ["lithic", "stripe"])
def test_every_scenario_is_as_promised_at_both_issuers(issuer: str, tmp_path: Path) -> None:
    """Exit 0, and the last line says so: all of them, alike, balanced, verified, all flagged.

    And whatever the adapters sent meanwhile is as its schema says.
    """
    sent = tmp_path / "sent.jsonl"
    done = subprocess.run(
        [sys.executable, "-m", "signets", "sandbox", "run", "--all", "--issuer", issuer, "--json"],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, WATCHED)),
            "SIGNETS_API_KEY": "sgn_of_production",
            recording.FILE: str(sent),
        },
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    known = [one for one in SCENARIOS if issuer in one.issuers]
    common = sum(one.reach is Reach.COMMON for one in known)
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "issuer": issuer,
        "scenarios": [one.name for one in known],
        "common": common,
        "specific": len(known) - common,
        "identical": True,
        "ledger_balanced": True,
        "evidence_verified": True,
        "unflagged_surprises": 0,
    }
    seen = recording.recorded(sent)
    assert {operation_of(one).name for one in seen if operation_of(one)} >= {
        *("cards.create", "cards.update", "transactions.list")
    }
    assert not [problem for one in seen for problem in problems(one)]


async def test_what_is_not_as_promised_is_found(settings: Settings) -> None:
    """Another amount, answer or verdict than promised is named; a surprise untold is counted."""
    usual = replace(BY_NAME["hold_then_clearing"], reach=Reach.ISSUER_SPECIFIC)
    hold, clear = usual.steps
    untold = replace(
        usual,
        name="untold",
        flags={"a": ("stand_in",)},
        notes={"a": ("late_clearing",)},
        alerts=("issuer_missed_event",),
    )
    report = await played(
        settings,
        replace(usual, name="other_money", expected={"a": Books(cleared=90)}),
        replace(usual, name="not_cleared", steps=(hold,)),
        replace(usual, name="other_answer", steps=(replace(hold, expect="declined"), clear)),
        replace(usual, name="more_cleared", steps=(hold, clear, replace(clear, percent=10))),
        untold,
        usual,
    )
    assert {one.scenario.name: (bool(one.problems), one.unflagged) for one in report.played} == {
        "other_money": (True, 0),
        "not_cleared": (True, 0),
        "other_answer": (True, 0),
        "more_cleared": (True, 0),
        "untold": (True, 3),
        "hold_then_clearing": (False, 0),
    }
    assert not report.ok


async def test_issuers_that_do_not_end_alike_are_found(settings: Settings) -> None:
    """A scenario that only looks common: Stripe releases the rest of the hold, Lithic does not."""
    mistaken = replace(BY_NAME["partial_clearing_as_the_last"], reach=Reach.COMMON)
    report = await played(settings, mistaken, issuer=Face.STRIPE)
    assert report.different == ("partial_clearing_as_the_last",)
    assert (report.as_dict()["identical"], report.ok) == (False, False)
