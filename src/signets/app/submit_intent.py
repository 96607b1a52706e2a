"""Declare an intent: check it, evaluate policy, and approve, escalate or deny it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from signets.app.approve_intent import approve_intent
from signets.app.caller import Caller
from signets.app.choose_card import Need, choose_card
from signets.app.idempotency import Idempotency, recall, remember
from signets.app.journal import record
from signets.app.limits import exceeded_limits
from signets.app.read_intents import intent_view
from signets.app.records import Agent, Approval, ApprovalState, Card, Intent
from signets.app.reservation import Reserve, reserve_for
from signets.app.resolve_agent import resolve_agent
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.app.sync_card import sync_now
from signets.app.unlock_card import move_intent
from signets.app.verdict_json import verdict_json
from signets.app.views import IntentView
from signets.core.access import Scope
from signets.core.errors import invalid
from signets.core.ids import Prefix
from signets.core.intent import (
    Bounds,
    DuplicateCandidate,
    IntentState,
    RecurringPeriod,
    Usage,
    find_duplicate,
    parse_bounds,
    parse_window,
)
from signets.core.merchant.domains import canonical_vendor
from signets.core.money import parse_amount, parse_currency
from signets.core.pan import refuse_pan
from signets.core.policy.evaluate import (
    IntentFacts,
    PolicyVerdict,
    evaluate_intent,
    intent_maximum,
)
from signets.core.policy.match import Subject
from signets.core.policy.model import DuplicateAction, Outcome, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitIntent:
    """A declaration as the caller sends it. Amounts in minor units."""

    purpose: str
    expected_amount: int
    expected_merchant: str
    currency: str | None = None
    usage: Usage = Usage.SINGLE
    agent_id: str | None = None
    card_id: str | None = None
    max_per_charge: int | None = None
    max_total: int | None = None
    max_count: int | None = None
    period: RecurringPeriod | None = None
    window_seconds: int | None = None
    workflow: str | None = None
    line_items: tuple[dict[str, Any], ...] = ()
    quote_url: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    allow_duplicate: bool = False
    allow_duplicate_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What came of it, inside the transaction."""

    intent_id: str
    card_id: str | None
    duplicate_of: str | None = None
    replayed: bool = False


async def submit_intent(
    services: Services,
    caller: Caller,
    command: SubmitIntent,
    idempotency: Idempotency | None = None,
) -> IntentView:
    """Declare and decide; an approved intent's card is open when this returns.

    Raises:
        Refusal: Naming the field at fault; nothing is written.
    """
    caller.require(Scope.INTENTS_WRITE)
    check_text(command)
    async with services.store.transaction(caller.org_id) as uow:
        earlier = await recall(uow, caller, idempotency)
        if earlier is not None:
            declared = Declared(intent_id=earlier, card_id=None, replayed=True)
        else:
            declared = await declare(services, uow, caller, command)
            await remember(uow, caller, idempotency, declared.intent_id)
    if declared.card_id is not None:
        await sync_now(services, caller.org_id, declared.card_id)
    async with services.store.unlocked(caller.org_id) as uow:
        return await intent_view(
            uow,
            declared.intent_id,
            duplicate_of=declared.duplicate_of,
            replayed=declared.replayed,
        )


def check_text(command: SubmitIntent) -> None:
    """Free text never holds a card number."""
    for field in ("purpose", "workflow", "quote_url", "allow_duplicate_reason"):
        refuse_pan(getattr(command, field), param=field)
    refuse_pan(list(command.line_items), param="line_items")
    refuse_pan(dict(command.metadata), param="metadata")
    if command.allow_duplicate and not (command.allow_duplicate_reason or "").strip():
        raise invalid(
            "reason_missing",
            "`allow_duplicate` needs `allow_duplicate_reason`: say why this is a second purchase",
            param="allow_duplicate_reason",
        )
    if (command.usage is Usage.RECURRING) != (command.period is not None):
        raise invalid(
            "period_invalid",
            "`period` (`month` or `year`) goes with usage `recurring`, and only with it",
            param="period",
        )


async def declare(
    services: Services,
    uow: UnitOfWork,
    caller: Caller,
    command: SubmitIntent,
    *,
    supersedes: Intent | None = None,
) -> Declared:
    """The whole declaration inside a transaction; ``supersedes`` is the intent being amended."""
    vendor = canonical_vendor(command.expected_merchant, services.directory)
    known = services.directory.vendor(vendor)
    agent, named_card = await resolve_agent(uow, caller, command.agent_id, command.card_id, vendor)
    version, policy = await services.policies.in_force(uow)
    currency = parse_currency(command.currency or uow.organization.currency)
    subject = Subject(
        agent_id=agent.id,
        agent_handle=agent.handle,
        card_id=named_card,
        vendor=vendor,
        vendor_category=known.category if known else None,
        workflow=command.workflow,
    )
    expected = parse_amount(command.expected_amount, param="expected_amount", minimum=1)
    asked = IntentFacts(
        subject=subject, expected=expected, currency=currency, usage=command.usage
    )
    bounds = parse_bounds(
        usage=command.usage,
        expected_amount=expected,
        maximum=intent_maximum(policy, asked),
        max_per_charge=command.max_per_charge,
        max_total=command.max_total,
        max_count=command.max_count,
    )
    recent = await uow.intents.recent(
        agent.id, vendor, uow.now - timedelta(seconds=policy.duplicate_window_seconds)
    )
    recent = [one for one in recent if supersedes is None or one.id != supersedes.id]
    duplicate = _duplicate(command, agent, vendor, currency, bounds, recent, uow.now, policy)
    if (
        duplicate is not None
        and not command.allow_duplicate
        and policy.duplicate_action is DuplicateAction.RETURN
    ):
        first = next(one for one in recent if one.id == duplicate)
        await record(
            services,
            uow,
            "intent.repeated",
            actor=caller.actor,
            subject=first.id,
            intent_id=first.id,
            card_id=first.card_id,
            data={"expected_amount": expected, "currency": currency},
        )
        return Declared(intent_id=first.id, card_id=None, duplicate_of=first.id)
    chosen = await uow.cards.get(named_card) if named_card else None
    reserve = reserve_for(
        policy,
        bounds,
        currency=currency,
        card_currency=chosen.currency if chosen else None,
        own=uow.organization.currency,
    )
    need = Need(
        vendor=vendor,
        currency=reserve.currency,
        amount=reserve.total,
        recurring=command.usage is Usage.RECURRING,
        workflow=command.workflow,
    )
    card = await choose_card(uow, agent, need, policy, card_id=named_card)
    facts = IntentFacts(
        subject=subject,
        expected=expected,
        currency=currency,
        usage=command.usage,
        maximum=bounds.max_total,
        allow_duplicate=command.allow_duplicate,
        allow_duplicate_reason=command.allow_duplicate_reason,
        likely_duplicate_of=duplicate,
        recent_total=_recent_total(recent, currency, uow.now, policy),
        limits_exceeded=await exceeded_limits(uow, policy, subject, reserve),
    )
    verdict = evaluate_intent(policy, facts)
    intent = _intent(
        services,
        uow,
        caller,
        command,
        agent,
        card,
        vendor,
        bounds,
        reserve,
        verdict,
        version,
        supersedes,
    )
    await uow.intents.add(intent)
    await _record_declared(services, uow, caller, intent)
    return await _follow(
        services, uow, caller, intent, agent, card, policy, verdict, currency=reserve.currency
    )


async def _follow(
    services: Services,
    uow: UnitOfWork,
    caller: Caller,
    intent: Intent,
    agent: Agent,
    card: Card | None,
    policy: Policy,
    verdict: PolicyVerdict,
    *,
    currency: str,
) -> Declared:
    """Carry out what policy says."""
    said = {"policy_version": intent.policy_version, "reasons": list(verdict.reasons)}
    if verdict.outcome is Outcome.DENY:
        await move_intent(
            services, uow, intent, IntentState.DENIED, actor="policy", data=said
        )
        return Declared(intent_id=intent.id, card_id=None)
    if verdict.outcome is Outcome.ESCALATE:
        await move_intent(
            services, uow, intent, IntentState.PENDING_APPROVAL, actor="policy", data=said
        )
        await uow.intents.add_approval(
            Approval(
                id=services.new_id(Prefix.APPROVAL),
                intent_id=intent.id,
                state=ApprovalState.WAITING,
                required=verdict.approvals_required,
                approvers=[list(named) for named in verdict.approvers],
                requested_by=caller.member_id or caller.actor,
                expires_at=uow.now + timedelta(seconds=verdict.approval_expiry_seconds),
                created_at=uow.now,
                decided_at=None,
            )
        )
        return Declared(intent_id=intent.id, card_id=None)
    opened = await approve_intent(
        services,
        uow,
        intent,
        agent,
        card,
        policy,
        currency=currency,
        actor="policy",
        data=said,
    )
    return Declared(intent_id=intent.id, card_id=opened.id)


def _duplicate(
    command: SubmitIntent,
    agent: Agent,
    vendor: str,
    currency: str,
    bounds: Bounds,
    recent: list[Intent],
    now: datetime,
    policy: Policy,
) -> str | None:
    new = DuplicateCandidate(
        intent_id="",
        agent_id=agent.id,
        vendor=vendor,
        currency=currency,
        expected_amount=command.expected_amount,
        maximum=bounds.max_total,
        state=IntentState.DECLARED,
        at=now,
        workflow=command.workflow,
        line_items=_line_names(list(command.line_items)),
    )
    earlier = tuple(
        DuplicateCandidate(
            intent_id=one.id,
            agent_id=one.agent_id,
            vendor=one.vendor,
            currency=one.currency,
            expected_amount=one.expected_amount,
            maximum=one.max_total,
            state=one.state,
            at=one.ended_at or one.created_at,
            workflow=one.workflow,
            line_items=_line_names(one.line_items),
        )
        for one in recent
        if one.usage is command.usage
    )
    found = find_duplicate(
        new, earlier, now=now, window=timedelta(seconds=policy.duplicate_window_seconds)
    )
    return found.intent_id if found else None


def _line_names(items: list[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(sorted(str(item.get("description", "")).strip().lower() for item in items))


def _recent_total(
    recent: list[Intent], currency: str, now: datetime, policy: Policy
) -> int:
    """What this agent's other self-approved intents here sum to, inside the split window."""
    since = now - timedelta(seconds=policy.split_window_seconds)
    return sum(
        one.expected_amount
        for one in recent
        if one.created_at > since
        and one.currency == currency
        and one.verdict.get("outcome") == Outcome.APPROVE
        and one.state not in (IntentState.CANCELED, IntentState.SUPERSEDED)
    )


def _intent(
    services: Services,
    uow: UnitOfWork,
    caller: Caller,
    command: SubmitIntent,
    agent: Agent,
    card: Card | None,
    vendor: str,
    bounds: Bounds,
    reserve: Reserve,
    verdict: PolicyVerdict,
    version: int,
    supersedes: Intent | None,
) -> Intent:
    known = services.directory.vendor(vendor)
    window = parse_window(command.window_seconds, command.usage, verdict.window_seconds)
    return Intent(
        id=services.new_id(Prefix.INTENT),
        agent_id=agent.id,
        card_id=card.id if card else None,
        parent_id=None,
        period_index=None,
        state=IntentState.DECLARED,
        usage=command.usage,
        purpose=command.purpose,
        expected_amount=command.expected_amount,
        maximum=verdict.maximum,
        currency=parse_currency(command.currency or uow.organization.currency),
        vendor=vendor,
        category=known.category if known else None,
        max_total=bounds.max_total,
        max_per_charge=bounds.max_per_charge,
        max_count=bounds.max_count,
        reserve=reserve.total,
        window_seconds=int(window.total_seconds()),
        period=command.period,
        workflow=command.workflow,
        line_items=list(command.line_items),
        quote_url=command.quote_url,
        metadata=dict(command.metadata),
        declared_by=caller.actor,
        allow_duplicate_reason=command.allow_duplicate_reason if command.allow_duplicate else None,
        supersedes=supersedes.id if supersedes else None,
        policy_version=version,
        verdict=verdict_json(verdict),
        charges=0,
        used=0,
        reopens=0,
        evidence_seq=0,
        created_at=uow.now,
        approved_at=None,
        next_period_at=None,
        ended_at=None,
    )


async def _record_declared(
    services: Services, uow: UnitOfWork, caller: Caller, intent: Intent
) -> None:
    await record(
        services,
        uow,
        "intent.declared",
        actor=caller.actor,
        subject=intent.id,
        intent_id=intent.id,
        card_id=intent.card_id,
        data={
            "agent": intent.agent_id,
            "purpose": intent.purpose,
            "expected_amount": intent.expected_amount,
            "maximum": intent.maximum,
            "max_total": intent.max_total,
            "max_per_charge": intent.max_per_charge,
            "max_count": intent.max_count,
            "currency": intent.currency,
            "vendor": intent.vendor,
            "usage": intent.usage.value,
            "workflow": intent.workflow,
            "quote_url": intent.quote_url,
            "line_items": [_as_text(item) for item in intent.line_items],
            "metadata": {"keys": sorted(intent.metadata)},
            "supersedes": intent.supersedes,
            "policy_version": intent.policy_version,
            "outcome": intent.verdict["outcome"],
            "decided_by": intent.verdict["decided_by"],
        },
    )


def _as_text(item: dict[str, Any]) -> dict[str, str]:
    """A line item as strings: evidence holds no floats."""
    return {key: str(value) for key, value in item.items() if key.isascii()}
