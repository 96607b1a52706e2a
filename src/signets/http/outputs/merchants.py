"""Answers about vendors, merchants, and questions about them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from signets.app.merchant_records import MerchantRuling, ReviewState, Ruling, VendorOrigin
from signets.app.rule_on_merchant import ReviewView
from signets.app.vendors import Explained, Knowledge, VendorView
from signets.core.merchant.model import MatchResult, MerchantMatch
from signets.http.outputs.base import Identified, JsonObject, Output, Time


class PatternOut(Output):
    """A form of the vendor's name, and where it is known from."""

    text: str
    line: str
    source: str
    ambiguous: bool
    note: str


class KnownIdOut(Output):
    """An acceptor or network id."""

    id: str
    source: str
    note: str


class LearnedOut(Output):
    """What this organization knows besides, by settlements or a member's word."""

    ids: list[str]
    names: list[str]
    other_ids: list[str] = Field(description="A member said that these are another merchant's.")
    other_names: list[str]


class MerchantOut(Identified):
    """A vendor that cards can be locked to; its id is its domain."""

    object: Literal["merchant"] = "merchant"
    domain: str
    brand: str
    category: str
    custom: bool = Field(description="The organization's own, not the directory's.")
    origin: VendorOrigin = Field(
        description="Whose word it is: `directory`, `organization` (put by API) or `policy`."
    )
    aliases: list[str]
    family: str | None
    legal_names: list[str]
    patterns: list[PatternOut]
    network_ids: list[KnownIdOut]
    mccs: list[str] = Field(description="None: any.")
    countries: list[str] = Field(description="None: any.")
    places: list[str]
    sold_through: list[str]
    learned: LearnedOut

    @classmethod
    def of(cls, view: VendorView) -> MerchantOut:
        """From the view."""
        vendor, learned = view.vendor, view.learned
        return cls(
            id=vendor.domain,
            domain=vendor.domain,
            brand=vendor.brand,
            category=vendor.category,
            custom=view.custom,
            origin=view.origin,
            aliases=list(vendor.aliases),
            family=vendor.family,
            legal_names=list(vendor.legal_names),
            patterns=[
                PatternOut(
                    text=one.text,
                    line=one.line,
                    source=one.source,
                    ambiguous=one.ambiguous,
                    note=one.note,
                )
                for one in vendor.patterns
            ],
            network_ids=[
                KnownIdOut(id=one.id, source=one.source, note=one.note)
                for one in vendor.network_ids
            ],
            mccs=sorted(vendor.mccs),
            countries=sorted(vendor.countries),
            places=list(vendor.places),
            sold_through=list(vendor.sold_through),
            learned=LearnedOut(
                ids=[one for _, one in learned.confirmed_ids],
                names=[one.descriptor for one in learned.confirmed_descriptors],
                other_ids=[one for _, one in learned.denied_ids],
                other_names=[one for _, one in learned.denied_descriptors],
            ),
        )


class MatchOut(Output):
    """Whether one merchant is the vendor of one lock."""

    lock: str
    descriptor: str
    result: MatchResult
    confidence: int = Field(description="How likely, 0 to 100, it is that vendor.")
    vendor: str | None
    reason: str

    @classmethod
    def of(cls, lock: str, descriptor: str, match: MerchantMatch) -> MatchOut:
        """From the matcher's answer."""
        return cls(
            lock=lock,
            descriptor=descriptor,
            result=match.result,
            confidence=match.confidence,
            vendor=match.vendor,
            reason=match.rule,
        )


class MatchListOut(Output):
    """The answers, in the order of the rows."""

    data: list[MatchOut]


class MerchantExplainedOut(MatchOut):
    """Why a merchant is, may be or is not the vendor of a lock."""

    read_as: str = Field(description="The name as the grammar sees it.")
    looks_like: str | None = Field(description="The vendor it looks like, whatever the lock.")
    origin: VendorOrigin | None = Field(
        description="Whose word the description of the lock's vendor is; null: nobody's, and its "
        "names are derived from the domain."
    )

    @classmethod
    def explained(cls, lock: str, descriptor: str, found: Explained) -> MerchantExplainedOut:
        """From the use case's answer."""
        told = MatchOut.of(lock, descriptor, found.match)
        return cls(
            **dict(told),
            read_as=found.read_as,
            looks_like=found.looks_like,
            origin=found.origin,
        )


class OwnVendorOut(Output):
    """A vendor of the organization's own."""

    origin: VendorOrigin
    document: JsonObject


class KnownFactOut(Output):
    """An id or a name of a vendor, by what was learned."""

    vendor: str
    value: str
    mcc: str | None = None
    country: str | None = None


class MerchantKnowledgeOut(Output):
    """What the organization knows beside the directory."""

    object: Literal["merchant_knowledge"] = "merchant_knowledge"
    vendors: list[OwnVendorOut]
    ids: list[KnownFactOut]
    names: list[KnownFactOut]
    other_ids: list[KnownFactOut] = Field(
        description="A member said that these are another merchant's."
    )
    other_names: list[KnownFactOut]

    @classmethod
    def of(cls, known: Knowledge) -> MerchantKnowledgeOut:
        """From the use case's answer."""
        learned = known.learned

        def pairs(facts: tuple[tuple[str, str], ...]) -> list[KnownFactOut]:
            return [KnownFactOut(vendor=vendor, value=value) for vendor, value in facts]

        return cls(
            vendors=[OwnVendorOut(origin=one, document=data) for one, data in known.vendors],
            ids=pairs(learned.confirmed_ids),
            names=[
                KnownFactOut(
                    vendor=one.vendor, value=one.descriptor, mcc=one.mcc, country=one.country
                )
                for one in learned.confirmed_descriptors
            ],
            other_ids=pairs(learned.denied_ids),
            other_names=pairs(learned.denied_descriptors),
        )


class ObservedOut(Output):
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


class MerchantRulingOut(Identified):
    """A member's word on a merchant."""

    object: Literal["merchant_ruling"] = "merchant_ruling"
    review_id: str | None
    vendor: str
    merchant: ObservedOut
    ruling: Ruling
    intent_id: str | None
    comment: str
    ruled_by: str
    at: Time

    @classmethod
    def of(cls, row: MerchantRuling) -> MerchantRulingOut:
        """From the record."""
        same = set(cls.model_fields) - {"object", "merchant"}
        return cls(
            **{name: getattr(row, name) for name in same}, merchant=ObservedOut(**row.merchant)
        )


class MerchantReviewOut(Identified):
    """A charge that was declined as `merchant_unverified`, and the answer to who it was."""

    object: Literal["merchant_review"] = "merchant_review"
    state: ReviewState
    vendor: str = Field(description="Who it may be.")
    merchant: ObservedOut
    confidence: int
    rule: str = Field(description="Why it was not let through.")
    amount: int
    currency: str
    decision_id: str
    transaction_id: str
    card_id: str
    agent_id: str
    intent_id: str | None = Field(description="The intent whose window was open.")
    attempts: int
    created_at: Time
    last_at: Time
    ruling: MerchantRulingOut | None

    @classmethod
    def of(cls, view: ReviewView) -> MerchantReviewOut:
        """From the view."""
        same = set(cls.model_fields) - {"object", "merchant", "ruling"}
        return cls(
            **{name: getattr(view.review, name) for name in same},
            merchant=ObservedOut(**view.review.merchant),
            ruling=MerchantRulingOut.of(view.ruling) if view.ruling else None,
        )
