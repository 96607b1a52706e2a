"""`signets issuers` and `signets disputes` as an operator types them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.behaviour.kit import alerts, buy, transaction, unbounded
from tests.world import SANDBOX_KEY, StripeNetwork, World

from signets.app.check_issuer import check_issuers
from signets.cli.main import main


class Shell:
    """Runs commands in the world's environment."""

    def __init__(self, world: World, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    async def run(self, *words: str) -> tuple[int, str]:
        self._capsys.readouterr()
        code = await asyncio.to_thread(main, list(words))
        told = self._capsys.readouterr()
        return code, told.out + told.err

    async def json(self, *words: str, code: int = 0) -> Any:
        self._capsys.readouterr()
        ended = await asyncio.to_thread(main, [*words, "--json"])
        told = self._capsys.readouterr()
        assert ended == code, told.err
        # The server runs in this process and logs to the same place.
        return json.loads(told.out[told.out.index("{\n") :])


@pytest.fixture
def shell(
    world: World,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Shell:
    for name, value in (
        ("SIGNETS_DATABASE_URL", world.runtime.database_url),
        ("SIGNETS_DATA_DIR", str(tmp_path)),
        ("SIGNETS_PUBLIC_URL", world.base_url),
        ("SIGNETS_BASE_URL", world.base_url),
        ("SIGNETS_API_KEY", world.organization.admin_token),
        ("LITHIC_API_KEY", SANDBOX_KEY),
    ):
        monkeypatch.setenv(name, value)
    return Shell(world, tmp_path, capsys)


async def address(world: World) -> str:
    async with world.services.store.unlocked(world.org_id) as uow:
        return (await uow.identity.connections())[0].base_url


async def test_connect_dry_run_then_for_real_then_check(world: World, shell: Shell) -> None:
    """The dry run stores nothing; connecting does; the check is content; no key is ever shown."""
    at = ("--base-url", await address(world))
    planned = await shell.json("issuers", "connect", "lithic", *at, "--dry-run")
    assert planned["dry_run"] is True and planned["connection_id"] is None
    assert planned["authorize_url"].endswith("/v1/issuers/{new id}/authorize")
    assert any("move authorization requests from" in step for step in planned["steps"])
    assert {"endpoint_elsewhere"} <= {one["code"] for one in planned["findings"]}
    code, told = await shell.run("issuers", "connect", "lithic", *at, "--dry-run")
    assert code == 0 and "Nothing was changed" in told and SANDBOX_KEY not in told
    assert len((await world.signets.issuers.list()).data) == 1

    made = await shell.json("issuers", "connect", "lithic", *at)
    again = await shell.json("issuers", "connect", "lithic", *at)
    assert made["id"] == again["id"] and SANDBOX_KEY not in json.dumps(made)
    assert made["authorize_url"] == f"{world.base_url}/v1/issuers/{made['id']}/authorize"
    assert (made["held"], made["released"], made["findings"]) == (False, False, [])
    listed = await shell.json("issuers", "list")
    assert [one["issuer"] for one in listed["data"]] == ["sandbox", "lithic"]
    code, told = await shell.run("issuers", "check", made["id"])
    assert (code, "well" in told) == (0, True)
    # One account, two connections: the older one's requests go to the newer one now.
    code, told = await shell.run("issuers", "check")
    assert code == 1 and "NOT WELL" in told and "held" in told
    rotated = await shell.json("issuers", "rotate", made["id"])
    assert rotated["id"] == made["id"]


HOLDER = ("type=company", "name=Acme", "line1=1 Main", "city=Reno", "postal_code=89501")


async def test_stripe_is_connected_twice_and_let_go_when_its_secret_comes(
    world: World, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the signing secret: held, and says what is left to do. With it: released at once."""
    monkeypatch.setenv("STRIPE_API_KEY", SANDBOX_KEY)
    options = [f"--option={one}" for one in (*HOLDER, "country=US")]
    words = ("issuers", "connect", "stripe", "--base-url", await address(world), *options)
    planned = await shell.json(*words, "--dry-run")
    told = " ".join(planned["steps"])
    assert "create the events endpoint" in told and "leave to you" in told
    assert "hold the connection until" in told and "new cardholder (company) Acme" in told

    first = await shell.json(*words)
    assert (first["held"], first["released"]) == (True, False)
    [critical] = [one for one in first["findings"] if one["severity"] == "critical"]
    assert critical["code"] == "unsigned" and first["authorize_url"] in critical["remedy"]
    await check_issuers(world.services, world.org_id)  # the worker's, while the person is away
    known = next(one for one in (await world.signets.issuers.list()).data if one.id == first["id"])
    assert known.held_at is not None
    assert (await alerts(world)).count("issuer_held") == 1

    body = {"url": first["authorize_url"], "on_timeout": "decline"}
    endpoint = await world.network.post("/_sim/stripe/realtime_endpoint", **body)
    monkeypatch.setenv("STRIPE_AUTHORIZATION_SECRET", endpoint["secret"])
    code, said = await shell.run(*words)
    assert code == 0 and "released: nothing critical is left" in said
    assert endpoint["secret"] not in said and SANDBOX_KEY not in said
    assert (await alerts(world)).count("issuer_resumed") == 1
    known = next(one for one in (await world.signets.issuers.list()).data if one.id == first["id"])
    assert known.held_at is None and {one.severity for one in known.findings} == {"notice"}

    await unbounded(world)
    agent = await world.agent()
    intent = await buy(agent, 2000)
    stripe = StripeNetwork(world.network._http)
    assert (await stripe.charge(intent.card_id or "", 2000)).approved


@pytest.mark.parametrize(
    ("words", "without", "says"),
    [
        (("connect", "lithic"), "LITHIC_API_KEY", "set LITHIC_API_KEY"),
        (("connect", "stripe"), "", "set STRIPE_API_KEY"),
        (("connect", "lithic"), "SIGNETS_PUBLIC_URL", "set SIGNETS_PUBLIC_URL"),
        (("connect", "lithic", "--organization", "org_x"), "", "--organization"),
    ],
)
async def test_what_is_missing_is_asked_for(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], without: str, says: str
) -> None:
    """Usage errors: exit code 2 and one line."""
    if without:
        monkeypatch.delenv(without)
    code, told = await shell.run("issuers", *words)
    assert (code, says in told) == (2, True), told


async def test_a_local_key_is_never_sent_to_the_real_issuer(shell: Shell) -> None:
    """The default address is Lithic's own, and the key is our sandbox's: refused before sending."""
    code, told = await shell.run("issuers", "connect", "lithic")
    assert code == 1 and "local sandbox" in told
    code, told = await shell.run("issuers", "connect", "lithic", "--mode", "live")
    assert code == 1 and SANDBOX_KEY not in told


async def test_events_and_disputes(world: World, shell: Shell) -> None:
    """What issuers sent is listed; a dispute is opened, shown, listed and withdrawn."""
    await unbounded(world)
    agent = await world.agent()
    intent = await buy(agent, 2000)
    charge = await world.network.charge(intent.card_id or "", 2000)
    await world.network.clear(charge.token)
    await world.settle()
    events = await shell.json("issuers", "events", "--outcome", "folded")
    kinds = sorted(one["event_type"] for one in events["data"])
    assert kinds == ["card_updated", "transaction_updated", "transaction_updated"]
    code, told = await shell.run("issuers", "events", "--problem")
    assert (code, "no events" in told) == (0, True)
    replayed = await shell.json("issuers", "replay", events["data"][0]["id"])
    assert replayed["outcome"] == "folded"

    paid = await transaction(world, charge.token)
    words = ("disputes", "open", paid.id, "--reason", "duplicate", "--amount", "5.00")
    made = await shell.json(*words)
    assert (made["amount"], made["state"]) == (500, "submitted")
    code, told = await shell.run("disputes", "show", made["id"])
    assert code == 0 and "$5.00 (500)" in told
    assert (await shell.json("disputes", "withdraw", made["id"]))["state"] == "withdrawn"
    assert len((await shell.json("disputes", "list"))["data"]) == 1
