"""Life-cycle events in any order, and any number of times, through the real database (§11, 5)."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.postgres.process_kit import (
    OPENAI,
    Tenant,
    audit,
    charge,
    new_tenant,
    rows,
    tenant_runtime,
)
from tests.simulation.network import Network

from signets.app.record_issuer_event import apply_snapshot
from signets.bootstrap import Runtime
from signets.core.intent import Usage
from signets.core.merchant.directory import Directory
from signets.core.settlement.model import Snapshot

NOTED = ("force_post", "no_intent", "wrong_merchant", "amount_above_maximum", "stand_in")
ARRIVALS = 3


@pytest.fixture
async def runtime(
    database_url: str, tmp_path: Path, directory: Directory
) -> AsyncIterator[Runtime]:
    """One runtime for all arrivals: each is an organization of its own."""
    shift = {"by": timedelta()}
    async with tenant_runtime(tmp_path, directory, url=database_url, shift=shift) as opened:
        yield opened


def history(rng: random.Random, card_token: str) -> list[Snapshot]:
    """Everything the issuer will say of three charges and a force post, as it happened."""
    network = Network()
    said = []
    for n in range(4):
        record = network.record(f"charge-{n}", card_token, OPENAI)
        if n < 3:
            network.authorize(record, 500 + n, approved=True)
            said.append(network.snapshot(record))
        for _ in range(rng.randint(1, 4)):
            part = rng.randint(1, max(1, record.held))
            moves: list[tuple[Callable[..., None], tuple[int, ...]]] = [
                (network.clear, (part,)),
                (network.clear, (record.held + 7,)),
            ]
            if record.held:
                moves += [(network.reverse, (part,)), (network.expire, ())]
            if record.settled > 0:
                moves.append((network.refund, (rng.randint(1, record.settled),)))
            move, amounts = rng.choice(moves)
            move(record, *amounts)
            said.append(network.snapshot(record))
    return said


async def live_through(runtime: Runtime, name: str, seed: int, shuffled: int) -> dict[str, Any]:
    """The same charges and the same events; ``shuffled`` 0 hears them once, in order."""
    tenant: Tenant = await new_tenant(runtime, name, flags=dict.fromkeys(NOTED, "note"))
    agent = await tenant.agent("bot")
    card = await tenant.card(agent, limit=100_000)
    await tenant.intent(agent, 9000, usage=Usage.WINDOW, max_count=20, card_id=card.id)
    token = card.issuer_token or ""
    for n in range(3):
        [answer] = await tenant.decide(charge(f"charge-{n}", token, 500 + n))
        assert answer.decision.approved
    said = history(random.Random(seed), token)
    if shuffled:
        rng = random.Random(seed * 100 + shuffled)
        said += rng.choices(said, k=len(said))
        rng.shuffle(said)
    for snapshot in said:
        async with tenant.services.store.transaction(tenant.org_id) as uow:
            await apply_snapshot(
                tenant.services, uow, tenant.connection_id, snapshot, cause="event:test"
            )
    await audit(tenant)
    url, org = runtime.database_url, tenant.org_id
    return {
        "transactions": rows(
            url,
            "SELECT issuer_token, kind, status, authorized, held, unconfirmed, reversed, cleared,"
            " refunded, disputed, fees, intent_use, decided_by, intent_id IS NULL AS uncovered"
            " FROM transaction WHERE org_id = %s ORDER BY issuer_token",
            org,
        ),
        "balances": rows(
            url,
            "SELECT account, sum(amount)::bigint AS amount FROM ("
            " SELECT debit AS account, amount FROM posting WHERE org_id = %s"
            " UNION ALL SELECT credit, -amount FROM posting WHERE org_id = %s) lines"
            " GROUP BY account HAVING sum(amount) <> 0 ORDER BY account",
            org,
            org,
        ),
        "intent": rows(
            url, "SELECT state, charges, used, reopens FROM intent WHERE org_id = %s", org
        ),
        "exposure": rows(
            url,
            "SELECT sum(reserved)::bigint AS reserved, sum(held)::bigint AS held,"
            " sum(cleared)::bigint AS cleared, sum(refunded)::bigint AS refunded"
            " FROM exposure WHERE org_id = %s",
            org,
        ),
        "velocity": rows(
            url,
            "SELECT sum(counts)::bigint AS counts, sum(amount)::bigint AS amount"
            " FROM velocity_event WHERE org_id = %s",
            org,
        ),
    }


@pytest.mark.parametrize("seed", range(5))
async def test_any_order_and_repetition_ends_the_same(runtime: Runtime, seed: int) -> None:
    """Transactions, balances, intent, exposure and velocity do not depend on arrival."""
    wanted = await live_through(runtime, f"s{seed}o", seed, 0)
    for arrival in range(1, ARRIVALS + 1):
        assert await live_through(runtime, f"s{seed}a{arrival}", seed, arrival) == wanted
