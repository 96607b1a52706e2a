"""Who charged: reviews, members' rulings, what is learned, and an organization's own vendors."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.behaviour.kit import (
    alerts,
    buy,
    card_for,
    entries,
    kinds,
    policy,
    reason,
    refused,
    transaction,
    unbounded,
)
from tests.world import World

from signets import AsyncSignets
from signets.app.set_up_organization import set_up_organization
from signets.cli.main import main
from signets.client.merchant_types import MerchantReview

#: A good name from a country that the vendor does not bill from.
DOUBTFUL: dict[str, Any] = {"merchant_acceptor_country": "BRA", "merchant_acceptor_id": "BR55501"}
UNKNOWN: dict[str, Any] = {
    "descriptor": "ACMESEARCH",
    "mcc": "7372",
    "merchant_acceptor_country": "USA",
    "merchant_acceptor_city": "AUSTIN",
    "merchant_acceptor_id": "ACME00012345",
}
VENDOR: dict[str, Any] = {
    "brand": "Acme Search",
    "category": "developer_tools",
    "lines": [{"name": "api", "patterns": [{"text": "ACME SEARCH LABS", "source": "observed"}]}],
    "mcc_groups": ["digital"],
    "countries": [{"code": "US", "source": "observed"}],
}


async def waiting(world: World) -> list[MerchantReview]:
    """The questions that wait, newest first."""
    return [one async for one in world.signets.merchant_reviews.list(state="waiting")]


async def declined(world: World, card: str, amount: int, **merchant: Any) -> MerchantReview:
    """A charge that declines as unverified; the question that it leaves."""
    charge = await world.network.charge(card, amount, **merchant)
    assert await reason(world, charge) == "merchant_unverified"
    return (await waiting(world))[0]


async def bought(world: World, agent: AsyncSignets, **merchant: Any) -> None:
    """A purchase that is approved, clears and is verified."""
    intent = await buy(agent, 2000, workflow=f"w{world.shift['by'].days}")
    charge = await world.network.charge(intent.card_id or "", 2000, **merchant)
    assert charge.approved, charge.message
    await world.network.clear(charge.token)
    await world.settle()
    assert (await transaction(world, charge.token)).verdict == "verified"


async def test_an_unverified_charge_is_queued_with_everything_observed(world: World) -> None:
    """It declines; one question, an alert and evidence say what was seen; a retry only counts."""
    agent = await world.agent()
    intent = await buy(agent, 2000)
    review = await declined(world, intent.card_id or "", 2000, **DOUBTFUL)
    assert (review.vendor, review.intent_id, review.card_id) == (
        "openai.com",
        intent.id,
        intent.card_id,
    )
    assert (review.merchant.descriptor, review.merchant.country, review.amount) == (
        "OPENAI *CHATGPT SUBSCR",
        "BR",
        2000,
    )
    assert "BR55501" in (review.merchant.acceptor_id, review.merchant.network_id)
    assert "country foreign" in review.rule
    assert (await transaction_of(world, review)).reason == "merchant_unverified"
    again = await declined(world, intent.card_id or "", 2000, **DOUBTFUL)
    assert (again.id, again.attempts) == (review.id, 2)
    assert len(await waiting(world)) == 1
    assert (await alerts(world)).count("merchant_review") == 1
    assert (await kinds(world, card_id=intent.card_id)).count("merchant.review_opened") == 1
    [entry] = [
        one
        for one in await entries(world, intent_id=intent.id)
        if one.kind == "merchant.review_opened"
    ]
    assert (entry.entry["data"]["vendor"], entry.entry["data"]["decision"]) == (
        "openai.com",
        review.decision_id,
    )
    mismatch = await world.network.charge(intent.card_id or "", 100, descriptor="JOES PIZZA")
    assert await reason(world, mismatch) == "merchant_mismatch"
    assert len(await waiting(world)) == 1  # what is known to be wrong is no question


async def transaction_of(world: World, review: MerchantReview) -> Any:
    return await world.signets.transactions.get(review.transaction_id)


async def test_once_is_for_that_intent_alone_and_teaches_nothing(world: World) -> None:
    """The retried charge passes under its intent; the next intent's declines again."""
    agent = await world.agent()
    intent = await buy(agent, 2000)
    review = await declined(world, intent.card_id or "", 2000, **DOUBTFUL)
    ruled = await world.signets.merchant_reviews.rule(review, ruling="once", comment="seen it")
    assert ruled.ruling is not None
    assert (ruled.state, ruled.ruling.ruling, ruled.ruling.intent_id) == (
        "ruled",
        "once",
        intent.id,
    )
    other_merchant = {**DOUBTFUL, "merchant_acceptor_id": "BR99999"}
    await declined(world, intent.card_id or "", 2000, **other_merchant)
    passed = await world.network.charge(intent.card_id or "", 2000, **DOUBTFUL)
    assert passed.approved
    await world.network.clear(passed.token)
    await world.settle()
    assert (await transaction(world, passed.token)).intent_id == intent.id
    assert (await world.signets.merchants.get("openai.com")).learned.ids == ()
    seen = [one.kind async for one in world.signets.evidence.list()]
    assert "merchant.seen" not in seen
    later = await buy(agent, 2500, workflow="later")
    await declined(world, later.card_id or "", 2500, **DOUBTFUL)
    await refused(
        world.signets.merchant_reviews.rule(review, ruling="always"), "merchant_review_ruled"
    )


async def test_once_needs_an_intent_that_still_runs(world: World) -> None:
    """An expired intent cannot be allowed anything any more."""
    agent = await world.agent()
    intent = await buy(agent, 2000)
    review = await declined(world, intent.card_id or "", 2000, **DOUBTFUL)
    await agent.intents.cancel(intent.id)
    await refused(world.signets.merchant_reviews.rule(review, ruling="once"), "intent_ended")
    assert [one.id for one in await waiting(world)] == [review.id]


async def test_always_holds_for_later_intents_on_the_same_card(world: World) -> None:
    """No card is issued anew: its next charge of that merchant passes; evidence says why."""
    agent = await world.agent()
    card = await card_for(world, "infra-agent")
    intent = await buy(agent, 2000)
    review = await declined(world, card.id, 2000, **DOUBTFUL)
    issued = (await world.network.card(card.id))["token"]
    await world.signets.merchant_reviews.rule(review, ruling="always")
    assert (await world.network.charge(card.id, 2000, **DOUBTFUL)).approved
    assert (await world.network.card(card.id))["token"] == issued
    world.shift["by"] += timedelta(minutes=20)
    await world.travel(timedelta())
    await buy(agent, 2500, workflow="later")
    assert (await world.network.charge(card.id, 2500, **DOUBTFUL)).approved
    learned = (await world.signets.merchants.get("openai.com")).learned
    assert (learned.ids, learned.names) == (("BR55501",), ("OPENAI CHATGPT SUBSCR",))
    [entry] = [
        one for one in await entries(world, intent_id=intent.id) if one.kind == "merchant.ruled"
    ]
    assert (entry.entry["data"]["ruling"], entry.entry["data"]["review"]) == ("always", review.id)
    assert entry.entry["actor"] == world.admin.actor


async def test_other_makes_it_a_mismatch(world: World) -> None:
    """Said to be another merchant, it is a mismatch; the vendor itself still passes."""
    agent = await world.agent()
    intent = await buy(agent, 2000)
    card = intent.card_id or ""
    review = await declined(world, card, 2000, **DOUBTFUL)
    await world.signets.merchant_reviews.rule(review, ruling="other")
    charge = await world.network.charge(card, 2000, **DOUBTFUL)
    assert await reason(world, charge) == "merchant_mismatch"
    assert (await world.network.charge(card, 2000, merchant_acceptor_id="US11111")).approved


async def test_several_settlements_confirm_an_id_and_a_spoof_never_does(world: World) -> None:
    """An id is known after three purchases on three days; one that passed by name before is not."""
    await unbounded(world)
    agent = await world.agent()
    await bought(world, agent, merchant_acceptor_id="SPOOF666")  # passed by its good name alone
    for _ in range(3):
        assert (await world.signets.merchants.get("openai.com")).learned.ids == ()
        await world.travel(timedelta(days=1))
        await bought(world, agent, merchant_acceptor_id="TRUE1234")
    assert (await world.signets.merchants.get("openai.com")).learned.ids == ("TRUE1234",)
    seen = [one async for one in world.signets.evidence.list() if one.kind == "merchant.seen"]
    known = [fact["value"] for one in seen for fact in one.entry["data"]["facts"] if fact["known"]]
    assert "TRUE1234" in known
    assert "SPOOF666" not in known
    await world.travel(timedelta(days=1))
    intent = await buy(agent, 2000, workflow="drift")
    drift = await declined(world, intent.card_id or "", 2000, merchant_acceptor_id="SPOOF666")
    assert "not confirmed" in drift.rule or "new for" in drift.rule
    charge = await world.network.charge(intent.card_id or "", 2000, merchant_acceptor_id="TRUE1234")
    assert charge.approved


async def test_one_purchase_counts_once_however_often_it_clears(world: World) -> None:
    """Parts of one purchase, folded again and again, are one settlement."""
    await unbounded(world)
    agent = await world.agent()
    intent = await buy(agent, 2000)
    charge = await world.network.charge(intent.card_id or "", 2000)
    for part in (500, 700, 800):
        await world.network.clear(charge.token, part)
        await world.settle()
        await world.travel(timedelta(days=1))
    assert (await world.signets.merchants.get("openai.com")).learned.ids == ()
    seen = [one async for one in world.signets.evidence.list() if one.kind == "merchant.seen"]
    assert [fact["settlements"] for one in seen for fact in one.entry["data"]["facts"]] == [1, 1]


async def test_a_domain_nobody_knows_waits_for_a_member(world: World) -> None:
    """A lock on an unknown domain starts unverified; confirmed, it works on."""
    await policy(
        world,
        rules=[{"name": "yes", "when": {"up_to": 9000, "currency": "USD"}, "then": "approve"}],
    )
    agent = await world.agent()
    intent = await buy(agent, 2000, "acmesearch.dev")
    review = await declined(world, intent.card_id or "", 2000, **UNKNOWN)
    assert (review.vendor, review.merchant.descriptor) == ("acmesearch.dev", "ACMESEARCH")
    await world.signets.merchant_reviews.rule(review, ruling="always")
    assert (await world.network.charge(intent.card_id or "", 2000, **UNKNOWN)).approved


async def test_a_member_can_teach_before_anything_is_charged(world: World) -> None:
    """`learn` confirms a merchant without a declined charge; `once` is not for that."""
    agent = await world.agent()
    intent = await buy(agent, 2000)
    made = await world.signets.merchants.learn(
        "https://openai.com/", "OPENAI *CHATGPT SUBSCR", acceptor_id="BR55501", ruling="always"
    )
    assert (made.vendor, made.review_id) == ("openai.com", None)
    assert (await world.network.charge(intent.card_id or "", 2000, **DOUBTFUL)).approved


async def test_custom_vendors_are_the_organizations_own(world: World) -> None:
    """A vendor document by API: alias, match and category work; the directory cannot be claimed."""
    made = await world.signets.merchants.put(
        "acmesearch.dev", {**VENDOR, "aliases": ["acme.tools"]}
    )
    assert (made.custom, made.category) == (True, "developer_tools")
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
    stolen = {**VENDOR, "brand": "OpenAI"}
    await refused(world.signets.merchants.put("other.dev", stolen), "vendor_file_invalid")
    puts = [one async for one in world.signets.evidence.list() if one.kind == "merchant.vendor_put"]
    assert sorted(one.entry["data"]["version"] for one in puts) == [1, 2]


async def test_matching_by_api_knows_what_was_learned(world: World) -> None:
    """The same rows before and after a member's word; a lock that is no domain names its row."""
    row = {"lock": "openai.com", "descriptor": "OPENAI *CHATGPT SUBSCR", "country": "BR"}
    rows = [row, {**row, "acceptor_id": "BR55501"}, {"lock": "github.com", "descriptor": "OPENAI"}]
    before = (await world.signets.merchants.match(rows)).data
    assert [one.result for one in before] == ["unverified", "unverified", "no_match"]
    await world.signets.merchants.learn(
        "openai.com", "OPENAI *CHATGPT SUBSCR", acceptor_id="BR55501", ruling="always"
    )
    after = (await world.signets.merchants.match(rows)).data
    assert (after[1].result, after[1].vendor) == ("match", "openai.com")
    wrong = await refused(
        world.signets.merchants.match([row, {**row, "lock": "OpenAI"}]), "vendor_unknown"
    )
    assert wrong.param == "rows[1].lock"


@pytest.mark.parametrize("ruling", ["once", "always", "other"])
async def test_only_members_say_who_charged(world: World, ruling: Any) -> None:
    """Agents neither see nor answer questions, and teach nothing; nor does a viewer."""
    agent = await world.agent()
    intent = await buy(agent, 2000)
    review = await declined(world, intent.card_id or "", 2000, **DOUBTFUL)
    viewer = await world.member("vera@acme.test", "viewer")
    key = await world.client(world.organization.organization_token)
    for caller in (agent, viewer, key):
        await refused(caller.merchant_reviews.rule(review, ruling=ruling), "scope_missing")
        await refused(
            caller.merchants.learn("openai.com", "OPENAI", ruling="always"), "scope_missing"
        )
    await refused(_first(agent), "members_only")
    await refused(agent.merchants.put("acmesearch.dev", VENDOR), "scope_missing")
    approver = await world.member("bob@acme.test", "approver")
    await approver.merchant_reviews.rule(review, ruling=ruling)


async def _first(client: AsyncSignets) -> object:
    return await client.merchant_reviews.list()


async def test_another_organization_is_not_affected(world: World) -> None:
    """What one organization learned, asked or added is nothing to another."""
    agent = await world.agent()
    intent = await buy(agent, 2000)
    review = await declined(world, intent.card_id or "", 2000, **DOUBTFUL)
    await world.signets.merchant_reviews.rule(review, ruling="always")
    await world.signets.merchants.put("acmesearch.dev", VENDOR)
    made = await set_up_organization(
        world.services,
        name="Other",
        currency="USD",
        admin_email="eve@other.test",
        admin_name="Eve",
    )
    theirs = await world.client(made.admin_token)
    row = {
        "lock": "openai.com",
        "descriptor": "OPENAI *CHATGPT SUBSCR",
        "country": "BR",
        "acceptor_id": "BR55501",
    }
    assert (await world.signets.merchants.match([row])).data[0].result == "match"
    assert (await theirs.merchants.match([row])).data[0].result == "unverified"
    assert [one async for one in theirs.merchant_reviews.list()] == []
    await refused(theirs.merchant_reviews.rule(review, ruling="other"), "merchant_review_not_found")
    await refused(theirs.merchants.get("acmesearch.dev"), "merchant_not_found")


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
