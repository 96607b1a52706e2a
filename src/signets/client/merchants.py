"""``client.merchants`` and ``.merchant_reviews``: who cards are locked to, and who charged."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from signets.client.call import Call, Part, Repeat, get, given, many, one, path_id, post
from signets.client.merchant_types import (
    LockMatches,
    Merchant,
    MerchantExplained,
    MerchantKnowledge,
    MerchantReview,
    MerchantRuling,
)
from signets.client.operation import Resource, RunnerT, listing, operation


class Merchants(Resource[RunnerT]):
    """Vendors: the directory's and the organization's own."""

    @listing
    def list(
        self,
        *,
        category: str | None = None,
        custom: bool | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> Call[Part[Merchant]]:
        """Vendors, ordered by domain. ``limit``: page size, 1 to 100."""
        wanted = None if custom is None else str(custom).lower()
        return many(
            "/v1/merchants", Merchant, limit=limit, after=after, category=category, custom=wanted
        )

    @operation
    def get(self, domain: str | Merchant) -> Call[Merchant]:
        """One vendor, by its domain or an alias."""
        return get(f"/v1/merchants/{path_id(domain, param='domain')}", one(Merchant))

    @operation
    def put(self, domain: str, document: Mapping[str, Any]) -> Call[Merchant]:
        """Add a vendor of your own, or its next version."""
        return Call(
            method="PUT",
            path=f"/v1/merchants/{path_id(domain, param='domain')}",
            read=one(Merchant),
            body=dict(document),
        )

    @operation
    def match(self, rows: Sequence[Mapping[str, Any]]) -> Call[LockMatches]:
        """Hold up to 1000 merchants (``lock``, ``descriptor``, …) against locks."""
        body: dict[str, builtins.list[dict[str, Any]]] = {"rows": [dict(row) for row in rows]}
        return post("/v1/merchants/match", one(LockMatches), body=body)

    @operation
    def explain(
        self,
        lock: str,
        descriptor: str,
        *,
        mcc: str | None = None,
        country: str | None = None,
        city: str | None = None,
        acceptor_id: str | None = None,
        network_id: str | None = None,
    ) -> Call[MerchantExplained]:
        """Why a merchant is, may be or is not the vendor of ``lock``."""
        body = given(
            lock=lock,
            descriptor=descriptor,
            mcc=mcc,
            country=country,
            city=city,
            acceptor_id=acceptor_id,
            network_id=network_id,
        )
        return post("/v1/merchants/explain", one(MerchantExplained), body=body)

    @operation
    def knowledge(self) -> Call[MerchantKnowledge]:
        """What the organization knows beside the directory: its own vendors, what it learned."""
        return get("/v1/merchants/knowledge", one(MerchantKnowledge))

    @operation
    def learn(
        self,
        lock: str,
        descriptor: str,
        *,
        ruling: Literal["always", "other"],
        mcc: str | None = None,
        country: str | None = None,
        city: str | None = None,
        acceptor_id: str | None = None,
        network_id: str | None = None,
        comment: str | None = None,
    ) -> Call[MerchantRuling]:
        """Say of a merchant that it is, or is not, the vendor of ``lock``."""
        body = given(
            lock=lock,
            descriptor=descriptor,
            ruling=ruling,
            mcc=mcc,
            country=country,
            city=city,
            acceptor_id=acceptor_id,
            network_id=network_id,
            comment=comment,
        )
        return post("/v1/merchants/learn", one(MerchantRuling), body=body, repeat=Repeat.UNEXECUTED)


class MerchantReviews(Resource[RunnerT]):
    """Charges that were declined because it is not proven who charged."""

    @listing
    def list(
        self,
        *,
        state: Literal["waiting", "ruled"] | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> Call[Part[MerchantReview]]:
        """Reviews, newest first. ``limit``: page size, 1 to 100."""
        return many("/v1/merchant_reviews", MerchantReview, limit=limit, after=after, state=state)

    @operation
    def rule(
        self,
        review_id: str | MerchantReview,
        *,
        ruling: Literal["once", "always", "other"],
        comment: str | None = None,
    ) -> Call[MerchantReview]:
        """Answer: this purchase only, this is the vendor, or another merchant."""
        return post(
            f"/v1/merchant_reviews/{path_id(review_id, param='review_id')}/rule",
            one(MerchantReview),
            body=given(ruling=ruling, comment=comment),
            repeat=Repeat.UNEXECUTED,
        )
