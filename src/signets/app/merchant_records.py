"""Rows of what an organization knows about merchants, and what use cases need of their tables.

``merchant`` columns hold a :class:`signets.core.merchant.model.Merchant` as plain data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol

from signets.core.merchant.learning import Candidate, LearningPolicy


class Ruling(StrEnum):
    """What a member says about a merchant that was observed."""

    ONCE = "once"  # it may be charged under one intent; nothing is learned
    ALWAYS = "always"  # this is the vendor
    OTHER = "other"  # this is another merchant


class ReviewState(StrEnum):
    """Whether somebody has looked."""

    WAITING = "waiting"
    RULED = "ruled"


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantReview:
    """A charge that was declined because its merchant is not proven to be the lock's vendor.

    ``amount`` in minor units of ``currency``, as the first attempt asked; ``seen_as`` is a digest
    of the merchant: a retry counts as another attempt at the same review.
    """

    id: str
    vendor: str
    merchant: dict[str, Any]
    seen_as: str
    confidence: int
    rule: str
    amount: int
    currency: str
    decision_id: str
    transaction_id: str
    card_id: str
    agent_id: str
    intent_id: str | None
    attempts: int
    state: ReviewState
    created_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantRuling:
    """A member's word; never changed. ``intent_id`` goes with ``once`` alone."""

    id: str
    review_id: str | None
    vendor: str
    merchant: dict[str, Any]
    ruling: Ruling
    intent_id: str | None
    comment: str
    ruled_by: str
    at: datetime


class VendorOrigin(StrEnum):
    """Whose word a vendor's description is."""

    DIRECTORY = "directory"  # ships with Signets
    ORGANIZATION = "organization"  # put by API or command line
    POLICY = "policy"  # stands in the policy in force


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomVendor:
    """One version of an organization's own vendor."""

    domain: str
    version: int
    document: dict[str, Any]
    put_by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantSettlement:
    """A purchase that was verified and settled, with its merchant as the network sent it."""

    transaction_id: str
    vendor: str
    merchant: dict[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An id or name, before and after one more settlement; ``rivals``: others have it too."""

    before: Candidate | None
    now: Candidate
    rivals: bool


class MerchantFacts(Protocol):
    """What one organization has seen, been asked and decided about merchants."""

    @property
    def touched(self) -> bool: ...

    async def add_settlement(self, settlement: MerchantSettlement) -> bool: ...

    async def see(self, fact: Candidate, day: date) -> Seen: ...

    async def sightings(self, policy: LearningPolicy) -> list[Candidate]: ...

    async def open_reviews(self, reviews: Sequence[MerchantReview]) -> list[str]: ...

    async def review(self, review_id: str) -> MerchantReview | None: ...

    async def reviews(
        self, *, state: ReviewState | None, after: str | None, limit: int
    ) -> list[MerchantReview]: ...

    async def waiting(self, vendor: str) -> list[MerchantReview]: ...

    async def ruled(self, review_id: str) -> None: ...

    async def add_ruling(self, ruling: MerchantRuling) -> None: ...

    async def rulings(self) -> list[MerchantRuling]: ...

    async def ruling_of(self, review_id: str) -> MerchantRuling | None: ...

    async def put_vendor(self, vendor: CustomVendor) -> None: ...

    async def vendors(self) -> list[CustomVendor]: ...

    async def changed(self, *, vendors: bool = False) -> None: ...
