"""``signets demo --json`` from the outside: one run, as a program would start it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src"
LETTERS = "abcdefghij"


@pytest.fixture(scope="module", params=["lithic", "stripe"])
def played(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> tuple[subprocess.CompletedProcess, Path]:
    """The finished run with cards of one issuer, and the folder that it made its own in."""
    folder = tmp_path_factory.mktemp("demo")
    # As root, PostgreSQL runs under another account, which must be able to enter the folder;
    # pytest's own folders are private.
    where = folder if os.geteuid() else Path("/tmp")
    done = subprocess.run(
        [sys.executable, "-m", "signets", "demo", "--issuer", request.param, "--json"],
        env={
            **os.environ,
            "PYTHONPATH": str(SOURCE),
            "TMPDIR": str(where),
            # A system in earnest, which the demo must leave alone.
            "SIGNETS_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/production",
            "SIGNETS_API_KEY": "sgn_of_production",
        },
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    return done, where


def test_every_scenario_comes_out_as_promised(played):
    """Exit 0; the last line is the JSON object, with (a) to (j) ok and all three proofs true."""
    done, _ = played
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert {one["name"][0] for one in result["scenarios"]} == set(LETTERS)
    assert [one["name"] for one in result["scenarios"] if one["ok"] is not True] == []
    assert all(
        set(one) == {"name", "outcome", "reason", "intent", "ok"} for one in result["scenarios"]
    )
    assert (result["ledger_balanced"], result["evidence_verified"], result["tamper_detected"]) == (
        True,
        True,
        True,
    )


def test_the_outcomes_are_the_systems_own_words(played):
    """Each scenario's outcome and reason are those that the issue promises."""
    done, _ = played
    result = json.loads(done.stdout.splitlines()[-1])
    seen = {one["name"]: (one["outcome"], one["reason"]) for one in result["scenarios"]}
    assert seen["a_tax_within_tolerance"] == ("verified", None)
    assert seen["a_over_captured"] == ("verified", "over_captured")
    assert seen["b_wrong_merchant"] == ("declined", "merchant_mismatch")
    assert seen["c_paused_at_issuer"] == ("declined", "card_locked")
    assert seen["c_locked_by_us"] == ("declined", "card_locked")
    assert seen["d_escalated_then_charged"] == ("verified", None)
    assert seen["e_one_intent_one_charge"][0] == "verified"
    assert seen["f_runaway_recharge"] == ("locked", "velocity_exceeded")
    assert seen["g_force_post"][0] == "flagged"
    assert "force_post" in seen["g_force_post"][1]
    assert seen["h_zero_verification"] == ("approved", "verification")
    assert seen["i_replayed"] == ("stored_answer", "200")
    assert seen["i_forged"] == ("refused", "401")
    assert seen["j_evidence_altered"][0] == "refused"


def test_nothing_secret_is_printed_and_nothing_is_left(played):
    """No card number and no key in any output; stdout is the JSON alone; the folder is gone."""
    done, where = played
    output = done.stdout + done.stderr
    assert not re.search(r"(?<![0-9])4111[0-9]{12}(?![0-9])", output)
    assert "sgn_" not in output
    assert "sandbox_" not in output
    assert len(done.stdout.splitlines()) == 1
    made = re.findall(r"signets-demo-\w+", "\n".join(str(one) for one in where.iterdir()))
    assert made == [] or not os.geteuid()  # in /tmp others may be playing at the same time
