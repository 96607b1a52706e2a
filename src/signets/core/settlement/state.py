"""The result of the fold: one card transaction as it stands now."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from signets.core.settlement.model import DecidedBy, EventKind, LifecycleEvent


class TransactionStatus(StrEnum):
    """One word for people. No status is terminal for money, and no rule reads it."""

    PENDING = "pending"
    PARTIALLY_CLEARED = "partially_cleared"
    SETTLED = "settled"
    REVERSED = "reversed"
    EXPIRED = "expired"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    DECLINED = "declined"
    UNKNOWN = "unknown"  # only messages that we cannot read


class MerchantSide(msgspec.Struct, frozen=True, kw_only=True):
    """The same transaction in the merchant's currency, minor units."""

    currency: str
    authorized: int
    held: int
    reversed: int
    cleared: int


class TransactionState(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction after every message so far. Minor units of ``currency``; none is negative.

    Attributes:
        events: All known messages, deduplicated, in the issuer's own order.
        authorized: Everything that was ever added to the hold, ours and unasked.
        held: What blocks money now, ``unconfirmed`` included.
        unconfirmed: The part of ``held`` that we approved and no issuer event names yet.
        reversed: Holds given back by reversals and lowering advices.
        expired: Holds given back by expiry.
        cleared: Money that moved to the merchant, corrections included, refunds not taken off.
        refunded: Money that came back.
        disputed: Claims open now.
        recovered: Claims won.
        provisional: What the issuer credited on open claims; no budget has it back.
        merchant: The merchant's side, where every message tells its amount in one currency and
            it says anything that the billing side does not.
        decided_by: Who decided the first authorization.
        authorized_at: When we first approved; else when money was first touched.
        force_post: Money cleared that no authorization, and no approval of ours, preceded.
        stand_in: Money was held that we did not approve: the network answered for us, or the
            issuer let through what we declined or were never asked.
        late_clearing: A clearing came after its hold had expired or been reversed in full.
        unknown_events: Messages we cannot read (kind, result, or a currency other than the
            transaction's); they moved nothing.
        totals_differ: The issuer's own totals are not what its events add up to; its totals won.
        needs_reread: Events are known that the newest totals do not cover, or two that change
            each other's effect carry one time: read the object again from the issuer.
    """

    currency: str
    events: tuple[LifecycleEvent, ...]
    authorized: int
    held: int
    unconfirmed: int
    reversed: int
    expired: int
    cleared: int
    refunded: int
    disputed: int
    recovered: int
    provisional: int
    merchant: MerchantSide | None
    status: TransactionStatus
    first_kind: EventKind | None
    decided_by: DecidedBy
    authorized_at: datetime | None
    force_post: bool
    stand_in: bool
    late_clearing: bool
    unknown_events: tuple[LifecycleEvent, ...]
    totals_differ: bool
    needs_reread: bool

    def use(self) -> int:
        """What an intent's reservation has turned into: held + cleared.

        A refund does not give a purchase its money back to spend.
        """
        return self.held + self.cleared

    def exposure(self, *, refunds_restore: bool = True) -> int:
        """What counts against a limit or budget: held + cleared - refunds (as policy says).

        Never negative: an unlinked refund is a credit on the card, not room in a budget.
        """
        back = self.refunded + self.recovered if refunds_restore else 0
        return self.held + max(0, self.cleared - back)
