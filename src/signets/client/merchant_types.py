"""Results about vendors, merchants, and who charged."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime

from signets.client.types import Value


class MerchantPattern(Value):
    """A form of a vendor's name. ``source``: observed, document or guess."""

    text: str
    line: str
    source: str
    ambiguous: bool = False
    note: str = ""


class MerchantId(Value):
    """An acceptor or network id of a vendor."""

    id: str
    source: str
    note: str = ""


class LearnedOfMerchant(Value):
    """What the organization knows of a vendor besides the directory."""

    ids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    other_ids: tuple[str, ...] = ()
    other_names: tuple[str, ...] = ()


class Merchant(Value):
    """A vendor that cards can be locked to; ``id`` is its domain.

    ``origin``: directory, organization (put by API) or policy.
    """

    id: str
    domain: str
    brand: str
    category: str
    custom: bool
    origin: str
    aliases: tuple[str, ...] = ()
    family: str | None = None
    legal_names: tuple[str, ...] = ()
    patterns: tuple[MerchantPattern, ...] = ()
    network_ids: tuple[MerchantId, ...] = ()
    mccs: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    sold_through: tuple[str, ...] = ()
    learned: LearnedOfMerchant


class LockMatch(Value):
    """``result``: match, no_match or unverified; ``confidence`` from 0 to 100."""

    lock: str
    descriptor: str
    result: str
    confidence: int
    vendor: str | None = None
    reason: str


class MerchantExplained(LockMatch):
    """Why. ``origin`` None: nobody describes the lock's vendor."""

    read_as: str
    looks_like: str | None = None
    origin: str | None = None


class OwnVendor(Value):
    """A vendor of the organization's own, as its document."""

    origin: str
    document: dict[str, Any]


class KnownFact(Value):
    """An id or a name of a vendor, by what was learned."""

    vendor: str
    value: str
    mcc: str | None = None
    country: str | None = None


class MerchantKnowledge(Value):
    """What the organization knows beside the directory."""

    vendors: tuple[OwnVendor, ...] = ()
    ids: tuple[KnownFact, ...] = ()
    names: tuple[KnownFact, ...] = ()
    other_ids: tuple[KnownFact, ...] = ()
    other_names: tuple[KnownFact, ...] = ()


class LockMatches(Value):
    """Answers in the order of what was asked."""

    data: tuple[LockMatch, ...]


class ObservedMerchant(Value):
    """A merchant as the network sent it."""

    descriptor: str
    acceptor_id: str | None = None
    network_id: str | None = None
    mcc: str | None = None
    country: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    phone: str | None = None
    url: str | None = None
    facilitator_id: str | None = None
    sub_merchant_id: str | None = None


class MerchantRuling(Value):
    """A member's word. ``ruling``: once, always or other."""

    id: str
    review_id: str | None = None
    vendor: str
    merchant: ObservedMerchant
    ruling: str
    intent_id: str | None = None
    comment: str = ""
    ruled_by: str
    at: AwareDatetime


class MerchantReview(Value):
    """A charge declined as ``merchant_unverified``. ``state``: waiting or ruled."""

    id: str
    state: str
    vendor: str
    merchant: ObservedMerchant
    confidence: int
    rule: str
    amount: int
    currency: str
    decision_id: str
    transaction_id: str
    card_id: str
    agent_id: str
    intent_id: str | None = None
    attempts: int
    created_at: AwareDatetime
    last_at: AwareDatetime
    ruling: MerchantRuling | None = None
