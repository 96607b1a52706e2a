"""A member approves or denies an escalated intent."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from signets.app.approve_intent import approve_intent
from signets.app.caller import Caller, not_found
from signets.app.choose_card import Need, choose_card
from signets.app.journal import record
from signets.app.limits import exceeded_limits
from signets.app.open_period import approve_period
from signets.app.read_intents import intent_view, visible_intent
from signets.app.records import Agent, Approval, ApprovalState, ApprovalVote, Card, Intent, Member
from signets.app.reservation import bounds_of, reserve_for
from signets.app.resolve_agent import usable_agent
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.app.sync_card import sync_now
from signets.app.unlock_card import move_intent
from signets.app.verdict_json import verdict_json
from signets.app.views import IntentView
from signets.core.access import Scope
from signets.core.approval import ApprovalOutcome, ApprovalRequest, Vote, Voter, cast
from signets.core.errors import Refusal, RefusalKind
from signets.core.intent import IntentState, Usage
from signets.core.pan import refuse_pan
from signets.core.policy.evaluate import (
    IntentFacts,
    PolicyVerdict,
    approver_may,
    evaluate_intent,
)
from signets.core.policy.match import Subject
from signets.core.policy.model import Outcome, Policy


async def decide_approval(
    services: Services, caller: Caller, intent_id: str, vote: Vote, comment: str
) -> IntentView:
    """Cast a member's vote; the last one needed opens the card, one denial denies.

    Policy, caps and budgets are evaluated again with the last vote: what they would deny by then
    is refused, and stays waiting. Where policy has come to ask more or other members since, each
    further vote is held to that too.

    Raises:
        Refusal: Who asked, viewers, members policy does not name, second votes, expired requests,
            and what policy denies now.
    """
    caller.require(Scope.INTENTS_DECIDE)
    refuse_pan(comment, param="comment")
    card_id: str | None = None
    async with services.store.transaction(caller.org_id) as uow:
        intent = await visible_intent(uow, caller, intent_id)
        member = await uow.identity.member(caller.member_id or "")
        approval = await uow.intents.approval_of(intent_id)
        if member is None:
            raise not_found("member", caller.actor)
        if approval is None or intent.state is not IntentState.PENDING_APPROVAL:
            raise Refusal(
                RefusalKind.CONFLICT,
                "intent_state",
                f"the intent is `{intent.state}` and waits for nobody",
            )
        if vote is Vote.APPROVE:
            approval = await _asked_today(services, uow, intent, approval)
        outcome = await _cast(uow, approval, member, vote)
        await uow.intents.add_vote(
            ApprovalVote(
                request_id=approval.id,
                member_id=member.id,
                vote=vote,
                comment=comment,
                at=uow.now,
            )
        )
        await record(
            services,
            uow,
            "approval.voted",
            actor=caller.actor,
            subject=approval.id,
            intent_id=intent.id,
            card_id=intent.card_id,
            data={"vote": vote.value, "comment": comment, "outcome": outcome.value},
        )
        if outcome is ApprovalOutcome.DENIED:
            await uow.intents.decide_approval(approval.id, ApprovalState.DENIED, uow.now)
            await move_intent(services, uow, intent, IntentState.DENIED, actor=caller.actor)
        elif outcome is ApprovalOutcome.APPROVED:
            await uow.intents.decide_approval(approval.id, ApprovalState.APPROVED, uow.now)
            card_id = await _approve(services, uow, intent, caller.actor)
    if card_id is not None:
        await sync_now(services, caller.org_id, card_id)
    async with services.store.unlocked(caller.org_id) as uow:
        return await intent_view(uow, intent_id)


async def _asked_today(
    services: Services, uow: UnitOfWork, intent: Intent, approval: Approval
) -> Approval:
    """The request as the policy in force asks it: never fewer members, never freer to choose."""
    version, policy = await services.policies.in_force(uow)
    if version == intent.policy_version:
        return approval
    agent = await usable_agent(uow, intent.agent_id)
    subject = _subject(intent, agent, intent.card_id)
    verdict = evaluate_intent(policy, _facts(intent, subject, limits_exceeded=()))
    added = [list(one) for one in verdict.approvers if list(one) not in approval.approvers]
    today = msgspec.structs.replace(
        approval,
        required=max(approval.required, verdict.approvals_required),
        approvers=[*approval.approvers, *added],
    )
    if today != approval:
        await uow.intents.tighten_approval(approval.id, today.required, today.approvers)
    return today


def _subject(intent: Intent, agent: Agent, card_id: str | None) -> Subject:
    return Subject(
        agent_id=agent.id,
        agent_handle=agent.handle,
        card_id=card_id,
        vendor=intent.vendor,
        vendor_category=intent.category,
        workflow=intent.workflow,
    )


def _facts(intent: Intent, subject: Subject, *, limits_exceeded: tuple[str, ...]) -> IntentFacts:
    return IntentFacts(
        subject=subject,
        expected=intent.expected_amount,
        currency=intent.currency,
        usage=intent.usage,
        maximum=intent.max_total,
        limits_exceeded=limits_exceeded,
    )


async def _cast(uow: UnitOfWork, approval: Approval, member: Member, vote: Vote) -> ApprovalOutcome:
    votes = await uow.intents.votes(approval.id)
    return cast(
        ApprovalRequest(
            required=approval.required,
            requested_by=approval.requested_by,
            expires_at=approval.expires_at,
            votes=tuple((one.member_id, one.vote) for one in votes),
        ),
        Voter(
            member_id=member.id,
            role=member.role,
            named=approver_may(
                tuple(tuple(named) for named in approval.approvers),
                member_id=member.id,
                email=member.email,
            ),
        ),
        vote,
        uow.now,
    )


async def _approve(services: Services, uow: UnitOfWork, intent: Intent, actor: str) -> str:
    """The last vote: evaluate again, then open the card."""
    version, policy = await services.policies.in_force(uow)
    agent = await usable_agent(uow, intent.agent_id)
    named = await uow.cards.get(intent.card_id) if intent.card_id else None
    currency = named.currency if named else _card_currency(uow, policy, intent)
    card = await _card(uow, agent, intent, policy, currency)
    verdict = await _judge_again(uow, policy, agent, intent, card, currency)
    await uow.intents.set_verdict(intent.id, version, verdict_json(verdict))
    intent = msgspec.structs.replace(intent, policy_version=version)
    if intent.parent_id is not None and card is not None:
        parent = await uow.intents.get(intent.parent_id)
        anchor = (parent.approved_at if parent else None) or intent.created_at
        await approve_period(services, uow, intent, card, policy, anchor=anchor, actor=actor)
        return card.id
    opened = await approve_intent(
        services,
        uow,
        intent,
        agent,
        card,
        policy,
        currency=currency,
        actor=actor,
        data={"policy_version": version},
    )
    return opened.id


def _card_currency(uow: UnitOfWork, policy: Policy, intent: Intent) -> str:
    """A card made for the intent is in the currency that its reserve is stated in."""
    return reserve_for(
        policy,
        bounds_of(intent),
        currency=intent.currency,
        card_currency=None,
        own=uow.organization.currency,
    ).currency


async def _card(
    uow: UnitOfWork, agent: Agent, intent: Intent, policy: Policy, currency: str
) -> Card | None:
    """The card it was declared with, where that still serves; else as if declared now.

    Raises:
        Refusal: A period's own card cannot serve, or a freeze or the breaker holds the agent's.
    """
    need = Need(
        vendor=intent.vendor,
        currency=currency,
        amount=intent.reserve,
        recurring=intent.usage is Usage.RECURRING,
        workflow=intent.workflow,
    )
    if intent.card_id is not None:
        try:
            return await choose_card(uow, agent, need, policy, card_id=intent.card_id)
        except Refusal:
            if intent.parent_id is not None:
                raise
    return await choose_card(uow, agent, need, policy, card_id=None)


async def _judge_again(
    uow: UnitOfWork,
    policy: Policy,
    agent: Agent,
    intent: Intent,
    card: Card | None,
    currency: str,
) -> PolicyVerdict:
    """Policy, caps and budgets as they stand with the last vote.

    Raises:
        Refusal: ``policy_denies``.
    """
    subject = _subject(intent, agent, card.id if card else None)
    reserve = reserve_for(
        policy,
        bounds_of(intent),
        currency=intent.currency,
        card_currency=currency,
        own=uow.organization.currency,
    )
    exceeded = await exceeded_limits(uow, policy, subject, replace(reserve, total=intent.reserve))
    facts = _facts(intent, subject, limits_exceeded=exceeded)
    verdict = evaluate_intent(policy, facts)
    if verdict.outcome is Outcome.DENY:
        raise Refusal(
            RefusalKind.CONFLICT,
            "policy_denies",
            f"policy denies this intent by now: {'; '.join(verdict.reasons)}",
        )
    return verdict
