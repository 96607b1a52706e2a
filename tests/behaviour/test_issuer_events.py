"""No event is lost: unknown kinds, unreadable bodies, poison, and what webhooks never brought."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
from standardwebhooks import Webhook
from tests.behaviour.kit import alerts, balanced, buy, kinds, refused, transaction, unbounded
from tests.world import World

from signets.app.pull_events import GRACE, pull_events
from signets.app.sweep import sweep


async def send(world: World, body: bytes, event_id: str = "msg_1") -> int:
    """A webhook with a true signature."""
    async with world.services.store.unlocked(world.org_id) as uow:
        [known] = await uow.identity.connections()
    [secret, *_] = world.services.issuers.secrets(known).events
    now = datetime.now(UTC)
    headers = {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(event_id, now, body.decode()),
        "content-type": "application/json",
    }
    async with httpx.AsyncClient(trust_env=False) as http:
        url = f"{world.base_url}/v1/issuers/{known.id}/events"
        return (await http.post(url, content=body, headers=headers)).status_code


class Quiet:
    """An observer that lets failures be: here they are what is looked at."""

    def decided(self, outcome: str, reason: str, seconds: float) -> None:
        """Nothing to check here."""

    def failed(self, what: str, error: BaseException) -> None:
        """Contained."""


async def test_an_unknown_kind_is_kept_counted_and_never_a_problem(world: World) -> None:
    """A kind that nobody has heard of is answered, stored and counted."""
    body = json.dumps({"event_type": "card.teleported", "card_token": "x"}).encode()
    assert await send(world, body) == 200
    assert await send(world, body) == 200  # the same id: one row
    await world.settle()
    found = [one async for one in world.signets.issuer_events.list(outcome="unknown_kind")]
    assert [one.event_type for one in found] == ["card.teleported"]
    [issuer] = (await world.signets.issuers.list()).data
    assert issuer.events is not None
    assert (issuer.events.unknown_kind, issuer.events.problem) == (1, 0)


async def test_an_unreadable_body_goes_to_the_list_that_people_see(world: World) -> None:
    """Signed and unreadable: answered, kept with the field's name, replayable, still a problem."""
    body = json.dumps({"event_type": "card_transaction.updated", "token": "t"}).encode()
    assert await send(world, body) == 200
    await world.settle()
    [row] = [one async for one in world.signets.issuer_events.list(outcome="problem")]
    assert row.problem is not None and "events" in row.problem and row.body_kept
    again = await world.signets.issuer_events.replay(row)
    assert (again.outcome, again.problem) == ("problem", row.problem)
    viewer = await world.member("v@acme.test", "viewer")
    await refused(viewer.issuer_events.replay(row), "scope_missing")
    await refused(
        world.signets.issuer_events.replay("evt_01h455vb4pex5vsknk084sn02q"), "event_not_found"
    )


async def test_a_poison_event_is_tried_less_often_then_left_for_a_person(world: World) -> None:
    """It never holds up others; when its cause is mended, a replay books it."""
    await unbounded(world)
    agent = await world.agent()
    intent = await buy(agent, 2000)
    charge = await world.network.charge(intent.card_id or "", 2000)
    await world.settle()
    async with world.services.store.unlocked(world.org_id) as uow:
        # The cause of the poison: a rule of the database that this clearing breaks.
        await uow.connection.execute(  # type: ignore[attr-defined]
            "ALTER TABLE transaction ADD CONSTRAINT poison CHECK (cleared < 1500)"
        )
    await world.network.clear(charge.token)
    other = await buy(agent, 700, workflow="other")
    fine = await world.network.charge(other.card_id or "", 700)
    await world.network.clear(fine.token)
    await world.network.drain()
    for _ in range(12):
        await sweep(world.services, world.org_id, Quiet())
        world.shift["by"] += timedelta(minutes=3)
    assert (await transaction(world, fine.token)).cleared == 700
    [row] = [one async for one in world.signets.issuer_events.list(outcome="problem")]
    assert row.problem is not None and "CheckViolation" in row.problem and "8 times" in row.problem
    assert "issuer_event_problem" in await alerts(world)
    async with world.services.store.unlocked(world.org_id) as uow:
        await uow.connection.execute(  # type: ignore[attr-defined]
            "ALTER TABLE transaction DROP CONSTRAINT poison"
        )
    done = await world.signets.issuer_events.replay(row)
    assert done.outcome == "folded"
    assert (await transaction(world, charge.token)).cleared == 2000
    await balanced(world)


async def test_the_pull_finds_what_no_webhook_brought_and_says_so(world: World) -> None:
    """Lost webhooks: the pull books the clearing, once, with evidence and an alert."""
    await unbounded(world)
    agent = await world.agent()
    intent = await buy(agent, 2000)
    charge = await world.network.charge(intent.card_id or "", 2000)
    await world.settle()
    await world.network.post("/_sim/faults", webhook_drop={"count": 5})
    await world.network.clear(charge.token)
    await world.settle()
    assert (await transaction(world, charge.token)).cleared == 0
    assert await pull_events(world.services, world.org_id) == 0  # it may still be under way
    world.shift["by"] += GRACE + timedelta(seconds=1)
    assert await pull_events(world.services, world.org_id) == 1
    assert (await transaction(world, charge.token)).cleared == 2000
    assert await pull_events(world.services, world.org_id) == 0
    assert (await alerts(world)).count("issuer_missed_event") == 1
    assert "issuer.missed_event" in await kinds(world, intent_id=intent.id)
    await balanced(world)


async def test_the_pull_finds_a_force_post_that_nobody_told(world: World) -> None:
    """A transaction that Signets has never heard of is booked and flagged from the pull alone."""
    agent = await world.agent()
    intent = await buy(agent, 2000)
    card_id = intent.card_id or ""
    await world.network.post("/_sim/faults", webhook_drop={"count": 5})
    await world.network.force_post(card_id, 1200)
    await world.settle()
    world.shift["by"] += GRACE + timedelta(seconds=1)
    assert await pull_events(world.services, world.org_id) == 1
    [posted] = [one async for one in agent.transactions.list_for_card(card_id)]
    assert (posted.cleared, posted.verdict) == (1200, "flagged")
    assert (await agent.cards.get(card_id)).issuer_state == "paused"
    await balanced(world)


async def test_old_bodies_go_and_problems_stay(world: World) -> None:
    """After 30 days raw bodies are erased, but not those that are all there is of an event."""
    await send(world, json.dumps({"event_type": "card.teleported"}).encode(), "msg_1")
    await send(world, json.dumps({"event_type": "card_transaction.updated"}).encode(), "msg_2")
    await world.settle()
    await world.travel(timedelta(days=31))
    found = {one.event_type: one async for one in world.signets.issuer_events.list()}
    assert found["card.teleported"].body_kept is False
    assert found["unreadable"].body_kept is True
    await refused(world.signets.issuer_events.replay(found["card.teleported"]), "event_erased")
