"""Corners that random worlds found, or hardly reach, each played by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.postgres.process_kit import (
    AWS,
    OPENAI,
    PIZZA,
    Tenant,
    audit,
    charge,
    new_tenant,
    rows,
    tenant_runtime,
)
from tests.simulation.network import Network, Record

from signets.app.record_issuer_event import apply_snapshot
from signets.core.intent import Usage
from signets.core.merchant.directory import Directory


@pytest.fixture
async def tenant(database_url: str, tmp_path: Path, directory: Directory) -> AsyncIterator[Tenant]:
    """An organization; its books are whole afterwards."""
    async with tenant_runtime(tmp_path, directory, url=database_url) as runtime:
        made = await new_tenant(runtime, "edges")
        yield made
        await audit(made)


async def tell(tenant: Tenant, network: Network, record: Record) -> None:
    """The issuer's event arrives."""
    async with tenant.services.store.transaction(tenant.org_id) as uow:
        await apply_snapshot(
            tenant.services,
            uow,
            tenant.connection_id,
            network.snapshot(record),
            cause="event:test",
        )


async def test_a_verification_that_clears_moves_under_the_intent(
    tenant: Tenant, database_url: str
) -> None:
    """A dollar held by itself and then cleared becomes a purchase of the open intent, once."""
    agent = await tenant.agent("bot")
    card = await tenant.card(agent, limit=10_000)
    intent = await tenant.intent(agent, 2000, usage=Usage.WINDOW, max_count=5, card_id=card.id)
    token = card.issuer_token or ""
    [answer] = await tenant.decide(charge("ver", token, 100))
    assert (answer.decision.kind, answer.decision.intent_id) == ("verification", None)
    network = Network()
    record = network.record("ver", token, OPENAI)
    network.authorize(record, 100, approved=True)
    network.clear(record, 100)
    await tell(tenant, network, record)
    assert rows(database_url, "SELECT used, charges FROM intent WHERE id = %s", intent.id) == [
        {"used": 100, "charges": 1}
    ]
    assert rows(
        database_url, "SELECT subject_id, reserved, held, cleared FROM exposure WHERE cleared > 0"
    ) == [{"subject_id": intent.id, "reserved": 1900, "held": 0, "cleared": 100}]


async def test_a_verification_that_grows_moves_under_the_intent(
    tenant: Tenant, database_url: str
) -> None:
    """More on a verification is a purchase: the intent pays the whole, also when it is reversed."""
    agent = await tenant.agent("bot")
    card = await tenant.card(agent, limit=10_000)
    intent = await tenant.intent(agent, 2000, usage=Usage.WINDOW, max_count=5, card_id=card.id)
    token = card.issuer_token or ""
    await tenant.decide(charge("ver", token, 100))
    [answer] = await tenant.decide(charge("ver", token, 900))
    assert (answer.decision.kind, answer.decision.hold) == ("purchase", 800)
    held = "SELECT held, reserved FROM exposure WHERE subject_id = %s"
    assert rows(database_url, held, intent.id) == [{"held": 900, "reserved": 1100}]
    network = Network()
    record = network.record("ver", token, OPENAI)
    network.authorize(record, 100, approved=True)
    network.authorize(record, 800, approved=True)
    network.reverse(record, 900)
    await tell(tenant, network, record)
    assert rows(database_url, held, intent.id) == [{"held": 0, "reserved": 2000}]


async def test_a_late_clearing_of_what_was_bought_again(tenant: Tenant, database_url: str) -> None:
    """A reversed purchase may be made again; if both clear, both are booked and flagged."""
    agent = await tenant.agent("bot")
    card = await tenant.card(agent, limit=10_000)
    intent = await tenant.intent(agent, 1000, card_id=card.id)
    token = card.issuer_token or ""
    network = Network()
    first, second = (network.record(name, token, OPENAI) for name in ("first", "second"))
    await tenant.decide(charge("first", token, 1000))
    network.authorize(first, 1000, approved=True)
    network.reverse(first, 1000)
    await tell(tenant, network, first)
    [answer] = await tenant.decide(charge("second", token, 1000))
    assert answer.decision.approved
    network.authorize(second, 1000, approved=True)
    await tell(tenant, network, second)
    network.clear(first, 1000)
    await tell(tenant, network, first)
    network.clear(second, 1000)
    await tell(tenant, network, second)
    assert rows(
        database_url, "SELECT state, charges, used FROM intent WHERE id = %s", intent.id
    ) == [{"state": "settled", "charges": 1, "used": 2000}]
    flags = rows(database_url, "SELECT flags FROM transaction WHERE flags <> '{}'")
    assert flags


async def test_an_increment_after_the_breaker_in_one_batch(
    tenant: Tenant, database_url: str
) -> None:
    """A batch that trips the breaker decides the rest as if it came later: books stay whole."""
    await tenant.policy(breaker={"declines": 2, "within": "10m"})
    agent = await tenant.agent("bot")
    card = await tenant.card(agent, limit=10_000)
    await tenant.intent(agent, 2000, usage=Usage.WINDOW, max_count=9, card_id=card.id)
    token = card.issuer_token or ""
    answers = await tenant.decide(
        charge("one", token, 500),
        charge("bad-1", token, 500, merchant=PIZZA),
        charge("bad-2", token, 500, merchant=AWS),
        charge("bad-3", token, 500, merchant=PIZZA),
        charge("one", token, 700),
        charge("two", token, 300),
    )
    reasons = [one.decision.reason for one in answers]
    assert reasons[0] is None
    assert reasons[-1] in ("card_locked", "frozen"), reasons
    assert rows(database_url, "SELECT state FROM card") == [{"state": "locked"}]
    assert rows(database_url, "SELECT sum(reserved)::bigint AS left FROM exposure") == [{"left": 0}]


async def test_what_the_network_let_through_is_counted_once(
    tenant: Tenant, database_url: str
) -> None:
    """We declined, the network stood in, and the same transaction is asked for again and passes."""
    agent = await tenant.agent("bot")
    card = await tenant.card(agent, limit=10_000)
    await tenant.intent(agent, 5000, usage=Usage.WINDOW, max_count=9, card_id=card.id)
    token = card.issuer_token or ""
    cap = {"name": "one", "scope": ["card"], "window": "1h", "max_count": 1}
    await tenant.policy(caps=[cap], flags={"no_intent": "note"})
    first, declined = await tenant.decide(charge("zero", token, 100), charge("one", token, 490))
    assert first.decision.approved
    assert declined.decision.reason == "velocity_exceeded"
    network = Network()
    record = network.record("one", token, OPENAI)
    network.stand_in(record, 490)
    await tell(tenant, network, record)
    await tenant.policy()
    [answer] = await tenant.decide(charge("one", token, 500))
    assert answer.decision.approved, answer.decision.reason
    stands = "SELECT held + cleared AS money FROM transaction WHERE issuer_token = 'one'"
    counted = (
        "SELECT sum(amount)::bigint AS money FROM velocity_event WHERE approved AND transaction_id"
        " = (SELECT id FROM transaction WHERE issuer_token = 'one')"
    )
    assert rows(database_url, counted) == rows(database_url, stands) != [{"money": 0}]


async def test_a_verification_that_is_reversed_was_one(tenant: Tenant, database_url: str) -> None:
    """What gives its dollar back is no second verification of the day."""
    await tenant.policy(verification={"per_day": 2})
    agent = await tenant.agent("bot")
    card = await tenant.card(agent, limit=10_000)
    await tenant.intent(agent, 2000, usage=Usage.WINDOW, max_count=5, card_id=card.id)
    token = card.issuer_token or ""
    await tenant.decide(charge("first", token, 100))
    network = Network()
    record = network.record("first", token, OPENAI)
    network.authorize(record, 100, approved=True)
    network.reverse(record, 100)
    await tell(tenant, network, record)
    answers = await tenant.decide(charge("second", token, 90), charge("third", token, 80))
    assert [one.decision.reason for one in answers] == [None, "velocity_exceeded"]


async def test_what_was_counted_before_the_clock_was_set_back_is_given_back_once(
    database_url: str, tmp_path: Path, directory: Directory
) -> None:
    """An increment that was decided at an earlier time than its purchase is counted with it."""
    shift = {"by": timedelta()}
    async with tenant_runtime(tmp_path, directory, url=database_url, shift=shift) as runtime:
        tenant = await new_tenant(runtime, "clock")
        agent = await tenant.agent("bot")
        card = await tenant.card(agent, limit=10_000)
        await tenant.intent(agent, 2000, usage=Usage.WINDOW, max_count=5, card_id=card.id)
        token = card.issuer_token or ""
        shift["by"] = timedelta(seconds=60)
        await tenant.decide(charge("one", token, 500))
        shift["by"] = timedelta(seconds=20)
        [more] = await tenant.decide(charge("one", token, 700))
        assert (more.decision.approved, more.decision.hold) == (True, 200)
        network = Network()
        record = network.record("one", token, OPENAI)
        network.authorize(record, 500, approved=True)
        network.authorize(record, 200, approved=True)
        network.reverse(record, 300)
        await tell(tenant, network, record)
        assert rows(database_url, "SELECT sum(amount)::bigint AS n FROM velocity_event") == [
            {"n": 400}
        ]
        await audit(tenant)
