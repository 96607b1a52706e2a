"""A purchase that was verified and settled teaches who its merchant is."""

from __future__ import annotations

from datetime import UTC

import msgspec

from signets.app.journal import SYSTEM, record
from signets.app.known_merchants import LEARNING
from signets.app.merchant_records import MerchantSettlement, Seen
from signets.app.records import Transaction
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.core.merchant.learning import Candidate, Settlement, candidates
from signets.core.merchant.model import MatchResult, Merchant, MerchantMatch
from signets.core.verification import VerdictStatus


async def learn_merchant(
    services: Services,
    uow: UnitOfWork,
    after: Transaction,
    merchant: Merchant,
    match: MerchantMatch,
) -> None:
    """Count the transaction's ids and name as seen, once, if it is verified and settled.

    What a member allowed once teaches nothing, nor does what came through a facilitator.
    """
    taught = (
        after.verdict == VerdictStatus.VERIFIED
        and after.cleared > 0
        and match.result is MatchResult.MATCH
        and match.vendor is not None
        and match.intent_id is None
    )
    if not taught or match.vendor is None:
        return
    settlement = MerchantSettlement(
        transaction_id=after.id,
        vendor=match.vendor,
        merchant=msgspec.to_builtins(merchant),
        at=uow.now,
    )
    directory = services.merchants.shipped
    if directory.facilitator(merchant.descriptor) is not None:
        return
    if not await uow.merchants.add_settlement(settlement):
        return
    day = uow.now.astimezone(UTC).date()
    one = Settlement(transaction_id=after.id, vendor=match.vendor, merchant=merchant, day=day)
    seen = [await uow.merchants.see(fact, day) for fact in candidates([one])]
    if any(_matters(fact) for fact in seen):
        await uow.merchants.changed()
    news = [fact for fact in seen if fact.before is None or _known(fact.before) != _known(fact.now)]
    if news:
        # Of the organization, not of the card: what it says outlives both card and intent.
        await record(
            services,
            uow,
            "merchant.seen",
            actor=SYSTEM,
            subject=after.id,
            data={
                "vendor": match.vendor,
                "facts": [
                    {
                        "kind": fact.now.kind.value,
                        "value": fact.now.value,
                        "settlements": fact.now.settlements,
                        "days": fact.now.days,
                        "known": _known(fact.now) and not fact.rivals,
                    }
                    for fact in news
                ],
            },
        )


def _known(fact: Candidate) -> bool:
    return fact.settlements >= LEARNING.settlements and fact.days >= LEARNING.days


def _matters(seen: Seen) -> bool:
    """Whether the matcher has to be told."""
    before, now = seen.before, seen.now
    if before is None:
        return seen.rivals or _known(now)
    changed = (before.mcc, before.country) != (now.mcc, now.country)
    return _known(now) and (changed or not _known(before))
