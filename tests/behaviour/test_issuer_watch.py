"""A connection that is watched: what a check says, what holds the cards, and what lets them go."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from tests.behaviour.kit import alerts, balanced, buy, reason, refused, transaction, unbounded
from tests.world import World

from signets.app.check_issuer import Checked, check_issuers
from signets.app.connect_issuer import Account, connect_issuer, plan_connection
from signets.app.make_card import NewCard, make_card
from signets.client.types import Issuer
from signets.core.errors import Refusal
from signets.core.ids import Prefix


async def check(world: World) -> Checked:
    """One check of the world's only connection."""
    [checked] = await check_issuers(world.services, world.org_id)
    return checked


def codes(checked: Checked) -> list[str]:
    return [one.code for one in checked.findings]


async def issuer(world: World) -> Issuer:
    """The connection as the API shows it."""
    [found] = (await world.signets.issuers.list()).data
    return found


async def lose(world: World, path: str, **body: Any) -> None:
    """Something is taken away at the issuer, behind Signets' back."""
    http = world.network._http
    if path == "endpoint":
        answer = await http.delete("/v1/responder_endpoints", params={"type": "AUTH_STREAM_ACCESS"})
    elif path == "elsewhere":
        answer = await http.post(
            "/v1/responder_endpoints",
            json={"type": "AUTH_STREAM_ACCESS", "url": "http://127.0.0.1:9/x"},
        )
    elif path == "secret":
        for _ in range(2):  # the first old one would still sign
            answer = await http.post("/v1/auth_stream/secret/rotate")
    else:
        [known] = (await http.get("/v1/event_subscriptions")).json()["data"]
        where = f"/v1/event_subscriptions/{known['token']}"
        change = {"url": known["url"], **body}
        answer = await (http.patch(where, json=change) if body else http.delete(where))
    assert answer.status_code < 300, answer.text


async def test_a_healthy_connection_has_nothing_to_say(world: World) -> None:
    """A fresh connection: nothing found, and the time of the check is kept."""
    checked = await check(world)
    assert (codes(checked), checked.healthy) == ([], True)
    found = await issuer(world)
    assert found.checked_at is not None and found.held_at is None and found.findings == ()


@pytest.mark.parametrize(
    ("lost", "body", "code"),
    [
        ("endpoint", {}, "endpoint_missing"),
        ("elsewhere", {}, "endpoint_elsewhere"),
        ("secret", {}, "secret_unknown"),
        ("subscription", {}, "subscription_missing"),
        ("subscription", {"disabled": True}, "subscription_disabled"),
        ("subscription", {"event_types": ["card.created"]}, "event_types_missing"),
    ],
)
async def test_what_is_lost_is_named_holds_the_cards_and_lifts_itself(
    world: World, lost: str, body: dict[str, Any], code: str
) -> None:
    """Each loss is found by its name, pauses open cards, alerts once; connecting again lifts it."""
    await unbounded(world)
    agent = await world.agent()
    intent = await buy(agent, 2000)
    card_id = intent.card_id or ""
    await lose(world, lost, **body)
    assert codes(await check(world)) == [code]
    await check(world)
    await world.settle()
    assert (await alerts(world)).count("issuer_held") == 1
    held = await issuer(world)
    assert held.held_at is not None and held.findings[0].severity == "critical"
    assert held.findings[0].sentence in (held.held_because or "")
    assert (await world.network.card(card_id))["state"] == "PAUSED"
    shown = await agent.cards.get(card_id)
    assert (shown.state, shown.issuer_state) == ("open", "paused")
    await refused(buy(agent, 500, workflow="other"), "issuer_held")

    await reconnect(world)
    assert codes(await check(world)) == []
    await world.settle()
    assert (await world.network.card(card_id))["state"] == "OPEN"
    assert (await issuer(world)).held_at is None
    assert (await alerts(world)).count("issuer_resumed") == 1
    assert (await world.network.charge(card_id, 2000)).approved
    await world.settle()
    await balanced(world)


async def reconnect(world: World, **changes: str) -> None:
    """As an operator does, after whatever happened."""
    async with world.services.store.unlocked(world.org_id) as uow:
        [known] = await uow.identity.connections()
    account = {
        "issuer": known.issuer,
        "mode": known.mode,
        "base_url": known.base_url,
        "api_key": world.services.vault.open(world.org_id, known.api_key_sealed).decode(),
        "public_url": world.base_url,
    }
    await connect_issuer(world.services, world.org_id, Account(**{**account, **changes}))


async def test_a_held_connection_declines(world: World) -> None:
    """Even where the issuer has not paused the card, nothing passes while the hold stands."""
    await unbounded(world)
    agent = await world.agent()
    intent = await buy(agent, 2000)
    card_id = intent.card_id or ""
    await lose(world, "subscription", disabled=True)
    await check(world)
    charge = await world.network.charge(card_id, 2000)
    assert await reason(world, charge) == "frozen"
    decided = await world.signets.decisions.list(limit=1)
    assert decided.data[0].level == "issuer connection"


async def test_a_refused_key_is_found_and_a_new_one_taken(world: World) -> None:
    """Connecting again stores the changed key; a wrong one stores nothing."""
    with pytest.raises(Exception, match="401"):
        await reconnect(world, api_key="sandbox_wrong")
    assert codes(await check(world)) == []
    async with world.services.store.unlocked(world.org_id) as uow:
        [known] = await uow.identity.connections()
        stale = world.services.vault.seal(world.org_id, b"sandbox_stale")
        await uow.connection.execute(  # type: ignore[attr-defined]
            "UPDATE issuer_connection SET api_key_sealed = %s", (stale,)
        )
    assert codes(await check(world)) == ["key_refused"]
    right = world.services.vault.open(world.org_id, known.api_key_sealed).decode()
    await reconnect(world, api_key=right)
    assert codes(await check(world)) == []


async def test_rotation_keeps_two_secrets_live(world: World) -> None:
    """After a rotation both secrets verify, the check is content, and charges pass."""
    await unbounded(world)
    agent = await world.agent()
    intent = await buy(agent, 2000)
    before = await issuer(world)
    await world.signets.issuers.rotate_secret(before.id)
    async with world.services.store.unlocked(world.org_id) as uow:
        [known] = await uow.identity.connections()
    live = world.services.issuers.secrets(known).authorization
    assert len(set(live)) == 2
    assert codes(await check(world)) == []
    assert (await world.network.charge(intent.card_id or "", 2000)).approved


async def test_an_unreachable_issuer_warns_and_neither_holds_nor_lifts(world: World) -> None:
    """Nobody answers: told to a person after three checks, and no reason to hold."""
    async with world.services.store.unlocked(world.org_id) as uow:
        await uow.connection.execute(  # type: ignore[attr-defined]
            "UPDATE issuer_connection SET base_url = 'http://127.0.0.1:9'"
        )
    for _ in range(4):
        checked = await check(world)
    assert codes(checked) == ["unreachable"] and not checked.healthy
    assert (await issuer(world)).held_at is None
    assert (await alerts(world)).count("issuer_check") == 1


async def test_a_dry_run_changes_nothing_and_says_what_it_would_do(world: World) -> None:
    """The plan names addresses and what the issuer has now; no row and no enrolment is made."""
    async with world.services.store.unlocked(world.org_id) as uow:
        [known] = await uow.identity.connections()
    key = world.services.vault.open(world.org_id, known.api_key_sealed).decode()
    account = Account(
        issuer="lithic", mode="test", base_url=known.base_url, api_key=key, public_url="https://x.y"
    )
    plan = await plan_connection(world.services, world.org_id, account)
    assert plan.connection_id is None and plan.authorize_url.startswith("https://x.y/v1/issuers/")
    assert {"endpoint_elsewhere", "subscription_missing"} <= {one.code for one in plan.findings}
    assert key not in repr(plan) and key not in repr(account)
    assert len((await world.signets.issuers.list()).data) == 1
    assert codes(await check(world)) == []


@pytest.mark.parametrize(
    ("issuer_name", "mode", "key", "base_url"),
    [
        ("lithic", "test", "k", "https://api.lithic.com"),
        ("lithic", "live", "k", "https://sandbox.lithic.com"),
        ("lithic", "live", "sandbox_x", "https://api.lithic.com"),
        ("stripe", "test", "sk_live_x", "https://api.stripe.com"),
        ("stripe", "live", "sk_test_x", "https://api.stripe.com"),
        ("stripe", "test", "rk_live_x", "https://api.stripe.com"),
        ("stripe", "test", "sk_org_live_x", "https://api.stripe.com"),
        ("stripe", "test", "whatever", "https://api.stripe.com"),
        ("stripe", "live", "pk_live_x", "https://api.stripe.com"),
        ("stripe", "live", "sandbox_x", "https://api.stripe.com"),
        ("stripe", "test", "sk_test_x", "http://api.stripe.com"),
        ("lithic", "test", "k", "http://sandbox.lithic.com"),
    ],
)
async def test_test_and_live_never_mix(
    world: World, issuer_name: str, mode: str, key: str, base_url: str
) -> None:
    """A key or address of the other mode is refused before anything is stored or sent."""
    account = Account(
        issuer=issuer_name, mode=mode, base_url=base_url, api_key=key, public_url="https://x.y"
    )
    with pytest.raises(Refusal) as caught:
        await connect_issuer(world.services, world.org_id, account)
    assert caught.value.code == "issuer_settings_invalid"
    assert len((await world.signets.issuers.list()).data) == 1


async def test_a_check_over_the_api_belongs_to_admins(world: World) -> None:
    """The same check over HTTP; viewers may look, and only admins may run it."""
    known = await issuer(world)
    assert (await world.signets.issuers.check(known)).healthy
    viewer = await world.member("v@acme.test", "viewer")
    assert (await viewer.issuers.list()).data[0].id == known.id
    await refused(viewer.issuers.check(known), "scope_missing")
    gone = world.signets.issuers.check("conn_01h455vb4pex5vsknk084sn02q")
    await refused(gone, "issuer_not_found")


async def test_money_taken_while_held_is_still_booked(world: World) -> None:
    """A hold stops requests, never the books: a clearing that comes meanwhile is folded."""
    await unbounded(world)
    agent = await world.agent()
    intent = await buy(agent, 2000)
    charge = await world.network.charge(intent.card_id or "", 2000)
    await world.settle()
    await lose(world, "endpoint")
    await check(world)
    await world.network.clear(charge.token)
    await world.settle()
    assert (await transaction(world, charge.token)).cleared == 2000
    await balanced(world)


async def test_a_test_account_takes_no_new_card_from_a_live_one(world: World) -> None:
    """Where real money moves, a test account that is connected later is used for nothing."""
    made = await world.signets.agents.create(handle="bot")
    async with world.services.store.transaction(world.org_id) as uow:
        [known] = await uow.identity.connections()
        found = await uow.identity.agent(made.id)
        assert found is not None
        for mode in ("live", "test"):
            tried = replace(known, id=world.services.new_id(Prefix.CONNECTION), mode=mode)
            await uow.issuers.save_connection(tried)
            new = NewCard(
                merchant_lock=("openai.com",), spending_limit=5000, currency="USD", recurring=False
            )
            card = await make_card(world.services, uow, found, new, actor="system")
            used = await uow.identity.connection(card.connection_id)
            assert used is not None and used.mode == "live"
