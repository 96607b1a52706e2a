"""What a process remembers of an organization between batches is what the database says."""

from __future__ import annotations

import random
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.postgres.process_kit import OPENAI, PIZZA, Tenant, charge, new_tenant, tenant_runtime
from tests.postgres.standing_kit import wrong_in_standing

from signets.app.freeze import freeze_card, unfreeze_card
from signets.core.card import LimitPeriod
from signets.core.intent import Usage
from signets.core.merchant.directory import Directory

#: Caps of every scope, one that counts only some vendors, one in calendar days; a budget.
LIMITS = {
    "caps": [
        {"name": "card", "scope": "card", "window": "10m", "max_count": 40},
        {
            "name": "agent",
            "scope": "agent",
            "window": "1h",
            "max_count": 500,
            "measure": "attempts",
        },
        {
            "name": "vendor",
            "scope": "vendor",
            "window": "10s",
            "max_amount": 90_000,
            "max_count": 30,
            "currency": "USD",
        },
        {
            "name": "bot-1",
            "scope": "organization",
            "window": "1h",
            "max_count": 500,
            "when": {"agent": "bot-1"},
        },
        {
            "name": "tight",
            "scope": "card",
            "window": "1m",
            "max_count": 1,
            "measure": "attempts",
        },
        {"name": "day", "scope": "organization", "window": "day", "max_count": 5000},
    ],
    "budgets": [
        {
            "name": "month",
            "scope": "organization",
            "period": "month",
            "amount": 900_000,
            "currency": "USD",
        }
    ],
    "breaker": {"declines": 9, "within": "10m"},
}


@pytest.fixture
async def two(
    database_url: str, tmp_path: Path, directory: Directory
) -> AsyncIterator[tuple[Tenant, Tenant, dict[str, timedelta]]]:
    """One organization, as two processes have it, and the clock."""
    shift = {"by": timedelta()}
    async with (
        tenant_runtime(tmp_path, directory, url=database_url, shift=shift) as first,
        tenant_runtime(tmp_path, directory, url=database_url, shift=shift) as second,
    ):
        one = await new_tenant(first, "standing", **LIMITS)
        yield one, replace(one, runtime=second), shift


async def _cards(
    tenant: Tenant, many: int, period: LimitPeriod = LimitPeriod.LIFETIME
) -> list[str]:
    """Cards with an open window each, by issuer token."""
    agents = [await tenant.agent(f"bot-{n}") for n in range(3)]
    tokens = []
    for n in range(many):
        agent = agents[n % 3]
        card = await tenant.card(agent, limit=900_000, period=period)
        await tenant.intent(
            agent,
            9000,
            card_id=card.id,
            usage=Usage.WINDOW,
            max_count=1000,
            max_per_charge=600,
        )
        tokens.append(card.issuer_token or "")
    return tokens


@pytest.mark.parametrize("seed", range(3))
async def test_two_processes_that_take_turns_remember_what_is_stored(
    two: tuple[Tenant, Tenant, dict[str, timedelta]], seed: int
) -> None:
    """Whoever decided last: what both remember is what the database says, and it is not nothing."""
    rng = random.Random(seed)
    shift = two[2]
    tokens = await _cards(two[0], 8)
    async with two[0].services.store.unlocked(two[0].org_id) as uow:
        found = [await uow.cards.by_token(two[0].connection_id, token) for token in tokens]
    cards = [card.id for card in found if card is not None]
    asked = [charge(str(uuid.UUID(int=rng.getrandbits(128))), tokens[0], 100)]
    followed = 0
    for turn in range(40):
        process = two[rng.choice((0, 1)) if turn % 5 else turn % 2]
        batch = []
        for _ in range(rng.choice((1, 2, 5))):
            token, merchant = rng.choice(tokens), rng.choice((OPENAI, OPENAI, OPENAI, PIZZA))
            new = charge(
                str(uuid.UUID(int=rng.getrandbits(128))),
                token,
                rng.choice((0, 90, 200, 450, 700)),
                merchant=merchant,
            )
            batch.append(rng.choice(asked) if rng.random() < 0.15 else new)
        asked += batch
        if rng.random() < 0.15:
            card = rng.choice(cards)
            await freeze_card(process.services, process.admin, card)
            await unfreeze_card(process.services, process.admin, card)
            process = two[rng.choice((0, 1))]
        standing = process.services.standings.take(process.org_id)
        if standing is not None:
            process.services.standings.keep(process.org_id, standing)
        await process.decide(*batch)
        checked, wrong = await wrong_in_standing(process)
        assert not wrong
        after = process.services.standings.take(process.org_id)
        assert after is not None and checked > 0
        process.services.standings.keep(process.org_id, after)
        followed += after is standing and not after.alone
        shift["by"] += timedelta(seconds=rng.choice((0.01, 0.5, 3, 11, 200)))
    assert followed > 0


async def test_a_freeze_by_another_process_is_seen_at_once(
    two: tuple[Tenant, Tenant, dict[str, timedelta]],
) -> None:
    """Nothing that somebody else changed is decided from memory."""
    one, other, _ = two
    [token] = await _cards(one, 1)
    [before] = await one.decide(charge("a", token, 100))
    assert before.decision.approved
    async with other.services.store.unlocked(other.org_id) as uow:
        card = await uow.cards.by_token(other.connection_id, token)
    assert card is not None
    await freeze_card(other.services, other.admin, card.id)
    [after] = await one.decide(charge("b", token, 100))
    assert (after.decision.approved, after.decision.reason) == (False, "frozen")


async def test_verifications_are_counted_anew_each_day(
    two: tuple[Tenant, Tenant, dict[str, timedelta]],
) -> None:
    """A process that goes on over midnight forgets the day before."""
    tenant, _, shift = two
    shift["by"] = datetime(2026, 12, 30, 23, 55, tzinfo=UTC) - datetime.now(UTC)
    await tenant.policy(verification={"per_day": 1})
    [token] = await _cards(tenant, 1)
    approved = []
    for name in ("a", "b"):
        [answer] = await tenant.decide(charge(name, token, 0))
        approved.append(answer.decision.approved)
    shift["by"] += timedelta(minutes=10)
    for name in ("c", "d"):
        [answer] = await tenant.decide(charge(name, token, 0))
        approved.append(answer.decision.approved)
    assert approved == [True, False, True, False]


async def test_what_was_approved_last_month_counts_there(
    two: tuple[Tenant, Tenant, dict[str, timedelta]],
) -> None:
    """A charge in the new month on an intent of the old one changes no sum of the new one."""
    tenant, _, shift = two
    shift["by"] = datetime(2026, 12, 31, 23, 55, tzinfo=UTC) - datetime.now(UTC)
    tokens = await _cards(tenant, 2, LimitPeriod.MONTH)
    await tenant.decide(charge("a", tokens[0], 100))
    shift["by"] += timedelta(minutes=10)
    for name, amount in (("b", 100), ("c", 300), ("d", 250)):
        shift["by"] += timedelta(minutes=2)
        [answer] = await tenant.decide(charge(name, tokens[0], amount))
        assert answer.decision.approved
        checked, wrong = await wrong_in_standing(tenant)
        assert checked > 0
        assert not wrong


@pytest.mark.parametrize(
    "turns",
    [
        # The vendor's ten seconds are over; then back, and everybody looks.
        ((0, 30), (0, -90), (1, 0), (0, 0), (1, -90), (0, 120)),
        # Both know of each other; what one counted lies before what the other saw last.
        ((1, 1), (0, 1), (1, -90), (0, 200)),
    ],
)
async def test_where_the_clock_was_set_back_nothing_is_remembered(
    two: tuple[Tenant, Tenant, dict[str, timedelta]], turns: tuple[tuple[int, int], ...]
) -> None:
    """By more than a minute time goes back: what had left a window is in it again."""
    shift = two[2]
    shift["by"] = datetime(2026, 12, 30, 12, 0, tzinfo=UTC) - datetime.now(UTC)
    [token] = await _cards(two[0], 1)
    await two[0].decide(charge("a", token, 300))
    for n, (who, seconds) in enumerate(turns):
        shift["by"] += timedelta(seconds=seconds)
        await two[who].decide(charge(f"b{n}", token, 300))
        checked, wrong = await wrong_in_standing(two[who])
        assert checked > 0
        assert not wrong
