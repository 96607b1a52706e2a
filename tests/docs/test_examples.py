"""Each script under examples/ runs as its docstring says, against a running Signets."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.docs.keys import agent_key, member_key
from tests.world import AWS, SANDBOX_KEY, World

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ran:
    """How a script ended."""

    code: int | None
    output: str


async def run(world: World, key: str, script: str, *arguments: str, **more: str) -> Ran:
    """Run a script in a process of its own, with nothing but this world in its environment."""
    async with world.services.store.unlocked(world.org_id) as uow:
        connection = (await uow.identity.connections())[0]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "examples" / script),
        *arguments,
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(ROOT / "src"),
            "SIGNETS_API_KEY": key,
            "SIGNETS_BASE_URL": world.base_url,
            "SANDBOX_URL": connection.base_url,
            "SANDBOX_API_KEY": SANDBOX_KEY,
            **more,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return Ran(process.returncode, output.decode())


async def test_buy_credits(world: World) -> None:
    """The agent's purchase is approved and authorized; the same plan again finds the first."""
    key = await agent_key(world, "infra-agent")
    first = await run(world, key, "buy_credits.py")
    assert first.code == 0, first.output
    assert "OPENAI *CHATGPT SUBSCR: held 2000, cleared 0" in first.output
    again = await run(world, key, "buy_credits.py")
    assert again.code == 1, again.output
    assert "already asked for: int_" in again.output


async def test_approve_from_code(world: World) -> None:
    """What waits and is small enough is approved; the larger one is left waiting."""
    agent = await world.client(await agent_key(world, "infra-agent"))
    small = await agent.intents.create(
        purpose="A reserved instance", expected_amount=20_000, expected_merchant="aws.amazon.com"
    )
    large = await agent.intents.create(
        purpose="A year of it", expected_amount=90_000, expected_merchant="aws.amazon.com"
    )
    assert [small.state, large.state] == ["pending_approval", "pending_approval"]
    key = await member_key(world, "ben@acme.test", "approver")
    ran = await run(world, key, "approve_from_code.py", "--up-to", "25000")
    assert ran.code == 0, ran.output
    assert (await agent.intents.get(small.id)).state == "approved"
    assert (await agent.intents.get(large.id)).state == "pending_approval"
    assert f"left to a person: {large.id}" in ran.output


async def test_reconcile_card(world: World) -> None:
    """The sums are those of the network; a force post makes the script fail and say why."""
    key = await agent_key(world, "infra-agent")
    agent = await world.client(key)
    intent = await agent.intents.create(
        purpose="Credits", expected_amount=2000, expected_merchant="openai.com"
    )
    charge = await world.network.charge(intent.card_id or "", 2000)
    assert charge.approved
    await world.network.clear(charge.token, 2165)
    await world.settle()
    clean = await run(world, key, "reconcile_card.py", intent.card_id or "")
    assert clean.code == 0, clean.output
    assert "        0      2165         0  in all" in clean.output

    await world.network.force_post(intent.card_id or "", 4200, **AWS)
    await world.settle()
    dirty = await run(world, key, "reconcile_card.py", intent.card_id or "")
    assert dirty.code == 1, dirty.output
    assert "        0      6365         0  in all" in dirty.output
    assert "nobody had authorized" in dirty.output


async def test_connect_issuer(world: World, tmp_path: Path) -> None:
    """An account is connected by settings alone, twice without harm, and then serves a charge."""
    async with world.services.store.unlocked(world.org_id) as uow:
        known = await uow.identity.connections()
    server = {
        "SIGNETS_DATABASE_URL": world.runtime.database_url,
        "SIGNETS_DATA_DIR": str(tmp_path),
        "SIGNETS_PUBLIC_URL": world.base_url,
        "LITHIC_API_KEY": SANDBOX_KEY,
    }
    for _ in range(2):
        ran = await run(
            world,
            "",
            "connect_issuer.py",
            world.org_id,
            "--base-url",
            known[0].base_url,
            **server,
        )
        assert ran.code == 0, ran.output
        assert "lithic (test) at http://127.0.0.1:" in ran.output
        assert SANDBOX_KEY not in ran.output
    async with world.services.store.unlocked(world.org_id) as uow:
        connections = await uow.identity.connections()
    assert [one.issuer for one in connections] == ["sandbox", "lithic"]

    agent = await world.agent("infra-agent")
    intent = await agent.intents.create(
        purpose="Credits", expected_amount=2000, expected_merchant="openai.com"
    )
    assert (await world.network.charge(intent.card_id or "", 2000)).approved
