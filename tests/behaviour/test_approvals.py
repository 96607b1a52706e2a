"""Approvals: who may decide, how many, until when, and what policy says by then."""

from __future__ import annotations

from datetime import timedelta

from tests.behaviour.kit import balanced, buy, card_for, kinds, policy, refused
from tests.world import World


async def test_who_may_decide(world: World) -> None:
    """Not who asked, no viewer, nobody unnamed, no agent, nobody twice; two where two must."""
    rules = [
        {
            "name": "two",
            "when": {"above": 0, "currency": "USD"},
            "then": "escalate",
            "approvals": 2,
            "approvers": ["ada@acme.test", "bob@acme.test", "eve@acme.test", "cy@acme.test"],
        }
    ]
    await policy(world, rules=rules)
    agent = await world.agent()
    bob = await world.member("bob@acme.test", "approver")
    eve = await world.member("eve@acme.test", "admin")
    viewer = await world.member("cy@acme.test", "viewer")
    unnamed = await world.member("dan@acme.test", "approver")
    intent = await eve.intents.create(
        purpose="Seats",
        expected_amount=2000,
        expected_merchant="openai.com",
        agent_id="infra-agent",
    )
    assert (intent.state, intent.approval and intent.approval.required) == ("pending_approval", 2)

    await refused(eve.intents.approve(intent.id), "self_approval")
    await refused(eve.intents.deny(intent.id), "self_approval")
    await refused(viewer.intents.approve(intent.id), "scope_missing")
    await refused(unnamed.intents.approve(intent.id), "approver_not_named")
    await refused(agent.intents.approve(intent.id), "scope_missing")
    key = await world.signets.keys.create(owner="organization", name="ci")
    await refused(
        (await world.client(key.secret or "")).intents.approve(intent.id), "scope_missing"
    )
    await refused(bob.intents.approve(intent.id, comment="card 4111111111111111"), "pan_in_text")
    first = await bob.intents.approve(intent.id, comment="fine")
    assert (first.state, first.card_id, first.window) == ("pending_approval", None, None)
    await refused(bob.intents.approve(intent.id), "already_voted")
    second = await world.signets.intents.approve(intent.id)
    assert second.state == "approved" and second.card_id is not None
    assert second.approval is not None and second.approval.state == "approved"
    assert [vote.comment for vote in second.approval.votes] == ["fine", ""]
    await refused(world.signets.intents.deny(intent.id), "intent_state")
    assert (await world.network.charge(second.card_id, 2000)).approved
    assert (await kinds(world, intent_id=intent.id))[:5] == [
        "intent.declared",
        "intent.pending_approval",
        "approval.voted",
        "approval.voted",
        "intent.approved",
    ]
    await balanced(world)


async def test_one_denial_denies_and_silence_expires(world: World) -> None:
    """A denial ends the question; so does time, and then nobody can approve any more."""
    agent = await world.agent()
    denied = await buy(agent, 9000)
    answered = await world.signets.intents.deny(denied.id, comment="too much")
    assert answered.state == "denied" and answered.approval is not None
    assert (answered.approval.state, answered.approval.votes[0].vote) == ("denied", "deny")

    asked = await buy(agent, 9000)
    world.shift["by"] += timedelta(hours=24)  # no sweep yet: the rule itself must hold
    await refused(world.signets.intents.approve(asked.id), "approval_expired")
    await world.travel(timedelta())
    gone = await agent.intents.get(asked.id)
    assert (gone.state, gone.approval and gone.approval.state) == ("expired", "expired")

    withdrawn = await buy(agent, 9000)
    canceled = await agent.intents.cancel(withdrawn.id)
    assert (canceled.state, canceled.approval and canceled.approval.state) == (
        "canceled",
        "canceled",
    )
    await refused(world.signets.intents.approve(withdrawn.id), "intent_state")


async def test_the_window_starts_at_approval(world: World) -> None:
    """Hours of waiting cost nothing of the window, which is 30 minutes from the approval."""
    agent = await world.agent()
    asked = await buy(agent, 9000)
    await world.travel(timedelta(hours=5))
    approved = await world.signets.intents.approve(asked.id)
    assert approved.window is not None and approved.approved_at is not None
    assert approved.window.opens_at == approved.approved_at
    assert approved.window.ends_at - approved.window.opens_at == timedelta(minutes=30)


async def test_policy_is_asked_again_at_approval(world: World) -> None:
    """What policy has come to deny meanwhile, or what no longer fits, is refused and waits on."""
    agent = await world.agent()
    asked = await buy(agent, 9000)
    deny = {"name": "stop", "when": {"vendor": "openai.com"}, "then": "deny"}
    before = list((await world.signets.policy.get()).document["rules"])
    await policy(world, rules=[*before, deny])
    await refused(world.signets.intents.approve(asked.id), "policy_denies", says="stop")
    assert (await agent.intents.get(asked.id)).state == "pending_approval"
    budget = {
        "name": "tight",
        "scope": "agent",
        "period": "day",
        "amount": 9899,
        "currency": "USD",
    }
    await policy(world, rules=before, budgets=[budget])
    await refused(world.signets.intents.approve(asked.id), "policy_denies", says="tight")
    version = await policy(world, budgets=[{**budget, "amount": 9900}])
    approved = await world.signets.intents.approve(asked.id)
    assert approved.state == "approved"
    assert approved.policy is not None and approved.policy.version == version
    await balanced(world)


async def test_policy_may_ask_for_more_meanwhile(world: World) -> None:
    """Tightened while an intent waits: the votes and the voters needed are today's."""
    agent = await world.agent()
    bob = await world.member("bob@acme.test", "approver")
    eve = await world.member("eve@acme.test", "approver")
    asked = await buy(agent, 9000)
    assert asked.approval is not None and asked.approval.required == 1
    two = {
        "name": "two",
        "then": "escalate",
        "approvals": 2,
        "approvers": ["bob@acme.test", "eve@acme.test"],
    }
    await policy(world, rules=[two])
    await refused(world.signets.intents.approve(asked.id), "approver_not_named")
    first = await bob.intents.approve(asked.id)
    assert first.state == "pending_approval"
    assert first.approval is not None and first.approval.required == 2
    await policy(world, rules=[{**two, "approvals": 1}])  # what was asked stays asked
    assert (await eve.intents.approve(asked.id)).state == "approved"


async def test_an_approved_intent_opens_the_card_it_was_declared_with(world: World) -> None:
    """It opens where that card still serves; where it is busy by then, another one is opened."""
    agent = await world.agent()
    named = await card_for(world, "infra-agent", merchant_lock=["openai.com", "aws.amazon.com"])
    spare = await card_for(world, "infra-agent", merchant_lock=["openai.com"])
    asked = await buy(agent, 9000, card_id=named.id)
    busy = await buy(agent, 1000, "aws.amazon.com", card_id=named.id)
    assert (asked.state, busy.state) == ("pending_approval", "approved")
    elsewhere = await world.signets.intents.approve(asked.id)
    assert (elsewhere.state, elsewhere.card_id) == ("approved", spare.id)
    await agent.intents.cancel(elsewhere.id)
    await agent.intents.cancel(busy.id)
    again = await buy(agent, 9000, card_id=named.id)
    approved = await world.signets.intents.approve(again.id)
    assert (approved.state, approved.card_id) == ("approved", named.id)
    await balanced(world)
