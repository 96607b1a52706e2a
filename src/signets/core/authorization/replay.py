"""Does a stored decision still follow from what it was made on? Pure comparison, in two halves.

:func:`differences_in_policy` holds what the facts took from policy against what the recorded
policy version gives; :func:`differences_in_decision` decides again on the recorded request and
facts and holds the outcome against the recorded one. Sentences are not compared: a new version may
say the same in other words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from signets.core.authorization.decide import decide
from signets.core.authorization.decision import Check, CheckStatus, DecisionKind
from signets.core.authorization.facts import Facts
from signets.core.authorization.request import AuthorizationRequest
from signets.core.policy.levels import (
    applicable_budgets,
    applicable_caps,
    blocked,
    tightest_tolerance,
)
from signets.core.policy.match import Subject
from signets.core.policy.model import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A stored decision, as its row says.

    Attributes:
        amount: As asked, minor units of ``currency``.
        hold: What it added to the hold, minor units of ``currency``.
        intent_amount: The same in the intent's currency.
        checks: The stored results, each with ``reason`` and what is not as usual: ``status``
            (``passed``), ``level`` of a failed one, ``room``, ``opens_at`` (ISO 8601).
    """

    request_id: str
    fingerprint: str
    card_id: str | None
    intent_id: str | None
    kind: DecisionKind
    approved: bool
    reason: str | None
    amount: int
    currency: str
    hold: int
    intent_amount: int
    level: str
    checks: Sequence[Mapping[str, Any]]
    decided_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field that is not what it should be, both sides in words."""

    field: str
    recorded: str
    replayed: str


def differences_in_policy(
    policy: Policy, subject: Subject, request: AuthorizationRequest, facts: Facts
) -> tuple[Difference, ...]:
    """Where the facts carry another policy than the recorded version.

    A card that is not ours has no subject and took nothing from policy: do not ask.
    """
    prohibited = blocked(policy, subject)
    tolerance = tightest_tolerance(policy, subject, max(1, request.amount))
    grace = timedelta(seconds=policy.grace_seconds)
    found = [
        *_missing("caps", [cap for cap, _ in facts.caps], applicable_caps(policy, subject)),
        *_missing(
            "budgets", [one for one, _ in facts.budgets], applicable_budgets(policy, subject)
        ),
    ]
    for field, used, given in (
        ("blocked_categories", facts.blocked_categories, prohibited.categories),
        ("blocked_countries", facts.blocked_countries, prohibited.countries),
        ("tolerance", facts.tolerance, tolerance),
        ("verification", facts.verification, policy.verification),
        ("breaker", facts.breaker, policy.breaker),
        ("grace", facts.grace, grace),
        ("zone", facts.zone, policy.time_zone),
    ):
        found += _differs(f"policy.{field}", used, given)
    return tuple(found)


def differences_in_decision(
    recorded: Recorded, request: AuthorizationRequest, facts: Facts, at: datetime
) -> tuple[Difference, ...]:
    """Decide again; where the record is another's, or says something else."""
    decision = decide(request, facts, at)
    found: list[Difference] = []
    for field, stored, given in (
        ("request_id", recorded.request_id, request.request_id),
        ("fingerprint", recorded.fingerprint, request.fingerprint),
        ("amount", recorded.amount, request.amount),
        ("currency", recorded.currency, request.currency),
        ("decided_at", recorded.decided_at, at),
        ("card_id", recorded.card_id, facts.card.card_id if facts.card else None),
        ("approved", recorded.approved, decision.approved),
        ("reason", recorded.reason, decision.reason.value if decision.reason else None),
        ("kind", recorded.kind.value, decision.kind.value),
        ("hold", recorded.hold, decision.hold),
        ("intent_amount", recorded.intent_amount, decision.intent_amount),
        ("intent_id", recorded.intent_id, decision.intent_id),
        ("level", recorded.level, decision.level),
    ):
        found += _differs(field, stored, given)
    return (*found, *_differing_checks(recorded.checks, decision.checks))


def _differing_checks(
    stored: Sequence[Mapping[str, Any]], checks: Sequence[Check]
) -> list[Difference]:
    """Each part of each check; the level is stored of failed ones alone."""
    reasons = [check.reason.value for check in checks]
    found = _differs("checks", [one.get("reason") for one in stored], reasons)
    if found:
        return found
    for one, check in zip(stored, checks, strict=True):
        opens_at = check.opens_at.isoformat() if check.opens_at is not None else None
        failed = check.status is CheckStatus.FAILED
        for name, kept, given in (
            ("status", one.get("status", CheckStatus.PASSED.value), check.status.value),
            ("level", one.get("level", ""), check.level if failed else ""),
            ("room", one.get("room"), check.room),
            ("opens_at", one.get("opens_at"), opens_at),
        ):
            found += _differs(f"checks.{check.reason.value}.{name}", kept, given)
    return found


def _differs(field: str, recorded: object, replayed: object) -> list[Difference]:
    if recorded == replayed:
        return []
    return [Difference(field=field, recorded=str(recorded), replayed=str(replayed))]


def _missing(field: str, used: Sequence[object], given: Sequence[object]) -> list[Difference]:
    """Only those limits that are not in both, so that a long list stays readable."""
    if list(used) == list(given):
        return []
    return [
        Difference(
            field=f"policy.{field}",
            recorded=str([one for one in used if one not in given] or "in another order"),
            replayed=str([one for one in given if one not in used] or "in another order"),
        )
    ]
