"""When the windows of a recurring intent open and close."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signets.core.intent import RecurringPeriod
from signets.core.recurrence import due_at, period_window

MONTH, YEAR = RecurringPeriod.MONTH, RecurringPeriod.YEAR


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("anchor", "index", "period", "zone", "due"),
    [
        ("2026-01-31T12:00", 0, MONTH, "UTC", "2026-01-31T12:00"),
        ("2026-01-31T12:00", 1, MONTH, "UTC", "2026-02-28T12:00"),
        ("2026-01-31T12:00", 2, MONTH, "UTC", "2026-03-31T12:00"),
        ("2026-01-31T12:00", 3, MONTH, "UTC", "2026-04-30T12:00"),
        ("2026-01-30T12:00", 25, MONTH, "UTC", "2028-02-29T12:00"),
        ("2026-12-15T12:00", 1, MONTH, "UTC", "2027-01-15T12:00"),
        ("2026-11-15T12:00", 13, MONTH, "UTC", "2027-12-15T12:00"),
        ("2024-02-29T12:00", 1, YEAR, "UTC", "2025-02-28T12:00"),
        ("2024-02-29T12:00", 4, YEAR, "UTC", "2028-02-29T12:00"),
        # The hour on the wall stays, across daylight saving.
        ("2026-10-10T10:00", 1, MONTH, "Europe/Berlin", "2026-11-10T11:00"),
        # The local day counts: in Auckland it is the 31st already.
        ("2026-01-30T12:00", 1, MONTH, "Pacific/Auckland", "2026-02-27T12:00"),
        # 02:30 does not exist on 29 March 2026 in Berlin: an hour later by the clock.
        ("2026-02-28T01:30", 1, MONTH, "Europe/Berlin", "2026-03-28T01:30"),
        ("2026-01-29T01:30", 2, MONTH, "Europe/Berlin", "2026-03-29T01:30"),
    ],
)
def test_due_dates(anchor: str, index: int, period: RecurringPeriod, zone: str, due: str):
    """Days 29 to 31 clamp to the month's end and come back; local time is kept."""
    assert due_at(_utc(anchor), index, period, zone) == _utc(due)


@pytest.mark.parametrize(
    ("index", "period", "opens", "closes"),
    [
        (0, MONTH, "2026-01-31T12:00", "2026-02-03T12:00"),
        (1, MONTH, "2026-02-22T12:00", "2026-03-03T12:00"),
        (0, YEAR, "2026-01-31T12:00", "2026-02-03T12:00"),
        (1, YEAR, "2027-01-30T00:00", "2027-02-03T12:00"),
    ],
)
def test_windows_open_early_and_wait_for_retries(
    index: int, period: RecurringPeriod, opens: str, closes: str
):
    """Six days (or 36 hours) early but for the first, and three days of retries."""
    found = period_window(_utc("2026-01-31T12:00"), index, period, "UTC")
    assert found == (_utc(opens), _utc(closes))


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),
    st.integers(0, 60),
    st.sampled_from([MONTH, YEAR]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata"]),
)
def test_windows_follow_one_another(
    anchor: datetime, index: int, period: RecurringPeriod, zone: str
):
    """Each period's window closes before the next opens, and none drifts from its anchor's day."""
    opens, closes = period_window(anchor, index, period, zone)
    after, _ = period_window(anchor, index + 1, period, zone)
    assert opens < closes < after
    due = due_at(anchor, index, period, zone).astimezone(ZoneInfo(zone))
    wanted = anchor.astimezone(ZoneInfo(zone)).day
    assert due.day == wanted or (due.day < wanted and (due + timedelta(days=1)).day == 1)
