"""The sandbox's cards and key, seen through the official SDK."""

from __future__ import annotations

import json
import uuid

import httpx
import lithic
import psycopg
import pytest
from lithic.types import Card
from tests.contract.sandbox_kit import KEY, Network

from signets.issuers.sandbox import SandboxConfig, create_app


def luhn_holds(number: str) -> bool:
    doubled = [int(d) * (2 if i % 2 else 1) for i, d in enumerate(reversed(number))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


async def test_card_numbers_are_derived_valid_and_nowhere_stored(
    sandbox: Network, sandbox_url: str
) -> None:
    """A number has the test BIN and a valid check digit, stays the same, and is in no table."""
    card = await sandbox.card(memo="m")
    again = await sandbox.lithic.cards.retrieve(card.token)
    Card.model_validate(card.to_dict())
    assert card.pan is not None
    assert card.cvv is not None
    assert (again.pan, again.cvv, again.last_four) == (card.pan, card.cvv, card.pan[-4:])
    assert card.pan.startswith("411111")
    assert luhn_holds(card.pan)
    await sandbox.authorize(card, 100)
    await sandbox.drain()
    with psycopg.connect(sandbox_url) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        for (table,) in tables:
            rows = connection.execute(f"SELECT t::text FROM {table} t").fetchall()
            assert card.pan not in json.dumps(rows)


async def test_list_shows_no_number_and_pages_both_ways(sandbox: Network) -> None:
    """Cursor pages give every card once, newest first, forwards and backwards, without numbers."""
    made = [(await sandbox.card(memo=f"card {n}")).token for n in range(5)]
    seen = [card async for card in sandbox.lithic.cards.list(page_size=2)]
    assert [card.token for card in seen] == made[::-1]
    raw = await sandbox.lithic.cards.with_raw_response.list()
    assert "pan" not in raw.http_response.text
    page = await sandbox.lithic.cards.list(page_size=2, ending_before=made[1])
    assert [card.token for card in page.data] == [made[3], made[2]]
    assert page.has_more


async def test_same_idempotency_key_makes_one_card(sandbox: Network) -> None:
    """A repeat with the key returns the first card; the key with another body is refused."""
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first = await sandbox.card(memo="a", extra_headers=key)
    assert (await sandbox.card(memo="a", extra_headers=key)).token == first.token
    with pytest.raises(lithic.UnprocessableEntityError):
        await sandbox.card(memo="b", extra_headers=key)
    assert len((await sandbox.lithic.cards.list()).data) == 1


async def test_500_after_commit_leaves_one_card_when_retried_with_a_key(sandbox: Network) -> None:
    """The SDK's own retry after a lost answer finds the card that was made."""
    await sandbox.faults(create_card_500_after_commit={"count": 1})
    retrying = sandbox.lithic.with_options(max_retries=2)
    card = await retrying.cards.create(
        type="VIRTUAL", extra_headers={"Idempotency-Key": str(uuid.uuid4())}
    )
    assert [c.token for c in (await sandbox.lithic.cards.list()).data] == [card.token]


async def test_closed_is_final(sandbox: Network) -> None:
    """A card pauses and opens again, but never comes back from CLOSED."""
    card = await sandbox.card(state="PAUSED")
    assert card.state == "PAUSED"
    assert (await sandbox.lithic.cards.update(card.token, state="OPEN")).state == "OPEN"
    await sandbox.lithic.cards.update(card.token, state="CLOSED")
    with pytest.raises(lithic.BadRequestError):
        await sandbox.lithic.cards.update(card.token, state="OPEN")


@pytest.mark.parametrize(
    ("state", "result"), [("PAUSED", "CARD_PAUSED"), ("CLOSED", "CARD_CLOSED")]
)
async def test_card_state_declines_before_anybody_is_asked(
    sandbox: Network, state: str, result: str
) -> None:
    """A paused or closed card declines at the issuer: a webhook, no real-time request."""
    card = await sandbox.card()
    await sandbox.lithic.cards.update(card.token, state=state)  # type: ignore[arg-type]
    with pytest.raises(lithic.UnprocessableEntityError) as declined:
        await sandbox.authorize(card, 100)
    changed, *events = await sandbox.drain()
    assert (changed["event_type"], changed["card_token"]) == ("card.updated", card.token)
    assert (changed["state"], changed["previous_fields"]) == (state, {"state": "OPEN"})
    assert sandbox.receiver.asked == []
    assert [(e["token"], e["status"], e["result"]) for e in events] == [
        (declined.value.body["token"], "DECLINED", result)  # type: ignore[index]
    ]
    assert events[0]["amounts"]["hold"]["amount"] == 0


@pytest.mark.parametrize("duration", ["FOREVER", "MONTHLY", "ANNUALLY"])
async def test_spend_limit_counts_what_is_held_and_cleared(sandbox: Network, duration: str) -> None:
    """Up to the limit passes to the cent; one cent more is declined by the issuer unasked."""
    card = await sandbox.card(spend_limit=1000, spend_limit_duration=duration)
    await sandbox.authorize(card, 600)
    await sandbox.authorize(card, 400)
    with pytest.raises(lithic.UnprocessableEntityError):
        await sandbox.authorize(card, 1)
    assert len(sandbox.receiver.asked) == 2
    [*_, last] = await sandbox.drain()
    assert last["events"][0]["detailed_results"] == ["CARD_SPEND_LIMIT_EXCEEDED"]


async def test_transaction_limit_is_per_purchase_and_zero_means_none(sandbox: Network) -> None:
    """TRANSACTION bounds each purchase alone; a limit of 0 bounds nothing."""
    card = await sandbox.card(spend_limit=500, spend_limit_duration="TRANSACTION")
    await sandbox.authorize(card, 500)
    await sandbox.authorize(card, 500)
    with pytest.raises(lithic.UnprocessableEntityError):
        await sandbox.authorize(card, 501)
    await sandbox.lithic.cards.update(card.token, spend_limit=0)
    await sandbox.authorize(card, 1_000_000)


@pytest.mark.parametrize("key", ["", "lithic_live_abc", KEY + "x", "sandbox_other_0123456789"])
async def test_other_keys_are_refused(sandbox: Network, key: str) -> None:
    """No key, a live key and another sandbox's key all get 401 in Lithic's error shape."""
    async with httpx.AsyncClient(base_url=sandbox.url, trust_env=False) as client:
        answer = await client.get("/v1/status", headers={"authorization": key})
    assert answer.status_code == 401
    assert set(answer.json()) == {"debugging_request_id", "message"}


async def test_other_machines_are_refused_even_with_the_key() -> None:
    """The sandbox serves loopback callers alone unless told otherwise."""
    app = create_app(SandboxConfig(database_url="unused", api_key=KEY))
    away = httpx.ASGITransport(app, client=("192.0.2.7", 4242))
    async with httpx.AsyncClient(transport=away, base_url="http://sandbox") as client:
        answer = await client.get("/v1/status", headers={"authorization": KEY})
    assert answer.status_code == 403


def test_config_takes_sandbox_keys_only_and_prints_none() -> None:
    """A live key cannot even be configured, and the settings' repr shows no secret."""
    with pytest.raises(ValueError, match="sandbox_"):
        SandboxConfig(database_url="x", api_key="live_0123456789012345678901234")
    assert KEY not in repr(SandboxConfig(database_url="postgres://u:p@h/d", api_key=KEY))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b'{"type":"NOPE"}', 422),
        (b'{"type":"VIRTUAL","surprise":1}', 422),
        (b'{"type":"VIRTUAL","memo":"\\u0000"}', 422),
        (b'{"type":"VIRTUAL","spend_limit":-1}', 422),
        (b'{"type":"VIRTUAL","spend_limit":1.5}', 422),
        (b'{"memo":"' + b"x" * 1_000_001 + b'"}', 413),
    ],
)
async def test_bad_bodies_are_refused_and_change_nothing(
    sandbox: Network, body: bytes, status: int
) -> None:
    """Malformed, unknown, negative, fractional and huge input gets a specific error."""
    answer = await sandbox.sim.post("/v1/cards", content=body)
    assert answer.status_code == status
    assert answer.json()["message"]
    assert (await sandbox.lithic.cards.list()).data == []
