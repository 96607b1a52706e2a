"""A Signets of real processes that scenarios are played on, and what is there at the end."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from tests.contract.sandbox_kit import served
from tests.postgres.process_kit import rows, wrong_in
from tests.processes.kit import Program
from tests.world import SANDBOX_KEY, free_port

from signets import AsyncSignets
from signets.app.set_up_organization import set_up_organization
from signets.bootstrap import Runtime, open_runtime
from signets.client.types import Transaction
from signets.core.merchant.directory import Directory
from signets.issuers.sandbox import SandboxConfig, create_app
from signets.issuers.sandbox.scenarios import (
    LithicDriver,
    Scenario,
    ScenarioDriver,
    StripeDriver,
    run_scenario,
)
from signets.jobs import QUEUE
from signets.processes.sandbox_account import Face, connect_account
from signets.settings import Settings
from signets.verifier import verify_bundle

#: A webhook that was not taken comes again soon and for long: an API that restarts misses none.
RETRY_SECONDS = (0.0, *([0.25] * 8), *([1.0] * 60))
CONVERGED_SECONDS = 40.0


@dataclass
class Gate:
    """Lets nobody ask while the API is down: a request that nobody answers ends differently."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    steps: int = 0
    passed: Callable[[int], None] = lambda number: None

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        self.step()
        async with self.lock:
            yield

    def step(self) -> None:
        self.steps += 1
        self.passed(self.steps)


class GatedDriver:
    """A scenario's driver whose asking steps wait for the API; every call is a step."""

    def __init__(self, driver: ScenarioDriver, gate: Gate) -> None:
        self._driver = driver
        self._gate = gate

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._driver, name)
        if name == "issuer":
            return call

        async def gated(*given: Any, **named: Any) -> Any:
            if name in ("authorize", "single_message", "increment"):
                async with self._gate.asking():
                    return await call(*given, **named)
            self._gate.step()
            return await call(*given, **named)

        return gated


@dataclass
class Account:
    """One organization of the system under test."""

    admin: AsyncSignets
    agents: dict[str, AsyncSignets]
    cards: dict[str, str]  # scenario -> our card's id
    connection_id: str
    org_id: str


@dataclass
class Processes:
    """API and worker as processes of their own, on a database of their own."""

    url: str
    base_url: str
    api: Program
    worker: Program
    runtime: Runtime
    stack: AsyncExitStack


@dataclass
class System:
    """One organization there, with a sandbox that lives on in this process."""

    processes: Processes
    face: Face
    http: httpx.AsyncClient
    account: Account
    gate: Gate
    intents: dict[str, list[str]] = field(default_factory=dict)
    purchases: dict[str, dict[str, str]] = field(default_factory=dict)

    async def play(self, scenarios: Sequence[Scenario], seed: int) -> None:
        """All of them, one after the other."""
        kind = LithicDriver if self.face is Face.LITHIC else StripeDriver
        driver = GatedDriver(kind(self.http, SANDBOX_KEY), self.gate)
        for scenario in scenarios:
            await self._play(scenario, driver, seed)

    async def _play(self, scenario: Scenario, driver: Any, seed: int) -> None:
        name, agent = scenario.name, self.account.agents[scenario.name]
        card_id = self.account.cards[name]

        async def open_intent(maximum: int) -> None:
            async with self.gate.asking():
                made = await agent.intents.create(
                    purpose=scenario.says,
                    expected_amount=maximum,
                    expected_merchant="openai.com",
                    idempotency_key=f"{name}-{len(self.intents.get(name, []))}",
                )
            self.intents.setdefault(name, []).append(made.id)

        async with self.processes.runtime.services.store.unlocked(self.account.org_id) as uow:
            card = await uow.cards.get(card_id)
        assert card is not None and card.issuer_token is not None
        if all(step.intent is None for step in scenario.steps):
            await driver.set_card_open(card.issuer_token, is_open=True)
        trace = await run_scenario(
            scenario, driver, card.issuer_token, seed, open_intent=open_intent
        )
        assert trace.as_expected, (name, trace)
        self.purchases[name] = {label: one.token for label, one in trace.purchases.items()}

    async def hurry(self) -> None:
        """Have the worker do now what it does every minute, and every five."""
        for name in ("check_issuers", "pull_events"):
            job = self.processes.runtime.jobs.configure_task(name, queue=QUEUE, lock=name)
            await job.defer_async(timestamp=0)

    async def transaction(self, token: str) -> Transaction:
        """By the issuer's token."""
        async with self.processes.runtime.services.store.unlocked(self.account.org_id) as uow:
            row = await uow.transactions.by_token(self.account.connection_id, token)
        assert row is not None, token
        return await self.account.admin.transactions.get(row.id)

    def waiting(self) -> dict[str, int]:
        """What has not come to its end yet, by what it is."""
        org = {"org": self.account.org_id}
        return {
            name: count
            for name, sql in _WAITING.items()
            if (count := rows(self.processes.url, sql.replace("%(org)s", "%s"), org["org"])[0]["n"])
        }

    async def converged(self) -> None:
        """Wait until nothing waits any more.

        Raises:
            TimeoutError: It did not converge; the note says what is left.
        """
        try:
            async with asyncio.timeout(CONVERGED_SECONDS):
                while await asyncio.to_thread(self.waiting):
                    await asyncio.sleep(0.2)
        except TimeoutError as error:
            error.add_note(f"left: {self.waiting()}\n{self.processes.worker.said()}")
            raise

    async def end(self) -> dict[str, Any]:
        """Everything that must not depend on who was killed when."""
        state: dict[str, Any] = {"wrong": wrong_in(self.processes.url, self.account.org_id)}
        state["balanced"] = (await self.account.admin.ledger.check()).balanced
        state["accounts"] = {
            (row["account"], row["currency"]): row["amount"]
            for row in rows(self.processes.url, _ACCOUNTS, self.account.org_id, self.account.org_id)
        }
        for name, labels in self.purchases.items():
            for label, token in labels.items():
                state[f"{name}.{label}"] = _told(await self.transaction(token))
            agent = self.account.agents[name]
            intents = [await agent.intents.get(one) for one in self.intents.get(name, [])]
            state[f"{name}.intents"] = [(one.state, one.used, one.charges) for one in intents]
            card = await self.account.admin.cards.get(self.account.cards[name])
            state[f"{name}.card"] = (card.state, card.issuer_state)
        state["inbox"] = self._inbox()
        state["evidence"] = await self._evidence()
        state["disputes"] = sorted(
            (one.state, one.amount, one.recovered)
            for one in (await self.account.admin.disputes.list()).data
        )
        state["transactions"] = len(
            rows(
                self.processes.url,
                "SELECT 1 FROM transaction WHERE org_id = %s",
                self.account.org_id,
            )
        )
        return state

    def _inbox(self) -> Counter[tuple[str, str | None]]:
        stored = rows(
            self.processes.url,
            "SELECT event_type, outcome, problem FROM issuer_inbox WHERE org_id = %s",
            self.account.org_id,
        )
        assert not [one for one in stored if one["problem"]], stored
        return Counter((one["event_type"], one["outcome"]) for one in stored)

    async def _evidence(self) -> dict[str, Any]:
        """Whether every intent's bundle holds, and which kinds of entries each has."""
        key = (await self.account.admin.evidence.key()).vkey
        found: dict[str, Any] = {}
        for name, intents in self.intents.items():
            for number, intent in enumerate(intents):
                bundle = await self.account.agents[name].evidence.bundle(intent)
                entries = (await self.account.admin.evidence.list(intent_id=intent)).data
                kinds = sorted({one.kind for one in entries})
                found[f"{name}.{number}"] = (verify_bundle(bundle, key).ok, kinds)
        return found


def _told(row: Transaction) -> dict[str, Any]:
    own = {"id", "card_id", "agent_id", "intent_id", "created_at", "updated_at", "merchant"}
    return row.model_dump(exclude=own)


_ACCOUNTS = """
    SELECT account, currency, sum(amount) AS amount FROM (
        SELECT debit AS account, currency, amount FROM posting WHERE org_id = %s
        UNION ALL SELECT credit, currency, -amount FROM posting WHERE org_id = %s) lines
    GROUP BY account, currency"""

_WAITING = {
    "events": "SELECT count(*) AS n FROM issuer_inbox WHERE org_id = %(org)s"
    " AND processed_at IS NULL",
    "unconfirmed holds": "SELECT count(*) AS n FROM transaction WHERE org_id = %(org)s"
    " AND unconfirmed > 0",
    "unsubmitted disputes": "SELECT count(*) AS n FROM dispute WHERE org_id = %(org)s"
    " AND state NOT IN ('won', 'lost', 'withdrawn')",
    "evidence without a leaf": "SELECT count(*) AS n FROM evidence_entry e WHERE e.org_id ="
    " %(org)s AND NOT EXISTS (SELECT 1 FROM evidence_leaf l WHERE l.org_id = e.org_id"
    " AND l.entry_id = e.id)",
    "cards that the issuer has open": "SELECT count(*) AS n FROM card WHERE org_id = %(org)s"
    " AND state = 'locked' AND issuer_state = 'open'",
}


@asynccontextmanager
async def processes(
    new_database: Callable[..., str], folder: Path, directory: Directory
) -> AsyncIterator[Processes]:
    """Both up."""
    url, port = new_database(), free_port()
    base_url = f"http://127.0.0.1:{port}"
    settings = Settings(database_url=url, data_dir=folder, port=port)  # type: ignore[arg-type]
    environment = {"SIGNETS_DATABASE_URL": url, "SIGNETS_DATA_DIR": str(folder)}
    api = Program(
        ["api", "--port", str(port)],
        environment,
        folder / "api.log",
        ready_url=f"{base_url}/readyz",
    )
    worker = Program(["worker"], environment, folder / "worker.log")
    async with AsyncExitStack() as stack:
        runtime = await stack.enter_async_context(
            open_runtime(settings, pool_size=4, upgrade=False, directory=directory)
        )
        for program in (worker, api):
            stack.callback(program.stop)
        await asyncio.gather(*(asyncio.to_thread(one.start) for one in (worker, api)))
        yield Processes(url, base_url, api, worker, runtime, stack)


async def system(
    running: Processes, sandbox_database: str, face: Face, scenarios: Sequence[Scenario]
) -> System:
    """An organization with a card for each scenario, at a sandbox of its own."""
    config = SandboxConfig(
        database_url=sandbox_database, api_key=SANDBOX_KEY, retry_seconds=RETRY_SECONDS
    )
    sandbox = await running.stack.enter_async_context(served(create_app(config)))
    http = await running.stack.enter_async_context(
        httpx.AsyncClient(base_url=sandbox, trust_env=False, timeout=30)
    )
    account = await _account(running, face, sandbox, scenarios)
    return System(running, face, http, account, Gate())


async def _account(
    running: Processes, face: Face, sandbox: str, scenarios: Sequence[Scenario]
) -> Account:
    stack, runtime, base_url = running.stack, running.runtime, running.base_url
    made = await set_up_organization(
        runtime.services,
        name="Acme",
        currency="USD",
        admin_email="ada@acme.test",
        admin_name="Ada",
    )
    connection = await connect_account(
        runtime.services,
        made.organization.org_id,
        face,
        base_url=sandbox,
        api_key=SANDBOX_KEY,
        public_url=base_url,
    )
    admin = await _client(stack, made.admin_token, base_url)
    document = (await admin.policy.get()).document
    wide = {"tolerance": {"percent": 0, "absolute": 0}, "budgets": [], "caps": []}
    await admin.policy.put({**document, **wide})
    agents, cards = {}, {}
    for scenario in scenarios:
        handle = scenario.name.replace("_", "-")
        agent = await admin.agents.create(handle=handle)
        key = await admin.keys.create(owner="agent", agent_id=agent, name=handle)
        agents[scenario.name] = await _client(stack, key.secret, base_url)
        card = await agents[scenario.name].cards.create(
            agent_id=handle, spending_limit=50_000, merchant_lock="openai.com", recurring=False
        )
        cards[scenario.name] = card.id
    return Account(admin, agents, cards, connection.id, made.organization.org_id)


async def _client(stack: AsyncExitStack, key: str | None, base_url: str) -> AsyncSignets:
    made = AsyncSignets(api_key=key, base_url=base_url)
    stack.push_async_callback(made.aclose)
    return made


@dataclass(frozen=True)
class Blow:
    """Who is killed after which step, and how much later."""

    step: int
    delay: float
    victims: tuple[str, ...]


def blows(seed: int, steps: int, count: int) -> list[Blow]:
    """Seeded: each in its own part of the run; API and worker, alone and together."""
    chance = random.Random(f"blows:{seed}")
    victims = [("worker",), ("api",), ("worker", "api")]
    chance.shuffle(victims)
    part = max(1, steps // count)
    return [
        Blow(
            step=number * part + chance.randrange(1, part + 1),
            delay=chance.random() * 0.3,
            victims=victims[number % len(victims)],
        )
        for number in range(count)
    ]


async def strike(running: System, blow: Blow) -> None:
    """Kill, and start again; the network goes on meanwhile, but nobody asks."""
    await asyncio.sleep(blow.delay)
    programs = [
        running.processes.api if name == "api" else running.processes.worker
        for name in blow.victims
    ]
    async with running.gate.lock:
        for program in programs:
            program.kill()
        await asyncio.sleep(0.3)  # events come to nobody
        await asyncio.gather(*(asyncio.to_thread(one.start) for one in programs))
