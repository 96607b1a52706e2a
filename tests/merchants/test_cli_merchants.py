"""`signets merchants`: what works without a server."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from signets.cli.main import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """The exit code, and what was said where."""
    code = main(list(arguments))
    said = capsys.readouterr()
    return code, said.out, said.err


def write(path: Path, *lines: Any) -> str:
    """A file of JSON lines; a text is written as it is."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n", "utf-8")
    return str(path)


def test_each_line_is_answered_with_its_lock_and_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One JSON object a line, in order, with result, confidence, vendor and reason."""
    file = write(
        tmp_path / "in.jsonl",
        {"lock": "openai.com", "descriptor": "OPENAI *API", "mcc": 5734, "country": "us"},
        "",
        {"lock": "https://Netlify.com/x", "descriptor": "NETFLIX.COM", "mcc": None, "city": ""},
        {"lock": "acme.dev", "descriptor": "ACME", "label": "match"},
        {"lock": "figma.com", "descriptor": "FIGMA", "network_id": "SXONGQUGQWWJUTM"},
    )
    code, out, _ = run(capsys, "merchants", "match", "--input", file, "--json")
    answers = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [one["result"] for one in answers] == ["match", "no_match", "unverified", "no_match"]
    assert list(answers[0]) == ["lock", "descriptor", "result", "confidence", "vendor", "reason"]
    assert answers[0]["lock"] == answers[0]["vendor"] == "openai.com"
    assert answers[1]["lock"] == "https://Netlify.com/x"
    assert answers[3]["vendor"] == "openai.com"
    assert all(one["reason"] and 0 <= one["confidence"] <= 99 for one in answers)


def test_stdin_is_read_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dash reads stdin; without --json a line is for people."""
    given = io.StringIO('{"lock": "openai.com", "descriptor": "OPENAI"}\n')
    monkeypatch.setattr("sys.stdin", given)
    code, out, _ = run(capsys, "merchants", "match", "--input", "-")
    assert code == 0
    assert out.startswith("openai.com\tOPENAI\tmatch\t")


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("{", "not JSON"),
        ("[1]", "not a JSON object"),
        ({"descriptor": "OPENAI"}, "lock"),
        ({"lock": "", "descriptor": "OPENAI"}, "lock"),
        ({"lock": "OpenAI", "descriptor": "OPENAI"}, "openai.com"),
        ({"lock": "a b", "descriptor": "OPENAI"}, "lock"),
        ({"lock": "openai.com"}, "descriptor"),
        ({"lock": "openai.com", "descriptor": 7}, "descriptor"),
        ({"lock": "openai.com", "descriptor": "X", "mcc": "57"}, "mcc"),
        ({"lock": "openai.com", "descriptor": "X", "mcc": True}, "mcc"),
        ({"lock": "openai.com", "descriptor": "X", "mcc": "५७३४"}, "mcc"),
        ({"lock": "openai.com", "descriptor": "X", "country": "USA"}, "country"),
        ({"lock": "openai.com", "descriptor": "X", "city": ["A"]}, "city"),
        ({"lock": "openai.com", "descriptor": "X", "acceptor_id": 5}, "acceptor_id"),
        ("[" * 100_000, "line 2"),
    ],
)
def test_a_bad_line_is_named_with_its_field(
    line: Any, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The number of the line and the field are said, nothing is answered, and the code is 2."""
    good = {"lock": "openai.com", "descriptor": "OPENAI"}
    file = write(tmp_path / "in.jsonl", good, line, good)
    code, out, err = run(capsys, "merchants", "match", "--input", file, "--json")
    assert (code, out) == (2, "")
    assert err.startswith("error: line 2: ")
    assert word in err


def test_a_half_of_a_surrogate_is_answered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON can hold what UTF-8 cannot: it is refused as a name, and printed as it came."""
    file = write(tmp_path / "in.jsonl", '{"lock": "openai.com", "descriptor": "OPEN\\ud800AI"}')
    code, out, _ = run(capsys, "merchants", "match", "--input", file, "--json")
    assert code == 0
    assert json.loads(out)["descriptor"] == "OPEN\ud800AI"
    assert json.loads(out)["result"] == "no_match"


def test_bytes_that_are_not_utf8_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file in another encoding is refused, and no traceback is shown."""
    file = tmp_path / "in.jsonl"
    file.write_bytes(b'{"lock": "openai.com", "descriptor": "OPEN\xff"}\n')
    code, out, err = run(capsys, "merchants", "match", "--input", str(file))
    assert (code, out) == (2, "")
    assert "UTF-8" in err


def test_a_missing_file_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there is an ordinary error."""
    code, _, err = run(capsys, "merchants", "match", "--input", "/nowhere/in.jsonl")
    assert code == 1
    assert "/nowhere/in.jsonl" in err


def test_vendors_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """The list names every vendor; one vendor is shown with the sources of its facts."""
    code, out, _ = run(capsys, "merchants", "list", "--json")
    assert code == 0
    assert len(json.loads(out)["data"]) >= 150
    code, out, _ = run(capsys, "merchants", "show", "chatgpt.com", "--json")
    assert (code, json.loads(out)["domain"]) == (0, "openai.com")
    code, out, _ = run(capsys, "merchants", "show", "fly.io")
    assert code == 0
    assert "document" in out
    code, _, err = run(capsys, "merchants", "show", "acme.dev")
    assert code == 1
    assert "not in the directory" in err


def test_a_merchant_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """The rule, how the name was read, and whom the merchant looks like."""
    code, out, _ = run(
        capsys, "merchants", "explain", "aws.amazon.com", "AMZN Mktp US*A12BC3DE4", "--json"
    )
    told = json.loads(out)
    assert (code, told["result"], told["looks_like"]) == (0, "no_match", "amazon.com")
    assert told["read_as"] == "AMZN MKTP US A12BC3DE4"
    code, out, _ = run(capsys, "merchants", "explain", "openai.com", "OPENAI", "--country", "US")
    assert code == 0
    assert "match" in out
    code, _, err = run(capsys, "merchants", "explain", "openai.com", "OPENAI", "--mcc", "12")
    assert code == 2
    assert "mcc" in err


def test_a_policys_vendors_are_checked_without_a_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`policy check` names the field where a vendor claims what the directory has."""
    vendor = {
        "domain": "acmesearch.dev",
        "brand": "Acme Search",
        "category": "saas",
        "lines": [{"name": "api", "patterns": [{"text": "ACME SEARCH", "source": "observed"}]}],
    }
    file = write(tmp_path / "policy.json", {"version": 1, "vendors": [vendor]})
    code, out, _ = run(capsys, "policy", "check", file, "--json")
    assert (code, json.loads(out)["ok"]) == (0, True)
    file = write(
        tmp_path / "policy.json", {"version": 1, "vendors": [{**vendor, "brand": "OpenAI"}]}
    )
    code, out, _ = run(capsys, "policy", "check", file, "--json")
    error = json.loads(out)["error"]
    assert (code, error["code"], error["param"]) == (1, "vendor_collision", "vendors[0].brand")
