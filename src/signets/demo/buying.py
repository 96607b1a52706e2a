"""The scenes in which a purchase goes as it should: (a), (d), (e) and (h)."""

from __future__ import annotations

from signets import Signets
from signets.client.errors import APITimeoutError, PermissionDeniedError
from signets.client.types import Intent
from signets.demo.scene import Scene
from signets.demo.stage import ANTHROPIC, AWS, GITHUB, OPENAI, Stage, money


def api_credits(stage: Stage, scene: Scene) -> None:
    """(a) $20 of credits: with tax inside the tolerance, and cleared above its authorization."""
    agent = stage.agent("infra-agent")
    first = _with_tax(stage, scene, agent)
    _over_captured(stage, scene, agent, first)


def _with_tax(stage: Stage, scene: Scene, agent: Signets) -> Intent:
    card = agent.cards.create(
        agent_id="infra-agent", spending_limit=5000, merchant_lock="openai.com", recurring=False
    )
    scene.check("infra-agent", "makes a card for openai.com", card.state, "locked")
    intent = agent.intents.create(
        purpose="Buy $20 of API credits", expectedAmount=2000, expectedMerchant="openai.com"
    )
    scene.check(
        "infra-agent",
        'declares "Buy $20 of API credits"',
        (intent.state, intent.maximum, intent.card_id),
        ("approved", 2200, card.id),
        f"{intent.state} by policy, up to {money(intent.maximum)} with 10 % tolerance",
    )
    now = agent.cards.get(card)
    scene.check(
        "Signets",
        "opens the card for its window, here and at the issuer",
        (now.state, now.issuer_state),
        ("open", "open"),
        f"{now.state} here, {now.issuer_state} at the issuer",
    )
    details = agent.cards.reveal(card)
    scene.check(
        "infra-agent",
        "reveals the card for the checkout",
        details.number[-4:],
        card.last_four,
        f"number ending in {card.last_four}, recorded",
    )
    charge = stage.charge(card.id, 2165, OPENAI)
    answer = stage.decision(charge)
    scene.check(
        OPENAI.descriptor,
        f"charges {money(2165)}, tax included",
        (charge.approved, answer.approved),
        (True, True),
        f"approved, {money(answer.hold)} held",
    )
    stage.network.clear(charge.token, 2165)
    paid = stage.transaction(charge, lambda one: one.cleared > 0)
    mine = [one for one in agent.transactions.list_for_card(cardId=card.id) if one.cleared]
    scene.check(
        OPENAI.descriptor,
        "clears it",
        ([one.id for one in mine], paid.cleared, paid.held, paid.verdict, paid.notes),
        ([paid.id], 2165, 0, "verified", ()),
        f"{money(paid.cleared)} cleared, {paid.verdict} against the intent",
    )
    scene.end("tax_within_tolerance", paid.verdict, paid.reason, intent.id)
    return intent


def _over_captured(stage: Stage, scene: Scene, agent: Signets, first: Intent) -> None:
    second = agent.intents.create(
        purpose="Credits for the nightly evaluation",
        expected_amount=2000,
        expected_merchant="openai.com",
        workflow="nightly-evals",
    )
    scene.check(
        "infra-agent",
        "declares $20 for another workflow",
        (second.state, second.id != first.id, second.card_id != first.card_id),
        ("approved", True, True),
        f"{second.state}, on a new card: the first one's window is still open",
    )
    charge = stage.charge(second.card_id, 2000, OPENAI)
    stage.network.clear(charge.token, 2165)
    paid = stage.transaction(charge, lambda one: one.cleared > 0)
    scene.check(
        OPENAI.descriptor,
        f"charges {money(2000)} and clears {money(2165)}",
        (charge.approved, paid.authorized, paid.cleared, paid.verdict, paid.notes),
        (True, 2000, 2165, "verified", ("over_captured",)),
        f"{paid.verdict}, with the note {', '.join(paid.notes)}",
    )
    scene.end("over_captured", paid.verdict, ", ".join(paid.notes) or None, second.id)


def large_purchase(stage: Stage, scene: Scene) -> None:
    """(d) $200 at AWS: a person decides, and it cannot be the agent."""
    agent = stage.agent("cloud-agent")
    intent = agent.intents.create(
        purpose="Reserved capacity for the load test",
        expected_amount=20_000,
        expected_merchant="aws.amazon.com",
    )
    outcome = intent.policy.outcome if intent.policy else ""
    scene.check(
        "cloud-agent",
        f"declares {money(20_000)} at aws.amazon.com",
        (intent.state, outcome, intent.card_id),
        ("pending_approval", "escalate", None),
        "pending_approval: policy escalates above $50.00; no card is open",
    )
    try:
        agent.intents.approve(intent)
        refused = "approved"
    except PermissionDeniedError as error:
        refused = error.code
    scene.check("cloud-agent", "tries to approve it itself", refused, "scope_missing", refused)
    comment = "fine, the load test is on Thursday"
    approved = stage.approver.intents.approve(intent, comment=comment)
    votes = approved.approval.votes if approved.approval else ()
    scene.check(
        "Maya (approver)",
        "approves, with a comment",
        (approved.state, [vote.comment for vote in votes], approved.card_id is not None),
        ("approved", [comment], True),
        f"{approved.state}; the window starts now, on a new card",
    )
    charge = stage.charge(approved.card_id, 20_000, AWS)
    stage.network.clear(charge.token)
    paid = stage.transaction(charge, lambda one: one.cleared > 0)
    scene.check(
        AWS.descriptor,
        f"charges {money(20_000)} and clears it",
        (charge.approved, paid.cleared, paid.verdict, paid.intent_id),
        (True, 20_000, "verified", intent.id),
        f"approved, {money(paid.cleared)} cleared, {paid.verdict}",
    )
    scene.end("escalated_then_charged", paid.verdict, paid.reason, intent.id)


def planned_twice(stage: Stage, scene: Scene) -> None:
    """(e) An agent that gets no answer plans again, with other words and a new key."""
    made = stage.admin.agents.create(handle="dev-agent")
    key = stage.key_of(made)
    agent = stage.client(key)
    broken = stage.deaf_client(key)
    try:
        broken.intents.create(
            purpose="Upgrade the GitHub plan",
            expected_amount=2100,
            expected_merchant="github.com",
        )
        lost = "answered"
    except APITimeoutError:
        lost = "no answer in time"
    scene.check("dev-agent", "declares $21.00; its network breaks", lost, "no answer in time")
    first = stage.soon(lambda: agent.intents.list().data, bool)
    again = agent.intents.create(
        purpose="GitHub Team seats for this month",
        expected_amount=2142,
        expected_merchant="github.com",
    )
    intents = agent.intents.list().data
    scene.check(
        "dev-agent",
        "plans again: new key, other words, $21.42",
        (again.duplicate_of, [one.id for one in intents]),
        (first[0].id if first else "", [again.id]),
        f"the first intent again (duplicate_of); {len(intents)} intent in all",
    )
    _until_open(stage, again.card_id)
    one = stage.charge(again.card_id, 2142, GITHUB)
    two = stage.charge(again.card_id, 2142, GITHUB)
    refusal = stage.decision(two)
    stage.network.clear(one.token)
    paid = stage.transaction(one, lambda seen: seen.cleared > 0)
    scene.check(
        "dev-agent",
        "pays for both of its plans",
        (one.approved, two.approved, refusal.reason),
        (True, False, "duplicate_charge"),
        f"the first approved; the second declined: {refusal.reason}",
    )
    after = agent.intents.get(again)
    cleared = [one.id for one in agent.transactions.list(intent_id=again) if one.cleared]
    scene.check(
        "Signets",
        "has it in the books",
        (len(intents), after.charges, cleared, paid.verdict),
        (1, 1, [paid.id], "verified"),
        f"one intent, {after.charges} charge of {money(paid.cleared)}, {paid.verdict}",
    )
    scene.end("one_intent_one_charge", paid.verdict, refusal.reason, again.id)


def _until_open(stage: Stage, card_id: str | None) -> None:
    """The call that made the card was cut off: it may still be on its way at the issuer."""
    if card_id is not None:
        stage.soon(lambda: stage.admin.cards.get(card_id), lambda one: one.issuer_state == "open")


def account_check(stage: Stage, scene: Scene) -> None:
    """(h) A $0 verification passes and uses nothing up."""
    agent = stage.agent("writer-agent")
    intent = agent.intents.create(
        purpose="Claude credits", expected_amount=1000, expected_merchant="anthropic.com"
    )
    check = stage.charge(intent.card_id, 0, ANTHROPIC)
    answer = stage.decision(check)
    after = agent.intents.get(intent)
    scene.check(
        ANTHROPIC.descriptor,
        "verifies the card with $0.00",
        (check.approved, answer.kind, answer.hold),
        (True, "verification", 0),
        f"approved as a {answer.kind}; nothing held",
    )
    scene.check(
        "Signets",
        "looks at the intent",
        (after.state, after.charges, after.used),
        ("approved", 0, 0),
        f"still {after.state}: {after.charges} charges, {money(after.used)} used",
    )
    scene.end(
        "zero_verification", "approved" if check.approved else "declined", answer.kind, intent.id
    )
    charge = stage.charge(intent.card_id, 1000, ANTHROPIC)
    stage.network.clear(charge.token)
    paid = stage.transaction(charge, lambda one: one.cleared > 0)
    scene.check(
        ANTHROPIC.descriptor,
        f"charges {money(1000)} and clears it",
        (charge.approved, paid.cleared, paid.verdict),
        (True, 1000, "verified"),
        f"approved, {paid.verdict}: the single use was still there",
    )
    scene.end("charged_after_verification", paid.verdict, paid.reason, intent.id)
