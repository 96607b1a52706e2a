"""Vendors and questions about merchants: ``/v1/merchants`` and ``/v1/merchant_reviews``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import BeforeValidator, ConfigDict, Field, RootModel, field_validator
from pydantic_core import PydanticCustomError

from signets.app import rule_on_merchant, vendors
from signets.app.merchant_records import ReviewState, Ruling
from signets.core.access import Scope
from signets.core.ids import Prefix
from signets.core.merchant.document import Category
from signets.core.merchant.model import Merchant
from signets.http.inputs import Input, Vendor, snake
from signets.http.outputs.base import Page, page_of
from signets.http.outputs.merchants import (
    MatchListOut,
    MatchOut,
    MerchantExplainedOut,
    MerchantKnowledgeOut,
    MerchantOut,
    MerchantReviewOut,
    MerchantRulingOut,
)
from signets.http.pages import After, Filter, Limit, cursor
from signets.http.routing import Ask, Endpoint
from signets.http.vendor_schema import vendor_body_schema

_ROWS = 1000

DomainPath = Annotated[str, Path(min_length=1, max_length=300, description="`openai.com`")]
Mcc = Annotated[str, Field(pattern=r"^[0-9]{4}$")]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Name = Annotated[str, Field(min_length=1, max_length=100, description="As the network sent it.")]
Seen = Annotated[str, Field(min_length=1, max_length=100)]
Comment = Annotated[str, Field(max_length=500)]


def _spelled(value: Any) -> Any:
    """Keys in snake_case, all the way down; a vendor's document has no keys of its own choice."""
    if isinstance(value, list):
        return [_spelled(one) for one in value]
    if not isinstance(value, dict):
        return value
    spelled: dict[str, Any] = {}
    for name, one in value.items():
        if snake(name) in spelled:
            raise PydanticCustomError(
                "field_twice",
                "is given in two spellings; give it once",
                {"field": snake(name)[:80]},
            )
        spelled[snake(name)] = _spelled(one)
    return spelled


class MerchantInput(RootModel[dict[str, Any]]):
    """A vendor of your own: a document like the directory's files, checked by the same schema."""

    model_config = ConfigDict(
        frozen=True,
        hide_input_in_errors=True,
        json_schema_extra={
            **vendor_body_schema(),
            "examples": [
                {
                    "brand": "Acme Search",
                    "category": "developer_tools",
                    "lines": [
                        {
                            "name": "api",
                            "patterns": [{"text": "ACME SEARCH API", "source": "observed"}],
                        }
                    ],
                    "mcc_groups": ["digital"],
                    "countries": [{"code": "US", "source": "observed"}],
                }
            ],
        },
    )

    @field_validator("root", mode="before")
    @classmethod
    def _spell(cls, given: Any) -> Any:
        return _spelled(given)


class MerchantRow(Input):
    """One merchant against one lock."""

    lock: Vendor
    descriptor: Name
    mcc: Mcc | None = None
    country: Country | None = None
    city: Seen | None = None
    acceptor_id: Seen | None = None
    network_id: Seen | None = None

    def merchant(self) -> Merchant:
        """As the matcher takes it."""
        return Merchant(
            descriptor=self.descriptor,
            mcc=self.mcc,
            country=self.country,
            city=self.city,
            acceptor_id=self.acceptor_id,
            network_id=self.network_id,
        )


class MatchInput(Input):
    """Merchants to hold against locks."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"rows": [{"lock": "openai.com", "descriptor": "OPENAI *CHATGPT", "country": "US"}]}
            ]
        }
    )

    rows: Annotated[list[MerchantRow], Field(min_length=1, max_length=_ROWS)]


class ExplainInput(MerchantRow):
    """A merchant to explain."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"lock": "aws.amazon.com", "descriptor": "AMZN Mktp US*A12BC3DE4", "country": "US"}
            ]
        }
    )


class LearnInput(MerchantRow):
    """A merchant that is, or is not, the vendor of the lock."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "lock": "acme-search.dev",
                    "descriptor": "ACME SEARCH",
                    "acceptor_id": "ACME00012345",
                    "ruling": "always",
                }
            ]
        }
    )

    ruling: Literal["always", "other"]
    comment: Comment = ""


class RulingInput(Input):
    """A member's answer."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ruling": "always"}]})

    ruling: Ruling = Field(
        description="`once`: this purchase, under its intent; `always`: this is the vendor; "
        "`other`: another merchant."
    )
    comment: Comment = ""


def _yes_no(value: Any) -> Any:
    if value in (None, True, False):
        return value
    if value not in ("true", "false"):
        raise PydanticCustomError("field_invalid", "must be `true` or `false`")
    return value == "true"


YesNo = Annotated[bool | None, BeforeValidator(_yes_no), Query()]


async def list_all(
    ask: Ask,
    category: Category | None = None,
    custom: YesNo = None,
    after: Filter = None,
    limit: Limit = 50,
) -> Page[MerchantOut]:
    """The directory with the organization's own vendors, ordered by domain."""
    rows = await vendors.list_vendors(
        ask.services,
        ask.caller,
        category=category,
        custom=custom,
        after=after,
        limit=limit + 1,
    )
    return page_of(rows, limit, MerchantOut.of)


async def get(ask: Ask, domain: DomainPath) -> MerchantOut:
    """One vendor, by its domain or an alias, with what the organization learned of it."""
    return MerchantOut.of(await vendors.get_vendor(ask.services, ask.caller, domain))


async def put(ask: Ask, domain: DomainPath, body: MerchantInput) -> MerchantOut:
    """Adds a vendor of your own, or its next version; in force from the answer on.

    It adds to the directory and never replaces: a domain, id or name that the directory knows is
    refused.
    """
    return MerchantOut.of(await vendors.put_vendor(ask.services, ask.caller, domain, body.root))


async def knowledge(ask: Ask) -> MerchantKnowledgeOut:
    """All that the organization knows beside the directory: its own vendors, and what it learned.

    With it and the directory of the same version, merchants can be matched without asking here.
    """
    return MerchantKnowledgeOut.of(await vendors.read_knowledge(ask.services, ask.caller))


async def explain(ask: Ask, body: ExplainInput) -> MerchantExplainedOut:
    """Why a merchant is, may be or is not the vendor of a lock, by all that is known."""
    found = await vendors.explain_merchant(ask.services, ask.caller, body.lock, body.merchant())
    return MerchantExplainedOut.explained(body.lock, body.descriptor, found)


async def match(ask: Ask, body: MatchInput) -> MatchListOut:
    """Holds up to 1000 merchants against locks, by all that the organization knows.

    Nothing is charged or learned; what a member allowed for one intent does not count.
    """
    rows = [(row.lock, row.merchant()) for row in body.rows]
    found = await vendors.match_merchants(ask.services, ask.caller, rows)
    return MatchListOut(
        data=[
            MatchOut.of(row.lock, row.descriptor, answer)
            for row, (_, answer) in zip(body.rows, found, strict=True)
        ]
    )


async def learn(ask: Ask, body: LearnInput) -> MerchantRulingOut:
    """Says of a merchant that it is, or is not, the vendor of a lock. A member's key alone."""
    return MerchantRulingOut.of(
        await rule_on_merchant.rule_on_merchant(
            ask.services, ask.caller, body.lock, body.merchant(), Ruling(body.ruling), body.comment
        )
    )


async def list_reviews(
    ask: Ask, state: ReviewState | None = None, after: After = None, limit: Limit = 50
) -> Page[MerchantReviewOut]:
    """Charges that were declined as `merchant_unverified`, newest first."""
    rows = await rule_on_merchant.list_reviews(
        ask.services,
        ask.caller,
        state=state,
        after=cursor(after, Prefix.REVIEW),
        limit=limit + 1,
    )
    return page_of(rows, limit, MerchantReviewOut.of)


async def rule(ask: Ask, review_id: str, body: RulingInput) -> MerchantReviewOut:
    """Answers who charged. The next charge is decided by it; the card stays as it is.

    A member's key alone. An answer is never changed; a later word on the merchant outweighs it.
    """
    return MerchantReviewOut.of(
        await rule_on_merchant.rule_on_review(
            ask.services, ask.caller, review_id, body.ruling, body.comment
        )
    )


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/v1/merchants",
        operation="merchants_list",
        call=list_all,
        summary="List vendors",
        scope=Scope.CARDS_READ,
    ),
    Endpoint(
        method="POST",
        path="/v1/merchants/match",
        operation="merchants_match",
        call=match,
        summary="Hold merchants against locks",
        scope=Scope.CARDS_READ,
    ),
    Endpoint(
        method="POST",
        path="/v1/merchants/explain",
        operation="merchants_explain",
        call=explain,
        summary="Explain a merchant",
        scope=Scope.CARDS_READ,
    ),
    Endpoint(
        method="GET",
        path="/v1/merchants/knowledge",
        operation="merchants_knowledge",
        call=knowledge,
        summary="Get what the organization knows",
        scope=Scope.CARDS_READ,
    ),
    Endpoint(
        method="POST",
        path="/v1/merchants/learn",
        operation="merchants_learn",
        call=learn,
        summary="Say who a merchant is",
        scope=Scope.INTENTS_DECIDE,
        status=201,
    ),
    Endpoint(
        method="GET",
        path="/v1/merchants/{domain}",
        operation="merchants_get",
        call=get,
        summary="Get a vendor",
        scope=Scope.CARDS_READ,
        refuses=(404,),
    ),
    Endpoint(
        method="PUT",
        path="/v1/merchants/{domain}",
        operation="merchants_put",
        call=put,
        summary="Put a vendor of your own",
        scope=Scope.POLICY_WRITE,
        refuses=(409,),
    ),
    Endpoint(
        method="GET",
        path="/v1/merchant_reviews",
        operation="merchant_reviews_list",
        call=list_reviews,
        summary="List questions about merchants",
        scope=Scope.TRANSACTIONS_READ,
        agents=False,
    ),
    Endpoint(
        method="POST",
        path="/v1/merchant_reviews/{review_id}/rule",
        operation="merchant_reviews_rule",
        call=rule,
        summary="Say who charged",
        scope=Scope.INTENTS_DECIDE,
        refuses=(404, 409),
    ),
)
