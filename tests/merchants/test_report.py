"""The measurement that `make merchants-report` prints, and the bounds it must keep."""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from merchants_report import __main__ as report
from merchants_report.corpus import read_corpus
from merchants_report.scoring import ask, measure

from signets.vendors import load_directory

CORPUS = read_corpus()


@cache
def found() -> dict[str, Any]:
    """What the report finds on the test part."""
    return measure(ask([row for row in CORPUS if row.held_out], load_directory()))


def test_no_spoof_passes_and_false_accepts_stay_in_bound() -> None:
    """On the test part: no altered name, foreign id, MCC or country; at most 0.5 % of the rest."""
    assert found()["spoofs"] >= 200
    assert found()["spoofs_accepted"] == 0
    assert found()["false_accepts"] <= 0.005


def test_recall_keeps_its_floor() -> None:
    """At least 97 % of the test part's true merchants match."""
    assert found()["positives"] >= 200
    assert found()["recall"] >= 0.97


def test_the_substring_baseline_is_far_worse() -> None:
    """The comparison is real: substrings accept a third of the strangers and more."""
    assert found()["baseline"]["false_accepts"] > 0.3


def test_a_stated_confidence_is_near_the_truth() -> None:
    """What is called a match is right nine times in ten, what is refused hardly ever."""
    judged = [one for one in found()["calibration"] if one["rows"] >= 10]  # fewer say nothing
    assert len(judged) >= 4
    for one in judged:
        low = int(one["confidence"].split(" ")[0])
        assert one["true"] >= 90 if low >= 80 else one["true"] <= 70


def test_the_corpus_is_large_sourced_and_half_negative() -> None:
    """700 rows and more, of which about half must be refused, each with its source and kind."""
    assert len(CORPUS) >= 700
    assert 0.4 <= sum(not row.expected for row in CORPUS) / len(CORPUS) <= 0.65
    assert {row.source for row in CORPUS} == {
        "public-form", "vendor-doc", "issuer-sample", "constructed",
    }  # fmt: skip
    assert all(row.kind for row in CORPUS)
    assert len({row.text for row in CORPUS}) == len(CORPUS)


def test_the_report_is_printed_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says recall, false accepts, misses, and writes the same as JSON."""
    output = tmp_path / "merchants-report.json"
    monkeypatch.setattr(sys, "argv", ["merchants_report", "--output", str(output)])
    report.main()
    said = capsys.readouterr().out
    for word in ("recall", "false accepts", "spoofs", "unverified", "substring", "misses"):
        assert word in said
    written = json.loads(output.read_text("utf-8"))
    assert written["part"] == "test"
    assert written["recall"] == found()["recall"]
    assert len(written["misses"]) == len(found()["misses"])


def test_rows_from_elsewhere_are_named_as_what_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that nobody looked at is called held out, another one looked at; its sources are
    counted by class."""
    rows = tmp_path / "rows.jsonl"
    row = {"lock": "openai.com", "descriptor": "OPENAI", "expect": "match", "kind": "plain"}
    lines = [json.dumps({**row, "source": f"public file, id {number}"}) for number in (1, 2)]
    rows.write_text("\n".join(lines), "utf-8")
    for more, called in ((["--held-out"], "held out"), ([], "development (looked at)")):
        output = tmp_path / "report.json"
        command = ["merchants_report", "--rows", str(rows), *more, "--output", str(output)]
        monkeypatch.setattr(sys, "argv", command)
        report.main()
        written = json.loads(output.read_text("utf-8"))
        assert list(written["by_split"]) == [f"rows.jsonl, {called}"]
        assert list(written["by_source"]) == ["public file, match"]
        assert called in capsys.readouterr().out
