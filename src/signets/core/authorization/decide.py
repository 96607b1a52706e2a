"""Why a card authorization is approved or declined: one pure function.

``decide(request, facts, now)`` evaluates **every** check and records each result; the first that
fails, in the order of :class:`signets.core.reasons.Reason`, names the reason. The real-time path,
the batch, the replay audit and ``explain`` call this same function.

request + facts → case (what is asked for, as what) → checks → decision.
"""

from __future__ import annotations

from datetime import datetime

from signets.core.authorization.case import Case, build_case, small_amount
from signets.core.authorization.checks import Checked, run_checks
from signets.core.authorization.decision import Decision, DecisionKind
from signets.core.authorization.facts import Facts
from signets.core.authorization.request import AuthorizationRequest
from signets.core.authorization.would_pass import would_pass
from signets.core.card import CardState, consumes
from signets.core.merchant.model import MatchResult

__all__ = ["decide", "small_amount"]


def decide(request: AuthorizationRequest, facts: Facts, now: datetime) -> Decision:
    """Decide on one request that has not been answered before.

    Args:
        request: The issuer's question, in normal form.
        facts: Everything gathered under the organization's lock.
        now: When the decision commits, timezone-aware.
    """
    case = build_case(request, facts, now)
    checked = run_checks(case)
    if checked.failed:
        return _declined(case, checked)
    return _approved(case, checked)


def _counted_vendor(case: Case) -> str | None:
    match = case.facts.match
    return match.vendor if match is not None and match.result is MatchResult.MATCH else None


def _counts(case: Case) -> bool:
    """One authorization counts once; a credit asks for nothing that could be counted."""
    return case.kind in (DecisionKind.PURCHASE, DecisionKind.VERIFICATION)


def _approved(case: Case, checked: Checked) -> Decision:
    paid = case.kind in (DecisionKind.PURCHASE, DecisionKind.INCREMENT)
    intent = case.intent if paid else None
    first = case.kind is DecisionKind.PURCHASE
    return Decision(
        approved=True,
        reason=None,
        kind=case.kind,
        checks=checked.checks,
        asked=case.asked,
        hold=case.asked,
        intent_amount=(case.intent_amount or 0) if intent is not None else 0,
        intent_id=intent.intent_id if intent is not None else None,
        vendor=_counted_vendor(case),
        counts=_counts(case),
        consumes=first and intent is not None and consumes(intent.bounds.usage),
        sentence="every check passed",
    )


def _declined(case: Case, checked: Checked) -> Decision:
    first = checked.failed[0]
    return Decision(
        approved=False,
        reason=first.reason,
        kind=case.kind,
        checks=checked.checks,
        asked=case.asked,
        intent_id=case.intent.intent_id if case.intent is not None else None,
        vendor=_counted_vendor(case),
        counts=_counts(case),
        capped_by=checked.capped_by,
        trips_breaker=_trips_breaker(case),
        sentence=first.detail,
        level=first.level,
        would_pass=would_pass(case, checked),
    )


def _trips_breaker(case: Case) -> bool:
    """Declines by caps feed the breaker too; a closed or tripped card has nothing left to lock."""
    card, breaker = case.facts.card, case.facts.breaker
    lockable = card is not None and card.state is not CardState.CLOSED and not card.tripped
    return lockable and case.facts.recent_declines + 1 >= breaker.declines
