"""Rounds of kill -9 under load, against real processes, and what has to be whole afterwards.

``signets api`` on an embedded PostgreSQL of its own, signed requests over HTTP.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from tests.postgres.process_kit import (
    OPENAI,
    PIZZA,
    Tenant,
    asa_request,
    audit,
    new_tenant,
    rows,
    tenant_runtime,
    value,
)
from tests.world import free_port

from signets.app.seal_evidence import seal_all
from signets.core.evidence.merkle import leaf_hash, node_hash
from signets.core.intent import Usage
from signets.core.merchant.directory import Directory
from signets.storage.postgres import embedded

ROOT = Path(__file__).resolve().parents[2]
SENDERS = 8
CARDS = 4
#: What our engine answers where it decided nothing; no rule of the scene below says so.
UNDECIDED = "CARD_PAUSED"
APPROVED, ELSEWHERE = "APPROVED", "UNAUTHORIZED_MERCHANT"


@dataclass
class Load:
    """Senders that keep asking, and what they were answered.

    ``urls`` are of the processes, asked in turn.
    """

    urls: list[str]
    cards: list[str]
    sent: dict[str, tuple[bytes, dict[str, str]]] = field(default_factory=dict)
    heard: dict[str, str] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)  # before anything was asked again
    unsent: set[str] = field(default_factory=set)
    at: dict[str, str] = field(default_factory=dict)  # which process was asked
    stopped: bool = False

    async def one(self, http: httpx.AsyncClient, token: str, turn: int = 0) -> None:
        """Ask; an answer counts only when it is here whole."""
        body, headers = self.sent[token]
        self.at[token] = url = self.urls[turn % len(self.urls)]
        try:
            answer = await http.post(url, content=body, headers=headers)
            if answer.status_code == httpx.codes.OK:
                self.heard[token] = answer.json()["result"]
        except httpx.ConnectError:
            self.unsent.add(token)  # nobody is there: it never left
            await asyncio.sleep(0.02)
        except httpx.HTTPError:
            pass  # cut off, and nobody knows how far it came

    async def sender(self, http: httpx.AsyncClient, number: int) -> None:
        for n in range(1_000_000):
            if self.stopped:
                return
            token = str(uuid.uuid4())
            merchant = PIZZA if n % 9 == 8 else OPENAI
            self.sent[token] = asa_request(
                token, self.cards[(n + number) % CARDS], 150 + n % 100, merchant=merchant
            )
            await self.one(http, token, number)

    async def until(self, seconds: float, blow: list[Callable[[], None]]) -> None:
        """Load for a while, with the blow in its middle."""
        async with (
            httpx.AsyncClient(trust_env=False, timeout=10) as http,
            asyncio.TaskGroup() as on,
        ):
            for number in range(SENDERS):
                on.create_task(self.sender(http, number))
            await asyncio.sleep(seconds)
            for call in blow:
                await asyncio.to_thread(call)
            await asyncio.sleep(seconds)
            self.stopped = True

    async def repeat(self, tokens: list[str]) -> dict[str, str]:
        """Send some requests again, each until it is answered; what was answered."""
        again = Load(self.urls, self.cards, sent=self.sent)
        async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
            for token in tokens:
                for turn in range(50):
                    await again.one(http, token, turn)
                    if token in again.heard:
                        break
        return again.heard


class Api:
    """``signets api`` in a process group of its own."""

    def __init__(self, data_dir: Path, log: Path) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "signets", "api", "--port", str(self.port)],
                env={
                    **os.environ,
                    "PYTHONPATH": paths,
                    "SIGNETS_DATA_DIR": str(self.data_dir),
                    "SIGNETS_DECISION_SECONDS": "3",
                },
                cwd=self.data_dir,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.ready()

    def ready(self) -> None:
        """Wait until it answers (again)."""
        deadline = time.monotonic() + 60
        with httpx.Client(trust_env=False, timeout=5) as http:
            while time.monotonic() < deadline:
                try:
                    if http.get(f"http://127.0.0.1:{self.port}/readyz").status_code == 200:
                        return
                except httpx.HTTPError:
                    pass  # not yet
                time.sleep(0.05)
        raise AssertionError(self.log.read_text()[-3000:])

    def authorize_url(self, connection_id: str) -> str:
        """Where the issuer asks."""
        return f"http://127.0.0.1:{self.port}/v1/issuers/{connection_id}/authorize"

    def worker(self) -> int:
        """The process that serves."""
        assert self.process is not None
        listed = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid=,command="], capture_output=True, text=True, check=True
        )
        found = []
        for line in listed.stdout.splitlines():
            pid, parent, command = line.split(None, 2)
            if int(parent) == self.process.pid and "resource_tracker" not in command:
                found.append(int(pid))
        assert len(found) == 1, listed.stdout
        return found[0]

    def kill_worker(self) -> None:
        """Kill the process that serves; its parent starts another."""
        os.kill(self.worker(), signal.SIGKILL)
        time.sleep(0.2)
        self.ready()

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """It serves nobody, and does not end."""
        pid = self.worker()
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def kill_all(self) -> None:
        """Kill parent and worker, and start afresh."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.start()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)


@contextmanager
def running(api: Api) -> Iterator[Api]:
    api.start()
    try:
        yield api
    finally:
        api.stop()


def root_of(leaves: list[bytes]) -> bytes:
    """RFC 6962's tree hash, by its definition."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(root_of(leaves[:split]), root_of(leaves[split:]))


async def check_whole(tenant: Tenant, load: Load) -> None:
    """Everything answered is stored; the books are whole; so is the evidence's tree."""
    url = tenant.runtime.database_url
    stored = {
        row["request_id"]: (row["n"], row["approved"])
        for row in rows(
            url,
            "SELECT request_id, count(*) AS n, bool_or(approved) AS approved"
            " FROM decision GROUP BY request_id",
        )
    }
    assert {n for n, _ in stored.values()} == {1}
    for token, result in load.heard.items():
        if result != UNDECIDED:
            assert stored[token] == (1, result == "APPROVED"), (token, result)
    await audit(tenant)
    await seal_all(tenant.services, tenant.org_id)
    entries = value(url, "SELECT count(*) FROM evidence_entry")
    leaves = rows(
        url,
        "SELECT l.index, e.raw FROM evidence_leaf l JOIN evidence_entry e"
        " ON e.org_id = l.org_id AND e.id = l.entry_id ORDER BY l.index",
    )
    assert [row["index"] for row in leaves] == list(range(entries))
    [head] = rows(url, "SELECT size, root FROM evidence_checkpoint ORDER BY size DESC LIMIT 1")
    root = root_of([leaf_hash(bytes(row["raw"])) for row in leaves])
    assert (head["size"], bytes(head["root"])) == (entries, root)


async def scene(tenant: Tenant) -> list[str]:
    """Cards held open by intents that more charges fit than any round sends."""
    agent = await tenant.agent("bot")
    cards = []
    for n in range(CARDS):
        card = await tenant.card(agent, limit=10_000_000)
        await tenant.intent(
            agent,
            5_000_000,
            usage=Usage.WINDOW,
            max_count=1000,
            card_id=card.id,
            workflow=f"job-{n}",
            window_seconds=86_400,
        )
        assert card.issuer_token is not None
        cards.append(card.issuer_token)
    return cards


@dataclass
class Tally:
    """What the rounds came to. ``lost``: cut off without an answer, and asked again."""

    rounds: Counter[str] = field(default_factory=Counter)
    heard: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    again: int = 0


async def play_rounds(
    data_dir: Path, directory: Directory, rounds: int, say: Callable[[str], None]
) -> Tally:
    """Kill the worker, the database and the whole API in turn while requests come in.

    Raises:
        AssertionError: An answered decision is lost, doubled or half there, or the books or the
            evidence's tree are not whole.
    """
    tally = Tally()
    with embedded.start(data_dir) as server:
        async with tenant_runtime(data_dir, directory) as runtime:
            tenant = await new_tenant(runtime, "kills")
            cards = await scene(tenant)
        # Two, that decide at one desk: which of them has it changes with each blow.
        api, other = (Api(data_dir, data_dir.parent / f"api-{n}.log") for n in range(2))

        def kill_database() -> None:
            pid = server.server_pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            with embedded.start(data_dir):
                pass

        blows: tuple[tuple[str, Callable[[], None], Api | None], ...] = (
            ("API worker", api.kill_worker, other),
            ("PostgreSQL", kill_database, None),
            ("whole API", other.kill_all, api),
        )
        with running(api), running(other):
            urls = [one.authorize_url(tenant.connection_id) for one in (api, other)]
            for number in range(rounds):
                name, blow, unhurt = blows[number % len(blows)]
                load = Load(urls, cards)
                await _round(load, blow, tally)
                if unhurt is not None:
                    _check_answered(load, unhurt.authorize_url(tenant.connection_id))
                async with tenant_runtime(data_dir, directory) as runtime:
                    await check_whole(Tenant(runtime, tenant.admin, tenant.connection_id), load)
                tally.rounds[name] += 1
                say(f"{name} killed: {len(load.sent)} requests, all whole")
    return tally


def _check_answered(load: Load, url: str) -> None:
    """The other process's death costs those who asked this one nothing."""
    asked = [token for token, at in load.at.items() if at == url]
    assert asked
    assert {load.first.get(token) for token in asked} <= {APPROVED, ELSEWHERE}


async def _round(load: Load, blow: Callable[[], None], tally: Tally) -> None:
    """Load with the blow in its middle; what got no answer is asked again, as issuers do."""
    await load.until(1.0, [blow])
    load.first = dict(load.heard)
    tally.heard.update(load.heard.values())
    lost = [one for one in load.sent if one not in load.heard and one not in load.unsent]
    again = await load.repeat([*lost, *list(load.heard)[:20]])
    assert set(lost) <= again.keys(), "a repeat stayed without an answer"
    twice = await load.repeat(list(again)[:40])
    for token, result in load.heard.items():
        assert UNDECIDED in (result, again.get(token, result)) or again.get(token, result) == result
    assert all(
        again[token] == result
        for token, result in twice.items()
        if UNDECIDED not in (again[token], result)
    )
    decided = {token: result for token, result in load.heard.items() if result != UNDECIDED}
    load.heard = {**again, **decided}
    tally.lost += len(lost)
    tally.again += len(again) + len(twice)
