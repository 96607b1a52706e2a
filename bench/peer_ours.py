"""Our side of the comparison: an organization with open cards, and `signets api` as it is run."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.postgres.process_kit import Tenant, asa_request, new_tenant, tenant_runtime

from signets.core.intent import Usage
from signets.core.merchant.directory import Directory

CARDS = 40
YES = b'"APPROVED"'


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def open_cards(
    data_dir: Path, directory: Directory, name: str, **policy: Any
) -> tuple[Tenant, list[str]]:
    """Cards of one agent, each held open by an intent for many charges; their issuer tokens."""
    async with tenant_runtime(data_dir, directory) as runtime:
        tenant = await new_tenant(runtime, name)
        agent = await tenant.agent("bot")
        tokens = []
        for number in range(CARDS):
            card = await tenant.card(agent, limit=10_000_000)
            await tenant.intent(
                agent,
                5_000_000,
                usage=Usage.WINDOW,
                max_count=1000,
                card_id=card.id,
                workflow=f"job-{number}",
            )
            tokens.append(card.issuer_token or "")
        await tenant.policy(**policy)
    return tenant, tokens


@contextmanager
def serving(data_dir: Path, log: Path, processes: int = 1) -> Iterator[list[int]]:
    """So many API processes with default settings on one database; their ports."""
    ports = [free_port() for _ in range(processes)]
    known = {name: value for name, value in os.environ.items() if "SIGNETS" not in name}
    with ExitStack() as stack, log.open("ab") as sink:
        for port in ports:
            process = subprocess.Popen(
                [sys.executable, "-m", "signets", "api", "--port", str(port)],
                env={**known, "SIGNETS_DATA_DIR": str(data_dir)},
                stdout=sink,
                stderr=sink,
            )
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
        for port in ports:
            _await_ready(port, log)
        yield ports


def _await_ready(port: int, log: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with opener.open(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the API did not get ready: {log.read_text()[-2000:]}")


def requests(tenant: Tenant, cards: list[str], count: int, cents: int) -> list[bytes]:
    """So many signed authorization requests, whole, going round the cards."""
    made = []
    for number in range(count):
        body, headers = asa_request(str(uuid.uuid4()), cards[number % len(cards)], cents)
        lines = [
            f"POST /v1/issuers/{tenant.connection_id}/authorize HTTP/1.1",
            "host: 127.0.0.1",
            f"content-length: {len(body)}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        made.append("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    return made
