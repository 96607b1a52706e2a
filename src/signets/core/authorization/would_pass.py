"""What would pass instead of what was declined, in words that hold when they are tried.

Every promise is checked by running the checks again on what is promised, so "at most $18.20 now"
passes at $18.20 and fails one cent above, and "after 14:05:00Z" passes then unless something else
has been charged meanwhile.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from signets.core.authorization.case import Case, build_case
from signets.core.authorization.checks import Checked, run_checks
from signets.core.money import format_minor
from signets.core.reasons import CATALOGUE, Reason

_MENDED_BY_AMOUNT = frozenset(
    {
        Reason.AMOUNT_EXCEEDS_INTENT,
        Reason.SPENDING_LIMIT_EXCEEDED,
        Reason.VELOCITY_EXCEEDED,
        Reason.BUDGET_EXCEEDED,
    }
)


def would_pass(case: Case, checked: Checked) -> str:
    """The amount that would pass now, or when this amount would, else the first reason's remedy."""
    remedy = CATALOGUE[checked.failed[0].reason].remedy
    if any(check.reason not in _MENDED_BY_AMOUNT for check in checked.failed):
        return remedy
    parts = []
    most = _most_now(case, checked)
    if most is not None:
        parts.append(f"at most {format_minor(most, case.request.currency)} now")
    opens_at = _opens_at(case, checked)
    if opens_at is not None:
        parts.append(f"after {opens_at:%Y-%m-%d %H:%M:%S}Z")
    return " or ".join(parts) or remedy


def _most_now(case: Case, checked: Checked) -> int | None:
    """As the request states amounts: the whole, or the difference where it asks for one."""
    rooms = [check.room for check in checked.failed]
    if None in rooms:
        return None
    least = min(room for room in rooms if room is not None)
    if least == 0:
        return None
    amount = least if case.request.amount_is_additional else case.before + least
    # A smaller amount can be another kind of request (a verification), hence both sides.
    if _passes_at(case, amount) and not _passes_at(case, amount + 1):
        return amount
    return None


def _passes_at(case: Case, amount: int) -> bool:
    request = case.request
    same = request.currency == request.merchant_currency
    smaller = replace(
        request, amount=amount, merchant_amount=amount if same else request.merchant_amount
    )
    return not run_checks(build_case(smaller, case.facts, case.now)).failed


def _opens_at(case: Case, checked: Checked) -> datetime | None:
    """When the same request passes, rounded up to the second."""
    velocity = checked.failed[0]
    if len(checked.failed) > 1 or velocity.opens_at is None:
        return None
    at = velocity.opens_at
    if at.microsecond:
        at = at.replace(microsecond=0) + timedelta(seconds=1)
    # By then the caps that failed have room; everything else has to hold still.
    later = replace(
        case.facts,
        caps=tuple(
            (cap, used) for cap, used in case.facts.caps if cap.name not in checked.capped_by
        ),
        verifications_today=0,
    )
    return None if run_checks(build_case(case.request, later, at)).failed else at
