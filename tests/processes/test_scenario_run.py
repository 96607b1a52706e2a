"""``signets sandbox run``: scenarios through a whole Signets, at both issuers."""

from __future__ import annotations

import asyncio
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


#: With `--all` at one issuer, every scenario that both know is played, compared and told, at both:
#: the other issuer's turn needs only what is its own.
GIVEN = {
    "lithic": ("--all",),
    "stripe": tuple(
        one.name
        for one in SCENARIOS
        if one.reach is Reach.ISSUER_SPECIFIC and "stripe" in one.issuers
    ),
}
COMMAND = (sys.executable, "-m", "signets", "sandbox", "run")
USUAL = replace(BY_NAME["hold_then_clearing"], reach=Reach.ISSUER_SPECIFIC)
#: A scenario that only looks common: Stripe releases the rest of the hold, Lithic does not.
MISTAKEN = replace(BY_NAME["partial_clearing_as_the_last"], reach=Reach.COMMON)


@pytest.fixture(scope="module")
def report() -> Iterator[Report]:
    """One run of scenarios that are not as promised, and one that is."""
    hold, clear = USUAL.steps
    scenarios = (
        replace(USUAL, name="other_money", expected={"a": Books(cleared=90)}),
        replace(USUAL, name="not_cleared", steps=(hold,)),
        replace(USUAL, name="other_answer", steps=(replace(hold, expect="declined"), clear)),
        replace(USUAL, name="more_cleared", steps=(hold, clear, replace(clear, percent=10))),
        replace(
            USUAL,
            name="untold",
            flags={"a": ("stand_in",)},
            notes={"a": ("late_clearing",)},
            alerts=("issuer_missed_event",),
        ),
        USUAL,
        MISTAKEN,
    )
    with temporary_folder(keep=False) as folder:
        plain = Settings(database_url=None, data_dir=folder, port=0, sandbox_port=0)
        said: list[str] = []
        yield asyncio.run(run(with_ports(plain), Face.LITHIC, scenarios, said.append))


def well(issuer: str, known: list[Scenario]) -> dict[str, object]:
    """The line of an issuer at which all is as promised."""
    common = sum(one.reach is Reach.COMMON for one in known)
    return {
        "issuer": issuer,
        "scenarios": [one.name for one in known],
        "common": common,
        "specific": len(known) - common,
        "identical": True,
        "ledger_balanced": True,
        "evidence_verified": True,
        "unflagged_surprises": 0,
    }


@pytest.mark.timeout(420)
@pytest.mark.parametrize("issuer", ["lithic", "stripe"])
def test_every_scenario_is_as_promised_at_both_issuers(issuer: str, tmp_path: Path) -> None:
    """Exit 0, and the last line says so: alike, balanced, verified, all surprises flagged.

    The same is said, as progress, of the common ones at the other issuer: together they are all
    that either issuer knows. And whatever the adapters sent meanwhile is as its schema says.
    """
    sent = tmp_path / "sent.jsonl"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "signets",
            "sandbox",
            "run",
            *GIVEN[issuer],
            "--issuer",
            issuer,
            "--json",
        ],
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
    named = set(GIVEN[issuer])
    known = [one for one in SCENARIOS if issuer in one.issuers]
    known = [one for one in known if named == {"--all"} or one.name in named]
    common = [one for one in known if one.reach is Reach.COMMON]
    other = "stripe" if issuer == "lithic" else "lithic"
    assert json.loads(done.stdout.splitlines()[-1]) == well(issuer, known)
    compared = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert compared == ([well(other, common)] if common else [])
    seen = recording.recorded(sent)
    assert {operation_of(one).name for one in seen if operation_of(one)} >= {
        *("cards.create", "cards.update", "transactions.list")
    }
    assert not [problem for one in seen for problem in problems(one)]


def test_what_is_not_as_promised_is_found(report: Report) -> None:
    """Another amount, answer or verdict than promised is named; a surprise untold is counted."""
    played = [one for one in report.played if one.scenario.name != MISTAKEN.name]
    assert {one.scenario.name: (bool(one.problems), one.unflagged) for one in played} == {
        "other_money": (True, 0),
        "not_cleared": (True, 0),
        "other_answer": (True, 0),
        "more_cleared": (True, 0),
        "untold": (True, 3),
        "hold_then_clearing": (False, 0),
    }
    assert not report.ok


def test_issuers_that_do_not_end_alike_are_found(report: Report) -> None:
    """One scenario that ended otherwise at the other issuer is named, and the run is not well."""
    assert report.different == (MISTAKEN.name,)
    assert (report.as_dict()["identical"], report.ok) == (False, False)
