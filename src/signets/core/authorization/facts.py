"""What a decision is made on: facts gathered under the organization's lock, frozen."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from signets.core.card import CardState, UnlockWindow
from signets.core.intent import Bounds, IntentState
from signets.core.merchant.model import MerchantLock, MerchantMatch
from signets.core.policy.model import Breaker, Budget, Cap, Tolerance, Verification
from signets.core.velocity import Exposure, Usage


class CardFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The card asked about.

    ``frozen`` names the levels that are frozen (``card``, ``agent``, ``organization``);
    ``tripped`` says that the circuit breaker has locked the card and no member has reset it.
    Limits are minor units of ``currency``; ``exposure`` is the card's in its limit period.
    """

    card_id: str
    agent_id: str
    state: CardState
    frozen: tuple[str, ...]
    lock: MerchantLock
    currency: str
    spending_limit: int
    per_authorization_limit: int | None
    exposure: Exposure
    tripped: bool = False


class IntentFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The intent whose window is on the card.

    Amounts are minor units of the intent's ``currency``; ``reserved`` is what is still reserved,
    in the card's currency. ``used`` is held plus cleared over all its transactions, ``charges`` the
    count of charges that stand. ``vendor`` is the canonical domain that it may be spent at.
    """

    intent_id: str
    state: IntentState
    bounds: Bounds
    currency: str
    expected_amount: int
    vendor: str
    used: int
    charges: int
    reserved: int


class KnownRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What we already decided under the same issuer request id.

    ``approved_amount`` is the sum of our approvals so far (billing currency, void ones left out),
    ``approved_intent_amount`` what they used of the intent, in its currency (verifications use
    nothing); ``first_approved_at`` when the first was. ``intent_id`` is the intent that paid, so
    ``None`` where only verifications and credits were approved; ``verification`` says that only
    verifications were.
    """

    approved_amount: int
    approved_intent_amount: int
    first_approved_at: datetime
    intent_id: str | None
    verification: bool


class LiveAuthorization(msgspec.Struct, frozen=True, kw_only=True):
    """Another authorization of this card that still holds money."""

    request_id: str
    vendor: str | None
    amount: int
    currency: str
    intent_id: str | None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that :func:`signets.core.authorization.decide.decide` looks at."""

    card: CardFacts | None
    match: MerchantMatch | None = None
    window: UnlockWindow | None = None
    intent: IntentFacts | None = None
    known: KnownRequest | None = None
    live: tuple[LiveAuthorization, ...] = ()
    caps: tuple[tuple[Cap, Usage], ...] = ()
    budgets: tuple[tuple[Budget, Exposure], ...] = ()
    blocked_categories: tuple[str, ...] = ()
    blocked_countries: tuple[str, ...] = ()
    tolerance: Tolerance = Tolerance()
    verification: Verification = Verification()
    verifications_today: int = 0
    breaker: Breaker = Breaker()
    recent_declines: int = 0  # of this card and vendor, within the breaker's time
    grace: timedelta = timedelta(minutes=10)
    zone: str = "UTC"
