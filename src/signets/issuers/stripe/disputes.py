"""Claims at Stripe: a draft is made, filled with evidence and submitted; Stripe withdraws none.

Source: docs.stripe.com/issuing/purchases/disputes and ``issuing.dispute`` of the SDK 16.1. A draft
(``unsubmitted``) that is not submitted within 110 days of the capture is ``expired``. Which pieces
of evidence each reason requires is checked by Stripe at submission; all that a reason has are sent
where they are known.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Literal, cast

import stripe

from signets.app.ports import (
    Claim,
    DisputeOutcome,
    DisputeReason,
    IssuerDispute,
    IssuerRefused,
    ProductType,
    ProvisionalStep,
    WithdrawalUnsupported,
)
from signets.core.money import format_minor
from signets.issuers.fields import Json, find, integer, optional_text, text
from signets.issuers.stripe.fields import identity, moment, objects
from signets.issuers.stripe.options import MARK
from signets.issuers.stripe.transport import PAGE, plain, plainly, translated

StripeReason = Literal[
    "canceled",
    "duplicate",
    "fraudulent",
    "merchandise_not_as_described",
    "no_valid_authorization",
    "not_received",
    "other",
    "service_not_as_described",
]

_REASONS: Mapping[DisputeReason, StripeReason] = MappingProxyType(
    {
        DisputeReason.NOT_RECEIVED: "not_received",
        DisputeReason.NOT_AS_DESCRIBED: "service_not_as_described",
        DisputeReason.DUPLICATE: "duplicate",
        DisputeReason.CANCELED: "canceled",
        DisputeReason.FRAUDULENT: "fraudulent",
        # Stripe's `duplicate` covers processing errors, an incorrect amount among them, and its
        # `canceled` a credit that was never processed.
        DisputeReason.INCORRECT_AMOUNT: "duplicate",
        DisputeReason.REFUND_MISSING: "canceled",
        DisputeReason.NO_AUTHORIZATION: "no_valid_authorization",
        DisputeReason.OTHER: "other",
    }
)
_WORDS: Mapping[DisputeReason, str] = MappingProxyType(
    {
        DisputeReason.NOT_RECEIVED: "What was bought was not received.",
        DisputeReason.NOT_AS_DESCRIBED: "What was received is not what was described.",
        DisputeReason.DUPLICATE: "The same purchase was charged twice.",
        DisputeReason.CANCELED: "The purchase was canceled and not credited.",
        DisputeReason.FRAUDULENT: "Nobody of this organization made this purchase.",
        DisputeReason.INCORRECT_AMOUNT: "The amount charged is not the amount agreed.",
        DisputeReason.REFUND_MISSING: "A refund was promised and has not come.",
        DisputeReason.NO_AUTHORIZATION: "The charge was taken without a valid authorization.",
        DisputeReason.OTHER: "The charge is not accepted.",
    }
)
#: ``reason`` -> (evidence that it needs, evidence that it may have).
EVIDENCE: Mapping[StripeReason, tuple[tuple[str, ...], tuple[str, ...]]] = MappingProxyType(
    {
        "canceled": (
            (
                "canceled_at",
                "cancellation_policy_provided",
                "cancellation_reason",
                "expected_at",
                "explanation",
                "product_description",
                "product_type",
            ),
            ("return_status", "returned_at"),
        ),
        "duplicate": (("explanation",), ("original_transaction",)),
        "fraudulent": (("explanation",), ()),
        "merchandise_not_as_described": (
            ("explanation", "received_at", "return_description"),
            ("return_status", "returned_at"),
        ),
        "no_valid_authorization": (("explanation",), ()),
        "not_received": (
            ("expected_at", "explanation", "product_description", "product_type"),
            (),
        ),
        "other": (("explanation", "product_description", "product_type"), ()),
        "service_not_as_described": (
            ("canceled_at", "cancellation_reason", "explanation", "received_at"),
            (),
        ),
    }
)
_OUTCOMES = {
    "unsubmitted": DisputeOutcome.DRAFT,
    "won": DisputeOutcome.WON,
    "lost": DisputeOutcome.LOST,
    # It was never submitted: nobody decided anything.
    "expired": DisputeOutcome.WITHDRAWN,
}
_CREDITS = frozenset(
    {"issuing_dispute_provisional_credit", "issuing_dispute_provisional_credit_reversal"}
)
_OUR_ID = f"metadata.{MARK}"
_NO_WITHDRAWAL = (
    "Stripe takes no withdrawal of a submitted dispute by API: within a day of its submission ask "
    "support.stripe.com/contact; it ends here when Stripe says how it ended"
)


def read_dispute(body: Json) -> IssuerDispute:
    """A whole Dispute, from a webhook or the API. A status that is not known is still waiting.

    ``balance_transactions`` are in the API's answer where they are expanded, and rarely elsewhere.

    Raises:
        BodyUnreadable: naming the field.
    """
    status = text(body, "status")
    return IssuerDispute(
        token=text(body, "id"),
        transaction_token=identity(body, "transaction"),
        outcome=_OUTCOMES.get(status, DisputeOutcome.WAITING),
        amount=abs(integer(body, "amount")),
        updated=moment(body, "created"),
        dispute_id=optional_text(body, _OUR_ID),
        raw_status=status,
        steps=_steps(body),
    )


def _steps(body: Json) -> tuple[ProvisionalStep, ...] | None:
    if find(body, "balance_transactions") is None:
        return None
    return tuple(
        ProvisionalStep(token=text(one, "id"), amount=integer(one, "amount"))
        for one in objects(body, "balance_transactions")
        if find(one, "type") in _CREDITS
    )


def reason_of(claim: Claim) -> StripeReason:
    """The claim's reason in Stripe's words."""
    is_merchandise = claim.evidence.product_type is ProductType.MERCHANDISE
    if claim.reason is DisputeReason.NOT_AS_DESCRIBED and is_merchandise:
        return "merchandise_not_as_described"
    return _REASONS[claim.reason]


def evidence_of(claim: Claim) -> dict[str, object]:
    """Everything known that the claim's reason has a field for."""
    given = claim.evidence
    explanation = claim.note or _WORDS[claim.reason]
    known: dict[str, object] = {
        "explanation": explanation,
        # What agents buy is credits, subscriptions, domains: nothing to hold, unless it is said.
        "product_type": (given.product_type or ProductType.SERVICE).value,
        "product_description": given.product_description or claim.bought,
        "expected_at": _seconds(given.expected_at or claim.bought_at),
        "received_at": _seconds(given.received_at),
        "canceled_at": _seconds(given.canceled_at),
        "cancellation_reason": given.cancellation_reason or explanation,
        "cancellation_policy_provided": given.cancellation_policy_provided,
        "returned_at": _seconds(given.returned_at),
        "return_status": given.return_status.value if given.return_status else None,
        "return_description": given.return_description,
        "original_transaction": given.original_transaction,
    }
    needed, possible = EVIDENCE[reason_of(claim)]
    return {name: known[name] for name in (*needed, *possible) if known[name] is not None}


def missing_evidence(claim: Claim) -> str | None:
    """The first piece that the claim's reason needs and that is not known."""
    known = evidence_of(claim)
    needed, _ = EVIDENCE[reason_of(claim)]
    return next((name for name in needed if name not in known), None)


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())


class Disputes:
    """``/v1/issuing/disputes`` through the SDK."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._issuing = client.v1.issuing

    async def open(self, claim: Claim) -> IssuerDispute:
        """Make the draft and submit it.

        Stripe remembers an idempotency key for a day; after that, the claim that carries our id
        in its metadata is found by its transaction.

        Raises:
            IssuerRefused: Also where no single capture is as large as the claim.
            IssuerUnavailable: Nobody knows how far it came; a repeat goes on from there.
        """
        with translated():
            movement = await self._movement(claim)
            listed = await self._issuing.disputes.list_async(
                {"transaction": movement, "limit": PAGE}
            )
            drafts = [one async for one in listed.auto_paging_iter()]
            known = [one for one in drafts if find(plain(one), _OUR_ID) == claim.dispute_id]
            draft = known[0] if known else await self._draft(claim, movement)
            if draft.status == "unsubmitted":
                draft = await self._issuing.disputes.submit_async(
                    draft.id, {}, {"idempotency_key": f"{claim.dispute_id}-submit"}
                )
        return plainly(read_dispute, draft)

    async def _draft(self, claim: Claim, movement: str) -> stripe.issuing.Dispute:
        reason = reason_of(claim)
        params = {
            "transaction": movement,
            "amount": claim.amount,
            "evidence": {"reason": reason, reason: evidence_of(claim)},
            "metadata": {MARK: claim.dispute_id},
        }
        # The key of the evidence is the reason itself: more than a typed dictionary can say.
        return await self._issuing.disputes.create_async(
            cast("stripe.params.issuing.DisputeCreateParams", params),
            {"idempotency_key": claim.dispute_id},
        )

    async def _movement(self, claim: Claim) -> str:
        """The capture that is disputed: Stripe takes a claim on one Transaction at a time."""
        if claim.transaction_token.startswith("ipi_"):
            return claim.transaction_token
        held = plain(await self._issuing.authorizations.retrieve_async(claim.transaction_token))
        captures = [
            (-integer(one, "amount"), text(one, "id"))
            for one in objects(held, "transactions")
            if find(one, "type") == "capture"
        ]
        fitting = sorted(one for one in captures if one[0] >= claim.amount)
        if not fitting:
            most = max((amount for amount, _ in captures), default=0)
            raise IssuerRefused(
                "Stripe takes a claim on one capture at a time, and the largest is "
                f"{format_minor(most, claim.currency)}"
            )
        return fitting[0][1]

    async def withdraw(self, token: str) -> IssuerDispute:
        """Nothing by API; a draft that is not submitted expires by itself.

        Raises:
            WithdrawalUnsupported: It is submitted.
        """
        found = await self.get(token)
        if found.outcome is DisputeOutcome.WAITING:
            raise WithdrawalUnsupported(_NO_WITHDRAWAL)
        return found

    async def get(self, token: str) -> IssuerDispute:
        """The claim as Stripe has it, with its provisional credits."""
        with translated():
            found = await self._issuing.disputes.retrieve_async(
                token, {"expand": ["balance_transactions"]}
            )
        return plainly(read_dispute, found)
