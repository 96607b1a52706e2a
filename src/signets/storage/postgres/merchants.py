"""What one organization has seen, been asked and decided about merchants."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from signets.app.merchant_records import (
    CustomVendor,
    MerchantReview,
    MerchantRuling,
    MerchantSettlement,
    ReviewState,
    Seen,
)
from signets.core.merchant.learning import Candidate, LearningPolicy
from signets.storage.postgres.rows import Table

SETTLEMENT = Table("merchant_settlement", MerchantSettlement)
SIGHTING = Table("merchant_sighting", Candidate)
REVIEW = Table("merchant_review", MerchantReview)
RULING = Table("merchant_ruling", MerchantRuling)
VENDOR = Table("custom_vendor", CustomVendor)


class MerchantFacts:
    """Sightings, reviews, rulings and custom vendors."""

    def __init__(self, connection: AsyncConnection[DictRow], org_id: str) -> None:
        self._db = connection
        self._org = org_id
        self._touched = False

    @property
    def touched(self) -> bool:
        """Whether this transaction has changed what the matcher is told."""
        return self._touched

    async def add_settlement(self, settlement: MerchantSettlement) -> bool:
        """Keep it; whether it is new (a purchase counts once, however often it is folded)."""
        cursor = await self._db.execute(
            SETTLEMENT.insert + " ON CONFLICT DO NOTHING",
            SETTLEMENT.params(self._org, settlement),
        )
        return cursor.rowcount == 1

    async def see(self, fact: Candidate, day: date) -> Seen:
        """Count one more settlement of an id or name; how it stood before, and stands now.

        ``day`` never goes back within an organization: its clock is read under the lock. What a
        first purchase confirmed stays so.
        """
        key = (self._org, fact.vendor, fact.kind, fact.value)
        cursor = await self._db.execute(
            SIGHTING.select + "WHERE org_id = %s AND vendor = %s AND kind = %s AND value = %s", key
        )
        row = await cursor.fetchone()
        cursor = await self._db.execute(
            "INSERT INTO merchant_sighting"
            " (org_id, vendor, kind, value, settlements, days, last_day, mcc, country,"
            " first_purchase) VALUES (%s, %s, %s, %s, 1, 1, %s, %s, %s, %s)"
            " ON CONFLICT (org_id, vendor, kind, value) DO UPDATE SET"
            " settlements = merchant_sighting.settlements + 1,"
            " days = merchant_sighting.days"
            " + (merchant_sighting.last_day < excluded.last_day)::integer,"
            " last_day = greatest(merchant_sighting.last_day, excluded.last_day),"
            " first_purchase = merchant_sighting.first_purchase OR excluded.first_purchase,"
            " mcc = CASE WHEN merchant_sighting.mcc = excluded.mcc THEN excluded.mcc END,"
            " country = CASE WHEN merchant_sighting.country = excluded.country"
            f" THEN excluded.country END RETURNING {SIGHTING.columns}",
            (*key, day, fact.mcc, fact.country, fact.first_purchase),
        )
        now = await cursor.fetchone()
        assert now is not None  # noqa: S101 - the statement writes one row
        cursor = await self._db.execute(
            "SELECT 1 FROM merchant_sighting"
            " WHERE org_id = %s AND kind = %s AND value = %s AND vendor <> %s LIMIT 1",
            (self._org, fact.kind, fact.value, fact.vendor),
        )
        return Seen(
            before=SIGHTING.read(row) if row else None,
            now=SIGHTING.read(now),
            rivals=await cursor.fetchone() is not None,
        )

    async def sightings(self, policy: LearningPolicy) -> list[Candidate]:
        """Those that the policy may take as known, each with all its rivals."""
        if policy.settlements == 0:
            return []
        cursor = await self._db.execute(
            SIGHTING.select + "WHERE org_id = %(org)s AND (kind, value) IN"
            " (SELECT kind, value FROM merchant_sighting"
            " WHERE org_id = %(org)s AND (first_purchase"
            " OR (settlements >= %(settlements)s AND days >= %(days)s)))",
            {"org": self._org, "settlements": policy.settlements, "days": policy.days},
        )
        return [SIGHTING.read(row) for row in await cursor.fetchall()]

    async def open_reviews(self, reviews: Sequence[MerchantReview]) -> list[str]:
        """Ask; the ids of those that are new. A question that waits already counts an attempt."""
        opened = []
        for review in reviews:
            cursor = await self._db.execute(
                REVIEW.insert + " ON CONFLICT (org_id, card_id, seen_as, coalesce(intent_id, ''))"
                " WHERE state = 'waiting' DO UPDATE SET"
                " attempts = merchant_review.attempts + 1, last_at = excluded.last_at"
                " RETURNING id",
                REVIEW.params(self._org, review),
            )
            row = await cursor.fetchone()
            if row is not None and row["id"] == review.id:
                opened.append(review.id)
        return opened

    async def review(self, review_id: str) -> MerchantReview | None:
        cursor = await self._db.execute(
            REVIEW.select + "WHERE org_id = %s AND id = %s", (self._org, review_id)
        )
        row = await cursor.fetchone()
        return REVIEW.read(row) if row else None

    async def reviews(
        self, *, state: ReviewState | None, after: str | None, limit: int
    ) -> list[MerchantReview]:
        """Newest first; ``after`` is the last id of the page before."""
        cursor = await self._db.execute(
            REVIEW.select + "WHERE org_id = %(org)s"
            " AND (%(state)s::text IS NULL OR state = %(state)s)"
            " AND (%(after)s::text IS NULL OR id < %(after)s) ORDER BY id DESC LIMIT %(limit)s",
            {"org": self._org, "state": state, "after": after, "limit": limit},
        )
        return [REVIEW.read(row) for row in await cursor.fetchall()]

    async def waiting(self, vendor: str) -> list[MerchantReview]:
        """Questions about one vendor that nobody answered, oldest first."""
        cursor = await self._db.execute(
            REVIEW.select + "WHERE org_id = %s AND vendor = %s AND state = 'waiting' ORDER BY id",
            (self._org, vendor),
        )
        return [REVIEW.read(row) for row in await cursor.fetchall()]

    async def ruled(self, review_id: str) -> None:
        """Somebody has looked."""
        await self._db.execute(
            "UPDATE merchant_review SET state = 'ruled' WHERE org_id = %s AND id = %s",
            (self._org, review_id),
        )

    async def add_ruling(self, ruling: MerchantRuling) -> None:
        await self._db.execute(RULING.insert, RULING.params(self._org, ruling))

    async def rulings(self) -> list[MerchantRuling]:
        """All that can still matter, oldest first: permissions of ended intents are left out."""
        cursor = await self._db.execute(
            f"SELECT {RULING.qualified} FROM merchant_ruling"
            " LEFT JOIN intent ON intent.org_id = merchant_ruling.org_id"
            " AND intent.id = merchant_ruling.intent_id"
            " WHERE merchant_ruling.org_id = %s AND intent.ended_at IS NULL"
            " ORDER BY merchant_ruling.at, merchant_ruling.id",
            (self._org,),
        )
        return [RULING.read(row) for row in await cursor.fetchall()]

    async def ruling_of(self, review_id: str) -> MerchantRuling | None:
        cursor = await self._db.execute(
            RULING.select + "WHERE org_id = %s AND review_id = %s", (self._org, review_id)
        )
        row = await cursor.fetchone()
        return RULING.read(row) if row else None

    async def put_vendor(self, vendor: CustomVendor) -> None:
        await self._db.execute(VENDOR.insert, VENDOR.params(self._org, vendor))

    async def vendors(self) -> list[CustomVendor]:
        """The newest version of each, by domain."""
        cursor = await self._db.execute(
            f"SELECT DISTINCT ON (domain) {VENDOR.columns} FROM custom_vendor"
            " WHERE org_id = %s ORDER BY domain, version DESC",
            (self._org,),
        )
        return [VENDOR.read(row) for row in await cursor.fetchall()]

    async def changed(self, *, vendors: bool = False) -> None:
        """Tell every process that what it has in memory is old."""
        self._touched = True
        column = "vendors_version" if vendors else "merchants_version"
        await self._db.execute(
            f"UPDATE organization SET {column} = {column} + 1 WHERE org_id = %s", (self._org,)
        )
