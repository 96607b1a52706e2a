"""Commands that need no server, and how every command speaks when something is wrong."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from signets.cli.main import main
from signets.cli.reference import render_reference

ROOT = Path(__file__).resolve().parents[2]
BUNDLE = ROOT / "tests" / "conformance" / "evidence" / "bundle.jsonl"
REFERENCE = ROOT / "docs" / "reference" / "cli.md"


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine's own configuration is used."""
    for name in ("API_KEY", "BASE_URL", "DATABASE_URL", "HOST", "PORT", "SANDBOX_PORT"):
        monkeypatch.delenv(f"SIGNETS_{name}", raising=False)
    monkeypatch.setenv("SIGNETS_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pinned_key() -> str:
    """The key that the golden bundle was sealed under."""
    sealed = json.loads(BUNDLE.read_bytes().split(b"\n")[1])
    return str(sealed["key"])


def test_a_whole_bundle_verifies_and_exits_zero(capsys):
    """Against the pinned key the report ends with what is not proven, and nothing is on stderr."""
    assert main(["evidence", "verify", str(BUNDLE), "--key", pinned_key()]) == 0
    said = capsys.readouterr()
    assert "not proven: " in said.out and "KEY NOT PINNED" not in said.out
    assert said.err == ""


def test_without_a_key_verification_warns(capsys):
    """A file checked against itself is whole, and the report says how little that means."""
    assert main(["evidence", "verify", str(BUNDLE)]) == 0
    assert "KEY NOT PINNED" in capsys.readouterr().out


def test_a_changed_entry_is_refused_and_named(capsys, tmp_path):
    """One changed byte in the second entry: exit code 1, and stderr names that entry."""
    lines = BUNDLE.read_bytes().split(b"\n")
    place = len(lines[2]) // 2
    changed = bytearray(lines[2])
    changed[place] ^= 1
    lines[2] = bytes(changed)
    file = tmp_path / "changed.jsonl"
    file.write_bytes(b"\n".join(lines))
    assert main(["evidence", "verify", str(file), "--key", pinned_key()]) == 1
    said = capsys.readouterr()
    assert "REFUSED" in said.out
    assert said.err.startswith("error: bad entry: number ")
    assert main(["evidence", "verify", str(file), "--json"]) == 1
    said = capsys.readouterr()
    report = json.loads(said.out)
    assert report["ok"] is False and report["bad_entry"]["position"] is not None
    assert said.err == ""


@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_a_right_policy_passes_the_check(capsys, tmp_path, suffix):
    """YAML and JSON documents are checked without a server; --json counts what is in them."""
    document = {"version": 1, "rules": [{"name": "nothing", "then": "deny"}]}
    file = tmp_path / f"policy.{suffix}"
    file.write_text(json.dumps(document))
    assert main(["policy", "check", str(file), "--json"]) == 0
    checked = json.loads(capsys.readouterr().out)
    assert checked["ok"] is True and checked["rules"] == 1


def test_a_wrong_policy_names_the_field(capsys, tmp_path):
    """The first mistake is one line with its path for people, and an object for programs."""
    file = tmp_path / "policy.yaml"
    file.write_text("version: 1\ncaps: [{name: burst}]\n")
    assert main(["policy", "check", str(file)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ") and "(field: caps[0]" in said.err
    assert said.err.count("\n") == 1
    assert main(["policy", "check", str(file), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "policy_invalid"


@pytest.mark.parametrize(
    ("suffix", "text", "part"),
    [
        ("yaml", "version: 1\nrules: []\nrules: []\n", "line 3: `rules` is written twice"),
        ("json", '{"version": 1, "rules": [], "rules": []}', "`rules` is written twice"),
        ("yaml", "agents:\n  one: {caps: [], caps: []}\n", "`caps` is written twice"),
        ("yaml", "version: [\n", "line 2: "),
        ("yaml", "- 1\n", "a policy is a mapping"),
        ("json", "{", "Expecting property name"),
        ("yaml", "version: 2026-01-01\n", "not JSON serializable"),
    ],
)
def test_a_file_that_is_no_document_is_refused(capsys, tmp_path, suffix, text, part):
    """A key written twice never silently replaces the first, and broken files name the place."""
    file = tmp_path / f"policy.{suffix}"
    file.write_text(text)
    assert main(["policy", "check", str(file)]) == 1
    assert part in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["intents", "crate"], "crate"),
        (["cards", "create", "--limit", "5"], "--vendor"),
        (["agents", "list", "--wrong"], "--wrong"),
        (["evidence", "verify", "/nowhere/at/all"], "/nowhere/at/all"),
        (["cards", "reveal", "card_1"], "--yes-show"),
        (["keys", "create"], "exactly one of --agent, --member and --organization"),
        (["keys", "create", "--agent", "a", "--expires-in", "soon"], "(field: expires_in)"),
        (["agents", "list"], "no API key: set SIGNETS_API_KEY"),
        (["sandbox", "charge", "card_1", "1.234", "--descriptor", "X"], "(field: amount)"),
        (["sandbox", "clock", "advance", "-1"], "-1"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_two(capsys, arguments, part):
    """A mistake at the prompt is said on stderr alone, in one line, without a traceback."""
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ") and part in said.err
    assert said.err.count("\n") == 1


def test_a_group_alone_shows_its_help(capsys):
    """`signets cards` is wrong usage, and answers with what there is."""
    assert main(["cards"]) == 2
    said = capsys.readouterr()
    assert "reset-breaker" in said.out and said.err == ""


def test_a_wrong_setting_names_its_variable(capsys, monkeypatch):
    """An environment variable that cannot be is named, and its value is not shown."""
    monkeypatch.setenv("SIGNETS_SECRET_KEY", "hunter2")
    monkeypatch.setenv("SIGNETS_PORT", "eighty")
    assert main(["agents", "list"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: SIGNETS_PORT: ")
    assert "eighty" not in said and "hunter2" not in said


def test_a_missing_server_is_exit_code_three(capsys, monkeypatch, closed_port):
    """Where nobody listens, the address is named and the key is not."""
    key = f"sgn_{'0' * 26}{'1' * 26}_not-a-real-secret"
    monkeypatch.setenv("SIGNETS_API_KEY", key)
    monkeypatch.setenv("SIGNETS_PORT", str(closed_port))
    assert main(["ledger", "check", "--json"]) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"error: cannot reach http://127.0.0.1:{closed_port}: ")
    assert key not in said.err and said.err.count("\n") == 1


def test_a_missing_sandbox_is_exit_code_three(capsys, monkeypatch, tmp_path, closed_port):
    """Before a sandbox ever ran here, and while none runs."""
    charge = ["sandbox", "charge", "card_1", "5", "--descriptor", "X"]
    monkeypatch.setenv("SIGNETS_SANDBOX_PORT", str(closed_port))
    for command in (charge, ["sandbox", "shop"]):
        assert main(command) == 3
        assert "no sandbox has run" in capsys.readouterr().err
    data = tmp_path / "data"
    data.mkdir()
    (data / "sandbox.key").write_text("sandbox_not-a-real-key\n")
    assert main(charge) == 3
    said = capsys.readouterr().err
    assert f"http://127.0.0.1:{closed_port}" in said and "sandbox_not" not in said


def test_an_unreachable_database_is_exit_code_three(capsys, monkeypatch, closed_port):
    """`db status` on a configured database that is down says so, without its password."""
    url = f"postgresql://signets:hunter2@127.0.0.1:{closed_port}/signets"
    monkeypatch.setenv("SIGNETS_DATABASE_URL", url)
    assert main(["db", "status"]) == 3
    said = capsys.readouterr().err
    assert said.startswith("error: the configured database cannot be reached")
    assert "hunter2" not in said and said.count("\n") == 1


def test_help_comes_without_the_server_parts():
    """`signets --help` imports no server, no database driver and no HTTP client."""
    heavy = ("fastapi", "granian", "httpx", "psycopg", "pydantic", "sqlalchemy", "yaml")
    program = (
        "import sys; from signets.cli.main import main; main(['--help']);"
        f"print([one for one in {heavy!r} if one in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "[]\n"
    assert "intents" in done.stdout


def test_the_reference_page_is_the_commands_own():
    """docs/reference/cli.md is what `python -m signets.cli.reference` writes, examples included."""
    written = render_reference()
    assert written.count("```sh\nsignets ") * 2 == written.count("```")
    assert REFERENCE.read_text() == written
