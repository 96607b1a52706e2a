"""The scenes in which somebody or something goes wrong: (b), (c), (f), (g) and (i)."""

from __future__ import annotations

from typing import Any

from signets.client.types import Card
from signets.demo.scene import Scene
from signets.demo.stage import (
    ANTHROPIC,
    CINEMA,
    FACILITATED,
    GITHUB,
    OPENAI,
    PIZZERIA,
    NotSeen,
    Stage,
    money,
)

#: A merchant that retries without end is watched for so many charges.
_MOST_RETRIES = 20


def other_merchant(stage: Stage, scene: Scene) -> None:
    """(b) While its window is open, the card is tried somewhere else."""
    agent = stage.agent("research-agent")
    intent = agent.intents.create(
        purpose="Embeddings for the paper", expected_amount=1500, expected_merchant="openai.com"
    )
    scene.check("research-agent", "declares $15 at openai.com", intent.state, "approved")
    reasons = set()
    for merchant in (PIZZERIA, FACILITATED, CINEMA):
        charge = stage.charge(intent.card_id, 1500, merchant)
        answer = stage.decision(charge)
        reasons.add(answer.reason or "none")
        scene.check(
            merchant.descriptor,
            f"charges {money(1500)}",
            (charge.approved, answer.approved, answer.reason),
            (False, False, "merchant_mismatch"),
            f"declined: {answer.reason} ({answer.sentence})",
        )
    after = agent.intents.get(intent)
    scene.check(
        "Signets",
        "looks at the intent",
        (after.state, after.charges, after.used),
        ("approved", 0, 0),
        f"still {after.state}, nothing used",
    )
    scene.end("wrong_merchant", "declined", ", ".join(sorted(reasons)), intent.id)


def outside_the_window(stage: Stage, scene: Scene) -> None:
    """(c) No window is open: the issuer's card is paused, and our own lock holds without it."""
    agent = stage.agent("night-agent")
    card = agent.cards.create(spending_limit=5000, merchant_lock="openai.com")
    before = stage.decisions()
    charge = stage.charge(card.id, 2000, OPENAI)
    seen = stage.newest_transaction(card)
    scene.check(
        OPENAI.descriptor,
        f"charges {money(2000)} although nothing was declared",
        (charge.approved, seen.decided_by, seen.reason, stage.decisions() - before),
        (False, "issuer", "card_locked", 0),
        f"declined by the {seen.decided_by} ({charge.result}), kept as {seen.reason}; "
        "Signets was not even asked",
    )
    scene.end("paused_at_issuer", seen.status, seen.reason, seen.intent_id)
    stage.network.set_issuer_card_state(card.id, "OPEN")
    scene.tell("somebody", "opens the card at the issuer, behind Signets' back", "open there")
    charge = stage.charge(card.id, 2000, OPENAI)
    answer = stage.decision(charge)
    ours = stage.transaction(charge, lambda one: one.decided_by != "nobody")
    scene.check(
        OPENAI.descriptor,
        f"charges {money(2000)} again",
        (charge.approved, answer.reason, ours.decided_by),
        (False, "card_locked", "us"),
        f"declined by Signets: {answer.reason} ({answer.sentence})",
    )
    stage.network.set_issuer_card_state(card.id, "PAUSED")
    scene.end("locked_by_us", ours.status, answer.reason, answer.intent_id)


def runaway_recharge(stage: Stage, scene: Scene) -> None:
    """(f) An auto-recharge whose merchant retries in a loop runs into cap and breaker."""
    document = stage.admin.policy.get().document
    cap = next(one["max_count"] for one in document["caps"] if one["name"] == "burst")
    declines = document["breaker"]["declines"]
    agent = stage.agent("batch-agent")
    intent = agent.intents.create(
        purpose="Auto-recharge while the batch runs",
        expected_amount=5000,
        expected_merchant="openai.com",
        usage="window",
        max_per_charge=250,
        max_count=50,
    )
    scene.check(
        "batch-agent",
        "declares an auto-recharge: at most $2.50 a time, $50 in all",
        (intent.state, intent.usage, intent.max_count),
        ("approved", "window", 50),
        f"{intent.state}, for up to {intent.max_count} charges",
    )
    approved, reasons, card = _retry_until_locked(stage, intent.card_id)
    scene.check(
        OPENAI.descriptor,
        "recharges $2.50 in a loop",
        approved,
        cap,
        f"{approved} approved, which is policy's cap `burst` ({cap} in 10 minutes)",
    )
    scene.check(
        OPENAI.descriptor,
        "goes on and on",
        reasons,
        ["velocity_exceeded"] * declines,
        f"{len(reasons)} times declined: {', '.join(sorted(set(reasons)))}",
    )
    alerts = [one for one in stage.admin.alerts.list() if one.subject_id == card.id]
    scene.check(
        "Signets",
        "trips the circuit breaker",
        (
            card.state,
            card.breaker_tripped_at is not None,
            card.issuer_state,
            [one.kind for one in alerts],
        ),
        ("locked", True, "paused", ["breaker_tripped"]),
        f"card {card.state}, {card.issuer_state} at the issuer; a member is alerted",
    )
    outcome = "locked" if card.breaker_tripped_at else card.state
    scene.end("runaway_recharge", outcome, ", ".join(sorted(set(reasons))) or None, intent.id)


def _retry_until_locked(stage: Stage, card_id: str | None) -> tuple[int, list[str], Card]:
    """Charge until the breaker has tripped: approvals, reasons of the declines, the card."""
    approved, reasons = 0, list[str]()
    if card_id is None:
        raise NotSeen("the intent has no card")
    for _ in range(_MOST_RETRIES):
        charge = stage.charge(card_id, 250, OPENAI)
        approved += int(charge.approved)
        if not charge.approved:
            reasons.append(stage.decision(charge).reason or "none")
        card = stage.admin.cards.get(card_id)
        if card.breaker_tripped_at is not None:
            break
    card = stage.soon(
        lambda: stage.admin.cards.get(card_id), lambda one: one.issuer_state == "paused"
    )
    return approved, reasons, card


def force_post(stage: Stage, scene: Scene) -> None:
    """(g) Money is taken that nobody had authorized: it cannot be refused, so it is dealt with."""
    agent = stage.agent("docs-agent")
    intent = agent.intents.create(
        purpose="Claude for the docs", expected_amount=1200, expected_merchant="anthropic.com"
    )
    if intent.card_id is None:
        raise NotSeen("the intent has no card")
    scene.check("docs-agent", "declares $12 at anthropic.com", intent.state, "approved")
    stage.network.force_post(intent.card_id, 3700, ANTHROPIC)
    card = stage.soon(
        lambda: stage.admin.cards.get(str(intent.card_id)),
        lambda one: one.frozen and one.issuer_state == "paused",
    )
    taken = stage.newest_transaction(card)
    scene.check(
        ANTHROPIC.descriptor,
        f"force-posts {money(3700)}: a clearing without any question",
        (taken.cleared, taken.verdict, "force_post" in taken.flags),
        (3700, "flagged", True),
        f"booked ({money(taken.cleared)} cleared) and {taken.verdict}: {', '.join(taken.flags)}",
    )
    scene.check(
        "Signets",
        "locks the card until a member looks",
        (card.state, card.frozen, card.issuer_state),
        ("locked", True, "paused"),
        f"{card.state} and frozen, {card.issuer_state} at the issuer",
    )
    alerts = [one.kind for one in stage.admin.alerts.list() if one.subject_id == taken.id]
    balanced = stage.admin.ledger.check().balanced
    scene.check(
        "Signets",
        "alerts a member; the books still balance",
        (alerts, balanced),
        (["transaction_flagged"], True),
        f"alert: {', '.join(alerts)}; the ledger balances",
    )
    flags = ", ".join(taken.flags) or None
    scene.end("force_post", taken.verdict, flags, taken.intent_id or intent.id)


def replayed_and_forged(stage: Stage, scene: Scene) -> None:
    """(i) The issuer's request arrives again, byte for byte; then under a forged signature."""
    agent = stage.agent("ci-agent")
    intent = agent.intents.create(
        purpose="Actions minutes", expected_amount=800, expected_merchant="github.com"
    )
    charge = stage.charge(intent.card_id, 800, GITHUB)
    scene.check(GITHUB.descriptor, f"charges {money(800)}", charge.approved, True, "approved")
    sent: dict[str, Any] = stage.network.deliveries(kind="asa", transaction=charge.token)[0]
    first = sent["attempts"][0]["response_body"]
    before = (stage.decisions(), stage.transaction(charge).held, agent.intents.get(intent).used)
    again = stage.network.replay(sent["token"])
    after = (stage.decisions(), stage.transaction(charge).held, agent.intents.get(intent).used)
    scene.check(
        "somebody",
        "sends the issuer's request again: same bytes, same headers",
        (again["status_code"], again["response_body"] == first, after),
        (200, True, before),
        f"{again['status_code']} with the stored answer; no second decision, still "
        f"{money(after[1])} held",
    )
    scene.end(
        "replayed",
        "stored_answer" if after == before else "decided_again",
        str(again["status_code"]),
        intent.id,
    )
    forged = stage.network.forge(sent["token"])
    after = (stage.decisions(), stage.transaction(charge).held, agent.intents.get(intent).used)
    scene.check(
        "somebody",
        "sends it under a forged signature",
        (forged["status_code"], after),
        (401, before),
        f"{forged['status_code']}; nothing changed",
    )
    stage.network.clear(charge.token)
    scene.end(
        "forged", "refused" if after == before else "counted", str(forged["status_code"]), intent.id
    )
