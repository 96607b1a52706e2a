"""Webhooks: signature, retries, order, faults, resending, life across a restart."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError
from tests.contract.sandbox_kit import Network, network


async def secret_of(sandbox: Network) -> str:
    [subscription] = (await sandbox.lithic.events.subscriptions.list()).data
    return (
        await sandbox.lithic.events.subscriptions.retrieve_secret(subscription.token)
    ).secret or ""


async def settled_deliveries(sandbox: Network) -> list[dict[str, Any]]:
    """The webhook deliveries once none is on its way any more, oldest first."""
    async with asyncio.timeout(20):
        while True:
            found = await sandbox.deliveries(kind="event")
            if all(delivery["state"] != "PENDING" for delivery in found):
                return found[::-1]
            await asyncio.sleep(0.02)


def statuses(sandbox: Network) -> list[str]:
    return [event.json["status"] for event in sandbox.receiver.events]


async def test_webhook_is_signed_and_named_after_its_event(sandbox: Network) -> None:
    """webhook-id is the event's token, and the SDK accepts the signature on the raw bytes."""
    token = await sandbox.authorize(await sandbox.card(), 100)
    await sandbox.drain()
    [received] = sandbox.receiver.events
    secret = await secret_of(sandbox)
    content: Any = sandbox.lithic.webhooks.unwrap(received.body, received.headers, secret=secret)
    assert (content["event_type"], content["token"]) == ("card_transaction.updated", token)
    event = await sandbox.lithic.events.retrieve(received.headers["webhook-id"])
    assert event.payload == {k: v for k, v in content.items() if k != "event_type"}
    changed = received.body.replace(b"100", b"101")
    with pytest.raises(WebhookVerificationError):
        sandbox.lithic.webhooks.unwrap(changed, received.headers, secret=secret)


async def test_refused_webhooks_are_retried_under_the_same_id(sandbox: Network) -> None:
    """Two failures, then success: three attempts, one webhook-id, the same body."""
    sandbox.receiver.event_statuses = [500, 401]
    await sandbox.authorize(await sandbox.card(), 100)
    [delivery] = await settled_deliveries(sandbox)
    assert [a["status_code"] for a in delivery["attempts"]] == [500, 401, 200]
    assert len({e.headers["webhook-id"] for e in sandbox.receiver.events}) == 1
    assert len({e.body for e in sandbox.receiver.events}) == 1


async def test_recover_and_replay_missing_send_what_was_lost(sandbox: Network) -> None:
    """After the schedule is spent a webhook has failed; recover sends it once more, and once."""
    sandbox.receiver.event_statuses = [500, 500, 500]
    await sandbox.authorize(await sandbox.card(), 100)
    [delivery] = await settled_deliveries(sandbox)
    assert delivery["state"] == "FAILED"
    [subscription] = (await sandbox.lithic.events.subscriptions.list()).data
    await sandbox.faults(webhook_drop={"count": 1})
    await sandbox.authorize(await sandbox.card(), 200)
    await sandbox.lithic.events.subscriptions.recover(subscription.token)
    await sandbox.drain()
    assert sorted(e.json["amount"] for e in sandbox.receiver.events[3:]) == [-200, -100]
    await sandbox.lithic.events.subscriptions.replay_missing(subscription.token)
    await sandbox.drain()
    assert len(sandbox.receiver.events) == 5


async def test_steps_of_one_transaction_arrive_in_order(sandbox: Network) -> None:
    """Without a fault, first attempts of one transaction keep the network's order."""
    token = await sandbox.authorize(await sandbox.card(), 1000)
    for _ in range(5):
        await sandbox.lithic.transactions.simulate_clearing(token=token, amount=100)
    counts = [len(event["events"]) for event in await sandbox.drain()]
    assert counts == [1, 2, 3, 4, 5, 6]


async def test_faults_duplicate_reorder_drop_and_forge(sandbox: Network) -> None:
    """Each webhook fault does what its name says, once, and then all is well again."""
    card = await sandbox.card()
    await sandbox.faults(webhook_duplicate={"count": 1})
    await sandbox.authorize(card, 1)
    await settled_deliveries(sandbox)
    assert len({e.headers["webhook-id"] for e in sandbox.receiver.events}) == 1
    assert len(sandbox.receiver.events) == 2

    sandbox.receiver.events.clear()
    await sandbox.faults(webhook_reorder={"count": 1})
    token = await sandbox.authorize(card, 2)
    await sandbox.lithic.transactions.simulate_clearing(token=token)
    await settled_deliveries(sandbox)
    assert statuses(sandbox) == ["SETTLED", "PENDING"]

    sandbox.receiver.events.clear()
    await sandbox.faults(webhook_drop={"count": 1})
    token = await sandbox.authorize(card, 3)
    await sandbox.lithic.transactions.simulate_clearing(token=token)
    await settled_deliveries(sandbox)
    assert statuses(sandbox) == ["SETTLED"]

    sandbox.receiver.events.clear()
    await sandbox.faults(webhook_bad_signature={"count": 1})
    sandbox.receiver.event_statuses = [401]
    await sandbox.authorize(card, 4)
    await settled_deliveries(sandbox)
    forged, good = sandbox.receiver.events
    secret = await secret_of(sandbox)
    with pytest.raises(WebhookVerificationError):
        sandbox.lithic.webhooks.unwrap(forged.body, forged.headers, secret=secret)
    sandbox.lithic.webhooks.unwrap(good.body, good.headers, secret=secret)


async def test_replay_repeats_bytes_and_headers(sandbox: Network) -> None:
    """A replayed webhook is indistinguishable from the first."""
    await sandbox.authorize(await sandbox.card(), 100)
    [delivery] = await settled_deliveries(sandbox)
    await sandbox.post("replay", delivery=delivery["token"])
    first, second = sandbox.receiver.events
    assert (first.body, first.headers) == (second.body, second.headers)


async def test_resend_repeats_one_event(sandbox: Network) -> None:
    """Lithic's own resend sends the same event again under the same id."""
    await sandbox.authorize(await sandbox.card(), 100)
    await sandbox.drain()
    [subscription] = (await sandbox.lithic.events.subscriptions.list()).data
    [event] = (await sandbox.lithic.events.list()).data
    await sandbox.lithic.events.event_subscriptions.resend(
        subscription.token, event_token=event.token
    )
    await sandbox.drain()
    first, second = sandbox.receiver.events
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == event.token
    assert json.loads(first.body) == json.loads(second.body)


async def test_subscription_filter_disable_and_delete(sandbox: Network) -> None:
    """A filter, a disabled subscription and a deleted one each keep webhooks away."""
    subscriptions = sandbox.lithic.events.subscriptions
    [known] = (await subscriptions.list()).data
    card = await sandbox.card()
    await subscriptions.update(known.token, url=known.url, event_types=["card.created"])
    await sandbox.authorize(card, 1)
    await subscriptions.update(
        known.token, url=known.url, event_types=["card_transaction.updated"], disabled=True
    )
    await sandbox.authorize(card, 2)
    await subscriptions.delete(known.token)
    await sandbox.authorize(card, 3)
    assert await settled_deliveries(sandbox) == []
    assert (await subscriptions.list()).data == []


async def test_undelivered_webhooks_go_out_after_a_restart(sandbox_url: str) -> None:
    """What the receiver did not take is sent by the next run of the sandbox."""
    schedule = (0.0, *(0.2,) * 200)
    async with network(sandbox_url, retry_seconds=schedule) as before:
        await before.enroll()
        before.receiver.event_statuses = [503] * 200
        await before.authorize(await before.card(), 100)
        await before.drain()
        [known] = (await before.lithic.events.subscriptions.list()).data
        secret = await secret_of(before)
    async with network(sandbox_url, retry_seconds=schedule) as after:
        await after.lithic.events.subscriptions.update(known.token, url=after.receiver.events_url)
        [delivery] = await settled_deliveries(after)
        assert [a["status_code"] for a in delivery["attempts"]][:1] == [503]
        assert delivery["state"] == "SUCCESS"
        [received] = after.receiver.events
        after.lithic.webhooks.unwrap(received.body, received.headers, secret=secret)


async def test_unknown_fault_is_named(sandbox: Network) -> None:
    """A fault that does not exist is refused, with the list of those that do."""
    answer = await sandbox.sim.post("/_sim/faults", json={"gremlins": {}})
    assert answer.status_code == 422
    assert "webhook_drop" in answer.json()["message"]
    assert (await sandbox.sim.get("/_sim/faults")).json() == {}
