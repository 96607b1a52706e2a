"""The price changed at checkout: evaluate again and replace the reservation in one go."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from signets.app.caller import Caller
from signets.app.cancel_intent import withdraw
from signets.app.declaration import SubmitIntent, check_text
from signets.app.idempotency import Idempotency, recall, remember
from signets.app.read_intents import intent_view, visible_intent
from signets.app.records import Intent
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.app.submit_intent import Declared, declare
from signets.app.sync_card import sync_now
from signets.app.views import IntentView
from signets.core.access import Scope
from signets.core.errors import Refusal, RefusalKind
from signets.core.intent import IntentState, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendIntent:
    """What changes; everything else stays as it was declared. Minor units."""

    expected_amount: int
    purpose: str | None = None
    line_items: tuple[dict[str, Any], ...] | None = None
    quote_url: str | None = None


async def amend_intent(
    services: Services,
    caller: Caller,
    intent_id: str,
    change: AmendIntent,
    idempotency: Idempotency | None = None,
) -> IntentView:
    """Replace an unused or waiting intent by one for another amount.

    The old one is superseded (canceled, while it waits for approval) and its reservation released
    in the same transaction in which the new one is evaluated: nothing is reserved twice and no
    moment has neither. The new one keeps the card; one that was made for exactly this intent is
    given the new limit. A change that policy denies, or that makes the intent a repetition of
    another one, is refused and leaves the old intent in force.

    Raises:
        Refusal: ``intent_state`` where the old one is used or ended; ``policy_denies``;
            ``likely_duplicate``.
    """
    caller.require(Scope.INTENTS_WRITE)
    async with services.store.transaction(caller.org_id) as uow:
        earlier = await recall(uow, caller, idempotency)
        if earlier is not None:
            declared = Declared(intent_id=earlier.result_id, card_id=None, replayed=True)
            old_card = None
        else:
            old = await visible_intent(uow, caller, intent_id)
            _check_amendable(old)
            waiting = old.state is IntentState.PENDING_APPROVAL
            outcome = IntentState.CANCELED if waiting else IntentState.SUPERSEDED
            await withdraw(services, uow, old, outcome, actor=caller.actor)
            command = _declaration(old, change)
            check_text(command)
            declared = await declare(services, uow, caller, command, supersedes=old)
            await _check_replaced(uow, declared)
            await remember(uow, caller, idempotency, declared.intent_id)
            old_card = old.card_id
    for card_id in {declared.card_id, old_card} - {None}:
        await sync_now(services, caller.org_id, str(card_id))
    async with services.store.unlocked(caller.org_id) as uow:
        return await intent_view(uow, declared.intent_id, replayed=declared.replayed)


def _check_amendable(old: Intent) -> None:
    amendable = old.state in (IntentState.APPROVED, IntentState.PENDING_APPROVAL)
    if not amendable or old.parent_id is not None:
        raise Refusal(
            RefusalKind.CONFLICT,
            "intent_state",
            f"an intent that is `{old.state}` cannot be amended; only one that is unused and "
            "`approved` or `pending_approval` can: declare another one",
        )


async def _check_replaced(uow: UnitOfWork, declared: Declared) -> None:
    """Nothing is taken away without something in its place: refusing undoes the withdrawal."""
    if declared.duplicate_of is not None:
        raise Refusal(
            RefusalKind.CONFLICT,
            "likely_duplicate",
            f"with that amount it would repeat intent {declared.duplicate_of}; cancel one of them",
            param="expected_amount",
        )
    new = await uow.intents.get(declared.intent_id)
    if new is not None and new.state is IntentState.DENIED:
        raise Refusal(
            RefusalKind.CONFLICT,
            "policy_denies",
            f"policy denies the change; the old intent stands: {'; '.join(new.verdict['reasons'])}",
            param="expected_amount",
        )


def _declaration(old: Intent, change: AmendIntent) -> SubmitIntent:
    several = old.usage is not Usage.SINGLE
    command = SubmitIntent(
        purpose=change.purpose or old.purpose,
        expected_amount=change.expected_amount,
        expected_merchant=old.vendor,
        currency=old.currency,
        usage=old.usage,
        agent_id=None,
        card_id=old.card_id,
        max_count=old.max_count if several else None,
        period=old.period,
        window_seconds=old.window_seconds if old.usage is not Usage.RECURRING else None,
        workflow=old.workflow,
        line_items=tuple(old.line_items) if change.line_items is None else change.line_items,
        quote_url=change.quote_url or old.quote_url,
        metadata=tuple(old.metadata.items()),
        allow_duplicate=old.allow_duplicate_reason is not None,
        allow_duplicate_reason=old.allow_duplicate_reason,
    )
    # Without a card the agent has to be named: an agent's key is its own, others say which.
    return command if old.card_id else replace(command, agent_id=old.agent_id)
