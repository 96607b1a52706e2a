"""Windows, caps and room: both sides of every edge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signets.core.policy.model import Budget, Cap, Measure, Period, Scope, Window
from signets.core.velocity import (
    Exposure,
    Usage,
    check_budget,
    check_cap,
    next_period_start,
    period_start,
    room_in,
    used_since,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
#: Zones whose clocks change at midnight, by half an hour, or by a whole day (Apia, 2011).
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/Sao_Paulo",
    "America/Havana",
    "Africa/Cairo",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
)


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("seconds", [10, 600, 90 * 86_400])
def test_an_event_leaves_a_rolling_window_exactly_its_length_later(seconds: int):
    """Exactly w old is out, a microsecond younger is in."""
    since = used_since(Window(seconds=seconds), NOW, "Europe/Berlin")
    old = NOW - timedelta(seconds=seconds)
    assert not old > since
    assert old + TICK > since


@pytest.mark.parametrize(
    ("period", "zone", "now", "start", "end"),
    [
        ("day", "UTC", "2026-11-24T00:00:00", "2026-11-24T00:00", "2026-11-25T00:00"),
        ("day", "UTC", "2026-11-24T23:59:59.999999", "2026-11-24T00:00", "2026-11-25T00:00"),
        # Berlin leaves summer time on 25 October 2026 (25 hours) and enters it on 29 March (23).
        ("day", "Europe/Berlin", "2026-10-25T12:00", "2026-10-24T22:00", "2026-10-25T23:00"),
        ("day", "Europe/Berlin", "2026-10-25T22:59:59", "2026-10-24T22:00", "2026-10-25T23:00"),
        ("day", "Europe/Berlin", "2026-10-25T23:00", "2026-10-25T23:00", "2026-10-26T23:00"),
        ("day", "Europe/Berlin", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00"),
        # Cairo's clocks go forward at midnight: 24 April 2026 begins at 01:00.
        ("day", "Africa/Cairo", "2026-04-24T12:00", "2026-04-23T22:00", "2026-04-24T21:00"),
        # Havana's go back at 01:00: midnight of 1 November 2026 comes twice, the first counts.
        ("day", "America/Havana", "2026-11-01T05:30", "2026-11-01T04:00", "2026-11-02T05:00"),
        ("day", "Asia/Kolkata", "2026-11-24T18:30", "2026-11-24T18:30", "2026-11-25T18:30"),
        # ISO weeks begin on Monday: 2026-11-22 is a Sunday.
        ("week", "UTC", "2026-11-22T23:59:59", "2026-11-16T00:00", "2026-11-23T00:00"),
        ("week", "UTC", "2026-11-23T00:00", "2026-11-23T00:00", "2026-11-30T00:00"),
        ("week", "America/New_York", "2026-11-02T04:59", "2026-10-26T04:00", "2026-11-02T05:00"),
        ("month", "UTC", "2026-02-28T12:00", "2026-02-01T00:00", "2026-03-01T00:00"),
        ("month", "UTC", "2026-12-31T12:00", "2026-12-01T00:00", "2027-01-01T00:00"),
        ("month", "Europe/Berlin", "2026-10-31T23:00", "2026-10-31T23:00", "2026-11-30T23:00"),
        ("year", "UTC", "2024-12-31T23:59", "2024-01-01T00:00", "2025-01-01T00:00"),
        ("year", "Pacific/Auckland", "2026-12-31T11:00", "2026-12-31T11:00", "2027-12-31T11:00"),
    ],
)
def test_calendar_periods(period: str, zone: str, now: str, start: str, end: str):
    """A period runs from local midnight to local midnight, daylight saving included."""
    assert period_start(Period(period), _utc(now), zone) == _utc(start)
    assert next_period_start(Period(period), _utc(now), zone) == _utc(end)


def test_a_lifetime_neither_begins_nor_ends():
    """Everything counts over a lifetime."""
    assert period_start(Period.LIFETIME, NOW, "UTC") is None
    assert next_period_start(Period.LIFETIME, NOW, "UTC") is None
    assert used_since(Window(period=Period.LIFETIME), NOW, "UTC").year == 1970


def test_an_event_at_the_start_of_a_calendar_window_counts():
    """The first instant of the period is inside, the tick before is not."""
    start = _utc("2026-11-24T00:00")
    since = used_since(Window(period=Period.DAY), NOW, "UTC")
    assert start > since and not start - TICK > since


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC)),
    st.sampled_from([Period.DAY, Period.WEEK, Period.MONTH, Period.YEAR]),
    st.sampled_from(ZONES),
)
def test_periods_tile_time(now: datetime, period: Period, zone: str):
    """Each instant is in exactly one period, which begins on the local calendar's own date."""
    start, end = period_start(period, now, zone), next_period_start(period, now, zone)
    assert start is not None and end is not None
    assert start <= now < end
    assert period_start(period, start, zone) == start
    assert period_start(period, end, zone) == end
    assert period_start(period, end - TICK, zone) == start
    local = start.astimezone(ZoneInfo(zone))
    before = (start - TICK).astimezone(ZoneInfo(zone))
    assert before.date() < local.date()
    if period is Period.MONTH:
        assert local.day == 1
    if period is Period.WEEK and zone != "Pacific/Apia":
        assert local.weekday() == 0


# ── caps ───────────────────────────────────────────────────────────────────────────────────────


def _cap(
    *,
    count: int | None = None,
    amount: int | None = None,
    window: Window | None = None,
    measure: Measure = Measure.APPROVED,
    currency: str = "USD",
) -> Cap:
    return Cap(
        name="cap",
        scope=(Scope.CARD,),
        window=window or Window(seconds=600),
        measure=measure,
        max_count=count,
        max_amount=amount,
        currency=currency if amount is not None else None,
    )


def _check(cap: Cap, usage: Usage, amount: int = 100, **changes):
    given = {"currency": "USD", "counts": True, "now": NOW, "zone": "UTC", **changes}
    return check_cap(cap, usage, amount=amount, **given)


@pytest.mark.parametrize(
    ("cap", "usage", "amount", "counts", "fits", "room"),
    [
        (_cap(count=3), Usage(count=2), 100, True, True, None),
        (_cap(count=3), Usage(count=3), 100, True, False, 0),
        (_cap(count=3), Usage(count=3), 100, False, True, None),
        (_cap(amount=500), Usage(amount=400), 100, True, True, 100),
        (_cap(amount=500), Usage(amount=400), 101, True, False, 100),
        (_cap(amount=500), Usage(amount=400), 101, False, False, 100),
        (_cap(amount=500), Usage(amount=600), 0, True, True, 0),
        (_cap(amount=500), Usage(amount=600), 1, True, False, 0),
        (_cap(amount=500), Usage(amount=-50), 550, True, True, 550),
        (_cap(count=3, amount=500), Usage(count=3, amount=0), 100, True, False, 0),
        (_cap(amount=500, currency="EUR"), Usage(), 1, True, False, 0),
        (_cap(amount=500, currency="EUR"), Usage(), 0, True, True, 500),
        (_cap(count=1, amount=500, currency="EUR"), Usage(count=1), 0, True, False, 0),
    ],
)
def test_caps_to_the_cent_and_the_count(
    cap: Cap, usage: Usage, amount: int, counts: bool, fits: bool, room: int | None
):
    """A cap's bound itself fits, one more does not; increments add no count."""
    result = _check(cap, usage, amount, counts=counts)
    assert (result.fits, result.room_amount) == (fits, room)
    assert bool(result.sentence) is not fits


OLD = NOW - timedelta(seconds=400)
DAY = Window(period=Period.DAY)


@pytest.mark.parametrize(
    ("cap", "usage", "amount", "opens"),
    [
        (_cap(count=3), Usage(count=3, oldest=OLD), 100, OLD + timedelta(seconds=600)),
        # Lowered below what stands: the oldest alone does not make room.
        (_cap(count=2), Usage(count=3, oldest=OLD), 100, None),
        # How much money leaves with the oldest event is not known.
        (_cap(amount=500), Usage(count=1, amount=450, oldest=OLD), 100, None),
        (_cap(count=1, amount=500), Usage(count=1, amount=450, oldest=OLD), 100, None),
        (_cap(count=3, window=DAY), Usage(count=9), 100, _utc("2026-11-25T00:00")),
        (_cap(amount=500, window=DAY), Usage(amount=450), 500, _utc("2026-11-25T00:00")),
        (_cap(amount=500, window=DAY), Usage(amount=450), 501, None),
        (_cap(count=0, window=DAY), Usage(), 100, None),
        (_cap(count=1, window=Window(period=Period.LIFETIME)), Usage(count=1), 100, None),
    ],
)
def test_when_a_cap_opens(cap: Cap, usage: Usage, amount: int, opens: datetime | None):
    """A time is named only where the request then surely fits."""
    result = _check(cap, usage, amount)
    assert not result.fits
    assert result.opens_at == opens


def test_the_sentence_names_the_bound_that_is_reached():
    """Count, amount and measure read as a person would say them."""
    full = _check(_cap(count=3, amount=500), Usage(count=3))
    assert full.sentence == "cap `cap` allows 3 approved charges and 3 are used"
    tried = _check(_cap(count=3, measure=Measure.ATTEMPTS), Usage(count=3))
    assert tried.sentence == "cap `cap` allows 3 attempts and 3 are used"
    money = _check(_cap(count=3, amount=500), Usage(count=1, amount=450))
    assert money.sentence == "cap `cap` allows $5.00 and $4.50 is used"
    foreign = _check(_cap(amount=500, currency="EUR"), Usage())
    assert foreign.sentence == "cap `cap` is in EUR and cannot judge USD"


# ── room ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("limit", "used", "covered", "refunds", "room"),
    [
        (1000, Exposure(), 0, False, 1000),
        (1000, Exposure(reserved=400, held=100, cleared=200), 0, False, 300),
        (1000, Exposure(reserved=400, held=100, cleared=200), 400, False, 700),
        (1000, Exposure(reserved=900), 400, False, 500),
        (1000, Exposure(reserved=2000), 400, False, 400),  # granted before the limit was lowered
        (300, Exposure(reserved=400), 400, False, 300),
        (1000, Exposure(cleared=1500), 0, False, 0),
        (1000, Exposure(cleared=1500), 400, False, 0),
        (1000, Exposure(cleared=1500, refunded=700), 0, False, 0),
        (1000, Exposure(cleared=1500, refunded=700), 0, True, 200),
    ],
)
def test_room(limit: int, used: Exposure, covered: int, refunds: bool, room: int):
    """What is left, where a purchase's own reservation counts once."""
    assert room_in(limit, used, covered=covered, refunds_restore=refunds) == room


amounts = st.integers(0, 5000)


@given(amounts, st.builds(Exposure, reserved=amounts, held=amounts, cleared=amounts), amounts)
def test_taking_the_room_never_exceeds_the_limit(limit: int, others: Exposure, covered: int):
    """Turning the room into a hold keeps spend within the limit and adds no excess exposure."""
    mine = Exposure(reserved=covered)
    used = others + mine
    room = room_in(limit, used, covered=covered, refunds_restore=False)
    left = max(0, covered - room)
    after = others + Exposure(reserved=left, held=room)
    total, before = (one.total(refunds_restore=False) for one in (after, used))
    assert room >= 0
    assert room == 0 or after.spent(refunds_restore=False) <= limit
    assert total <= max(limit, before)
    more = others + Exposure(reserved=max(0, covered - room - 1), held=room + 1)
    if used.spent(refunds_restore=False) <= limit:
        assert more.spent(refunds_restore=False) > limit or more.total(refunds_restore=False) > max(
            limit, before
        )


def test_budgets_to_the_cent():
    """What is left fits, one cent more does not; another currency fits only for nothing."""
    budget = Budget(
        name="b", scope=(), period=Period.MONTH, amount=1000, currency="USD", refunds_restore=True
    )
    used = Exposure(reserved=300, cleared=500, refunded=100)
    assert check_budget(budget, used, amount=300, covered=0, currency="USD") == (True, 300)
    assert check_budget(budget, used, amount=301, covered=0, currency="USD") == (False, 300)
    assert check_budget(budget, used, amount=600, covered=300, currency="USD") == (True, 600)
    assert check_budget(budget, used, amount=1, covered=0, currency="EUR") == (False, 0)
    assert check_budget(budget, used, amount=0, covered=0, currency="EUR") == (True, 0)
