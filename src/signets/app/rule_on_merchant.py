"""A member says who charged: for one intent, for good, or that it is another merchant.

The next charge is decided by it; no card changes and none is issued anew.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from signets.app.caller import Caller, not_found
from signets.app.journal import record
from signets.app.merchant_records import MerchantReview, MerchantRuling, ReviewState, Ruling
from signets.app.review_merchants import observed
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.core.access import Scope
from signets.core.errors import Refusal, RefusalKind, invalid
from signets.core.ids import Prefix
from signets.core.intent import ENDED
from signets.core.merchant.domains import canonical_vendor
from signets.core.merchant.learning import same_merchant
from signets.core.merchant.model import MatchResult, Merchant, MerchantLock
from signets.core.pan import refuse_pan


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewView:
    """A question about a merchant, and the member's answer."""

    review: MerchantReview
    ruling: MerchantRuling | None


async def rule_on_review(
    services: Services, caller: Caller, review_id: str, ruling: Ruling, comment: str = ""
) -> ReviewView:
    """Answer a question that waits.

    Raises:
        Refusal: ``merchant_review_not_found``, ``merchant_review_ruled``, ``intent_required`` or
            ``intent_ended`` (``once`` is for the intent whose window was open); ``pan_refused``.
    """
    caller.require(Scope.INTENTS_DECIDE)
    refuse_pan(comment, param="comment")
    async with services.store.transaction(caller.org_id) as uow:
        review = await uow.merchants.review(review_id)
        if review is None:
            raise not_found("merchant_review", review_id)
        if review.state is ReviewState.RULED:
            raise Refusal(
                RefusalKind.CONFLICT,
                "merchant_review_ruled",
                "a member has answered this; say more with `signets merchants learn`",
            )
        if ruling is Ruling.ONCE:
            await _require_open_intent(uow, review)
        made = await _rule(
            services,
            uow,
            caller,
            vendor=review.vendor,
            merchant=msgspec.convert(review.merchant, type=Merchant),
            ruling=ruling,
            comment=comment,
            review=review,
        )
        await uow.merchants.ruled(review.id)
        await _answer_others(services, uow, caller, made)
        review = await uow.merchants.review(review_id) or review
        return ReviewView(review=review, ruling=made)


async def rule_on_merchant(
    services: Services,
    caller: Caller,
    lock: str,
    merchant: Merchant,
    ruling: Ruling,
    comment: str = "",
) -> MerchantRuling:
    """Say of a merchant that nobody asked about that it is, or is not, the vendor of ``lock``.

    Raises:
        Refusal: ``intent_required`` for ``once``, which answers a review; ``vendor_unknown`` or
            ``vendor_invalid``; ``pan_refused``.
    """
    caller.require(Scope.INTENTS_DECIDE)
    refuse_pan([comment, merchant.descriptor, merchant.city], param="descriptor")
    if ruling is Ruling.ONCE:
        raise invalid(
            "intent_required",
            "`once` belongs to an intent: answer the review of its declined charge",
            param="ruling",
        )
    async with services.store.transaction(caller.org_id) as uow:
        directory = (await services.merchants.of(uow)).directory
        vendor = canonical_vendor(lock, directory, param="lock")
        made = await _rule(
            services,
            uow,
            caller,
            vendor=vendor,
            merchant=merchant,
            ruling=ruling,
            comment=comment,
            review=None,
        )
        await _answer_others(services, uow, caller, made)
        return made


async def list_reviews(
    services: Services,
    caller: Caller,
    *,
    state: ReviewState | None,
    after: str | None,
    limit: int,
) -> list[ReviewView]:
    """Questions, newest first. Members and the organization only."""
    caller.require(Scope.TRANSACTIONS_READ)
    if caller.agent_id is not None:
        raise Refusal(
            RefusalKind.FORBIDDEN, "members_only", "who charged is for members to look at"
        )
    async with services.store.unlocked(caller.org_id) as uow:
        rows = await uow.merchants.reviews(state=state, after=after, limit=limit)
        ruled = {one.id for one in rows if one.state is ReviewState.RULED}
        return [
            ReviewView(
                review=one,
                ruling=await uow.merchants.ruling_of(one.id) if one.id in ruled else None,
            )
            for one in rows
        ]


async def _require_open_intent(uow: UnitOfWork, review: MerchantReview) -> None:
    intent = await uow.intents.get(review.intent_id) if review.intent_id else None
    if intent is None:
        raise invalid(
            "intent_required",
            "no intent was open when this was declined: rule `always` or `other`",
            param="ruling",
        )
    if intent.state in ENDED:
        raise Refusal(
            RefusalKind.CONFLICT,
            "intent_ended",
            f"the intent is {intent.state}: the agent declares the purchase again, and its charge "
            "asks anew; or rule `always`",
            param="ruling",
        )


async def _rule(
    services: Services,
    uow: UnitOfWork,
    caller: Caller,
    *,
    vendor: str,
    merchant: Merchant,
    ruling: Ruling,
    comment: str,
    review: MerchantReview | None,
    follows: str | None = None,
) -> MerchantRuling:
    """Write the ruling. ``follows``: the one on the same merchant that this one repeats."""
    made = MerchantRuling(
        id=services.new_id(Prefix.RULING),
        review_id=review.id if review else None,
        vendor=vendor,
        merchant=observed(merchant),
        ruling=ruling,
        intent_id=review.intent_id if review and ruling is Ruling.ONCE else None,
        comment=comment,
        ruled_by=caller.actor,
        at=uow.now,
    )
    await uow.merchants.add_ruling(made)
    await uow.merchants.changed()
    await record(
        services,
        uow,
        "merchant.ruled",
        actor=caller.actor,
        subject=made.id,
        card_id=review.card_id if review else None,
        intent_id=review.intent_id if review else None,
        data={
            "review": made.review_id,
            "vendor": vendor,
            "merchant": made.merchant,
            "ruling": ruling.value,
            "comment": comment,
            **({"follows": follows} if follows else {}),
        },
    )
    return made


async def _answer_others(
    services: Services, uow: UnitOfWork, caller: Caller, made: MerchantRuling
) -> None:
    """Answer the other questions that wait about the same merchant, where the ruling settles them.

    The same merchant: the same ids, or, without any, the same name. What the ruling leaves
    ``unverified`` (another name under the same id, another country) stays a question.
    """
    if made.ruling is Ruling.ONCE:
        return
    known = await services.merchants.afresh(uow)
    answer = MatchResult.MATCH if made.ruling is Ruling.ALWAYS else MatchResult.NO_MATCH
    said = msgspec.convert(made.merchant, type=Merchant)
    for review in await uow.merchants.waiting(made.vendor):
        merchant = msgspec.convert(review.merchant, type=Merchant)
        card = await uow.cards.get(review.card_id)
        if card is None or not same_merchant(said, merchant):
            continue
        lock = MerchantLock(vendors=(made.vendor,), allow_facilitators=card.allow_facilitators)
        if known.match(lock, merchant).result is not answer:
            continue
        await _rule(
            services,
            uow,
            caller,
            vendor=made.vendor,
            merchant=merchant,
            ruling=made.ruling,
            comment=made.comment,
            review=review,
            follows=made.id,
        )
        await uow.merchants.ruled(review.id)
