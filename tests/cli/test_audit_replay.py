"""``signets audit replay``: stored decisions decided again, and what a changed record shows."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from tests.postgres.process_kit import (
    AWS,
    PIZZA,
    Tenant,
    charge,
    new_tenant,
    rows,
    tenant_runtime,
)

from signets.cli.main import main
from signets.core.intent import Usage
from signets.core.merchant.directory import Directory

CAP = {"name": "burst", "scope": "vendor", "window": "60s", "max_count": 4}
BUDGET = {"scope": "organization", "period": "month", "currency": "USD"}


@pytest.fixture
async def tenant(
    database_url: str, tmp_path: Path, directory: Directory
) -> AsyncIterator[tuple[Tenant, dict[str, timedelta]]]:
    """An organization that can be moved in time."""
    shift = {"by": timedelta()}
    async with tenant_runtime(tmp_path, directory, url=database_url, shift=shift) as runtime:
        yield await new_tenant(runtime, "audit"), shift


async def live(tenant: Tenant, shift: dict[str, timedelta]) -> None:
    """Decisions of every kind, under two policies whose levels say different things."""
    await tenant.policy(
        tolerance={"percent": 10, "absolute": 0},
        blocked_countries=["KP"],
        caps=[CAP],
        budgets=[{"name": "all", "amount": 100_000, **BUDGET}],
        agents={
            "bot": {
                "caps": [
                    {
                        **CAP,
                        "max_count": 3,
                        "when": {"category": ["model_api"]},
                    }
                ],
                "budgets": [
                    {
                        "name": "job",
                        "amount": 50_000,
                        **BUDGET,
                        "scope": "workflow",
                        "when": {"workflow": ["nightly"]},
                    }
                ],
            }
        },
    )
    bot = await tenant.agent("bot")
    card = await tenant.card(bot, limit=20_000)
    await tenant.intent(
        bot, 9000, usage=Usage.WINDOW, max_count=9, card_id=card.id, workflow="nightly"
    )
    token = card.issuer_token or ""
    await tenant.decide(
        charge("one", token, 1000),
        charge("one", token, 1200),
        charge("check", token, 0),
        charge("elsewhere", token, 500, merchant=PIZZA),
        charge("sibling", token, 500, merchant=AWS),
        charge("nobody", "no-such-card", 700),
        charge("two", token, 900),
        charge("three", token, 800),
        charge("four", token, 700),
        charge("five", token, 600),
    )
    shift["by"] = timedelta(minutes=2)
    await tenant.policy(
        grace="1h", breaker={"declines": 40, "within": "1h"}, time_zone="Asia/Tokyo"
    )
    await tenant.decide(charge("later", token, 600), charge("much", token, 30_000))


async def signets(tenant: Tenant, *arguments: str, code: int = 0) -> str:
    """Run the command on the tenant's database; its stdout."""
    out, err = io.StringIO(), io.StringIO()
    environment = {
        "SIGNETS_DATABASE_URL": tenant.runtime.database_url,
        "SIGNETS_SECRET_KEY": "QUFB" * 10 + "QUE=",
        "HOME": os.environ["HOME"],
    }
    with (
        patch.dict(os.environ, environment, clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        returned = await asyncio.to_thread(main, ["audit", "replay", *arguments])
    assert returned == code, (out.getvalue(), err.getvalue())
    return out.getvalue()


async def report(tenant: Tenant, *arguments: str, code: int = 0) -> dict[str, Any]:
    """The document on the last (and only) line."""
    [line] = (await signets(tenant, *arguments, "--json", code=code)).splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def tamper(tenant: Tenant, request_id: str, **changes: Any) -> str:
    """Change a stored decision as somebody with the database's password can; its id."""
    with psycopg.connect(tenant.runtime.database_url) as connection:
        connection.execute("ALTER TABLE decision DISABLE TRIGGER decision_immutable")
        for column, value in changes.items():
            connection.execute(
                f"UPDATE decision SET {column} = %s WHERE request_id = %s", (value, request_id)
            )
        connection.execute("ALTER TABLE decision ENABLE TRIGGER decision_immutable")
        found = connection.execute("SELECT id FROM decision WHERE request_id = %s", (request_id,))
        [(decision_id,)] = found.fetchall()
    return str(decision_id)


async def test_untouched_decisions_replay_without_a_difference(
    tenant: tuple[Tenant, dict[str, timedelta]],
) -> None:
    """All kinds of decisions under two policy versions follow from their record; exit code 0."""
    await live(*tenant)
    found = await report(tenant[0])
    stored = rows(tenant[0].runtime.database_url, "SELECT reason FROM decision")
    assert len({row["reason"] for row in stored}) > 4, stored
    assert (found["ok"], found["replayed"], found["differing"]) == (True, len(stored), 0), found
    assert found["decisions"] == [] and found["per_second"] > 0
    said = await signets(tenant[0])
    assert said.startswith(f"replayed {len(stored)} decisions of 1 organization(s) in ")
    assert said.endswith(": no difference\n")


async def test_a_tampered_decision_is_named_with_its_field(
    tenant: tuple[Tenant, dict[str, timedelta]],
) -> None:
    """A changed amount, reason or input is told by decision and field; exit code 1."""
    await live(*tenant)
    two = tamper(tenant[0], "two", hold=899)
    elsewhere = tamper(tenant[0], "elsewhere", reason="frozen")
    nobody = tamper(tenant[0], "nobody", inputs=b"\x81")
    found = await report(tenant[0], code=1)
    assert (found["ok"], found["differing"]) == (False, 3)
    by_id = {
        one["decision"]: [(each["field"], each["recorded"]) for each in one["differences"]]
        for one in found["decisions"]
    }
    assert by_id[two] == [("hold", "899")]
    assert by_id[elsewhere] == [("reason", "frozen")]
    assert [field for field, _ in by_id[nobody]] == ["inputs"]
    said = await signets(tenant[0], code=1)
    assert f"{two} hold: recorded 899, replay gives 900\n" in said
    assert said.endswith(": 3 DIFFER\n")


async def test_a_decision_that_names_another_policy_is_found(
    tenant: tuple[Tenant, dict[str, timedelta]],
) -> None:
    """Facts that the recorded version does not give are told, and a version that is not there."""
    await live(*tenant)
    later = tamper(tenant[0], "later", policy_version=3)
    much = tamper(tenant[0], "much", policy_version=77)
    found = await report(tenant[0], code=1)
    fields = {
        one["decision"]: {each["field"] for each in one["differences"]}
        for one in found["decisions"]
    }
    assert fields == {
        later: {
            *("policy.caps", "policy.budgets", "policy.blocked_countries", "policy.tolerance"),
            *("policy.breaker", "policy.grace", "policy.zone"),
        },
        much: {"policy_version"},
    }


async def test_a_part_can_be_asked_for(tenant: tuple[Tenant, dict[str, timedelta]]) -> None:
    """By time, by card, by number (newest first), by organization; a wrong time is said so."""
    await live(*tenant)
    org, url = tenant[0].org_id, tenant[0].runtime.database_url
    [last] = rows(url, "SELECT max(decided_at) AS at, count(*) AS n FROM decision")
    since = (last["at"] - timedelta(minutes=1)).isoformat()
    assert (await report(tenant[0], "--since", since))["replayed"] == 2
    assert (await report(tenant[0], "--since", "2999-01-01"))["replayed"] == 0
    [card] = rows(url, "SELECT id FROM card")
    assert (await report(tenant[0], "--card", card["id"]))["replayed"] == last["n"] - 1
    assert (await report(tenant[0], "--limit", "2"))["replayed"] == 2
    assert (await report(tenant[0], "--organization", org))["replayed"] == last["n"]
    await signets(tenant[0], "--since", "yesterday", code=2)
    await signets(tenant[0], "--organization", "org_01h455vb4pex5vsknk084sn02q", code=1)


async def test_more_than_a_page_is_replayed_once_each(
    tenant: tuple[Tenant, dict[str, timedelta]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages join without a gap or an overlap."""
    monkeypatch.setattr("signets.app.replay_decisions.PAGE", 3)
    await live(*tenant)
    [stored] = rows(tenant[0].runtime.database_url, "SELECT count(*) AS n FROM decision")
    assert (await report(tenant[0]))["replayed"] == stored["n"]
    assert (await report(tenant[0], "--limit", "7"))["replayed"] == 7
