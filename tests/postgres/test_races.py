"""Several processes against one bound: never one cent and never one count over, and never short.

Every process has its own runtime and real connections, decides in batches and has several
transactions under way; they start at one signal. What they did is recomputed from raw rows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.postgres.process_kit import Tenant, audit, new_tenant, rows, tenant_runtime, value

from signets.core.card import CardState
from signets.core.intent import Usage
from signets.core.merchant.directory import Directory

PROCESSES = 3
ROOT = Path(__file__).resolve().parents[2]
ODD = 137  # cents: no bound below is a multiple of it


class Crew:
    """The processes. They live for the module; each race opens its own runtime in them."""

    def __init__(self) -> None:
        paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
        self._members = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.postgres.race_worker"],
                env={**os.environ, "PYTHONPATH": paths},
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(PROCESSES)
        ]

    def race(self, jobs: list[dict[str, Any]]) -> list[list[Any]]:
        """Start all at once; everything that they answered."""
        for member, job in zip(self._members, jobs, strict=True):
            self._say(member, json.dumps(job))
        assert [self._hear(member) for member in self._members] == ["ready\n"] * PROCESSES
        for member in self._members:
            self._say(member, "go")
        said = [json.loads(self._hear(member)) for member in self._members]
        assert all(isinstance(one, list) for one in said), said
        return [answer for one in said for answer in one]

    def close(self) -> None:
        for member in self._members:
            assert member.stdin is not None
            member.stdin.close()
            assert member.wait(30) == 0
            assert member.stdout is not None
            member.stdout.close()

    @staticmethod
    def _say(member: subprocess.Popen[str], text: str) -> None:
        assert member.stdin is not None
        member.stdin.write(text + "\n")
        member.stdin.flush()

    @staticmethod
    def _hear(member: subprocess.Popen[str]) -> str:
        assert member.stdout is not None
        return member.stdout.readline()


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    """Three processes that are ready to race."""
    made = Crew()
    yield made
    made.close()


@pytest.fixture
async def tenant(database_url: str, tmp_path: Path, directory: Directory) -> AsyncIterator[Tenant]:
    """An organization on a database of this test alone; its books are whole afterwards."""
    async with tenant_runtime(tmp_path, directory, url=database_url) as runtime:
        made = await new_tenant(runtime, "race")
        yield made
        await audit(made)
        assert (
            value(
                database_url,
                "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
            )
            == 0
        )


def job(tenant: Tenant, tmp_path: Path, kind: str, **more: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "url": tenant.runtime.database_url,
        "data_dir": str(tmp_path),
        "org_id": tenant.org_id,
        "connection_id": tenant.connection_id,
        **more,
    }


def charges(
    tenant: Tenant,
    tmp_path: Path,
    cards: list[str],
    *,
    each: int,
    amount: int = ODD,
    batch: int = 3,
    wave: str = "",
    **more: Any,
) -> list[dict[str, Any]]:
    """A job per process: ``each`` new charges, going round the cards."""
    jobs = []
    for process in range(PROCESSES):
        asked = [
            [f"charge{wave}-{process}-{n}", cards[n % len(cards)], amount] for n in range(each)
        ]
        batches = [asked[at : at + batch] for at in range(0, each, batch)]
        jobs.append(job(tenant, tmp_path, "authorize", batches=batches, **more))
    return jobs


async def open_card(tenant: Tenant, agent: Any, total: int, *, limit: int = 100_000) -> str:
    """The issuer's token of a card that a ``window`` intent of ``total`` cents holds open."""
    card = await tenant.card(agent, limit=limit)
    intent = await tenant.intent(
        agent, total, usage=Usage.WINDOW, max_count=1000, card_id=card.id, workflow=card.id
    )
    assert intent.state == "approved", intent.verdict
    assert card.issuer_token is not None
    return card.issuer_token


def approved(url: str) -> tuple[int, int]:
    """How many charges were approved, and what they hold together."""
    [row] = rows(
        url,
        "SELECT count(*) AS n, coalesce(sum(hold), 0)::bigint AS held FROM decision WHERE approved",
    )
    return row["n"], row["held"]


async def test_a_cards_spending_limit(
    tenant: Tenant, crew: Crew, tmp_path: Path, database_url: str
) -> None:
    """A limit lowered under an open intent is used up to the last whole charge, never beyond."""
    card = await open_card(tenant, await tenant.agent("bot"), 20_000, limit=20_000)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE card SET spending_limit = 5000")
    answers = crew.race(charges(tenant, tmp_path, [card], each=24))
    assert {reason for *_, reason in answers} == {None, "spending_limit_exceeded"}
    assert approved(database_url) == (5000 // ODD, 5000 // ODD * ODD)
    assert value(database_url, "SELECT sum(held + cleared)::bigint FROM transaction") <= 5000


@pytest.mark.parametrize(
    ("cap", "fit"), [({"max_count": 7}, 7), ({"max_amount": 1000, "currency": "USD"}, 7)]
)
async def test_a_rolling_velocity_cap(
    tenant: Tenant,
    crew: Crew,
    tmp_path: Path,
    database_url: str,
    cap: dict[str, Any],
    fit: int,
) -> None:
    """Charges on three cards of one agent fill its rolling cap exactly, and again once it opens."""
    agent = await tenant.agent("bot")
    cards = [await open_card(tenant, agent, 20_000) for _ in range(3)]
    await tenant.policy(caps=[{"name": "cap", "scope": "agent", "window": "60s", **cap}])
    crew.race(charges(tenant, tmp_path, cards, each=12))
    assert approved(database_url)[0] == fit
    crew.race(charges(tenant, tmp_path, cards, each=12, wave="-later", shift_seconds=60))
    assert approved(database_url)[0] == 2 * fit
    fullest = rows(
        database_url,
        "SELECT max(n) AS n, max(held)::bigint AS held FROM (SELECT count(*) OVER span AS n,"
        " sum(hold) OVER span AS held FROM decision WHERE approved WINDOW span AS"
        " (ORDER BY decided_at RANGE BETWEEN '59.999999 s' PRECEDING AND CURRENT ROW)) windows",
    )
    assert fullest == [{"n": fit, "held": fit * ODD}]


async def test_a_budget(tenant: Tenant, crew: Crew, tmp_path: Path, database_url: str) -> None:
    """A budget lowered under three open intents holds to the cent over all their cards."""
    agent = await tenant.agent("bot")
    cards = [await open_card(tenant, agent, 5000) for _ in range(3)]
    budget = {"scope": "organization", "period": "month", "currency": "USD"}
    await tenant.policy(budgets=[{"name": "month", "amount": 4000, **budget}])
    answers = crew.race(charges(tenant, tmp_path, cards, each=18))
    assert {reason for *_, reason in answers} == {None, "budget_exceeded"}
    assert approved(database_url) == (4000 // ODD, 4000 // ODD * ODD)


async def test_a_single_use_intent(
    tenant: Tenant, crew: Crew, tmp_path: Path, database_url: str
) -> None:
    """Of many different charges on one single-use intent exactly one passes."""
    agent = await tenant.agent("bot")
    card = await tenant.card(agent, limit=100_000)
    intent = await tenant.intent(agent, ODD, card_id=card.id)
    crew.race(charges(tenant, tmp_path, [card.issuer_token or ""], each=12))
    assert approved(database_url) == (1, ODD)
    assert rows(
        database_url, "SELECT state, charges, used FROM intent WHERE id = %s", intent.id
    ) == [{"state": "authorized", "charges": 1, "used": ODD}]


@pytest.mark.parametrize(("count", "total", "fit"), [(5, 5000, 5), (50, 700, 5)])
async def test_a_window_intents_bounds(
    tenant: Tenant, crew: Crew, tmp_path: Path, database_url: str, count: int, total: int, fit: int
) -> None:
    """A window intent pays as often and as much as it allows, whichever ends first."""
    agent = await tenant.agent("bot")
    card = await tenant.card(agent, limit=100_000)
    await tenant.intent(agent, total, usage=Usage.WINDOW, max_count=count, card_id=card.id)
    crew.race(charges(tenant, tmp_path, [card.issuer_token or ""], each=12))
    assert approved(database_url) == (fit, fit * ODD)
    assert rows(database_url, "SELECT charges, used FROM intent") == [
        {"charges": fit, "used": fit * ODD}
    ]


async def test_one_request_sent_by_all_processes(
    tenant: Tenant, crew: Crew, tmp_path: Path, database_url: str
) -> None:
    """The same request arriving everywhere at once has one decision, and everybody gets it."""
    agent = await tenant.agent("bot")
    card = await open_card(tenant, agent, 1000)
    same = [[[f"same-{n}", card, ODD]] * 2 for n in range(12)]
    answers = crew.race(
        [job(tenant, tmp_path, "authorize", batches=same) for _ in range(PROCESSES)]
    )
    assert len(answers) == 12 * 2 * PROCESSES
    assert len({tuple(answer) for answer in answers}) == 12
    assert value(database_url, "SELECT count(*) FROM decision") == 12
    assert approved(database_url) == (1000 // ODD, 1000 // ODD * ODD)


async def test_approvals_against_one_budget(
    tenant: Tenant, crew: Crew, tmp_path: Path, database_url: str
) -> None:
    """Members who approve at the same time never reserve more than the budget together."""
    rule = {"name": "ask", "then": "escalate", "approvals": 1}
    budget = {"scope": "organization", "period": "month", "currency": "USD"}
    await tenant.policy(rules=[rule], budgets=[{"name": "month", "amount": 4500, **budget}])
    agent = await tenant.agent("bot")
    intents = []
    for n in range(9):
        card = await tenant.card(agent, limit=1000)
        made = await tenant.intent(agent, 1000, card_id=card.id, workflow=f"job-{n}")
        assert made.state == "pending_approval"
        intents.append(made.id)
    members = [await tenant.approver(f"m{n}@race.test") for n in range(PROCESSES)]
    answers = crew.race(
        [
            job(tenant, tmp_path, "approve", token=token, intents=intents[n:] + intents[:n])
            for n, token in enumerate(members)
        ]
    )
    assert sum(outcome == "approved" for _, outcome in answers) == 4
    assert value(database_url, "SELECT count(*) FROM intent WHERE state = 'approved'") == 4
    assert value(database_url, "SELECT sum(reserved)::bigint FROM exposure") == 4000


async def test_approving_while_the_agents_are_frozen(
    tenant: Tenant, crew: Crew, tmp_path: Path, database_url: str
) -> None:
    """Whichever comes first, a frozen agent ends with no open card and nothing reserved."""
    await tenant.policy(rules=[{"name": "ask", "then": "escalate", "approvals": 1}])
    agents, intents = [], []
    for n in range(8):
        agent = await tenant.agent(f"bot-{n}")
        card = await tenant.card(agent, limit=1000)
        made = await tenant.intent(agent, 1000, card_id=card.id)
        agents.append(f"bot-{n}")
        intents.append(made.id)
    members = [await tenant.approver(f"m{n}@race.test") for n in range(2)]
    admin = await tenant.token(member_id=tenant.admin.member_id)
    answers = crew.race(
        [
            job(tenant, tmp_path, "approve", token=members[0], intents=intents),
            job(tenant, tmp_path, "approve", token=members[1], intents=intents[::-1]),
            job(tenant, tmp_path, "freeze", token=admin, agents=agents),
        ]
    )
    outcomes = {outcome for _, outcome in answers}
    assert outcomes <= {"approved", "canceled", "frozen", "intent_state"}, outcomes
    assert value(database_url, "SELECT count(*) FROM card WHERE state = %s", CardState.OPEN) == 0
    assert value(database_url, "SELECT sum(reserved)::bigint FROM exposure") in (None, 0)
    states = rows(database_url, "SELECT DISTINCT state FROM intent")
    assert {row["state"] for row in states} <= {"canceled", "pending_approval"}
