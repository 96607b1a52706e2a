"""A purchase that was verified and settled teaches who its merchant is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC

import msgspec

from signets.app.journal import SYSTEM, record
from signets.app.merchant_records import MerchantSettlement, Seen
from signets.app.records import Transaction
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.core.merchant.learning import (
    FactKind,
    LearningPolicy,
    Settlement,
    candidates,
    confirms_vendor,
)
from signets.core.merchant.model import MatchResult, Merchant, MerchantMatch
from signets.core.verification import VerdictStatus


async def learn_merchant(
    services: Services,
    uow: UnitOfWork,
    policy: LearningPolicy,
    after: Transaction,
    merchant: Merchant,
    match: MerchantMatch,
    settled: Merchant | None,
) -> None:
    """Count the transaction's ids and name as seen, once, if it is verified and settled.

    What came through a facilitator teaches nothing, nor what a member allowed once: but for the
    first purchase at a vendor that nobody described, which confirms its ids.
    """
    vendor = match.vendor
    verified = after.verdict == VerdictStatus.VERIFIED and after.cleared > 0
    if not verified or vendor is None or match.result is not MatchResult.MATCH:
        return
    if services.merchants.shipped.facilitator(merchant.descriptor) is not None:
        return
    first = False
    if match.intent_id is not None:
        known = await services.merchants.of(uow)
        first = confirms_vendor(
            vendor, merchant, settled or merchant, known.directory, known.learned, policy
        )
        if not first:
            return
    settlement = MerchantSettlement(
        transaction_id=after.id, vendor=vendor, merchant=msgspec.to_builtins(merchant), at=uow.now
    )
    if not await uow.merchants.add_settlement(settlement):
        return
    seen = await _see(uow, settlement, merchant, first=first)
    if any(_matters(fact, policy) for fact in seen):
        await uow.merchants.changed()
    news = [
        fact
        for fact in seen
        if fact.before is None or policy.knows(fact.before) != policy.knows(fact.now)
    ]
    if news:
        # Of the organization, not of the card: what it says outlives both card and intent.
        await record(
            services,
            uow,
            "merchant.first_purchase" if first else "merchant.seen",
            actor=SYSTEM,
            subject=after.id,
            data={"vendor": vendor, "facts": [_told(fact, policy) for fact in news]},
        )


async def _see(
    uow: UnitOfWork, settlement: MerchantSettlement, merchant: Merchant, *, first: bool
) -> Sequence[Seen]:
    """Count each fact. A first purchase confirms ids: a name is never known by one purchase."""
    day = uow.now.astimezone(UTC).date()
    one = Settlement(
        transaction_id=settlement.transaction_id,
        vendor=settlement.vendor,
        merchant=merchant,
        day=day,
    )
    return [
        await uow.merchants.see(
            replace(fact, first_purchase=first and fact.kind is FactKind.ID), day
        )
        for fact in candidates([one])
    ]


def _told(fact: Seen, policy: LearningPolicy) -> dict[str, object]:
    return {
        "kind": fact.now.kind.value,
        "value": fact.now.value,
        "settlements": fact.now.settlements,
        "days": fact.now.days,
        "known": policy.knows(fact.now) and not fact.rivals,
    }


def _matters(seen: Seen, policy: LearningPolicy) -> bool:
    """Whether the matcher has to be told."""
    before, now = seen.before, seen.now
    if before is None:
        return seen.rivals or policy.knows(now)
    changed = (before.mcc, before.country) != (now.mcc, now.country)
    return policy.knows(now) and (changed or not policy.knows(before))
