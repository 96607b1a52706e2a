"""Words of the transaction fold: what an issuer says happened, in our normal form.

Amounts in an event are *magnitudes* in minor units of ``currency`` (the billing currency); the
kind tells the direction. Sources: Lithic "transaction flow" and Stripe Issuing "transactions"
pages; the kinds are the union of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import msgspec

from signets.core.merchant.model import Merchant


class EventKind(StrEnum):
    """Life-cycle messages of a card transaction."""

    AUTHORIZATION = "authorization"  # adds ``amount`` to the hold (first request or increment)
    ADVICE = "advice"  # sets the hold to the *absolute* ``amount``
    REVERSAL = "reversal"  # takes ``amount`` off the hold, capped at the hold
    EXPIRY = "expiry"  # releases what is left of the hold
    CLEARING = "clearing"  # money moves to the merchant
    FINANCIAL = "financial"  # single message: authorization and clearing at once
    REFUND = "refund"  # money comes back (Lithic RETURN)
    REFUND_REVERSAL = "refund_reversal"
    CREDIT_AUTHORIZATION = "credit_authorization"  # announces a refund; moves nothing
    CORRECTION_DEBIT = "correction_debit"
    CORRECTION_CREDIT = "correction_credit"
    DISPUTE_OPENED = "dispute_opened"
    PROVISIONAL_CREDIT = "provisional_credit"  # the issuer credits a claim before its outcome
    PROVISIONAL_REVERSED = "provisional_reversed"  # and takes it back
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"
    BALANCE_INQUIRY = "balance_inquiry"
    UNKNOWN = "unknown"  # stored and flagged, never dropped


class EventResult(StrEnum):
    """Whether the network let the message through."""

    APPROVED = "approved"
    DECLINED = "declined"
    UNKNOWN = "unknown"  # e.g. Lithic UNKNOWN_HOST_TIMEOUT: we did not answer in time


class DecidedBy(StrEnum):
    """*Who* decided an authorization."""

    US = "us"  # our answer to the real-time request
    ISSUER = "issuer"  # issuer's own rule or card state
    TIMEOUT = "timeout"  # nobody answered in time
    STAND_IN = "stand_in"  # the network answered for everyone
    NOBODY = "nobody"  # nothing to decide (clearing, reversal, …)


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleEvent:
    """One message about one transaction. ``token`` is unique per issuer connection."""

    token: str
    kind: EventKind
    result: EventResult
    amount: int
    currency: str
    created: datetime
    merchant_amount: int | None = None
    merchant_currency: str | None = None
    decided_by: DecidedBy = DecidedBy.NOBODY
    raw_kind: str = ""  # the issuer's own words, kept for people and for unknown kinds
    raw_result: str = ""
    reason: str = ""  # where declined: our nearest reason, or `issuer_declined` (core.reasons)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What the issuer itself says stands on the transaction, where it says so at all.

    Positive means money of ours: ``held`` still blocked, ``settled`` net cleared (refunds make it
    smaller or negative).
    """

    held: int
    settled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A whole transaction as an issuer sent it (webhook or API read).

    Later snapshots hold all earlier events. ``totals`` is ``None`` for issuers that send single
    objects (Stripe), whose amounts are computed from the events.
    """

    transaction_token: str  # equals AuthorizationRequest.request_id where there was one
    card_token: str
    currency: str
    merchant: Merchant
    created: datetime
    updated: datetime
    events: tuple[LifecycleEvent, ...]
    totals: Totals | None = None
    status: str = ""  # issuer's own word, informative only
    original_token: str | None = None  # a linked earlier transaction, where the network names it


class OurApproval(msgspec.Struct, frozen=True, kw_only=True):
    """One approval of ours on the transaction's request.

    Attributes:
        decision_id: The decision, ``dec_…``.
        amount: What it *added*: the whole amount the first time, the difference on an increment.
        decided_at: When our decision committed.
        void: The approval was never sent, or the issuer was asked and knows nothing of it.
        merchant_amount: The same difference in the merchant's currency.
    """

    decision_id: str
    amount: int
    decided_at: datetime
    void: bool = False
    merchant_amount: int | None = None
    merchant_currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTotals:
    """An issuer's totals and how new they are: what a store keeps beside the events."""

    totals: Totals
    event_count: int  # distinct events in the snapshot that carried them
    updated: datetime
