"""What open systems of this kind get wrong, each as a test; and the replay of every decision."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
from prometheus_client import CollectorRegistry
from tests.behaviour.kit import (
    balanced,
    buy,
    card_for,
    decision,
    policy,
    reason,
    refused,
    unbounded,
)
from tests.world import AWS, ELSEWHERE, SandboxNetwork, World, free_port, serve

from signets.app.decision_inputs import decode_inputs
from signets.bootstrap import open_runtime
from signets.core.authorization.decide import decide
from signets.http.metrics import Metrics
from signets.processes.api import build_application
from signets.settings import Settings

USD = {"currency": "USD"}


async def replayed(network: SandboxNetwork, token: str) -> dict[str, Any]:
    """The issuer sends the very same request bytes once more; what it was answered."""
    sent = [one for one in await network.deliveries("asa") if one["transaction_token"] == token]
    assert len(sent) == 1
    return await network.post("/_sim/replay", delivery=sent[0]["token"])


async def test_a_declined_request_sent_again_stays_declined(world: World) -> None:
    """The same token gets its stored answer, although the same purchase would pass by now."""
    agent = await world.agent()
    card = await card_for(world, "infra-agent")
    await buy(agent, 2000)
    declined = await world.network.charge(card.id, 2300)
    assert await reason(world, declined) == "amount_exceeds_intent"
    [intent] = (await agent.intents.list()).data
    await agent.intents.amend(intent.id, expected_amount=3000)
    answer = await replayed(world.network, declined.token)
    assert answer["status_code"] == 200 and "APPROVED" not in answer["response_body"]
    assert len((await world.signets.decisions.list()).data) == 1
    approved = await world.network.charge(card.id, 2300)
    assert approved.approved
    answer = await replayed(world.network, approved.token)
    assert "APPROVED" in answer["response_body"]
    decisions = (await world.signets.decisions.list()).data
    assert [one.hold for one in decisions] == [2300, 0]  # and no second hold
    await balanced(world)


async def test_twenty_outstanding_approvals_do_not_each_fit(world: World) -> None:
    """A check reserves: of twenty intents and charges at once, only what fits together passes."""
    await unbounded(world)
    budget = {"name": "b", "scope": "organization", "period": "day", "amount": 9000, **USD}
    await policy(world, budgets=[budget], tolerance={"percent": 0})
    agent = await world.agent()
    made = await asyncio.gather(*(buy(agent, 2000, workflow=f"w{n}") for n in range(20)))
    passed = [one for one in made if one.state == "approved"]
    assert len(passed) == 4 and {one.state for one in made} == {"approved", "denied"}

    wide = await buy(agent, 1000, usage="window", workflow="wide", max_per_charge=120)
    card = wide.card_id or ""
    charges = await asyncio.gather(*(world.network.charge(card, 110) for _ in range(20)))
    assert sum(1 for one in charges if one.approved) == 9  # 990 of 1000
    await world.settle()
    assert (await agent.intents.get(wide.id)).used == 990
    await balanced(world)


async def test_limits_survive_a_restart(world: World, tmp_path: Path) -> None:
    """A new process on the same database knows what the first one approved and declined."""
    await unbounded(world)
    await policy(world, caps=[{"name": "two", "scope": "card", "window": "1h", "max_count": 2}])
    agent = await world.agent()
    intent = await buy(agent, 4000, usage="window")
    card = intent.card_id or ""
    first = [await world.network.charge(card, 200) for _ in range(2)]
    assert all(one.approved for one in first)

    port = free_port()
    settings = Settings(
        database_url=world.runtime.database_url, data_dir=tmp_path, port=port, sandbox_port=1
    )
    async with AsyncExitStack() as stack:
        second = await stack.enter_async_context(open_runtime(settings, upgrade=False))
        engine, app = build_application(second, settings, Metrics(CollectorRegistry()))
        stack.push_async_callback(engine.drain)
        await serve(stack, app, port)
        async with world.services.store.unlocked(world.org_id) as uow:
            [connection] = await uow.identity.connections()
        url = f"http://127.0.0.1:{port}/v1/issuers/{connection.id}/authorize"
        await world.network.post("/v1/responder_endpoints", type="AUTH_STREAM_ACCESS", url=url)
        third = await world.network.charge(card, 200)
        assert await reason(world, third) == "velocity_exceeded"
        assert (await world.network.deliveries("asa"))[0]["url"] == url
        sent = await world.network.deliveries("asa")
        repeat = await world.network.post("/_sim/replay", delivery=sent[0]["token"])
        assert "APPROVED" not in repeat["response_body"]
    assert len((await world.signets.decisions.list()).data) == 3
    await balanced(world)


async def test_one_intent_is_not_charged_again_and_again(world: World) -> None:
    """A per-authorization limit is not the only bound: the second and third charge fail."""
    await unbounded(world)
    agent = await world.agent()
    card = await card_for(world, "infra-agent", per_authorization_limit=1000)
    single = await buy(agent, 900)
    assert (await world.network.charge(card.id, 900)).approved
    for amount in (900, 400, 150):
        assert not (await world.network.charge(card.id, amount)).approved
    await world.settle()
    assert (await agent.intents.get(single.id)).used == 900
    await world.travel(timedelta(minutes=11))
    several = await buy(agent, 2000, usage="window", max_per_charge=1000)
    passed = [await world.network.charge(card.id, 1000) for _ in range(4)]
    assert [one.approved for one in passed] == [True, True, False, False]
    assert (await agent.intents.get(several.id)).used == 2000


async def test_a_vendor_is_not_a_substring(world: World) -> None:
    """Superstrings, look-alikes and facilitators of the vendor's name do not open its card."""
    await unbounded(world)
    agent = await world.agent()
    card = await card_for(world, "infra-agent")
    await buy(agent, 2000)
    for descriptor in (
        "OPENAIRLINES",
        "NOTOPENAI",
        "0PENAI",
        "PAYPAL *OPENAI",
        "SQ *OPENAI",
        "OPENAI.COM.EVIL.TEST",
        "MYOPENAI SUBSCRIPTION",
    ):
        charge = await world.network.charge(card.id, 2000, descriptor=descriptor)
        assert await reason(world, charge) in ("merchant_mismatch", "merchant_unverified")
    wrong_trade = await world.network.charge(card.id, 2000, mcc="7995")
    assert not wrong_trade.approved
    for typed in ("openai.com.evil.test", "https://not-openai.com/", "openai.co", "penai.com"):
        other = await buy(agent, 500, typed)
        assert other.expected_merchant != "openai.com" and other.card_id != card.id
    await refused(buy(agent, 500, "open ai"), "vendor_invalid")
    assert (await world.network.charge(card.id, 2000)).approved


async def test_off_by_one_at_a_rolling_cap(world: World) -> None:
    """The N-th passes and the next does not, until the first is exactly one window old."""
    await unbounded(world)
    caps = [
        {"name": "n", "scope": "card", "window": "10m", "max_count": 3},
        {"name": "m", "scope": "agent", "window": "1h", "max_amount": 1000, **USD},
    ]
    await policy(world, caps=caps)
    agent = await world.agent()
    intent = await buy(agent, 2000, usage="window", max_per_charge=1000, window_seconds=40_000)
    card = intent.card_id or ""
    for _ in range(3):
        assert (await world.network.charge(card, 200)).approved
    first = [one async for one in world.signets.decisions.list()][-1].decided_at
    assert await reason(world, await world.network.charge(card, 200)) == "velocity_exceeded"
    # One second before the first of them is ten minutes old, and exactly then.
    world.shift["by"] += first + timedelta(minutes=9, seconds=57) - await world.now()
    assert await reason(world, await world.network.charge(card, 200)) == "velocity_exceeded"
    # Shown in whole seconds, rounded up: what is promised holds.
    opens = first + timedelta(minutes=10, seconds=1) - timedelta(microseconds=1)
    assert (await decision(world)).would_pass == f"after {opens:%Y-%m-%d %H:%M:%S}Z"
    world.shift["by"] += first + timedelta(minutes=10) - await world.now()
    assert (await world.network.charge(card, 400)).approved  # 3 * 200 + 400 = 1000
    world.shift["by"] += timedelta(minutes=11)
    assert await reason(world, await world.network.charge(card, 101)) == "velocity_exceeded"
    assert (await decision(world)).checks and "`m`" in ((await decision(world)).sentence or "")


async def test_floats_are_refused(world: World) -> None:
    """An amount that is a float, a string or a boolean is refused, whatever its value."""
    agent = await world.agent()
    key = await world.signets.keys.create(owner="agent", agent_id="infra-agent", name="raw")
    headers = {"Authorization": f"Bearer {key.secret}"}
    async with httpx.AsyncClient(base_url=world.base_url, headers=headers, trust_env=False) as raw:
        for amount in ("20.0", "2e3", "20.01", '"2000"', "true", "NaN", "-5", "1e400"):
            body = (
                f'{{"purpose": "x", "expected_amount": {amount},'
                ' "expected_merchant": "openai.com"}'
            )
            answer = await raw.post(
                "/v1/intents", content=body, headers={"Content-Type": "application/json"}
            )
            assert answer.status_code == 400, (amount, answer.text)
            card = body.replace("expected_amount", "spending_limit").replace(
                "expected_merchant", "merchant_lock"
            )
            answer = await raw.post(
                "/v1/cards", content=card, headers={"Content-Type": "application/json"}
            )
            assert answer.status_code == 400, (amount, answer.text)
    assert not (await agent.intents.list()).data and not (await agent.cards.list()).data


async def _mixed(world: World) -> None:
    """Approvals, declines, increments, verifications, reversals and a changed policy."""
    agent = await world.agent()
    card = await card_for(world, "infra-agent", merchant_lock=["openai.com", "aws.amazon.com"])
    await buy(agent, 2000, card_id=card.id)
    network = world.network
    await network.charge(card.id, 0)
    await network.charge(card.id, 9000)
    await network.charge(card.id, 2000, **ELSEWHERE)
    first = await network.charge(card.id, 1800)
    await network.charge(card.id, 1800)
    await network.increment(first.token, 200)
    await network.increment(first.token, 900)
    await network.clear(first.token)
    await world.settle()
    await policy(
        world,
        caps=[{"name": "few", "scope": ["card", "vendor"], "window": "1h", "max_count": 2}],
        agents={"infra-agent": {"tolerance": {"percent": 0}}},
        breaker={"declines": 50, "within": "1h"},
    )
    await world.travel(timedelta(minutes=12))
    await network.set_state(card.id, "OPEN")
    await network.charge(card.id, 500)
    await network.set_state(card.id, "PAUSED")
    await buy(agent, 3000, "aws.amazon.com", usage="window", max_per_charge=1000, card_id=card.id)
    for _ in range(4):
        charge = await network.charge(card.id, 900, **AWS)
        if charge.approved:
            await network.reverse(charge.token, 100)
    await world.settle()
    await world.signets.cards.freeze(card.id)
    await network.set_state(card.id, "OPEN")
    await network.charge(card.id, 100, **AWS)
    await world.travel(timedelta(hours=2))


async def test_every_stored_decision_replays(world: World) -> None:
    """The webhook's answer is the pure function's: its recorded inputs give it again, whole."""
    await _mixed(world)
    stored = [one async for one in world.signets.decisions.list()]
    assert len(stored) >= 12
    assert len({one.reason for one in stored}) >= 6 and {one.kind for one in stored} >= {
        "purchase",
        "increment",
        "verification",
    }
    async with world.services.store.unlocked(world.org_id) as uow:
        for one in stored:
            row = await uow.transactions.decision(one.id)
            assert row is not None
            inputs = decode_inputs(row.inputs)
            again = decide(inputs.request, inputs.facts, inputs.at)
            assert (again.approved, again.reason and again.reason.value) == (
                row.approved,
                row.reason,
            )
            assert (again.kind, again.hold, again.intent_id) == (row.kind, row.hold, row.intent_id)
            assert again.sentence == row.answer["sentence"]
            assert [check.reason.value for check in again.checks if check.status == "failed"] == [
                check["reason"] for check in row.answer["checks"] if check.get("status") == "failed"
            ]
            assert inputs.at == row.decided_at
            # And it does decide: a card that were frozen would have declined.
            if row.approved and inputs.facts.card is not None:
                frozen = msgspec.structs.replace(inputs.facts.card, frozen=("card",))
                facts = msgspec.structs.replace(inputs.facts, card=frozen)
                assert not decide(inputs.request, facts, inputs.at).approved
    await balanced(world)
