"""The unit of work and the counting queries, on the real database."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.postgres.process_kit import Tenant, charge, new_tenant, rows, tenant_runtime

from signets.app.records import VelocityRow
from signets.core.errors import Refusal
from signets.core.merchant.directory import Directory
from signets.core.policy.model import Match, Measure
from signets.core.velocity import Usage


@pytest.fixture
async def tenant(database_url: str, tmp_path: Path, directory: Directory) -> AsyncIterator[Tenant]:
    """An organization on a database of this test alone."""
    async with tenant_runtime(tmp_path, directory, url=database_url) as runtime:
        yield await new_tenant(runtime, "store")


async def test_writers_of_one_organization_take_turns_and_time_goes_on(tenant: Tenant) -> None:
    """Two transactions never overlap, and each sees a later time than the one before it."""
    inside, spans = 0, []

    async def one() -> None:
        nonlocal inside
        async with tenant.services.store.transaction(tenant.org_id) as uow:
            inside += 1
            assert inside == 1
            await asyncio.sleep(0.002)
            spans.append(uow.now)
            inside -= 1

    await asyncio.gather(*(one() for _ in range(20)))
    assert spans == sorted(spans)
    assert len(set(spans)) == 20
    assert all(at.tzinfo is UTC or at.utcoffset() == timedelta() for at in spans)


async def test_time_all_but_stands_still_where_the_clock_is_set_back(
    database_url: str, tmp_path: Path, directory: Directory
) -> None:
    """By seconds, it waits for the clock; by more than a minute, the clock was wrong before."""
    shift = {"by": timedelta(seconds=30)}
    async with tenant_runtime(tmp_path, directory, url=database_url, shift=shift) as runtime:
        tenant = await new_tenant(runtime, "clock")
        store = tenant.services.store
        async with store.transaction(tenant.org_id) as uow:
            ahead = uow.now
        shift["by"] = timedelta()
        async with store.transaction(tenant.org_id) as uow:
            assert uow.now == ahead + timedelta(microseconds=1)
        async with store.unlocked(tenant.org_id) as uow:
            assert uow.now == ahead + timedelta(microseconds=2)
        shift["by"] = timedelta(seconds=40)
        async with store.transaction(tenant.org_id) as uow:
            assert ahead < uow.now
        shift["by"] = timedelta(minutes=-1)
        async with store.transaction(tenant.org_id) as uow:
            assert uow.now < ahead


async def test_other_organizations_and_readers_do_not_wait(tenant: Tenant) -> None:
    """The lock is one organization's: another one, and a look without lock, go ahead."""
    other = await new_tenant(tenant.runtime, "neighbour")
    store = tenant.services.store
    async with store.transaction(tenant.org_id), asyncio.timeout(5):
        async with store.transaction(other.org_id) as uow:
            assert uow.org_id == other.org_id
        async with store.unlocked(tenant.org_id) as uow:
            assert uow.org_id == tenant.org_id


async def test_a_failed_unit_of_work_leaves_nothing(tenant: Tenant, database_url: str) -> None:
    """What fails half-way was never there."""
    before = rows(database_url, "SELECT count(*) FROM evidence_entry")
    with pytest.raises(Refusal) as caught:
        await tenant.policy(caps=[{"name": "x", "scope": "card", "window": "1s", "max_count": 1}])
    assert caught.value.code == "policy_invalid"
    with pytest.raises(ZeroDivisionError):
        await half(tenant)
    assert rows(database_url, "SELECT count(*) FROM evidence_entry") == before
    assert rows(database_url, "SELECT frozen_at FROM organization") == [{"frozen_at": None}]


async def half(tenant: Tenant) -> None:
    """A change, and then a failure."""
    async with tenant.services.store.transaction(tenant.org_id) as uow:
        await uow.identity.freeze_organization(uow.now)
        raise ZeroDivisionError


async def test_a_cap_counts_exactly_what_its_window_holds(tenant: Tenant) -> None:
    """The set-wise query agrees with counting by hand, also at the edge of the window."""
    rng = random.Random(4)
    edge = datetime(2026, 5, 1, tzinfo=UTC)
    tick = timedelta(microseconds=1)
    events = [
        VelocityRow(
            at=edge + rng.choice((-tick, timedelta(), tick, timedelta(hours=1))),
            id=f"evt_{n}",
            transaction_id=None,
            card_id=rng.choice(("card_a", "card_b")),
            agent_id=rng.choice(("agt_a", "agt_b")),
            vendor=rng.choice((None, "openai.com", "aws.amazon.com")),
            category=rng.choice((None, "cloud")),
            approved=rng.random() < 0.7,
            counts=rng.choice((0, 1)),
            amount=rng.randint(-50, 500),
            currency="USD",
            verification=False,
            capped_by=rng.choice(((), ("cap",), ("other",))),
        )
        for n in range(300)
    ]
    keys = [
        (agent, vendor)
        for agent in ("agt_a", "agt_b", "agt_none")
        for vendor in ("openai.com", "aws.amazon.com")
    ]
    async with tenant.services.store.transaction(tenant.org_id) as uow:
        await uow.ledger.add_velocity(events)
        for measure in Measure:
            for when in (Match(), Match(categories=("cloud",))):
                [found] = await uow.ledger.sums(
                    [
                        uow.ledger.usage(
                            ("agent_id", "vendor"),
                            keys,
                            since=edge,
                            measure=measure,
                            cap="cap",
                            currency="USD",
                            when=when,
                        )
                    ]
                )
                assert [one.usage for one in found] == [
                    by_hand(events, key, edge, measure, when) for key in keys
                ]


async def test_all_that_a_decision_adds_up_is_in_its_transaction(
    tenant: Tenant, database_url: str
) -> None:
    """However many sums were long to read: their subtotals come with it, and under the lock."""
    scopes = ("organization", "agent", "vendor", "card")
    await tenant.policy(
        caps=[{"name": one, "scope": [one], "window": "1h", "max_count": 9999} for one in scopes]
    )
    agent = await tenant.agent("bot")
    card = await tenant.card(agent, limit=100_000)
    await tenant.intent(agent, 50_000, card_id=card.id)
    async with tenant.services.store.transaction(tenant.org_id) as uow:
        await uow.ledger.add_velocity(
            [
                VelocityRow(
                    at=uow.now - timedelta(seconds=n),
                    id=f"evt_{n}",
                    transaction_id=None,
                    card_id=card.id,
                    agent_id=card.agent_id,
                    vendor="openai.com",
                    category=None,
                    approved=True,
                    counts=1,
                    amount=1,
                    currency="USD",
                    verification=False,
                    capped_by=(),
                )
                for n in range(1, 400)
            ]
        )
    [answered] = await tenant.decide(charge("req-1", card.issuer_token or "", 100))
    assert answered.fresh
    wrote = rows(database_url, "SELECT DISTINCT xmin::text FROM decision")
    added = rows(database_url, "SELECT DISTINCT xmin::text FROM velocity_subtotal")
    shapes = rows(database_url, "SELECT shape FROM subtotal_shape WHERE source = 'velocity'")
    assert len(shapes) == len(scopes)
    # The lock leaves its time in the organization's row.
    locked = rows(database_url, "SELECT xmin::text FROM organization")
    assert added == wrote == locked


def by_hand(
    events: list[VelocityRow],
    key: tuple[str, str],
    since: datetime,
    measure: Measure,
    when: Match,
) -> Usage:
    inside = [
        one
        for one in events
        if (one.agent_id, one.vendor) == key
        and one.at > since
        and (one.approved or measure is Measure.ATTEMPTS)
        and "cap" not in one.capped_by
        and (not when.categories or one.category in when.categories)
    ]
    counted = [one.at for one in inside if one.counts]
    return Usage(
        count=len(counted),
        amount=sum(one.amount for one in inside),
        oldest=min(counted, default=None),
    )


async def test_what_is_written_reads_back_the_same(tenant: Tenant) -> None:
    """A decision and its transaction survive the set-wise writing, field for field."""
    agent = await tenant.agent("bot")
    card = await tenant.card(agent, limit=5000)
    await tenant.intent(agent, 2000, card_id=card.id)
    [answer] = await tenant.decide(charge("request", card.issuer_token or "", 2000))
    async with tenant.services.store.unlocked(tenant.org_id) as uow:
        stored = await uow.transactions.decision(answer.decision.id)
        row = await uow.transactions.by_token(tenant.connection_id, "request")
    assert stored == answer.decision
    assert row is not None
    assert (row.id, row.held, row.unconfirmed) == (answer.decision.transaction_id, 2000, 2000)
