"""Spending controls: what Stripe itself declines before it asks.

Limits count in whole UTC periods. A card without any limit has Stripe's default of 500 units a
day, and no authorization may exceed 10,000 (second-hand: Stripe documents neither in a place that
could be read for this sandbox).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from psycopg.rows import DictRow

from signets.core.money import EXPONENTS
from signets.issuers.sandbox.engine.base import Connection, Json
from signets.issuers.sandbox.engine.checks import declined, spent
from signets.issuers.sandbox.engine.faces import Presented
from signets.issuers.sandbox.engine.purchase import Cause, Verdict
from signets.issuers.sandbox.stripe_face.categories import category_of
from signets.issuers.sandbox.stripe_face.wire import StripeError

_DEFAULT_DAILY_UNITS = 500
_MOST_UNITS = 10_000

Interval = Literal["per_authorization", "daily", "weekly", "monthly", "yearly", "all_time"]
Presence = Literal["present", "not_present"]


class Limit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At most ``amount`` in an interval, of some categories or of all."""

    amount: Annotated[int, Meta(ge=1)]
    interval: Interval
    categories: list[str] | None = None


Unset = Literal[""]


class Controls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``spending_controls`` of a card; an empty text unsets a list."""

    allowed_card_presences: list[Presence] | Unset | None = None
    allowed_categories: list[str] | Unset | None = None
    allowed_merchant_countries: list[str] | Unset | None = None
    blocked_card_presences: list[Presence] | Unset | None = None
    blocked_categories: list[str] | Unset | None = None
    blocked_merchant_countries: list[str] | Unset | None = None
    spending_limits: list[Limit] = msgspec.field(default_factory=list)


def stored(controls: Controls) -> Json:
    """What is kept of ``controls``.

    Raises:
        StripeError: 400 where both sides of a pair are given.
    """
    content: Json = {k: v or None for k, v in msgspec.to_builtins(controls).items()}
    content["spending_limits"] = content["spending_limits"] or []
    for name in ("card_presences", "categories", "merchant_countries"):
        if content[f"allowed_{name}"] and content[f"blocked_{name}"]:
            raise StripeError(
                400,
                f"You cannot set both allowed_{name} and blocked_{name}",
                param=f"spending_controls[allowed_{name}]",
            )
    return content


async def controls_check(
    connection: Connection, card: DictRow, presented: Presented, now: datetime
) -> Verdict | None:
    """The decline of the card's controls; ``None`` where they let it pass."""
    refused = declined(Cause.SPEND_LIMIT)
    controls = msgspec.convert(card["controls"], Controls)
    category = category_of(presented.merchant.mcc)
    for value, allowed, blocked in (
        (category, controls.allowed_categories, controls.blocked_categories),
        (
            presented.merchant.country,
            controls.allowed_merchant_countries,
            controls.blocked_merchant_countries,
        ),
        ("not_present", controls.allowed_card_presences, controls.blocked_card_presences),
    ):
        if (allowed and value not in allowed) or (blocked and value in blocked):
            return refused
    if presented.is_credit or presented.amount == 0:
        return None
    unit = 10 ** EXPONENTS[card["currency"]]
    if presented.amount > _MOST_UNITS * unit:
        return refused
    default = Limit(amount=_DEFAULT_DAILY_UNITS * unit, interval="daily")
    for limit in controls.spending_limits or [default]:
        if limit.categories and category not in limit.categories:
            continue
        used = 0
        if limit.interval != "per_authorization":
            used = await spent(connection, card, _start(limit.interval, now))
        if used + presented.amount > limit.amount:
            return refused
    return None


def _start(interval: Interval, now: datetime) -> datetime:
    """When the current period of a limit began, in UTC."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    match interval:
        case "daily" | "per_authorization":
            return today
        case "weekly":
            return today - timedelta(days=(today.weekday() + 1) % 7)
        case "monthly":
            return today.replace(day=1)
        case "yearly":
            return today.replace(month=1, day=1)
        case "all_time":
            return datetime.min.replace(tzinfo=now.tzinfo)
