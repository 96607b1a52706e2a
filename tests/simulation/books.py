"""An independent, simple model: bounds recomputed from raw rows, by brute force.

It shares no arithmetic with Signets: windows and periods, exposure and usage are computed anew
from transactions, intents, decisions and velocity rows.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import DictRow


@dataclass(frozen=True)
class Stake:
    """Money of one card, or of what one budget counts."""

    spent: int
    reserved: int


def period_began(period: str, now: datetime, zone: str) -> datetime:
    """Local midnight of the first day of the calendar period."""
    local = now.astimezone(ZoneInfo(zone))
    first = local.date()
    if period == "week":
        first -= timedelta(days=first.isoweekday() - 1)
    if period == "month":
        first -= timedelta(days=first.day - 1)
    return datetime(first.year, first.month, first.day, tzinfo=ZoneInfo(zone))


class Books:
    """What the database says right now, about one organization."""

    def __init__(self, connection: psycopg.Connection[DictRow], org_id: str) -> None:
        self._db = connection
        self._org = org_id
        self.transactions = self._all("SELECT * FROM transaction WHERE org_id = %s")
        self.intents = {
            row["id"]: row
            for row in self._all(
                "SELECT *, EXISTS (SELECT 1 FROM unlock_window w WHERE w.org_id = intent.org_id"
                " AND w.intent_id = intent.id AND w.ended_at IS NULL) AS is_open"
                " FROM intent WHERE org_id = %s"
            )
        }
        self.cards = {row["id"]: row for row in self._all("SELECT * FROM card WHERE org_id = %s")}
        self.began = {
            row["subject_id"]: row["counts_at"]
            for row in self._all("SELECT subject_id, counts_at FROM exposure WHERE org_id = %s")
        }
        self.used: Counter[str] = Counter()
        for row in self.transactions:
            if row["intent_id"]:
                self.used[row["intent_id"]] += row["held"] + row["cleared"]

    def _all(self, sql: str) -> list[DictRow]:
        return self._db.execute(sql, (self._org,)).fetchall()

    def reserved(self, intent: dict[str, Any]) -> int:
        """What a live intent still sets aside."""
        live = intent["state"] in ("approved", "authorized") and intent["is_open"]
        return max(0, intent["max_total"] - self.used[intent["id"]]) if live else 0

    def of_card(self, card_id: str) -> Stake:
        """Everything on the card, over its whole life."""
        mine = [row for row in self.transactions if row["card_id"] == card_id]
        intents = [row for row in self.intents.values() if row["card_id"] == card_id]
        return Stake(
            sum(row["held"] + row["cleared"] for row in mine),
            sum(self.reserved(row) for row in intents),
        )

    def of_budget(
        self, budget: dict[str, Any], key: dict[str, Any], now: datetime, zone: str
    ) -> Stake:
        """What the budget counts at ``key`` in the period that holds ``now``."""
        since = period_began(budget["period"], now, zone)
        spent = reserved = 0
        for row in self.transactions:
            intent = self.intents.get(row["intent_id"] or "")
            began = self.began.get(row["intent_id"] or row["id"])
            vendor = intent["vendor"] if intent else row["vendor"]
            if began is None or began < since or not _counts(key, row["agent_id"], vendor):
                continue
            back = row["refunded"] + row["recovered"]
            spent += row["held"] + row["cleared"] - min(row["cleared"], back)
        for intent in self.intents.values():
            began = self.began.get(intent["id"])
            if (
                began is not None
                and began >= since
                and _counts(key, intent["agent_id"], intent["vendor"])
            ):
                reserved += self.reserved(intent)
        return Stake(spent, reserved)

    def velocity(
        self, cap: dict[str, Any], key: dict[str, Any], now: datetime, zone: str
    ) -> tuple[int, int]:
        """``(count, amount)`` of the cap's window that ends at ``now``."""
        window = cap["window"]
        calendar = window in ("day", "week", "month")
        count = amount = 0
        for row in self._all("SELECT * FROM velocity_event WHERE org_id = %s"):
            inside = (
                row["at"] >= period_began(window, now, zone)
                if calendar
                else row["at"] > now - timedelta(seconds=int(window[:-1]))
            )
            if (
                inside
                and (row["approved"] or cap.get("measure") == "attempts")
                and cap["name"] not in row["capped_by"]
                and all(
                    row[f"{name}_id" if name != "vendor" else name] == wanted
                    for name, wanted in key.items()
                )
            ):
                count += row["counts"]
                amount += row["amount"]
        return count, amount


def _counts(key: dict[str, Any], agent_id: str | None, vendor: str | None) -> bool:
    return key.get("agent", agent_id) == agent_id and key.get("vendor", vendor) == vendor
