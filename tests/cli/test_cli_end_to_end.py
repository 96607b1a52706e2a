"""The command as a person uses it: processes of its own, a database of its own, free ports."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from tests.shop_kit import JSON, typed

from signets import Signets
from signets.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 60


class Command:
    """Runs ``signets`` against one data folder."""

    def __init__(self, folder: Path) -> None:
        ports = [_free_port() for _ in range(2)]
        self.folder = folder
        self.environment = {
            **{name: value for name, value in os.environ.items() if "SIGNETS" not in name},
            "PYTHONPATH": str(ROOT / "src"),
            "SIGNETS_DATA_DIR": str(folder / "data"),
            "SIGNETS_PORT": str(ports[0]),
            "SIGNETS_SANDBOX_PORT": str(ports[1]),
        }

    def start(self, *arguments: str, log: str = "serve.log") -> subprocess.Popen[bytes]:
        """In the background; what it says goes to ``log``."""
        with (self.folder / log).open("wb") as log_file:
            return subprocess.Popen(
                [sys.executable, "-m", "signets", *arguments],
                env=self.environment,
                cwd=self.folder,
                stdout=log_file,
                stderr=log_file,
            )

    def says(self, process: subprocess.Popen[bytes], log: str, sign: str) -> str:
        """What follows ``sign`` in the log's line, once it stands there."""
        deadline = time.monotonic() + READY_SECONDS
        while sign not in (text := (self.folder / log).read_text()):
            assert process.poll() is None and time.monotonic() < deadline, text
            time.sleep(0.1)
        return text.partition(sign)[2].partition("\n")[0].strip()

    def apart(self, *arguments: str) -> str:
        """To its end, in a process of its own; its stdout."""
        done = subprocess.run(
            [sys.executable, "-m", "signets", *arguments],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    def run(self, *arguments: str, code: int = 0) -> str:
        """To its end, in this process, which saves its start-up; its stdout."""
        out, err = io.StringIO(), io.StringIO()
        with (
            patch.dict(os.environ, self.environment, clear=True),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            returned = main(arguments)
        assert returned == code, (arguments, out.getvalue(), err.getvalue())
        return out.getvalue()

    def json(self, *arguments: str, code: int = 0) -> Any:
        """The one document that it prints with ``--json``."""
        return json.loads(self.run(*arguments, "--json", code=code))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def signets() -> Iterator[Command]:
    """A command with a fresh data folder.

    Not pytest's own, which is closed to all but its owner: as root, PostgreSQL runs as another
    account and must reach its files.
    """
    with tempfile.TemporaryDirectory(prefix="signets-cli-") as folder:
        Path(folder).chmod(0o711)
        yield Command(Path(folder))


@pytest.fixture
def served(signets: Command) -> Iterator[subprocess.Popen[bytes]]:
    """After ``init --save``, a running ``serve``."""
    made = json.loads(signets.apart("init", "--save", "--name", "Example Inc", "--json"))
    kept = Path(made["saved_to"])
    assert kept.stat().st_mode & 0o777 == 0o600
    assert made["admin_key"] in kept.read_text()
    process = signets.start("serve")
    signets.says(process, "serve.log", "ready: ")
    yield process
    if process.poll() is None:
        process.kill()
        process.wait()


def test_a_purchase_from_init_to_evidence(
    signets: Command, served: subprocess.Popen[bytes]
) -> None:
    """init, serve, agent, card, intent, charge, clear, evidence, stop: all by command.

    The amounts typed in major units arrive as minor units, a charge elsewhere is declined with
    exit code 1, the exported evidence verifies offline against the published key, and SIGTERM
    ends everything with exit code 0 and no process left.
    """
    signets.apart("agents", "add", "infra-agent")
    card = signets.json(
        *("cards", "create", "--agent", "infra-agent", "--limit", "50.00"),
        *("--vendor", "openai.com"),
    )
    assert card["spending_limit"] == 5000 and card["state"] == "locked"
    intent = signets.json(
        *("intents", "create", "Buy $20 of API credits", "--amount", "20.00"),
        *("--vendor", "openai.com", "--agent", "infra-agent"),
    )
    assert (intent["expected_amount"], intent["state"]) == (2000, "approved")
    assert intent["card_id"] == card["id"]

    charge = ("sandbox", "charge", card["id"])
    elsewhere = signets.json(*charge, "5.00", "--descriptor", "SOME SHOP", code=1)
    assert elsewhere["approved"] is False
    charged = signets.json(*charge, "20.00", "--descriptor", "OPENAI")
    assert charged["approved"] is True
    signets.run("sandbox", "clear", charged["token"], "21.65")

    cleared = _wait_for_clearing(signets, intent["id"])
    assert (cleared["cleared"], cleared["held"], cleared["verdict"]) == (2165, 0, "verified")
    assert "OPENAI" in signets.run("transactions", "list", "--card", card["id"])
    declined = [one for one in signets.json("decisions", "list")["data"] if not one["approved"]]
    assert [one["reason"] for one in declined] == ["merchant_mismatch"]
    assert "merchant_mismatch" in signets.run("decisions", "show", declined[0]["id"])
    assert signets.json("ledger", "check") == {"balanced": True, "problems": []}

    key = signets.run("evidence", "key").strip()
    file = str(signets.folder / "evidence.jsonl")
    signets.run("evidence", "export", intent["id"], "-o", file)
    report = signets.json("evidence", "verify", file, "--key", key)
    assert report["ok"] is True and report["key_pinned"] is True

    _reveal_needs_the_agents_key(signets, card["id"])
    served.send_signal(signal.SIGTERM)
    assert served.wait(timeout=40) == 0
    signets.run("agents", "list", code=3)


def test_the_shop_sells_through_the_running_sandbox(
    signets: Command, served: subprocess.Popen[bytes]
) -> None:
    """As the guide has it: an agent buys in `signets sandbox shop`, and it clears, verified.

    The shop says where it is, keeps the card's number out of its log, and ends on SIGTERM; a vendor
    that nobody knows has no shop.
    """
    signets.run("sandbox", "shop", "--vendor", "pizza.example.com", code=1)
    shop = signets.start("sandbox", "shop", "--port", "0", log="shop.log")
    try:
        signets.apart("agents", "add", "infra-agent")
        signets.apart(
            *("cards", "create", "--agent", "infra-agent"),
            *("--limit", "50.00", "--vendor", "openai.com"),
        )
        key = signets.json("keys", "create", "--agent", "infra-agent")["secret"]
        intent = signets.json(
            *("intents", "create", "API credits", "--amount", "20.00"),
            *("--vendor", "openai.com", "--agent", "infra-agent"),
        )
        address = f"http://127.0.0.1:{signets.environment['SIGNETS_PORT']}"
        with Signets(api_key=key, base_url=address) as agent:
            card = agent.cards.reveal(intent["card_id"])
        url = "http://" + signets.says(shop, "shop.log", "http://")
        with httpx.Client(base_url=url, headers=JSON, trust_env=False, timeout=30) as http:
            _until_it_answers(http, shop)
            token = http.get("/checkout/credits-20").json()["order_token"]
            form = {**typed(card), "order_token": token}
            paid = http.post("/checkout/credits-20", data=form)
        assert paid.status_code == 201, paid.text
        cleared = _wait_for_clearing(signets, intent["id"])
        assert (cleared["cleared"], cleared["verdict"]) == (2000, "verified")
        shop.send_signal(signal.SIGTERM)
        assert shop.wait(timeout=30) == 0
        assert card.number not in (signets.folder / "shop.log").read_text()
        assert card.number not in (signets.folder / "serve.log").read_text()
    finally:
        shop.kill()
        shop.wait()


def _until_it_answers(http: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            http.get("/").raise_for_status()
            return
        except httpx.TransportError:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)


def _wait_for_clearing(signets: Command, intent: str) -> Any:
    """The intent's one transaction, once the webhook has been folded."""
    deadline = time.monotonic() + 20
    while True:
        [found] = signets.json("transactions", "list", "--intent", intent)["data"]
        if found["cleared"]:
            return found
        assert time.monotonic() < deadline, found


def _reveal_needs_the_agents_key(signets: Command, card: str) -> None:
    """The admin's kept key may not reveal; and no list or object ever shows a number."""
    signets.run("cards", "reveal", card, "--yes-show", code=1)
    shown = signets.json("cards", "show", card)
    assert "number" not in shown and "cvc" not in shown
