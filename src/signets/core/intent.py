"""An intent: what an agent wants to buy and, once approved, a reservation of money.

The states and the one table of legal moves are the contract; the database repeats the table in a
trigger, and a test holds the two against each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from signets.core.errors import Refusal, RefusalKind, invalid
from signets.core.money import parse_amount


class IntentState(StrEnum):
    """Where an intent stands."""

    DECLARED = "declared"
    PENDING_APPROVAL = "pending_approval"
    APPROVED = "approved"
    AUTHORIZED = "authorized"
    SETTLED = "settled"
    VOIDED = "voided"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELED = "canceled"
    SUPERSEDED = "superseded"


_S = IntentState
TRANSITIONS: dict[IntentState, frozenset[IntentState]] = {
    _S.DECLARED: frozenset({_S.APPROVED, _S.PENDING_APPROVAL, _S.DENIED}),
    _S.PENDING_APPROVAL: frozenset({_S.APPROVED, _S.DENIED, _S.EXPIRED, _S.CANCELED}),
    _S.APPROVED: frozenset({_S.AUTHORIZED, _S.EXPIRED, _S.CANCELED, _S.SUPERSEDED}),
    _S.AUTHORIZED: frozenset({_S.SETTLED, _S.VOIDED, _S.APPROVED}),
    _S.SETTLED: frozenset(),
    _S.VOIDED: frozenset(),
    _S.DENIED: frozenset(),
    _S.EXPIRED: frozenset(),
    _S.CANCELED: frozenset(),
    _S.SUPERSEDED: frozenset(),
}

#: States in which an intent still may spend or is waiting to: what a duplicate is compared with.
LIVE = frozenset({_S.PENDING_APPROVAL, _S.APPROVED, _S.AUTHORIZED})

#: A fully reversed purchase may put its intent back to ``approved`` at most this often.
MAX_REOPENS = 2

SINGLE_WINDOW_DEFAULT = timedelta(minutes=30)
SINGLE_WINDOW_MAX = timedelta(hours=24)
WINDOW_MAX = timedelta(days=90)
PURPOSE_MAX = 500


class Usage(StrEnum):
    """How often an intent may be charged."""

    SINGLE = "single"  # one purchase
    WINDOW = "window"  # several charges inside one window
    RECURRING = "recurring"  # one window per period


class RecurringPeriod(StrEnum):
    """The period of a recurring intent."""

    MONTH = "month"
    YEAR = "year"


def check_transition(before: IntentState, after: IntentState) -> None:
    """Refuse a move that the table does not list.

    Raises:
        Refusal: ``intent_state`` (conflict).
    """
    if after not in TRANSITIONS[before]:
        allowed = ", ".join(sorted(TRANSITIONS[before])) or "nothing"
        raise Refusal(
            RefusalKind.CONFLICT,
            "intent_state",
            f"an intent that is `{before}` cannot become `{after}`; it can become: {allowed}",
        )


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What an intent allows, in minor units of its currency.

    ``single``: one purchase of at most ``max_total``. ``window`` and ``recurring``: at most
    ``max_count`` charges, each at most ``max_per_charge``, together at most ``max_total``.
    ``max_total`` is the amount reserved (per period, when recurring).
    """

    usage: Usage
    max_total: int
    max_per_charge: int
    max_count: int


def parse_bounds(
    *,
    usage: Usage,
    expected_amount: int,
    maximum: int,
    max_per_charge: int | None,
    max_total: int | None,
    max_count: int | None,
) -> Bounds:
    """The bounds that a declaration asks for, checked against each other.

    ``maximum`` is the expected amount plus the policy's tolerance. A ``single`` intent takes no
    bounds of its own. A ``window`` intent's ``expected_amount`` is the expected *total*.

    Raises:
        Refusal: naming the bound that contradicts another.
    """
    if usage is Usage.SINGLE:
        for name, value in (
            ("max_per_charge", max_per_charge),
            ("max_total", max_total),
            ("max_count", max_count),
        ):
            if value is not None:
                raise invalid(
                    "bounds_not_allowed",
                    f"`{name}` belongs to usage `window` or `recurring`; leave it out for `single`",
                    param=name,
                )
        return Bounds(usage=usage, max_total=maximum, max_per_charge=maximum, max_count=1)
    total = maximum
    if max_total is not None:
        total = parse_amount(max_total, param="max_total", minimum=1)
        if not expected_amount <= total <= maximum:
            raise invalid(
                "bounds_invalid",
                f"`max_total` must lie between the expected amount ({expected_amount}) and the "
                f"policy's maximum for it ({maximum})",
                param="max_total",
            )
    per_charge = total
    if max_per_charge is not None:
        per_charge = parse_amount(max_per_charge, param="max_per_charge", minimum=1)
        if per_charge > total:
            raise invalid(
                "bounds_invalid",
                f"`max_per_charge` ({per_charge}) must not be above the total ({total})",
                param="max_per_charge",
            )
    count = 100 if max_count is None else max_count
    if isinstance(count, bool) or not 1 <= count <= 1000:
        raise invalid("bounds_invalid", "`max_count` must be between 1 and 1000", param="max_count")
    return Bounds(usage=usage, max_total=total, max_per_charge=per_charge, max_count=count)


def parse_window(seconds: int | None, usage: Usage, default: int) -> timedelta:
    """How long the unlock window stays open after approval.

    Raises:
        Refusal: ``window_invalid`` where it is out of 1 second to 24 hours (``single``) or 90
            days (``window``), or given for ``recurring``, whose windows follow the period.
    """
    if usage is Usage.RECURRING:
        if seconds is not None:
            raise invalid(
                "window_invalid",
                "`window_seconds` is not for `recurring` intents: their windows follow the period",
                param="window_seconds",
            )
        return timedelta(seconds=default)
    longest = SINGLE_WINDOW_MAX if usage is Usage.SINGLE else WINDOW_MAX
    length = timedelta(seconds=default if seconds is None else seconds)
    if seconds is None:
        return min(length, longest)
    if not timedelta(seconds=1) <= length <= longest:
        raise invalid(
            "window_invalid",
            f"`window_seconds` must be between 1 and {int(longest.total_seconds())} "
            f"for usage `{usage}`",
            param="window_seconds",
        )
    return length


def state_after(
    *,
    state: IntentState,
    usage: Usage,
    held: int,
    cleared: int,
    window_open: bool,
    reopens: int,
) -> IntentState:
    """Where an approved or authorized intent stands, given the money under it and its window.

    A ``single`` purchase that is fully reversed inside its window may be made again, at most
    :data:`MAX_REOPENS` times. An intent for several charges settles when its window is over.
    """
    if state is _S.APPROVED:
        if held or cleared:
            return _S.AUTHORIZED
        return state if window_open else _S.EXPIRED
    if state is not _S.AUTHORIZED or held > 0:
        return state
    if usage is Usage.SINGLE:
        if cleared > 0:
            return _S.SETTLED
        return _S.APPROVED if window_open and reopens < MAX_REOPENS else _S.VOIDED
    if window_open:
        return state
    return _S.SETTLED if cleared > 0 else _S.VOIDED


#: Ended: nothing is reserved any more.
ENDED = frozenset(IntentState) - LIVE - {IntentState.DECLARED}


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateCandidate:
    """An earlier intent, as the duplicate rule sees it."""

    intent_id: str
    agent_id: str
    vendor: str
    currency: str
    expected_amount: int
    maximum: int
    state: IntentState
    at: datetime  # when it was declared, or settled if it has been
    workflow: str | None
    line_items: tuple[str, ...]


def find_duplicate(
    new: DuplicateCandidate,
    earlier: tuple[DuplicateCandidate, ...],
    *,
    now: datetime,
    window: timedelta,
) -> DuplicateCandidate | None:
    """The first earlier intent that ``new`` most likely repeats.

    Same agent and vendor, each one's maximum covers the other's expected amount, the earlier one
    live or settled within the window, and the same line items or workflow (both without one
    counts as the same). The purpose text does not count: an agent that plans again uses other
    words. Purchases of one workflow that *name* different line items are two purchases.
    """
    for old in sorted(earlier, key=lambda one: (one.at, one.intent_id)):
        recent = old.state in LIVE or (old.state is _S.SETTLED and now - old.at <= window)
        same_amount = (
            new.currency == old.currency
            and new.expected_amount <= old.maximum
            and old.expected_amount <= new.maximum
        )
        if new.line_items and old.line_items:
            same_work = new.line_items == old.line_items
        else:
            same_work = new.workflow == old.workflow
        if (
            recent
            and old.agent_id == new.agent_id
            and old.vendor == new.vendor
            and same_amount
            and same_work
        ):
            return old
    return None
