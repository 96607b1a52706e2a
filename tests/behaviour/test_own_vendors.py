"""An organization's own vendors: by API, by policy, and what commands make of them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.behaviour.kit import (
    buy,
    policy,
    refused,
)
from tests.behaviour.merchant_kit import (
    DOUBTFUL,
    UNKNOWN,
    VENDOR,
    declined,
)
from tests.world import World

from signets.cli.main import main


async def _policy(world: World, **changes: Any) -> int:
    return await policy(world, **changes)


async def test_a_policys_vendors_are_in_force_with_it(world: World) -> None:
    """They match and are shown with their origin; the next version without them ends them."""
    yes = {"name": "yes", "when": {"up_to": 9000, "currency": "USD"}, "then": "approve"}
    family = {"family": "acme", "sold_through": [{"seller": "aws.amazon.com", "source": "guess"}]}
    stated = {"domain": "acmesearch.dev", **VENDOR, **family}
    await policy(world, rules=[yes], vendors=[stated])
    found = await world.signets.merchants.get("acmesearch.dev")
    assert (found.origin, found.custom, found.family) == ("policy", True, "acme")
    assert found.sold_through == ("aws.amazon.com",)
    agent = await world.agent()
    intent = await buy(agent, 2000, "acmesearch.dev")
    named = {**UNKNOWN, "descriptor": "ACME SEARCH LABS"}
    assert (await world.network.charge(intent.card_id or "", 2000, **named)).approved
    stuck = await refused(world.signets.merchants.put("acmesearch.dev", VENDOR), "vendor_in_policy")
    assert stuck.param == "domain"
    await policy(world, vendors=None)
    row = {"lock": "acmesearch.dev", "descriptor": "ACME SEARCH LABS"}
    [answer] = (await world.signets.merchants.match([row])).data
    assert answer.result == "no_match"
    assert (await world.signets.policy.get()).document.get("vendors") is None


async def test_a_policys_vendor_must_claim_nothing_of_others(world: World) -> None:
    """Collisions are named with their field when the policy is set, and nothing changes."""
    before = (await world.signets.policy.get()).version
    await world.signets.merchants.put("acmesearch.dev", {**VENDOR, "aliases": ["acme.tools"]})
    stated = {**VENDOR, "domain": "other.dev", "brand": "Other", "lines": _lines("OTHER LABS")}
    for change, code, param in (
        ({"aliases": ["chatgpt.com"]}, "vendor_collision", "vendors[0].aliases[0]"),
        ({"aliases": ["acme.tools"]}, "vendor_collision", "vendors[0].aliases[0]"),
        ({"brand": "GitHub"}, "vendor_collision", "vendors[0].brand"),
        ({"lines": _lines("ACME SEARCH LABS")}, "vendor_collision", "vendors[0].lines"),
        ({"domain": "shop.other.dev"}, "vendor_invalid", "vendors[0].domain"),
        ({"category": "shoes"}, "policy_invalid", "vendors[0].category"),
    ):
        wrong = await refused(_policy(world, vendors=[{**stated, **change}]), code)
        assert wrong.param == param
    assert (await world.signets.policy.get()).version == before
    taken_over = {**VENDOR, "domain": "acmesearch.dev"}
    await policy(world, vendors=[stated, taken_over])
    assert (await world.signets.merchants.get("acmesearch.dev")).origin == "policy"
    await policy(world, vendors=None)
    assert (await world.signets.merchants.get("acmesearch.dev")).origin == "organization"


def _lines(text: str) -> list[dict[str, Any]]:
    return [{"name": "main", "patterns": [{"text": text, "source": "observed"}]}]


async def test_custom_vendors_are_the_organizations_own(world: World) -> None:
    """A vendor document by API: alias, match and category work; the directory cannot be claimed."""
    made = await world.signets.merchants.put(
        "acmesearch.dev", {**VENDOR, "aliases": ["acme.tools"]}
    )
    assert (made.custom, made.origin, made.category) == (True, "organization", "developer_tools")
    assert (await world.signets.merchants.get("openai.com")).origin == "directory"
    listed = [one.domain async for one in world.signets.merchants.list(custom=True)]
    assert listed == ["acmesearch.dev"]
    yes = {"name": "tools", "when": {"category": "developer_tools"}, "then": "approve"}
    await policy(world, rules=[yes])
    agent = await world.agent()
    assert (await buy(agent, 1000)).state == "pending_approval"
    intent = await buy(agent, 2000, "https://acme.tools/pricing")
    assert (intent.state, intent.expected_merchant) == ("approved", "acmesearch.dev")
    charge = await world.network.charge(
        intent.card_id or "", 2000, **{**UNKNOWN, "descriptor": "ACME SEARCH LABS"}
    )
    assert charge.approved
    again = await world.signets.merchants.put("acmesearch.dev", {**VENDOR, "brand": "Acme"})
    assert (again.brand, again.aliases) == ("Acme", ())
    await refused(world.signets.merchants.put("openai.com", VENDOR), "vendor_collision")
    stolen = {**VENDOR, "legal_names": [{"name": "OpenAI, LLC", "source": "document"}]}
    claim = await refused(world.signets.merchants.put("other.dev", stolen), "vendor_collision")
    assert claim.param == "legal_names[0].name"
    nobodys = {**VENDOR, "lines": [{**VENDOR["lines"][0], "colour": "red"}]}
    wrong = await refused(world.signets.merchants.put("other.dev", nobodys), "vendor_file_invalid")
    assert wrong.param == "lines[0].colour"
    puts = [one async for one in world.signets.evidence.list() if one.kind == "merchant.vendor_put"]
    assert sorted(one.entry["data"]["version"] for one in puts) == [1, 2]


async def test_the_command_line_adds_learns_lists_and_rules(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """`merchants add`, `learn`, `reviews` and `rule` do what the API does."""
    key = await world.signets.keys.create(
        owner="member", member_id=world.admin.member_id, name="cli"
    )
    monkeypatch.setenv("SIGNETS_API_KEY", key.secret)
    monkeypatch.setenv("SIGNETS_BASE_URL", world.base_url)
    agent = await world.agent()
    intent = await buy(agent, 2000)
    review = await declined(world, intent.card_id or "", 2000, **DOUBTFUL)
    file = tmp_path / "acme.json"
    file.write_text(json.dumps({**VENDOR, "domain": "acmesearch.dev"}))

    async def run(*arguments: str) -> Any:
        capsys.readouterr()
        assert await asyncio.to_thread(main, ["merchants", *arguments, "--json"]) == 0
        out = capsys.readouterr().out
        return json.loads(out[out.index("{\n") :])

    assert (await run("add", str(file)))["custom"] is True
    assert [one["id"] for one in (await run("reviews", "--state", "waiting"))["data"]] == [
        review.id
    ]
    assert (await run("rule", review.id, "once"))["ruling"]["intent_id"] == intent.id
    made = await run("learn", "acmesearch.dev", "ACME", "--acceptor-id", "AC1", "--ruling", "other")
    assert (made["vendor"], made["ruling"]) == ("acmesearch.dev", "other")
    assert (await world.network.charge(intent.card_id or "", 2000, **DOUBTFUL)).approved


async def test_commands_decide_by_what_the_organization_knows(
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With a key, its vendors and what it learned count; offline the directory decides alone."""
    await world.signets.merchants.put("acmesearch.dev", VENDOR)
    await world.signets.merchants.learn("openai.com", "OPENAI", acceptor_id="AC1", ruling="always")
    monkeypatch.setenv("SIGNETS_API_KEY", world.organization.admin_token)
    monkeypatch.setenv("SIGNETS_BASE_URL", world.base_url)
    rows = [
        {"lock": "acmesearch.dev", "descriptor": "ACME SEARCH LABS"},
        {"lock": "openai.com", "descriptor": "OPENAI", "acceptor_id": "AC2"},
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))

    async def run(*arguments: str) -> tuple[str, str]:
        capsys.readouterr()
        assert await asyncio.to_thread(main, ["merchants", *arguments, "--json"]) == 0
        said = capsys.readouterr()
        return "\n".join(one for one in said.out.splitlines() if " [info" not in one), said.err

    async def results(*more: str) -> list[str]:
        out, err = await run("match", "--input", str(file), *more)
        assert ("the organization knows" in err) == ("--offline" not in more)
        return [json.loads(line)["result"] for line in out.splitlines()]

    assert await results() == ["match", "unverified"]
    assert await results("--offline") == ["no_match", "match"]
    told = json.loads((await run("explain", "acmesearch.dev", "ACME SEARCH LABS"))[0])
    assert (told["result"], told["origin"], told["known_by"]) == (
        "match",
        "organization",
        "organization",
    )
    shown = json.loads((await run("show", "openai.com"))[0])
    assert {"name_or_id": "AC1", "source": "learned", "note": "confirmed id"} in shown["facts"]
    listed = json.loads((await run("list"))[0])
    assert {one["origin"] for one in listed["data"]} == {"directory", "organization"}
    monkeypatch.setenv("SIGNETS_BASE_URL", "http://127.0.0.1:9")
    out, err = await run("explain", "acmesearch.dev", "ACMESEARCH")
    assert (json.loads(out)["known_by"], "cannot reach" in err) == ("directory", True)


async def test_a_merchant_is_explained_by_all_that_is_known(world: World) -> None:
    """The rule, the name as read, whom it looks like, and whose word the vendor is."""
    told = await world.signets.merchants.explain("aws.amazon.com", "AMZN Mktp US*A12BC3DE4")
    assert (told.result, told.looks_like, told.origin) == ("no_match", "amazon.com", "directory")
    assert told.read_as == "AMZN MKTP US A12BC3DE4"
    nobody = await world.signets.merchants.explain("acmesearch.dev", "ACMESEARCH")
    assert (nobody.result, nobody.origin) == ("unverified", None)
