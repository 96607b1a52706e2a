"""Disputes at Stripe's face with the official SDK, and what our adapter makes of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import stripe
from tests.contract.claim_kit import WHEN, claim
from tests.contract.sandbox_kit import KEY
from tests.contract.sandbox_stripe_kit import StripeNetwork, enrolled

from signets.app.ports import (
    BodyUnreadable,
    DisputeEvidence,
    DisputeOutcome,
    DisputeReason,
    DisputeUpdated,
    IssuerRefused,
    ProductType,
    WithdrawalUnsupported,
)
from signets.issuers.stripe.adapter import StripeIssuer
from signets.issuers.stripe.disputes import EVIDENCE, read_dispute
from signets.issuers.stripe.options import StripeOptions

#: Everything that a member can say, so that no reason lacks anything.
ALL = DisputeEvidence(
    received_at=WHEN,
    canceled_at=WHEN,
    cancellation_policy_provided=False,
    return_description="sent back",
)


@pytest.fixture
async def network(sandbox_url: str) -> AsyncIterator[StripeNetwork]:
    async with enrolled(sandbox_url) as running:
        yield running


@pytest.fixture
async def issuer(network: StripeNetwork) -> AsyncIterator[StripeIssuer]:
    made = StripeIssuer(api_key=KEY, base_url=network.url, options=StripeOptions())
    yield made
    await made.aclose()


async def purchase(network: StripeNetwork, *captures: int) -> stripe.issuing.Authorization:
    """A purchase, captured in parts."""
    held = await network.authorize(await network.card(), sum(captures))
    for amount in captures:
        held = await network.helpers.authorizations.capture_async(
            held.id, {"capture_amount": amount, "close_authorization": False}
        )
    return held


async def test_a_draft_is_filled_submitted_and_never_changed_again(network: StripeNetwork) -> None:
    """As at Stripe: evidence may come in parts, has to be whole at submission, and then stands."""
    held = await purchase(network, 2000)
    disputes = network.issuing.disputes
    [capture] = held.transactions
    draft = await disputes.create_async(
        {"transaction": capture.id, "evidence": {"reason": "canceled"}, "metadata": {"a": "b"}}
    )
    assert (draft.object, draft.status, draft.amount) == ("issuing.dispute", "unsubmitted", 2000)
    assert (draft.transaction, draft.currency) == (capture.id, "usd")
    assert draft.evidence.canceled.explanation is None
    with pytest.raises(stripe.InvalidRequestError, match="canceled_at"):
        await disputes.submit_async(draft.id)
    told = {
        "canceled_at": 1_764_000_000,
        "cancellation_policy_provided": False,
        "cancellation_reason": "not needed",
        "expected_at": 1_764_000_000,
        "explanation": "canceled and charged",
        "product_description": "credits",
        "product_type": "service",
    }
    filled = await disputes.update_async(draft.id, {"evidence": {"canceled": told}})
    assert filled.evidence.canceled.canceled_at == 1_764_000_000
    assert filled.evidence.canceled.cancellation_policy_provided is False
    sent = await disputes.submit_async(draft.id)
    assert (sent.status, sent.evidence.reason) == ("submitted", "canceled")
    with pytest.raises(stripe.InvalidRequestError, match="cannot be changed"):
        await disputes.update_async(draft.id, {"amount": 1})
    with pytest.raises(stripe.InvalidRequestError, match="submitted"):
        await disputes.submit_async(draft.id)
    bare = await disputes.update_async(draft.id, {"metadata": {"a": ""}})
    assert bare.metadata.to_dict() == {}
    listed = await disputes.list_async({"transaction": capture.id, "status": "submitted"})
    assert [one.id for one in listed.data] == [draft.id]
    assert "balance_transactions" not in await disputes.retrieve_async(draft.id)
    kinds = [one.type for one in await network.drain() if "dispute" in one.type]
    assert kinds == [
        "issuing_dispute.created",
        "issuing_dispute.updated",
        "issuing_dispute.submitted",
        "issuing_dispute.updated",
    ]


async def test_what_cannot_be_disputed(network: StripeNetwork) -> None:
    """A refund, more than was captured, a second time, after 110 days, an unknown field."""
    held = await purchase(network, 2000)
    [capture] = held.transactions
    refund = await network.helpers.transactions.refund_async(capture.id, {"refund_amount": 100})
    create = network.issuing.disputes.create_async
    for params, says in (
        ({"transaction": refund.id}, "Only a capture"),
        ({"transaction": capture.id, "amount": 2001}, "more than was captured"),
        ({"transaction": capture.id, "evidence": {"reason": "whim"}}, "Invalid reason"),
        ({"transaction": capture.id, "evidence": {"other": {"mood": "bad"}}}, "unknown"),
    ):
        with pytest.raises(stripe.InvalidRequestError, match=says):
            await create(params)
    await create({"transaction": capture.id})
    with pytest.raises(stripe.InvalidRequestError, match="already"):
        await create({"transaction": capture.id})
    await network.post("clock", advance_seconds=111 * 86_400)
    drafts = await network.issuing.disputes.list_async()
    assert [one.status for one in drafts.data] == ["expired"]
    with pytest.raises(stripe.InvalidRequestError, match="window"):
        await create({"transaction": capture.id})
    assert [one.type for one in await network.drain()][-1] == "issuing_dispute.closed"


async def test_money_moves_on_a_claim_as_it_is_decided(
    network: StripeNetwork, issuer: StripeIssuer
) -> None:
    """Credited before, clawed back, decided: events without the money, which a read tells."""
    held = await purchase(network, 2000)
    sent = await issuer.open_dispute(claim(held.id))
    assert (sent.outcome, sent.amount, sent.steps) == (DisputeOutcome.WAITING, 1500, None)
    for body in ({"amount": 1500}, {"amount": 500, "reverse": True}):
        await network.post("dispute_credit", token=sent.token, **body)
    credited = await issuer.get_dispute(sent.token)
    assert [step.amount for step in credited.steps or ()] == [1500, -500]
    await network.post("dispute", token=sent.token, outcome="lost", reason="not_cancelled")
    lost = await network.issuing.disputes.retrieve_async(
        sent.token, {"expand": ["balance_transactions"]}
    )
    assert (lost.status, lost.loss_reason) == ("lost", "not_cancelled")
    assert [(one.type, one.amount) for one in lost.balance_transactions] == [
        ("issuing_dispute_provisional_credit", 1500),
        ("issuing_dispute_provisional_credit_reversal", -500),
        ("issuing_dispute_provisional_credit_reversal", -1000),
    ]
    told = [one for one in await network.drain() if "dispute" in one.type]
    assert [one.type.removeprefix("issuing_dispute.") for one in told] == [
        *("created", "submitted", "funds_reinstated", "funds_rescinded"),
        *("funds_rescinded", "closed"),
    ]
    raw = [one.body for one in network.receiver.events][-4:]
    read = [issuer.parse_event("evt", body) for body in raw]
    assert all(isinstance(one, DisputeUpdated) for one in read)
    assert [(one.money_moved, one.dispute.steps) for one in read] == [  # type: ignore[attr-defined]
        *[(True, None)] * 3,
        (False, None),
    ]
    other = await purchase(network, 700)
    again = await issuer.open_dispute(claim(other.id, 700, dispute_id="dsp_other"))
    with pytest.raises(WithdrawalUnsupported, match=r"support\.stripe\.com"):
        await issuer.withdraw_dispute(again.token)


async def test_the_same_claim_is_opened_once_and_goes_on_where_it_stopped(
    network: StripeNetwork, issuer: StripeIssuer
) -> None:
    """Found by our id in its metadata, also when only the draft was made."""
    held = await purchase(network, 2000)
    [capture] = held.transactions
    mine = claim(held.id)
    draft = await network.issuing.disputes.create_async(
        {
            "transaction": capture.id,
            "amount": 1500,
            "evidence": {
                "reason": "other",
                "other": {
                    "explanation": "x",
                    "product_type": "service",
                    "product_description": "x",
                },
            },
            "metadata": {"signets": mine.dispute_id},
        }
    )
    sent = await issuer.open_dispute(mine)
    assert (sent.token, sent.outcome) == (draft.id, DisputeOutcome.WAITING)
    assert sent.dispute_id == mine.dispute_id
    assert (await issuer.open_dispute(mine)).token == draft.id
    assert len((await network.issuing.disputes.list_async()).data) == 1


async def test_the_smallest_capture_that_is_large_enough_is_disputed(
    network: StripeNetwork, issuer: StripeIssuer
) -> None:
    """Stripe takes a claim on one Transaction; more than any of them is refused in words."""
    held = await purchase(network, 500, 1200, 900)
    with pytest.raises(IssuerRefused, match=r"one capture at a time.*12\.00"):
        await issuer.open_dispute(claim(held.id, 1201))
    sent = await issuer.open_dispute(claim(held.id, 800))
    amounts = {one.id: -one.amount for one in held.transactions}
    assert amounts[sent.transaction_token] == 900


@pytest.mark.parametrize("reason", list(DisputeReason))
async def test_every_reason_is_submitted_with_what_it_needs(
    network: StripeNetwork, issuer: StripeIssuer, reason: DisputeReason
) -> None:
    """With all that a member can say, Stripe's face takes every reason; without, what lacks is
    named before anything is sent."""
    held = await purchase(network, 2000)
    for kind in ProductType:
        mine = claim(
            held.id, reason=reason, evidence=DisputeEvidence(**{**fields(), "product_type": kind})
        )
        assert issuer.missing_evidence(mine) is None
    sent = await issuer.open_dispute(mine)
    found = await network.issuing.disputes.retrieve_async(sent.token)
    assert (found.status, found.evidence.reason in EVIDENCE) == ("submitted", True)
    bare = issuer.missing_evidence(claim(held.id, reason=reason))
    lacking = {
        DisputeReason.CANCELED: "canceled_at",
        DisputeReason.REFUND_MISSING: "canceled_at",
        DisputeReason.NOT_AS_DESCRIBED: "canceled_at",
    }
    assert bare == lacking.get(reason)


def fields() -> dict[str, Any]:
    return {name: getattr(ALL, name) for name in ALL.__slots__}


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("unsubmitted", DisputeOutcome.DRAFT),
        ("submitted", DisputeOutcome.WAITING),
        ("a_newer_word", DisputeOutcome.WAITING),
        ("won", DisputeOutcome.WON),
        ("lost", DisputeOutcome.LOST),
        ("expired", DisputeOutcome.WITHDRAWN),
    ],
)
def test_each_status_has_one_meaning(status: str, outcome: DisputeOutcome) -> None:
    """As in Stripe's life cycle; a newer word still waits."""
    body = {"id": "idp_1", "transaction": "ipi_1", "amount": 5, "created": 1, "status": status}
    assert read_dispute(body).outcome is outcome
    with pytest.raises(BodyUnreadable, match="amount"):
        read_dispute({**body, "amount": None})
