"""The answer of the authorization engine, with every check's result."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from signets.core.reasons import Reason


class DecisionKind(StrEnum):
    """What was decided on."""

    PURCHASE = "purchase"
    INCREMENT = "increment"  # more on a request that we approved before
    VERIFICATION = "verification"  # amount 0, balance inquiry, or about one US dollar
    CREDIT = "credit"  # asks for no money


class CheckStatus(StrEnum):
    """How one check ended."""

    PASSED = "passed"
    FAILED = "failed"
    EXEMPT = "exempt"  # does not apply to this kind of request
    UNKNOWN = "unknown"  # cannot be judged because something before it is missing


class Check(msgspec.Struct, frozen=True):
    """One check's result.

    Attributes:
        reason: The reason that this check would give.
        level: What decided: ``issuer``, ``organization``, ``agent``, ``card``, ``intent``,
            ``policy``.
        detail: A sentence for a person; empty where it passed.
        room: The most that this check would let pass now beyond what is approved already, minor
            units of the billing currency; ``None`` where it knows no bound in that currency.
        opens_at: When it would pass without a change.
    """

    reason: Reason
    status: CheckStatus
    level: str = ""
    detail: str = ""
    room: int | None = None
    opens_at: datetime | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Approved or declined, why, and what follows from it.

    Attributes:
        asked: What was asked for beyond what is approved already, minor units of the billing
            currency: what a declined attempt counts in velocity.
        hold: What the approval adds to the hold, minor units of the billing currency.
        intent_amount: The same in the intent's currency.
        intent_id: The intent that covers it (``None`` for verifications and most declines).
        vendor: Vendor that velocity counts on; ``None`` where the merchant did not match.
        counts: Whether it counts once in velocity (increments add amount only).
        capped_by: Names of the caps that declined it: it does not feed those.
        consumes: Whether it uses a ``single`` intent up.
        trips_breaker: Whether this decline is the one that locks the card.
        would_pass: What would pass, in words ("at most $18.20 now").
    """

    approved: bool
    reason: Reason | None
    kind: DecisionKind
    checks: tuple[Check, ...]
    asked: int = 0
    hold: int = 0
    intent_amount: int = 0
    intent_id: str | None = None
    vendor: str | None = None
    counts: bool = True
    capped_by: tuple[str, ...] = ()
    consumes: bool = False
    trips_breaker: bool = False
    sentence: str = ""
    level: str = ""
    would_pass: str = ""
