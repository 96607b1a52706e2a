"""Charges that were declined as unverified wait here for a member to say who charged."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from signets.app.journal import SYSTEM, alert, record
from signets.app.known_merchants import KnownMerchants, lock_of
from signets.app.merchant_records import MerchantReview, ReviewState
from signets.app.records import Card, DecisionRow, Intent
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.core.authorization.request import AuthorizationRequest
from signets.core.ids import Prefix
from signets.core.merchant.grammar import normalize
from signets.core.merchant.learning import observed_ids
from signets.core.merchant.model import MatchResult, Merchant, MerchantLock, MerchantMatch
from signets.core.reasons import Reason


def review_of(
    services: Services,
    known: KnownMerchants,
    card: Card,
    intent: Intent | None,
    request: AuthorizationRequest,
    match: MerchantMatch,
    row: DecisionRow,
) -> MerchantReview | None:
    """The question that a decision leaves, if it declined because the merchant is unverified.

    ``intent``: the one whose window is open.
    """
    if row.reason != Reason.MERCHANT_UNVERIFIED.value or row.transaction_id is None:
        return None
    merchant = request.merchant
    vendor = _likely(known, card, intent, merchant)
    return MerchantReview(
        id=services.new_id(Prefix.REVIEW),
        vendor=vendor,
        merchant=observed(merchant),
        seen_as=_digest(vendor, merchant),
        confidence=match.confidence,
        rule=match.rule,
        amount=request.amount,
        currency=request.currency,
        decision_id=row.id,
        transaction_id=row.transaction_id,
        card_id=card.id,
        agent_id=card.agent_id,
        intent_id=intent.id if intent else None,
        attempts=1,
        state=ReviewState.WAITING,
        created_at=row.decided_at,
        last_at=row.decided_at,
    )


async def open_reviews(
    services: Services, uow: UnitOfWork, reviews: Sequence[MerchantReview]
) -> None:
    """Queue what is new, alert and record it; a question that waits already counts an attempt."""
    opened = set(await uow.merchants.open_reviews(reviews))
    for review in reviews:
        if review.id not in opened:
            continue
        name = review.merchant["descriptor"]
        await record(
            services,
            uow,
            "merchant.review_opened",
            actor=SYSTEM,
            subject=review.id,
            card_id=review.card_id,
            intent_id=review.intent_id,
            data={
                "decision": review.decision_id,
                "transaction": review.transaction_id,
                "vendor": review.vendor,
                "merchant": review.merchant,
                "confidence": review.confidence,
                "rule": review.rule,
            },
        )
        await alert(
            services,
            uow,
            "merchant_review",
            subject=review.id,
            message=f"{name} was declined: is it {review.vendor}? {review.rule}; "
            "see `signets merchants reviews`",
        )


def observed(merchant: Merchant) -> dict[str, str]:
    """Everything that the network sent of the merchant, as plain data."""
    sent: dict[str, str | None] = msgspec.to_builtins(merchant)
    return {name: value for name, value in sent.items() if value is not None}


def _likely(known: KnownMerchants, card: Card, intent: Intent | None, merchant: Merchant) -> str:
    """Which of the lock's vendors the merchant may be: the intent's, else the most likely."""
    held = {
        vendor: known.match(
            MerchantLock(vendors=(vendor,), allow_facilitators=card.allow_facilitators), merchant
        )
        for vendor in lock_of(card).vendors
    }
    maybe = {v: m.confidence for v, m in held.items() if m.result is MatchResult.UNVERIFIED}
    if intent is not None and intent.vendor in maybe:
        return intent.vendor
    return max(maybe, key=lambda vendor: maybe[vendor], default=card.merchant_lock[0])


def _digest(vendor: str, merchant: Merchant) -> str:
    parts = (
        vendor,
        normalize(merchant.descriptor),
        *observed_ids(merchant),
        merchant.mcc or "",
        merchant.country or "",
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
