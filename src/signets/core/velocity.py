"""Velocity caps and budgets: what has been used in a window, and whether one more fits.

A rolling window of length *w* at time *now* holds the events with ``now - w < at <= now``: an
event leaves exactly *w* after it happened. A calendar window holds everything since its period
began in the policy's time zone (an IANA name; daylight saving included). Both are expressed as
one exclusive lower bound, so that one query serves both.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from signets.core.money import format_minor
from signets.core.policy.model import Budget, Cap, Measure, Period, Window

_TICK = timedelta(microseconds=1)


def period_start(period: Period, now: datetime, zone: str) -> datetime | None:
    """When the calendar period that holds ``now`` began; ``None`` for ``lifetime``."""
    local = now.astimezone(ZoneInfo(zone))
    day = local.date()
    if period is Period.LIFETIME:
        return None
    if period is Period.WEEK:
        day -= timedelta(days=day.weekday())
    elif period is Period.MONTH:
        day = day.replace(day=1)
    elif period is Period.YEAR:
        day = day.replace(month=1, day=1)
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    return midnight.astimezone(UTC)


def next_period_start(period: Period, now: datetime, zone: str) -> datetime | None:
    """When the calendar period that holds ``now`` ends; ``None`` for ``lifetime``."""
    start = period_start(period, now, zone)
    if start is None:
        return None
    ample = {Period.DAY: 1, Period.WEEK: 7, Period.MONTH: 31, Period.YEAR: 366}[period]
    # Local noon of a day surely inside the next period, then back to where that one begins.
    local = start.astimezone(ZoneInfo(zone))
    inside = datetime(local.year, local.month, local.day, 12, tzinfo=ZoneInfo(zone))
    return period_start(period, inside + timedelta(days=ample), zone)


def used_since(window: Window, now: datetime, zone: str) -> datetime:
    """Exclusive lower bound of the window that ends at ``now``."""
    if window.seconds is not None:
        return now - timedelta(seconds=window.seconds)
    start = period_start(window.period or Period.LIFETIME, now, zone)
    return datetime(1970, 1, 1, tzinfo=UTC) if start is None else start - _TICK


def leaves_rolling(seconds: int, at: datetime) -> datetime:
    """When what happened at ``at`` leaves a window of the last so many seconds."""
    return at + timedelta(seconds=seconds)


def leaves_at(window: Window, at: datetime, zone: str) -> datetime:
    """When what happened at ``at`` leaves the window."""
    if window.seconds is not None:
        return leaves_rolling(window.seconds, at)
    end = next_period_start(window.period or Period.LIFETIME, at, zone)
    return datetime.max.replace(tzinfo=UTC) if end is None else end


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in a cap's window already. ``oldest`` is the first event still inside."""

    count: int = 0
    amount: int = 0
    oldest: datetime | None = None


class CapResult(msgspec.Struct, frozen=True, kw_only=True):
    """Whether one more fits, how much would, and when the same request surely would."""

    fits: bool
    room_amount: int | None
    opens_at: datetime | None
    sentence: str


def check_cap(
    cap: Cap,
    usage: Usage,
    *,
    amount: int,
    currency: str,
    counts: bool,
    now: datetime,
    zone: str,
) -> CapResult:
    """Hold one request against one cap.

    ``counts`` is False for increments: they add amount, never a count. An amount cap in another
    currency cannot be evaluated and so lets no money pass (a request for none needs no room).
    """
    if cap.max_amount is not None and cap.currency != currency and amount > 0:
        return CapResult(
            fits=False,
            room_amount=0,
            opens_at=None,
            sentence=f"cap `{cap.name}` is in {cap.currency} and cannot judge {currency}",
        )
    count_ok = cap.max_count is None or not counts or usage.count + 1 <= cap.max_count
    room = None if cap.max_amount is None else max(0, cap.max_amount - usage.amount)
    amount_ok = room is None or amount <= room
    if count_ok and amount_ok:
        return CapResult(fits=True, room_amount=room, opens_at=None, sentence="")
    what = "attempts" if cap.measure is Measure.ATTEMPTS else "approved charges"
    if not count_ok:
        sentence = f"cap `{cap.name}` allows {cap.max_count} {what} and {usage.count} are used"
    else:
        sentence = (
            f"cap `{cap.name}` allows {format_minor(cap.max_amount or 0, currency)} and "
            f"{format_minor(usage.amount, currency)} is used"
        )
    return CapResult(
        fits=False,
        room_amount=room if count_ok else 0,
        opens_at=_opens_at(cap, usage, amount=amount, amount_ok=amount_ok, now=now, zone=zone),
        sentence=sentence,
    )


def _opens_at(
    cap: Cap, usage: Usage, *, amount: int, amount_ok: bool, now: datetime, zone: str
) -> datetime | None:
    """When the request surely fits if nothing else happens; ``None`` where that is not known.

    A calendar window starts empty. A rolling one makes room for one more when its oldest event
    leaves; how much money leaves with it is not known here.
    """
    if (cap.max_amount is not None and amount > cap.max_amount) or cap.max_count == 0:
        return None
    if cap.window.period is not None:
        return next_period_start(cap.window.period, now, zone)
    one_too_many = cap.max_count is not None and usage.count == cap.max_count
    if cap.window.seconds is None or usage.oldest is None or not (amount_ok and one_too_many):
        return None
    return usage.oldest + timedelta(seconds=cap.window.seconds)


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """Money at stake somewhere, in minor units: reserved + held + cleared - refunded."""

    reserved: int = 0
    held: int = 0
    cleared: int = 0
    refunded: int = 0

    def spent(self, *, refunds_restore: bool) -> int:
        """Held and cleared, without what is only reserved."""
        return self.held + self.cleared - (self.refunded if refunds_restore else 0)

    def total(self, *, refunds_restore: bool) -> int:
        """The whole exposure."""
        return self.reserved + self.spent(refunds_restore=refunds_restore)

    def __add__(self, other: Exposure) -> Exposure:
        return Exposure(
            reserved=self.reserved + other.reserved,
            held=self.held + other.held,
            cleared=self.cleared + other.cleared,
            refunded=self.refunded + other.refunded,
        )


def room_in(limit: int, used: Exposure, *, covered: int, refunds_restore: bool) -> int:
    """How much more may be spent under ``limit`` by a purchase whose intent reserves ``covered``.

    Two bounds, the smaller counts: what is spent already plus the purchase must stay within the
    limit (matters when the limit was lowered after approval), and so must the whole exposure,
    where the purchase's own reservation is not counted twice.
    """
    by_spent = limit - used.spent(refunds_restore=refunds_restore)
    by_total = limit - used.total(refunds_restore=refunds_restore) + covered
    # A reservation that was granted is honoured up to what is really unspent: a lowered limit
    # shows in `by_spent`, other intents' reservations never take this one's share.
    return max(0, min(by_spent, max(by_total, covered)))


def check_budget(
    budget: Budget, used: Exposure, *, amount: int, covered: int, currency: str
) -> tuple[bool, int]:
    """Whether ``amount`` fits, and how much would.

    A budget in another currency cannot be evaluated and so lets no money pass.
    """
    if budget.currency != currency:
        return amount == 0, 0
    room = room_in(budget.amount, used, covered=covered, refunds_restore=budget.refunds_restore)
    return amount <= room, room
