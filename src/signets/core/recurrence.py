"""When a recurring intent's windows open and close: one window a period.

Periods follow the anchor's local date and time in an IANA zone. Days 29 to 31 clamp to the end of
a shorter month (and come back afterwards). A window opens early, because merchants charge early,
and stays open for the merchant's retries.
"""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from signets.core.intent import RecurringPeriod

EARLY = {RecurringPeriod.MONTH: timedelta(days=6), RecurringPeriod.YEAR: timedelta(hours=36)}
RETRIES = timedelta(days=3)


def due_at(anchor: datetime, index: int, period: RecurringPeriod, zone: str) -> datetime:
    """When period ``index`` (0 is the first) is due, UTC."""
    local = anchor.astimezone(ZoneInfo(zone))
    months = index if period is RecurringPeriod.MONTH else 12 * index
    year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
    day = min(local.day, calendar.monthrange(year, month + 1)[1])
    moved = local.replace(year=year, month=month + 1, day=day)
    return moved.astimezone(UTC)


def period_window(
    anchor: datetime, index: int, period: RecurringPeriod, zone: str
) -> tuple[datetime, datetime]:
    """``(opens, closes)`` of a period's window; the first opens at the anchor itself."""
    due = due_at(anchor, index, period, zone)
    opens = due if index == 0 else due - EARLY[period]
    return opens, due + RETRIES
