"""Declare an intent: check it, evaluate policy, and approve, escalate or deny it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from signets.app.approve_intent import approve_intent
from signets.app.ask_members import ask_members
from signets.app.caller import Caller
from signets.app.choose_card import Need, choose_card, refuse_new_card
from signets.app.declaration import (
    Declaration,
    SubmitIntent,
    check_text,
    likely_duplicate,
    new_intent,
    read_declaration,
    recent_total,
    record_declared,
)
from signets.app.idempotency import Idempotency, Recalled, recall, remember
from signets.app.journal import record
from signets.app.limits import exceeded_limits
from signets.app.make_card import made_limit, refit_card
from signets.app.read_intents import intent_view
from signets.app.records import Card, Intent
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.app.sync_card import sync_now
from signets.app.unlock_card import move_intent
from signets.app.views import IntentView
from signets.core.access import Scope
from signets.core.intent import IntentState, Usage
from signets.core.policy.evaluate import PolicyVerdict, evaluate_intent
from signets.core.policy.model import DuplicateAction, Outcome


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
            declared = await _again(uow, earlier)
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


async def _again(uow: UnitOfWork, earlier: Recalled) -> Declared:
    """The same answer as before: an intent older than its key was given as a duplicate."""
    intent = await uow.intents.get(earlier.result_id)
    repeated = intent is not None and intent.created_at < earlier.at
    return Declared(
        intent_id=earlier.result_id,
        card_id=None,
        duplicate_of=earlier.result_id if repeated else None,
        replayed=True,
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
    asked = await read_declaration(services, uow, caller, command, supersedes=supersedes)
    if supersedes is not None:
        limit = made_limit(asked.policy, asked.reserve.total, asked.reserve.currency)
        await refit_card(services, uow, supersedes, limit, actor=caller.actor)
    first = likely_duplicate(uow, asked)
    returns = asked.policy.duplicate_action is DuplicateAction.RETURN
    if first is not None and returns and not command.allow_duplicate:
        await record(
            services,
            uow,
            "intent.repeated",
            actor=caller.actor,
            subject=first.id,
            intent_id=first.id,
            card_id=first.card_id,
            data={"expected_amount": asked.facts.expected, "currency": asked.facts.currency},
        )
        return Declared(intent_id=first.id, card_id=None, duplicate_of=first.id)
    need = Need(
        vendor=asked.vendor,
        currency=asked.reserve.currency,
        amount=asked.reserve.total,
        recurring=command.usage is Usage.RECURRING,
        workflow=command.workflow,
    )
    card = await choose_card(uow, asked.agent, need, asked.policy, card_id=asked.named_card)
    if card is None and caller.agent_id is not None:
        refuse_new_card(asked.policy)
    facts = replace(
        asked.facts,
        maximum=asked.bounds.max_total,
        likely_duplicate_of=first.id if first else None,
        recent_total=recent_total(uow, asked),
        limits_exceeded=await exceeded_limits(
            uow, asked.policy, asked.facts.subject, asked.reserve
        ),
    )
    verdict = evaluate_intent(asked.policy, facts)
    intent = new_intent(services, uow, caller, asked, verdict, card=card, supersedes=supersedes)
    await uow.intents.add(intent)
    await record_declared(services, uow, caller, intent)
    return await _follow(services, uow, caller, intent, asked, card, verdict)


async def _follow(
    services: Services,
    uow: UnitOfWork,
    caller: Caller,
    intent: Intent,
    asked: Declaration,
    card: Card | None,
    verdict: PolicyVerdict,
) -> Declared:
    """Carry out what policy says."""
    said = {"policy_version": intent.policy_version, "reasons": list(verdict.reasons)}
    if verdict.outcome is Outcome.DENY:
        await move_intent(services, uow, intent, IntentState.DENIED, actor="policy", data=said)
        return Declared(intent_id=intent.id, card_id=None)
    if verdict.outcome is Outcome.ESCALATE:
        await move_intent(
            services, uow, intent, IntentState.PENDING_APPROVAL, actor="policy", data=said
        )
        await ask_members(
            services, uow, intent, verdict, requested_by=caller.member_id or caller.actor
        )
        return Declared(intent_id=intent.id, card_id=None)
    opened = await approve_intent(
        services,
        uow,
        intent,
        asked.agent,
        card,
        asked.policy,
        currency=asked.reserve.currency,
        actor="policy",
        data=said,
    )
    return Declared(intent_id=intent.id, card_id=opened.id)
