"""A :class:`Policy` back to the plain document that :func:`parse_policy` reads."""

from __future__ import annotations

from signets.core.merchant.document import render_document
from signets.core.policy.fields import format_duration, format_percent
from signets.core.policy.model import Budget, Cap, Level, Match, Outcome, Policy, Rule, Tolerance

Document = dict[str, object]


def render_policy(policy: Policy) -> Document:
    """The document of ``policy``, with every default written out: JSON-able, no floats.

    ``parse_policy(render_policy(p)) == p`` for every parsed ``p``.
    """
    verification: Document = {"per_day": policy.verification.per_day}
    if policy.verification.max_amounts:
        verification["max_amounts"] = dict(policy.verification.max_amounts)
    creation: Document = {"agents_may_create": policy.card_rules.agents_may_create}
    if policy.card_rules.max_spending_limit is not None:
        creation["max_spending_limit"] = policy.card_rules.max_spending_limit
    document: Document = {
        "version": 1,
        "time_zone": policy.time_zone,
        "default": policy.default.value,
        "window": format_duration(policy.window_seconds),
        "grace": format_duration(policy.grace_seconds),
        "split_window": format_duration(policy.split_window_seconds),
        "reveals_per_hour": policy.reveals_per_hour,
        "approvals": {"expire": format_duration(policy.approval_expiry_seconds)},
        "duplicates": {
            "action": policy.duplicate_action.value,
            "within": format_duration(policy.duplicate_window_seconds),
        },
        "breaker": {
            "declines": policy.breaker.declines,
            "within": format_duration(policy.breaker.seconds),
        },
        "verification": verification,
        "learning": {"settlements": policy.learning.settlements, "days": policy.learning.days},
        "card_creation": creation,
        "flags": {flag.value: action.value for flag, action in policy.flag_actions},
        **_level(policy.organization),
    }
    fx: Document = {"tolerance": format_percent(policy.fx_tolerance_basis_points)}
    if policy.fx_rates:
        fx["rates"] = dict(policy.fx_rates)
    document["fx"] = fx
    if policy.vendors:
        document["vendors"] = [render_document(one) for one in policy.vendors]
    for key, levels in (("agents", policy.agents), ("cards", policy.cards)):
        if levels:
            document[key] = {level.subject or "": _level(level) for level in levels}
    return document


def _level(level: Level) -> Document:
    found: Document = {}
    if level.tolerance is not None:
        found["tolerance"] = _tolerance(level.tolerance)
    if level.window_seconds is not None:
        found["window"] = format_duration(level.window_seconds)
    if level.rules:
        found["rules"] = [_rule(rule) for rule in level.rules]
    if level.caps:
        found["caps"] = [_cap(cap) for cap in level.caps]
    if level.budgets:
        found["budgets"] = [_budget(budget) for budget in level.budgets]
    if level.blocked_categories:
        found["blocked_categories"] = list(level.blocked_categories)
    if level.blocked_countries:
        found["blocked_countries"] = list(level.blocked_countries)
    return found


def _tolerance(tolerance: Tolerance) -> Document:
    return {
        "percent": format_percent(tolerance.basis_points),
        "absolute": tolerance.absolute,
    }


def _when(when: Match) -> Document:
    words = {
        "agent": when.agents,
        "vendor": when.vendors,
        "category": when.categories,
        "usage": when.usages,
        "workflow": when.workflows,
    }
    parts: Document = {"currency": when.currency, "above": when.above, "up_to": when.up_to}
    return {
        **{
            key: found[0] if len(found) == 1 else list(found)
            for key, found in words.items()
            if found
        },
        **{key: part for key, part in parts.items() if part is not None},
    }


def _named(name: str, when: Match) -> Document:
    conditions = _when(when)
    return {"name": name, "when": conditions} if conditions else {"name": name}


def _rule(rule: Rule) -> Document:
    found = {**_named(rule.name, rule.when), "then": rule.then.value}
    if rule.then is Outcome.ESCALATE:
        found["approvals"] = rule.approvals
        if rule.approvers:
            found["approvers"] = list(rule.approvers)
        if rule.approval_expiry_seconds is not None:
            found["approval_expiry"] = format_duration(rule.approval_expiry_seconds)
    if rule.reason is not None:
        found["reason"] = rule.reason
    return found


def _cap(cap: Cap) -> Document:
    window = cap.window
    found: Document = {
        **_named(cap.name, cap.when),
        "scope": [scope.value for scope in cap.scope],
        "window": window.period.value if window.period else format_duration(window.seconds or 0),
        "measure": cap.measure.value,
    }
    parts: Document = {
        "max_count": cap.max_count,
        "max_amount": cap.max_amount,
        "currency": cap.currency,
    }
    return {**found, **{key: part for key, part in parts.items() if part is not None}}


def _budget(budget: Budget) -> Document:
    return {
        **_named(budget.name, budget.when),
        "scope": [scope.value for scope in budget.scope],
        "period": budget.period.value,
        "amount": budget.amount,
        "currency": budget.currency,
        "refunds_restore": budget.refunds_restore,
    }
