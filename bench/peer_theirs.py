"""The other side: `agent-bouncer`, in its own environment, as its own command serves it."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench.peer_ours import free_port

ENVIRONMENT = Path(__file__).resolve().parents[1] / ".venv-peer"
AGENT = "bot"
YES = b'"outcome":"ALLOW"'


def policy(*, window: str, ceiling: str, cap: str = "50.00", threshold: str | None = None) -> str:
    """Its policy file, with the rules that both sides have."""
    text = f"""version: 1
currency: USD
agents:
  {AGENT}:
    per_transaction_cap: {cap}
    rolling_windows:
      - amount: {ceiling}
        window: {window}
    merchants:
      allow: ["openai.com"]
"""
    if threshold is not None:
        text += f"    approval_required_above:\n      amount: {threshold}\n"
        text += "      approver_role: finance\n"
    return text


@contextmanager
def serving(home: Path, rules: str, processes: int = 1) -> Iterator[list[int]]:
    """So many of its servers on one home (one database); their ports."""
    home.mkdir(exist_ok=True)
    (home / "policy.yaml").write_text(rules)
    environment = {"PATH": os.environ["PATH"], "BOUNCER_HOME": str(home), "HOME": str(home)}
    ports = [free_port() for _ in range(processes)]
    with ExitStack() as stack, (home / "log").open("wb") as log:
        for port in ports:
            process = subprocess.Popen(
                [ENVIRONMENT / "bin" / "bouncer", "serve", "--port", str(port)],
                env=environment,
                stdout=log,
                stderr=log,
            )
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
            _await_ready(port, home / "log")  # the first makes key and database
        yield ports


def _await_ready(port: int, log: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with opener.open(f"http://127.0.0.1:{port}/healthz", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the peer did not get ready: {log.read_text()[-2000:]}")


def request(cents: int, merchant: str = "openai.com") -> bytes:
    """One whole HTTP request to authorize a payment."""
    amount = f"{cents // 100}.{cents % 100:02}"
    body = json.dumps(
        {"agent_id": AGENT, "merchant": merchant, "amount": amount, "currency": "USD"}
    ).encode()
    return (
        b"POST /authorize HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        + f"content-length: {len(body)}\r\n\r\n".encode()
        + body
    )


#: Runs in the peer's environment: its own pure function, on the instants and the history given.
_ORACLE = """
import json, sys
from datetime import datetime
from decimal import Decimal
from bouncer.engine import evaluate
from bouncer.models import PaymentIntent, SpendRecord
from bouncer.policy import Policy
asked = json.load(sys.stdin)
policy, agent, said = Policy.from_yaml(asked["policy"]), asked["agent"], []
for one in asked["stream"]:
    history = [
        SpendRecord(agent_id=agent, amount=Decimal(cents) / 100, currency="USD",
                    timestamp=datetime.fromisoformat(at))
        for at, cents in one["history"]
    ]
    intent = PaymentIntent(agent_id=agent, merchant=one["merchant"],
                           amount=Decimal(one["cents"]) / 100, currency="USD")
    decision = evaluate(intent, policy, history, now=datetime.fromisoformat(one["at"]))
    said.append(decision.reason_code.value)
json.dump(said, sys.stdout)
"""


def judge(rules: str, stream: Sequence[dict[str, Any]]) -> list[str]:
    """Its reason code for each payment, given what was spent before and when it is."""
    done = subprocess.run(
        [ENVIRONMENT / "bin" / "python", "-c", _ORACLE],
        input=json.dumps({"policy": rules, "agent": AGENT, "stream": list(stream)}),
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[str] = json.loads(done.stdout)
    return found
