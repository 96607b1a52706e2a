"""What a batch loads of a busy card's live authorizations decides as all of them would."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec.structs import replace
from tests.postgres.process_kit import (
    AWS,
    OPENAI,
    Tenant,
    charge,
    new_tenant,
    rows,
    tenant_runtime,
)

from signets.app.decide_authorization import Answered
from signets.app.decision_inputs import decode_inputs
from signets.app.sweep import end_due_windows
from signets.core.authorization.decide import decide
from signets.core.authorization.facts import LiveAuthorization
from signets.core.authorization.request import AuthorizationRequest
from signets.core.intent import Usage
from signets.core.merchant.directory import Directory

HOLDS = 120


async def busy(tenant: Tenant, shift: dict[str, timedelta]) -> str:
    """The token of a card with many live charges of two vendors, open for one purchase more."""
    agent = await tenant.agent("bot")
    lock = ("openai.com", "aws.amazon.com")
    card = await tenant.card(agent, limit=100_000_000, lock=lock)
    rng = random.Random(7)
    for vendor, merchant in (("openai.com", OPENAI), ("aws.amazon.com", AWS)):
        bounds = {"max_count": 1000, "max_per_charge": 90_000}
        await tenant.intent(
            agent, 9_000_000, vendor=vendor, usage=Usage.WINDOW, card_id=card.id, **bounds
        )
        await tenant.decide(
            *(
                charge(f"{vendor}-{n}", card.issuer_token or "", amount, merchant=merchant)
                for n, amount in enumerate(rng.sample(range(500, 60_000), HOLDS))
            )
        )
        shift["by"] += timedelta(hours=13)
        await end_due_windows(tenant.services, tenant.org_id)
    await tenant.intent(agent, 20_000, card_id=card.id)
    return card.issuer_token or ""


def asked(token: str) -> list[AuthorizationRequest]:
    """First charges, second ones of near amounts, increments, a small one that grows, repeats."""
    rng = random.Random(11)
    later = datetime(2026, 1, 1, 0, 5, tzinfo=UTC)
    made = [
        charge("tiny", token, 40),
        charge("tiny", token, 15_000, created=later),
        charge("first", token, 19_999),
        charge("first", token, 20_000, created=later),
        charge("tiny", token, 20_000, created=later),
        charge("openai.com-3", token, 25_000, created=later),
    ]
    for n in range(60):
        amount = rng.choice((rng.randint(400, 61_000), 20_000 + rng.randint(-3, 3)))
        made.append(charge(f"more-{n}", token, amount, merchant=rng.choice((OPENAI, AWS))))
    return made


def outcome(answer: Answered) -> tuple[bool, str | None, int, list[tuple[str, str]]]:
    """What was decided, and every check's result when the decision is made again."""
    row = answer.decision
    inputs = decode_inputs(row.inputs)
    checks = decide(inputs.request, inputs.facts, inputs.at).checks
    return row.approved, row.reason, row.hold, [(one.reason, one.status) for one in checks]


def holds(url: str, org_id: str) -> dict[str, LiveAuthorization]:
    """Every live authorization of the organization, by a query of the test's own."""
    found = rows(url, "SELECT * FROM transaction WHERE org_id = %s AND held > 0", org_id)
    return {
        row["issuer_token"]: LiveAuthorization(
            request_id=row["issuer_token"],
            vendor=row["vendor"],
            amount=row["held"],
            currency=row["currency"],
            intent_id=row["intent_id"],
        )
        for row in found
    }


async def test_the_nearest_decide_alone_and_in_a_batch(
    database_url: str, tmp_path: Path, directory: Directory
) -> None:
    """One by one, every answer is what all live charges make it; in one batch they are the same."""
    shift = {"by": timedelta()}
    async with tenant_runtime(tmp_path, directory, url=database_url, shift=shift) as runtime:
        tolerance = {"percent": 0, "absolute": 2}
        alone = await new_tenant(runtime, "alone", tolerance=tolerance)
        token = await busy(alone, shift)
        singly = []
        for request in asked(token):
            live = holds(database_url, alone.org_id)
            [answer] = await alone.decide(request)
            singly.append(outcome(answer))
            inputs = decode_inputs(answer.decision.inputs)
            assert len(inputs.facts.live) <= 3
            everything = replace(inputs.facts, live=tuple(live.values()))
            decision = decide(inputs.request, everything, inputs.at)
            assert (decision.approved, decision.reason) == outcome(answer)[:2]
            assert [(one.reason, one.status) for one in decision.checks] == singly[-1][3]
        batch = await new_tenant(runtime, "batch", tolerance=tolerance)
        answers = await batch.decide(*asked(await busy(batch, shift)))
        assert [outcome(one) for one in answers] == singly
        reasons = {reason for _, reason, _, _ in singly}
        assert {None, "duplicate_charge", "no_open_intent"} <= reasons
