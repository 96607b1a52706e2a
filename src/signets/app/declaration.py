"""A declaration, read: checked, resolved, and held against what the agent declared before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from signets.app.caller import Caller
from signets.app.journal import record
from signets.app.records import Agent, Card, Intent
from signets.app.reservation import Reserve, reserve_for
from signets.app.resolve_agent import resolve_agent
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.app.verdict_json import verdict_json
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
from signets.core.policy.evaluate import IntentFacts, PolicyVerdict, intent_maximum
from signets.core.policy.match import Subject
from signets.core.policy.model import Outcome, Policy


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
class Declaration:
    """Everything a declaration means, before policy judges it.

    ``facts`` holds the agent, vendor and expected amount as policy sees them; ``recent`` are the
    agent's intents at the same vendor that a duplicate or a split is looked for in.
    """

    command: SubmitIntent
    agent: Agent
    named_card: str | None
    policy: Policy
    policy_version: int
    facts: IntentFacts
    bounds: Bounds
    reserve: Reserve
    recent: tuple[Intent, ...]

    @property
    def vendor(self) -> str:
        """The canonical domain."""
        return self.facts.subject.vendor or ""


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


async def read_declaration(
    services: Services,
    uow: UnitOfWork,
    caller: Caller,
    command: SubmitIntent,
    *,
    supersedes: Intent | None,
) -> Declaration:
    """Check and resolve; nothing is written.

    Raises:
        Refusal: Naming the field at fault.
    """
    directory = (await services.merchants.of(uow)).directory
    vendor = canonical_vendor(command.expected_merchant, directory)
    known = directory.vendor(vendor)
    agent, named_card = await resolve_agent(uow, caller, command.agent_id, command.card_id, vendor)
    version, policy = await services.policies.in_force(uow)
    facts = IntentFacts(
        subject=Subject(
            agent_id=agent.id,
            agent_handle=agent.handle,
            card_id=named_card,
            vendor=vendor,
            vendor_category=known.category if known else None,
            workflow=command.workflow,
        ),
        expected=parse_amount(command.expected_amount, param="expected_amount", minimum=1),
        currency=parse_currency(command.currency or uow.organization.currency),
        usage=command.usage,
        allow_duplicate=command.allow_duplicate,
        allow_duplicate_reason=command.allow_duplicate_reason,
    )
    bounds = parse_bounds(
        usage=command.usage,
        expected_amount=facts.expected,
        maximum=intent_maximum(policy, facts),
        max_per_charge=command.max_per_charge,
        max_total=command.max_total,
        max_count=command.max_count,
    )
    chosen = await uow.cards.get(named_card) if named_card else None
    since = uow.now - timedelta(seconds=policy.duplicate_window_seconds)
    recent = await uow.intents.recent(agent.id, vendor, since)
    return Declaration(
        command=command,
        agent=agent,
        named_card=named_card,
        policy=policy,
        policy_version=version,
        facts=facts,
        bounds=bounds,
        reserve=reserve_for(
            policy,
            bounds,
            currency=facts.currency,
            card_currency=chosen.currency if chosen else None,
            own=uow.organization.currency,
        ),
        recent=tuple(one for one in recent if supersedes is None or one.id != supersedes.id),
    )


def likely_duplicate(uow: UnitOfWork, asked: Declaration) -> Intent | None:
    """The earlier intent that this one most likely repeats."""
    command = asked.command
    new = DuplicateCandidate(
        intent_id="",
        agent_id=asked.agent.id,
        vendor=asked.vendor,
        currency=asked.facts.currency,
        expected_amount=command.expected_amount,
        maximum=asked.bounds.max_total,
        state=IntentState.DECLARED,
        at=uow.now,
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
        for one in asked.recent
        if one.usage is command.usage
    )
    window = timedelta(seconds=asked.policy.duplicate_window_seconds)
    found = find_duplicate(new, earlier, now=uow.now, window=window)
    return next((one for one in asked.recent if found and one.id == found.intent_id), None)


def _line_names(items: list[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(sorted(str(item.get("description", "")).strip().lower() for item in items))


def recent_total(uow: UnitOfWork, asked: Declaration) -> int:
    """What this agent's other self-approved intents here sum to, inside the split window."""
    since = uow.now - timedelta(seconds=asked.policy.split_window_seconds)
    return sum(
        one.expected_amount
        for one in asked.recent
        if one.created_at > since
        and one.currency == asked.facts.currency
        and one.verdict.get("outcome") == Outcome.APPROVE
        and one.state not in (IntentState.CANCELED, IntentState.SUPERSEDED)
    )


def new_intent(
    services: Services,
    uow: UnitOfWork,
    caller: Caller,
    asked: Declaration,
    verdict: PolicyVerdict,
    *,
    card: Card | None,
    supersedes: Intent | None,
) -> Intent:
    """The intent's row, as declared."""
    command, bounds = asked.command, asked.bounds
    window = parse_window(command.window_seconds, command.usage, verdict.window_seconds)
    return Intent(
        id=services.new_id(Prefix.INTENT),
        agent_id=asked.agent.id,
        card_id=card.id if card else None,
        parent_id=None,
        period_index=None,
        state=IntentState.DECLARED,
        usage=command.usage,
        purpose=command.purpose,
        expected_amount=command.expected_amount,
        maximum=verdict.maximum,
        currency=asked.facts.currency,
        vendor=asked.vendor,
        category=asked.facts.subject.vendor_category,
        max_total=bounds.max_total,
        max_per_charge=bounds.max_per_charge,
        max_count=bounds.max_count,
        reserve=asked.reserve.total,
        window_seconds=int(window.total_seconds()),
        period=command.period,
        workflow=command.workflow,
        line_items=list(command.line_items),
        quote_url=command.quote_url,
        metadata=dict(command.metadata),
        declared_by=caller.actor,
        allow_duplicate_reason=command.allow_duplicate_reason if command.allow_duplicate else None,
        supersedes=supersedes.id if supersedes else None,
        policy_version=asked.policy_version,
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


async def record_declared(
    services: Services, uow: UnitOfWork, caller: Caller, intent: Intent
) -> None:
    """The first entry of an intent's evidence."""
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
