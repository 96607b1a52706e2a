"""Which live authorizations a request is compared with, and which of those can decide.

A card may hold money for any number of purchases. A request is a duplicate where *one* of them
agrees with it, so the nearest amounts below and above decide for all others
(docs/decisions/0009-duplicate-charge.md says whom the check spares).
"""

from __future__ import annotations

from datetime import datetime

from signets.core.authorization.case import Case, build_case
from signets.core.authorization.decision import DecisionKind
from signets.core.authorization.facts import Facts, IntentFacts, LiveAuthorization
from signets.core.authorization.request import AuthorizationRequest
from signets.core.intent import IntentState, Usage

SPENDABLE = frozenset({IntentState.APPROVED, IntentState.AUTHORIZED})


def charge_left(intent: IntentFacts) -> str | None:
    """Why the intent pays for no further charge, or ``None`` where it does."""
    if intent.state not in SPENDABLE:
        return f"the intent is {intent.state}"
    if intent.charges < intent.bounds.max_count:
        return None
    if intent.bounds.usage is Usage.SINGLE:
        return "the intent was for one purchase, which has been made"
    return f"all {intent.bounds.max_count} charges of the intent are used"


def may_repeat(usage: Usage) -> bool:
    """Whether equal charges are what an intent of this usage is for."""
    return usage is not Usage.SINGLE


def compared(case: Case) -> tuple[LiveAuthorization, ...] | None:
    """The live authorizations that count as the same purchase where the amount agrees.

    ``None``: exempt. That are increments and verifications; an intent for several charges; and,
    towards other intents, the first charge of an intent of its own, because the duplicate question
    was answered when that was approved.
    """
    match, intent = case.facts.match, case.intent
    if case.kind is not DecisionKind.PURCHASE or match is None or match.vendor is None:
        return None
    if intent is not None and may_repeat(intent.bounds.usage):
        return None
    own = intent.intent_id if intent is not None and charge_left(intent) is None else None
    return tuple(
        other
        for other in case.facts.live
        if other.request_id != case.request.request_id
        and other.vendor == match.vendor
        and other.currency == case.request.currency
        and own in (None, other.intent_id)
    )


def deciding(
    request: AuthorizationRequest, facts: Facts, now: datetime
) -> tuple[LiveAuthorization, ...]:
    """Of ``facts.live``, what the decision can hang on: with these alone it is the same.

    Tolerance grows with the amount, so the amounts that agree with what is asked are all those
    between two bounds around it: where any agrees, the nearest below or the nearest above does.
    An intent that still pays is compared with its own charges only; those few are kept whole,
    because another amount may be promised instead ("at most $18.20 now").
    """
    case = build_case(request, facts, now)
    others = compared(case) or ()
    if case.intent is not None and charge_left(case.intent) is None:
        return others
    below = max((one for one in others if one.amount <= case.asked), key=_by_amount, default=None)
    above = min((one for one in others if one.amount > case.asked), key=_by_amount, default=None)
    return tuple(one for one in (below, above) if one is not None)


def _by_amount(one: LiveAuthorization) -> tuple[int, str]:
    return one.amount, one.request_id
