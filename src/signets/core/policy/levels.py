"""Which levels, caps, budgets, blocks and tolerance apply to whom. The most restrictive wins."""

from __future__ import annotations

from functools import lru_cache

import msgspec
from msgspec.structs import replace

from signets.core.policy.match import Answer, Subject, match_subject
from signets.core.policy.model import Budget, Cap, Level, Policy, Scope, Tolerance

#: Answers that are kept: one for each agent, vendor and workflow that buys under a policy.
_MOST = 4_096


def applicable_levels(policy: Policy, subject: Subject) -> tuple[Level, ...]:
    """Organization, then the agent's (by handle and by id), then the card's."""
    agent = (subject.agent_id, subject.agent_handle)
    return (
        policy.organization,
        *(level for level in policy.agents if level.subject in agent),
        *(
            level
            for level in policy.cards
            if subject.card_id is not None and level.subject == subject.card_id
        ),
    )


def _applies(limit: Cap | Budget, subject: Subject) -> bool:
    # Without a vendor or workflow there is nothing to count on: an unmatched merchant counts on
    # card, agent and organization, never on the locked vendor. A condition that cannot be judged
    # applies.
    if Scope.VENDOR in limit.scope and subject.vendor is None:
        return False
    if Scope.WORKFLOW in limit.scope and subject.workflow is None:
        return False
    return match_subject(limit.when, subject)[0] is not Answer.NO_MATCH


def _qualified(level: Level, name: str) -> str:
    return name if level.subject is None else f"{level.subject}/{name}"


def applicable_caps(policy: Policy, subject: Subject) -> tuple[Cap, ...]:
    """Every velocity cap that applies, from all levels.

    Caps of an agent's or card's level are named ``infra-agent/burst``, so that a name tells one
    cap within a policy. A cap whose scope holds the card is returned also where
    ``subject.card_id`` is ``None``: a card that is not made yet has used nothing.
    """
    return _applying(policy, subject).caps


def applicable_budgets(policy: Policy, subject: Subject) -> tuple[Budget, ...]:
    """Every budget that applies, from all levels, named as :func:`applicable_caps` names caps."""
    return _applying(policy, subject).budgets


class Blocked(msgspec.Struct, frozen=True, kw_only=True):
    """Where nothing may be bought: MCCs and alpha-2 countries, from all levels, sorted."""

    categories: tuple[str, ...]
    countries: tuple[str, ...]


def blocked(policy: Policy, subject: Subject) -> Blocked:
    """The union of what the applicable levels block."""
    return _applying(policy, subject).blocked


def tightest_tolerance(policy: Policy, subject: Subject, expected: int) -> Tolerance:
    """Of the levels that state a tolerance, the one with the smallest maximum for ``expected``.

    Where none does, there is no tolerance.
    """
    stated = _applying(policy, subject).tolerances
    return min(stated, key=lambda tolerance: tolerance.maximum(expected))


class _Applying(msgspec.Struct, frozen=True, kw_only=True):
    """All that a policy says about a subject, whatever is bought."""

    caps: tuple[Cap, ...]
    budgets: tuple[Budget, ...]
    blocked: Blocked
    tolerances: tuple[Tolerance, ...]  # at least one


def _applying(policy: Policy, subject: Subject) -> _Applying:
    # A policy says the same about all cards of an agent, unless it has a level for one.
    return _kept(
        policy,
        subject.agent_id,
        subject.agent_handle,
        subject.card_id if policy.cards else None,
        subject.vendor,
        subject.vendor_category,
        subject.workflow,
    )


@lru_cache(maxsize=_MOST)
def _kept(
    policy: Policy,
    agent_id: str,
    agent_handle: str,
    card_id: str | None,
    vendor: str | None,
    vendor_category: str | None,
    workflow: str | None,
) -> _Applying:
    subject = Subject(
        agent_id=agent_id,
        agent_handle=agent_handle,
        card_id=card_id,
        vendor=vendor,
        vendor_category=vendor_category,
        workflow=workflow,
    )
    levels = applicable_levels(policy, subject)
    stated = tuple(level.tolerance for level in levels if level.tolerance)
    return _Applying(
        caps=tuple(
            cap if level.subject is None else replace(cap, name=_qualified(level, cap.name))
            for level in levels
            for cap in level.caps
            if _applies(cap, subject)
        ),
        budgets=tuple(
            budget
            if level.subject is None
            else replace(budget, name=_qualified(level, budget.name))
            for level in levels
            for budget in level.budgets
            if _applies(budget, subject)
        ),
        blocked=Blocked(
            categories=tuple(sorted({code for one in levels for code in one.blocked_categories})),
            countries=tuple(sorted({code for one in levels for code in one.blocked_countries})),
        ),
        tolerances=stated or (Tolerance(basis_points=0, absolute=0),),
    )


def shortest_window(policy: Policy, subject: Subject) -> int:
    """Seconds that an approved ``single`` intent's window lasts unless it asks for another."""
    levels = applicable_levels(policy, subject)
    stated = (one.window_seconds for one in levels if one.window_seconds is not None)
    return min((policy.window_seconds, *stated))
