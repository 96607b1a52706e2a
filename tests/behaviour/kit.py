"""What behaviour tests say again and again."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from typing import Any

import psycopg
import pytest
from tests.world import Charge, World

from signets import AsyncSignets
from signets.client.errors import APIStatusError
from signets.client.types import Card, Decision, EvidenceEntry, Intent, Transaction

#: What is alike at both issuers: every test of the file has its ``world`` at each.
at_each_issuer = pytest.mark.parametrize("issuer", ["lithic", "stripe"])


async def refused(call: Awaitable[object], code: str, *, says: str = "") -> APIStatusError:
    """The call is refused with this code (and these words)."""
    with pytest.raises(APIStatusError) as caught:
        await call
    assert caught.value.code == code, caught.value
    assert says in caught.value.message
    return caught.value


async def buy(agent: AsyncSignets, amount: int, vendor: str = "openai.com", **given: Any) -> Intent:
    """Declare a purchase."""
    return await agent.intents.create(
        purpose=given.pop("purpose", "Buy API credits"),
        expected_amount=amount,
        expected_merchant=vendor,
        **given,
    )


async def card_for(world: World, handle: str, limit: int = 50_000, **given: Any) -> Card:
    """A card of that agent, made by the admin."""
    lock = given.pop("merchant_lock", "openai.com")
    return await world.signets.cards.create(
        agent_id=handle, spending_limit=limit, merchant_lock=lock, **given
    )


async def policy(world: World, **changes: Any) -> int:
    """Put a policy in force that differs from the current one in these parts; its version."""
    document = dict((await world.signets.policy.get()).document)
    for name, value in changes.items():
        if value is None:
            document.pop(name, None)
        else:
            document[name] = value
    return (await world.signets.policy.put(document)).version


async def unbounded(world: World) -> None:
    """No caps, no breaker to speak of, all approved: for tests that charge often."""
    yes = {"name": "yes", "when": {"up_to": 100_000, "currency": "USD"}, "then": "approve"}
    await policy(world, caps=[], breaker={"declines": 1000, "within": "10m"}, rules=[yes])


async def decision(world: World) -> Decision:
    """The newest decision."""
    return (await world.signets.decisions.list(limit=1)).data[0]


async def reason(world: World, charge: Charge) -> str | None:
    """Why the charge, the newest one, was declined."""
    assert not charge.approved
    found = await decision(world)
    assert found.request_id == charge.token
    return found.reason


async def transaction(world: World, token: str) -> Transaction:
    """The transaction that the issuer calls ``token``."""
    async for found in world.signets.decisions.list():
        if found.request_id == token and found.transaction_id is not None:
            return await world.signets.transactions.get(found.transaction_id)
    raise AssertionError(f"no decision on {token}")


async def entries(world: World, **of: Any) -> list[EvidenceEntry]:
    """Evidence of an intent or card, oldest first."""
    found = [one async for one in world.signets.evidence.list(**of)]
    return sorted(found, key=lambda one: number_of(one, of))


def number_of(entry: EvidenceEntry, of: dict[str, Any]) -> int:
    """Its number within the intent or card that was asked for."""
    return (entry.intent_seq if "intent_id" in of else entry.card_seq) or 0


async def kinds(world: World, **of: Any) -> list[str]:
    """The kinds of those entries, after a check that their numbers have no gap."""
    found = await entries(world, **of)
    numbers = [number_of(one, of) for one in found]
    assert numbers == list(range(1, len(found) + 1))
    return [one.kind for one in found]


async def alerts(world: World) -> list[str]:
    """The kinds of all alerts, newest first."""
    return [one.kind async for one in world.signets.alerts.list()]


async def balanced(world: World) -> None:
    """The books agree with themselves and with the transactions."""
    check = await world.signets.ledger.check()
    assert check.balanced, check.problems


def whole_database(url: str) -> str:
    """Every row of every table as text, and the bytes in it too (sealed bodies are ciphertext)."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        rows = [
            row[0]
            for (table,) in tables
            for row in connection.execute(f"SELECT t::text FROM {table} t").fetchall()
        ]
    whole = "\n".join(rows)
    raw = re.findall(r"x((?:[0-9a-f]{2}){13,})", whole)
    return "\n".join([whole, *(bytes.fromhex(one).decode("latin-1") for one in raw)])
