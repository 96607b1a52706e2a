"""Who charged: reviews, members' rulings, what is learned, and an organization's own vendors."""

from __future__ import annotations

from datetime import timedelta
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
from tests.behaviour.merchant_kit import (
    DOUBTFUL,
    UNKNOWN,
    VENDOR,
    bought,
    declined,
    known_ids,
    waiting,
)
from tests.world import World

from signets import AsyncSignets
from signets.app.set_up_organization import set_up_organization
from signets.client.merchant_types import MerchantReview


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


async def test_a_first_verified_purchase_confirms_an_unknown_domain(world: World) -> None:
    """Allowed once and settled as agreed, it confirms the id; another id does not pass."""
    await unbounded(world)
    agent = await world.agent()
    intent = await buy(agent, 2000, "acmesearch.dev")
    review = await declined(world, intent.card_id or "", 2000, **UNKNOWN)
    await world.signets.merchant_reviews.rule(review, ruling="once")
    charge = await world.network.charge(intent.card_id or "", 2000, **UNKNOWN)
    assert charge.approved
    assert await known_ids(world, "acmesearch.dev") == []  # authorized is not settled
    await world.network.clear(charge.token)
    await world.settle()
    assert (await transaction(world, charge.token)).verdict == "verified"
    assert await known_ids(world, "acmesearch.dev") == ["ACME00012345"]
    [entry] = [
        one async for one in world.signets.evidence.list() if one.kind == "merchant.first_purchase"
    ]
    facts = {fact["kind"]: fact for fact in entry.entry["data"]["facts"]}
    assert (facts["id"]["value"], facts["id"]["known"]) == ("ACME00012345", True)
    assert not facts["descriptor"]["known"]
    later = await buy(agent, 2500, "acmesearch.dev", workflow="later")
    spoof = {**UNKNOWN, "merchant_acceptor_id": "SPOOF666"}
    await declined(world, later.card_id or "", 2500, **spoof)
    named = {**UNKNOWN, "descriptor": "ACMESEARCH INC"}
    assert (await world.network.charge(later.card_id or "", 2500, **named)).approved


async def test_once_confirms_no_vendor_that_is_described(world: World) -> None:
    """At a vendor of the directory, one permission and a verified settlement teach nothing."""
    vendor, merchant = "openai.com", DOUBTFUL
    await unbounded(world)
    agent = await world.agent()
    intent = await buy(agent, 2000, vendor)
    review = await declined(world, intent.card_id or "", 2000, **merchant)
    await world.signets.merchant_reviews.rule(review, ruling="once")
    charge = await world.network.charge(intent.card_id or "", 2000, **merchant)
    assert charge.approved
    await world.network.clear(charge.token)
    await world.settle()
    assert (await transaction(world, charge.token)).verdict == "verified"
    assert await known_ids(world, vendor) == []


async def test_only_members_confirm_where_policy_says_so(world: World) -> None:
    """`settlements: 0`: neither a first purchase nor any number of settlements teaches."""
    await unbounded(world)
    await policy(world, learning={"settlements": 0})
    agent = await world.agent()
    intent = await buy(agent, 2000, "acmesearch.dev")
    review = await declined(world, intent.card_id or "", 2000, **UNKNOWN)
    await world.signets.merchant_reviews.rule(review, ruling="once")
    charge = await world.network.charge(intent.card_id or "", 2000, **UNKNOWN)
    await world.network.clear(charge.token)
    await world.settle()
    for _ in range(3):
        await world.travel(timedelta(days=1))
        await bought(world, agent, merchant_acceptor_id="TRUE1234")
    assert (await world.signets.merchants.knowledge()).ids == ()


async def test_policy_says_how_often_an_id_must_be_seen(world: World) -> None:
    """Two settlements on two days are enough where policy says two, also for those before it."""
    await unbounded(world)
    await policy(world, learning={"settlements": 4})
    agent = await world.agent()
    for _ in range(2):
        await world.travel(timedelta(days=1))
        await bought(world, agent, merchant_acceptor_id="TRUE1234")
    assert await known_ids(world, "openai.com") == []
    await policy(world, learning={"settlements": 2})
    assert await known_ids(world, "openai.com") == ["TRUE1234"]
    await refused(_policy(world, learning={"settlements": 1}), "policy_invalid")
    await policy(world, learning={"settlements": 3})
    assert await known_ids(world, "openai.com") == []


async def _policy(world: World, **changes: Any) -> int:
    return await policy(world, **changes)


@pytest.mark.parametrize(("ruling", "then"), [("always", None), ("other", "merchant_mismatch")])
async def test_a_ruling_answers_every_question_about_the_same_merchant(
    world: World, ruling: Any, then: str | None
) -> None:
    """Two agents asked about one merchant: one answer closes both, each with its own evidence."""
    await unbounded(world)
    one, other = await world.agent("infra-agent"), await world.agent("other-agent")
    first, second = await buy(one, 2000), await buy(other, 2100)
    await declined(world, first.card_id or "", 2000, **DOUBTFUL)
    answered = await declined(world, second.card_id or "", 2100, **DOUBTFUL)
    else_ = {**DOUBTFUL, "merchant_acceptor_id": "BR99999"}
    open_still = await declined(world, first.card_id or "", 2000, **else_)
    await world.signets.merchant_reviews.rule(answered, ruling=ruling, comment="looked it up")
    assert [one.id for one in await waiting(world)] == [open_still.id]
    ruled = [one async for one in world.signets.merchant_reviews.list(state="ruled")]
    assert {review.ruling.ruling for review in ruled if review.ruling} == {ruling}
    said = [one for one in await all_entries(world) if one.kind == "merchant.ruled"]
    assert {one.entry["data"]["review"] for one in said} == {review.id for review in ruled}
    assert {one.entry["data"]["comment"] for one in said} == {"looked it up"}
    follows = [one.entry["data"].get("follows") for one in said]
    assert sorted(follows, key=str) == sorted(
        [None, *(one.entry["subject"] for one in said if "follows" not in one.entry["data"])],
        key=str,
    )
    charge = await world.network.charge(first.card_id or "", 2000, **DOUBTFUL)
    assert charge.approved if then is None else await reason(world, charge) == then


async def all_entries(world: World) -> list[Any]:
    """The whole log."""
    return [one async for one in world.signets.evidence.list()]


async def test_a_word_without_a_question_answers_those_that_wait(world: World) -> None:
    """`learn` closes a waiting question about the same merchant as well."""
    agent = await world.agent()
    intent = await buy(agent, 2000)
    await declined(world, intent.card_id or "", 2000, **DOUBTFUL)
    await world.signets.merchants.learn(
        "openai.com", "OPENAI *CHATGPT SUBSCR", acceptor_id="BR55501", ruling="other"
    )
    assert await waiting(world) == []


async def test_a_member_can_teach_before_anything_is_charged(world: World) -> None:
    """`learn` confirms a merchant without a declined charge; `once` is not for that."""
    agent = await world.agent()
    intent = await buy(agent, 2000)
    made = await world.signets.merchants.learn(
        "https://openai.com/", "OPENAI *CHATGPT SUBSCR", acceptor_id="BR55501", ruling="always"
    )
    assert (made.vendor, made.review_id) == ("openai.com", None)
    assert (await world.network.charge(intent.card_id or "", 2000, **DOUBTFUL)).approved


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
