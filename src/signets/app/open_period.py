"""One window a period: each period of a recurring intent is a child intent of its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from signets.app.ask_members import ask_members
from signets.app.journal import alert, record
from signets.app.limits import card_exposure, exceeded_limits, fits_card
from signets.app.records import Agent, Card, Intent
from signets.app.reservation import reserve_for
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.app.unlock_card import end_window, move_intent, open_window
from signets.app.verdict_json import verdict_json
from signets.core.card import CardState
from signets.core.ids import Prefix
from signets.core.intent import Bounds, IntentState, RecurringPeriod, Usage
from signets.core.money import format_minor
from signets.core.policy.evaluate import IntentFacts, PolicyVerdict, evaluate_intent
from signets.core.policy.match import Subject
from signets.core.policy.model import Outcome, Policy
from signets.core.recurrence import due_at, period_window

#: When a period that found its card busy tries again.
_AGAIN = timedelta(hours=1)


async def open_first_period(
    services: Services, uow: UnitOfWork, parent: Intent, card: Card, policy: Policy
) -> None:
    """The first period opens with the approval, which has just been given for it."""
    period = parent.period or RecurringPeriod.MONTH
    _, closes_at = period_window(uow.now, 0, period, policy.time_zone)
    child = await _add_child(services, uow, parent, 0, card)
    await move_intent(services, uow, child, IntentState.APPROVED, actor="policy")
    await open_window(
        services,
        uow,
        msgspec.structs.replace(child, state=IntentState.APPROVED),
        card,
        opens_at=uow.now,
        closes_at=closes_at,
        counts_at=uow.now,
        actor="policy",
    )
    await _schedule_next(uow, parent, 1, policy)


async def open_due_period(
    services: Services, uow: UnitOfWork, parent: Intent, policy: Policy, version: int
) -> str | None:
    """Open the next period's window, if policy in force still says so; the card to push.

    Policy is evaluated again for every period. Where it no longer approves, the period waits for
    a member (escalate) or does not open (deny); a window that is still open from the period
    before gives way. Another intent's window on the same card is waited for.
    """
    card = await uow.cards.get(parent.card_id or "")
    agent = await uow.identity.agent(parent.agent_id)
    index = _current(parent, await uow.intents.last_period(parent.id) + 1, uow.now, policy)
    await _schedule_next(uow, parent, index + 1, policy)
    held = (
        card is None
        or agent is None
        or card.state is CardState.CLOSED
        or card.frozen_at is not None
        or card.breaker_tripped_at is not None
        or agent.frozen_at is not None
        or uow.organization.frozen_at is not None
    )
    if held or card is None or agent is None:
        await alert(
            services,
            uow,
            "period_not_opened",
            subject=parent.id,
            message="the card, agent or organization is held, so this period did not open",
        )
        return None
    open_before = await uow.cards.window_of_card(card.id)
    if open_before is not None:
        owner = await uow.intents.get(open_before.intent_id)
        if owner is not None and owner.parent_id != parent.id:
            await uow.intents.set_next_period(parent.id, min(open_before.ends_at, uow.now + _AGAIN))
            return None
        await end_window(services, uow, open_before, cause="next_period")
        card = await uow.cards.get(card.id) or card
    verdict = await _evaluate(uow, parent, agent, card, policy, index)
    child = await _add_child(
        services, uow, msgspec.structs.replace(parent, policy_version=version), index, card, verdict
    )
    if verdict.outcome is Outcome.APPROVE:
        await approve_period(services, uow, child, card, policy, anchor=_anchor(parent))
        return card.id
    if verdict.outcome is Outcome.DENY:
        await move_intent(services, uow, child, IntentState.DENIED, actor="policy")
        await alert(
            services,
            uow,
            "period_denied",
            subject=child.id,
            message="; ".join(verdict.reasons),
        )
        return None
    await move_intent(services, uow, child, IntentState.PENDING_APPROVAL, actor="policy")
    await ask_members(
        services, uow, child, verdict, requested_by=parent.declared_by.removeprefix("member:")
    )
    return None


async def approve_period(
    services: Services,
    uow: UnitOfWork,
    child: Intent,
    card: Card,
    policy: Policy,
    *,
    anchor: datetime,
    actor: str = "policy",
) -> None:
    """Approve one period's intent and open its window."""
    parent = await uow.intents.get(child.parent_id or "")
    period = (parent.period if parent else None) or RecurringPeriod.MONTH
    index = child.period_index or 0
    _, closes_at = period_window(anchor, index, period, policy.time_zone)
    due = due_at(anchor, index, period, policy.time_zone)
    await move_intent(services, uow, child, IntentState.APPROVED, actor=actor)
    await open_window(
        services,
        uow,
        msgspec.structs.replace(child, state=IntentState.APPROVED),
        card,
        opens_at=uow.now,
        closes_at=max(closes_at, uow.now + timedelta(seconds=child.window_seconds)),
        counts_at=max(due, uow.now),
        actor=actor,
    )


def _current(parent: Intent, index: int, now: datetime, policy: Policy) -> int:
    """The period to open: the latest one due. Those missed while the card was held stay missed."""
    period = parent.period or RecurringPeriod.MONTH
    while period_window(_anchor(parent), index + 1, period, policy.time_zone)[0] <= now:
        index += 1
    return index


def _anchor(parent: Intent) -> datetime:
    return parent.approved_at or parent.created_at


async def _schedule_next(uow: UnitOfWork, parent: Intent, index: int, policy: Policy) -> None:
    anchor = parent.approved_at or uow.now
    opens, _ = period_window(
        anchor, index, parent.period or RecurringPeriod.MONTH, policy.time_zone
    )
    await uow.intents.set_next_period(parent.id, opens)


async def _evaluate(
    uow: UnitOfWork, parent: Intent, agent: Agent, card: Card, policy: Policy, index: int
) -> PolicyVerdict:
    """Policy in force, and the limits of the period that is due (its window opens early)."""
    period = parent.period or RecurringPeriod.MONTH
    at = max(uow.now, due_at(_anchor(parent), index, period, policy.time_zone))
    subject = Subject(
        agent_id=agent.id,
        agent_handle=agent.handle,
        card_id=card.id,
        vendor=parent.vendor,
        vendor_category=parent.category,
        workflow=parent.workflow,
    )
    bounds = Bounds(
        usage=Usage.WINDOW,
        max_total=parent.max_total,
        max_per_charge=parent.max_per_charge,
        max_count=parent.max_count,
    )
    reserve = reserve_for(
        policy,
        bounds,
        currency=parent.currency,
        card_currency=card.currency,
        own=uow.organization.currency,
    )
    facts = IntentFacts(
        subject=subject,
        expected=parent.expected_amount,
        currency=parent.currency,
        usage=Usage.RECURRING,
        maximum=parent.max_total,
        limits_exceeded=await exceeded_limits(uow, policy, subject, reserve, at=at),
    )
    used = await card_exposure(uow, card, policy.time_zone, at=at)
    if not fits_card(card, used, reserve.total):
        sentence = f"the card's limit has no {format_minor(reserve.total, card.currency)} left"
        facts = replace(facts, limits_exceeded=(*facts.limits_exceeded, sentence))
    return evaluate_intent(policy, facts)


async def _add_child(
    services: Services,
    uow: UnitOfWork,
    parent: Intent,
    index: int,
    card: Card,
    verdict: PolicyVerdict | None = None,
) -> Intent:
    child = msgspec.structs.replace(
        parent,
        id=services.new_id(Prefix.INTENT),
        parent_id=parent.id,
        period_index=index,
        state=IntentState.DECLARED,
        usage=Usage.WINDOW,
        period=None,
        card_id=card.id,
        supersedes=None,
        verdict=verdict_json(verdict) if verdict else parent.verdict,
        charges=0,
        used=0,
        reopens=0,
        evidence_seq=0,
        created_at=uow.now,
        approved_at=None,
        next_period_at=None,
        ended_at=None,
    )
    await uow.intents.add(child)
    await record(
        services,
        uow,
        "intent.declared",
        actor="system",
        subject=child.id,
        intent_id=child.id,
        card_id=card.id,
        data={
            "parent": parent.id,
            "period_index": index,
            "expected_amount": child.expected_amount,
            "max_total": child.max_total,
            "currency": child.currency,
            "vendor": child.vendor,
        },
    )
    return child
