"""Stripe's face over a purchase's life: what is asked, what is shown, what is sent."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import stripe
from tests.contract.sandbox_stripe_kit import (
    APPROVE,
    DECLINE,
    OPENAI,
    StripeNetwork,
    enrolled,
)


@pytest.fixture
async def network(sandbox_url: str) -> AsyncIterator[StripeNetwork]:
    async with enrolled(sandbox_url, stripe_deadline_seconds=0.3) as running:
        yield running


def asked(network: StripeNetwork, index: int = -1) -> dict[str, Any]:
    """The authorization in a real-time request, its signature checked."""
    received = network.receiver.asked[index]
    event = stripe.Webhook.construct_event(
        received.body, received.headers["stripe-signature"], network.secrets["realtime"]
    )
    assert event.type == "issuing_authorization.request"
    return json.loads(received.body)["data"]["object"]


async def told(network: StripeNetwork) -> list[tuple[str, str]]:
    """Type and what matters of every event received so far."""
    found = []
    for event in await network.drain():
        content = event.data.object
        said = content.status if "status" in content else f"{content.type} {content.amount}"
        found.append((event.type.removeprefix("issuing_"), said))
    return found


def stands(authorization: stripe.issuing.Authorization) -> tuple[str, int, list[int]]:
    """Status, amount, and the amounts of its transactions."""
    amounts = [one.amount for one in authorization.transactions]
    return authorization.status, authorization.amount, amounts


async def test_the_request_asks_for_the_additional_amount(network: StripeNetwork) -> None:
    """A first request holds nothing yet; an increment asks for the difference alone."""
    card = await network.card()
    made = await network.authorize(card, 1000)
    first = asked(network)
    assert (first["amount"], first["pending_request"]["amount"]) == (0, 1000)
    assert (first["approved"], first["status"], first["request_history"]) == (False, "pending", [])
    assert first["merchant_data"]["category_code"] == "5734"
    grown = await network.helpers.authorizations.increment_async(made.id, {"increment_amount": 250})
    second = asked(network)
    assert (second["id"], second["amount"]) == (made.id, 1000)
    assert second["pending_request"]["amount"] == 250
    assert stands(grown) == ("pending", 1250, [])
    assert [entry.amount for entry in grown.request_history] == [1000, 250]
    assert await told(network) == [
        ("authorization.created", "pending"),
        ("authorization.updated", "pending"),
    ]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (DECLINE, "webhook_declined"),
        ((200, {"approved": True}, {}), "webhook_error"),
        ((200, {"approved": "maybe"}, APPROVE[2]), "webhook_error"),
        ((200, {"approved": True, "amount": 5}, APPROVE[2]), "webhook_error"),
        ((400, {"approved": True}, APPROVE[2]), "webhook_error"),
        ((500, {"approved": True}, APPROVE[2]), "webhook_error"),
    ],
)
async def test_whatever_is_no_clean_approval_declines(
    network: StripeNetwork, answer: Any, reason: str
) -> None:
    """A missing header, a bad body, another status: declined with Stripe's reason, asked once."""
    network.receiver.answers.append(answer)
    made = await network.authorize(await network.card(), 1000)
    assert (made.approved, made.status, made.amount) == (False, "closed", 1000)
    assert made.request_history[0].reason == reason
    assert bool(made.request_history[0].reason_message) == (reason == "webhook_error")
    assert len(network.receiver.asked) == 1
    assert await told(network) == [("authorization.created", "closed")]


@pytest.mark.parametrize("default", ["decline", "approve"])
async def test_a_late_answer_falls_to_the_configured_default(
    network: StripeNetwork, default: str
) -> None:
    """After the deadline the account's timeout setting decides, not the answer."""
    await network.post(
        "stripe/realtime_endpoint", url=f"{network.receiver.url}/authorize", on_timeout=default
    )
    await network.post("faults", asa_delay={"count": 1, "delay_ms": 600})
    made = await network.authorize(await network.card(), 1000)
    assert made.approved is (default == "approve")
    assert made.request_history[0].reason == "webhook_timeout"


async def test_without_a_real_time_endpoint_stripe_approves(network: StripeNetwork) -> None:
    """Nobody enrolled: what Stripe's own checks let through is approved."""
    await network.sim.delete("/_sim/stripe/realtime_endpoint")
    made = await network.authorize(await network.card(), 1000)
    assert made.approved and made.request_history[0].reason == "card_active"
    assert network.receiver.asked == []


@pytest.mark.parametrize(
    ("card", "amount", "reason"),
    [
        ({"status": "inactive"}, 100, "card_inactive"),
        ({"spending_controls": {"blocked_categories": ["computer_software_stores"]}}, 100, None),
        ({"spending_controls": {"allowed_merchant_countries": ["DE"]}}, 100, None),
        (
            {
                "spending_controls": {
                    "spending_limits": [{"amount": 99, "interval": "per_authorization"}]
                }
            },
            100,
            None,
        ),
        ({"spending_controls": {}}, 50_001, None),
    ],
)
async def test_stripe_declines_before_it_asks(
    network: StripeNetwork, card: dict[str, Any], amount: int, reason: str | None
) -> None:
    """Card status, controls and the default daily limit decline without a request."""
    made = await network.authorize(await network.card(**card), amount)
    assert not made.approved
    assert made.request_history[0].reason == (reason or "spending_controls")
    assert network.receiver.asked == []


async def test_partial_approval_where_the_amount_is_controllable(network: StripeNetwork) -> None:
    """A smaller amount holds that much, where the request allowed it."""
    network.receiver.answers.append((200, {"approved": True, "amount": 600}, APPROVE[2]))
    made = await network.authorize(await network.card(), 1000, is_amount_controllable=True)
    assert asked(network)["pending_request"]["is_amount_controllable"] is True
    assert stands(made) == ("pending", 600, [])


async def test_a_capture_closes_or_stays_open(network: StripeNetwork) -> None:
    """Captures add up while open; the amount stays; the closing one ends the hold."""
    made = await network.authorize(await network.card(), 1000)
    capture = network.helpers.authorizations.capture_async
    open_ = await capture(made.id, {"capture_amount": 300, "close_authorization": False})
    assert stands(open_) == ("pending", 1000, [-300])
    closed = await capture(made.id, {"capture_amount": 900})
    assert stands(closed) == ("closed", 1000, [-300, -900])
    assert await told(network) == [
        ("authorization.created", "pending"),
        ("authorization.updated", "pending"),
        ("transaction.created", "capture -300"),
        ("authorization.updated", "closed"),
        ("transaction.created", "capture -900"),
    ]
    with pytest.raises(stripe.InvalidRequestError, match="closed"):
        await capture(made.id)
    told_of = [event.data.to_dict() for event in await network.drain()]
    before = [one.get("previous_attributes", {}) for one in told_of]
    assert before[0] == {} and before[3]["status"] == "pending"
    assert set(before[1]) == {"transactions"}


async def test_reversals_expiry_and_a_late_capture(network: StripeNetwork) -> None:
    """A part lowers the amount, the whole reverses; an expired hold can still be captured."""
    card = await network.card()
    helpers = network.helpers.authorizations
    made = await network.authorize(card, 1000)
    part = await helpers.reverse_async(made.id, {"reverse_amount": 400})
    assert stands(part) == ("pending", 600, [])
    assert stands(await helpers.reverse_async(made.id)) == ("reversed", 0, [])
    other = await network.authorize(card, 500)
    assert stands(await helpers.expire_async(other.id)) == ("expired", 500, [])
    assert stands(await helpers.capture_async(other.id)) == ("closed", 500, [-500])


async def test_money_that_nobody_was_asked_about(network: StripeNetwork) -> None:
    """Force captures and unlinked refunds have no authorization, whatever the card's status."""
    card = await network.card(status="inactive")
    transactions = network.helpers.transactions
    forced = await transactions.create_force_capture_async(
        {"card": card.id, "amount": 700, "merchant_data": OPENAI}
    )
    refund = await transactions.create_unlinked_refund_async({"card": card.id, "amount": 200})
    assert (forced.amount, forced.type, forced.authorization) == (-700, "capture", None)
    assert (refund.amount, refund.type, refund.authorization) == (200, "refund", None)
    assert (await network.issuing.authorizations.list_async()).data == []
    captures = await network.issuing.transactions.list_async({"type": "capture"})
    assert [one.id for one in captures.data] == [forced.id]
    assert await told(network) == [
        ("transaction.created", "capture -700"),
        ("transaction.created", "refund 200"),
    ]


async def test_a_refund_and_its_reversal(network: StripeNetwork) -> None:
    """A refund of a capture carries its authorization; taken back, it is a negative refund."""
    made = await network.authorize(await network.card(), 1000)
    closed = await network.helpers.authorizations.capture_async(made.id)
    capture = closed.transactions[0].id
    refund = await network.helpers.transactions.refund_async(capture, {"refund_amount": 300})
    assert (refund.amount, refund.authorization) == (300, made.id)
    await network.post("return_reversal", token=made.id)
    shown = await network.issuing.authorizations.retrieve_async(made.id)
    assert [(one.type, one.amount) for one in shown.transactions] == [
        ("capture", -1000),
        ("refund", 300),
        ("refund", -300),
    ]


async def test_a_foreign_purchase_clears_at_another_rate(network: StripeNetwork) -> None:
    """Both amounts are shown, and a clearing may bring its own rate."""
    card = await network.card()
    made = await network.authorize(card, 1085, merchant_amount=1000, merchant_currency="eur")
    assert (made.amount, made.merchant_amount, made.merchant_currency) == (1085, 1000, "eur")
    await network.post("clear", token=made.id, amount=1112, merchant_amount=1000, final=True)
    shown = await network.issuing.authorizations.retrieve_async(made.id)
    only = shown.transactions[0]
    assert (only.amount, only.merchant_amount) == (-1112, -1000)
    assert shown.status == "closed"


async def test_a_stand_in_approves_over_our_decline(network: StripeNetwork) -> None:
    """The network approves by itself: the history says so, and money is held."""
    network.receiver.answers.append(DECLINE)
    await network.post("faults", stand_in={"count": 1})
    made = await network.authorize(await network.card(), 1000)
    assert stands(made) == ("pending", 1000, [])
    assert [(h.reason, h.approved, h.amount) for h in made.request_history] == [
        ("network_fallback", True, 1000)
    ]


async def test_a_zero_amount_is_asked_and_holds_nothing(network: StripeNetwork) -> None:
    """A verification is a request for 0."""
    made = await network.authorize(await network.card(), 0)
    assert asked(network)["pending_request"]["amount"] == 0
    assert stands(made) == ("pending", 0, [])


async def test_single_message_and_undone_approval(network: StripeNetwork) -> None:
    """One message authorizes and captures; an approval taken back is reversed."""
    card = await network.card()
    at_once = await network.post(
        "authorize",
        card_token=card.id,
        amount=400,
        descriptor="OPENAI",
        status="FINANCIAL_AUTHORIZATION",
    )
    token = "iauth_" + at_once["token"].replace("-", "")
    shown = await network.issuing.authorizations.retrieve_async(token)
    assert stands(shown) == ("closed", 400, [-400])
    made = await network.authorize(card, 1000)
    await network.post("undo", token=made.id)
    shown = await network.issuing.authorizations.retrieve_async(made.id)
    assert stands(shown) == ("reversed", 0, [])


async def test_faults_of_webhooks(network: StripeNetwork) -> None:
    """Dropped, disordered, duplicated and forged events, as asked."""
    card = await network.card()
    await network.post(
        "faults", webhook_drop={"count": 1}, webhook_reorder={"count": 1}, webhook_duplicate={}
    )
    made = await network.authorize(card, 1000)  # dropped
    capture = network.helpers.authorizations.capture_async
    await capture(made.id)  # .updated behind the transaction, which is sent twice
    assert [kind for kind, _ in await told(network)] == [
        "transaction.created",
        "transaction.created",
        "authorization.updated",
    ]
    listed = await network.stripe.v1.events.list_async({"type": "issuing_*"})
    assert len([one for one in listed.data if "card" not in one.type]) == 3
    await network.post("faults", webhook_bad_signature={"count": 1})
    await network.authorize(card, 1)
    with pytest.raises(stripe.SignatureVerificationError):
        await network.drain()


async def test_lists_of_authorizations(network: StripeNetwork) -> None:
    """By card, status and time; a declined one is in them."""
    card, other = await network.card(), await network.card()
    network.receiver.answers.append(DECLINE)
    declined = await network.authorize(card, 1)
    held = await network.authorize(card, 2)
    await network.authorize(other, 3)
    listing = network.issuing.authorizations.list_async
    both = await listing({"card": card.id})
    assert [one.id for one in both.data] == [held.id, declined.id]
    assert [one.id for one in (await listing({"status": "closed"})).data] == [declined.id]
    since = {"created": {"gte": held.created, "lt": held.created + 60}}
    assert held.id in [one.id for one in (await listing(since)).data]
    assert (await listing({"created": {"gt": held.created + 60}})).data == []
    holder = await listing({"cardholder": other.cardholder.id})
    assert len(holder.data) == 1
