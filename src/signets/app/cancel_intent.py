"""Take an intent back before it is used."""

from __future__ import annotations

from signets.app.caller import Caller
from signets.app.read_intents import intent_view, visible_intent
from signets.app.records import ApprovalState, Intent
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.app.sync_card import sync_now
from signets.app.unlock_card import conclude_intent, end_window, move_intent
from signets.app.views import IntentView
from signets.core.access import Scope
from signets.core.intent import IntentState, Usage, check_transition


async def cancel_intent(services: Services, caller: Caller, intent_id: str) -> IntentView:
    """Cancel; the card locks at once and the reservation is released.

    Raises:
        Refusal: ``intent_state`` where it is used or ended already.
    """
    caller.require(Scope.INTENTS_WRITE)
    async with services.store.transaction(caller.org_id) as uow:
        intent = await visible_intent(uow, caller, intent_id)
        check_transition(intent.state, IntentState.CANCELED)
        await withdraw(services, uow, intent, IntentState.CANCELED, actor=caller.actor)
    if intent.card_id is not None:
        await sync_now(services, caller.org_id, intent.card_id)
    async with services.store.unlocked(caller.org_id) as uow:
        return await intent_view(uow, intent_id)


async def withdraw(
    services: Services, uow: UnitOfWork, intent: Intent, outcome: IntentState, *, actor: str
) -> None:
    """End a pending or unused intent, whatever hangs on it."""
    if intent.state is IntentState.PENDING_APPROVAL:
        approval = await uow.intents.approval_of(intent.id)
        if approval is not None and approval.state is ApprovalState.WAITING:
            state = (
                ApprovalState.EXPIRED if outcome is IntentState.EXPIRED else ApprovalState.CANCELED
            )
            await uow.intents.decide_approval(approval.id, state, uow.now)
        await move_intent(services, uow, intent, outcome, actor=actor)
        return
    if intent.usage is Usage.RECURRING:
        await uow.intents.set_next_period(intent.id, None)
        await _withdraw_waiting_periods(services, uow, intent, actor=actor)
        await move_intent(services, uow, intent, outcome, actor=actor)
    window = await uow.cards.window_of_card(intent.card_id or "")
    owner = await uow.intents.get(window.intent_id) if window else None
    if window is not None and owner is not None and intent.id in (owner.id, owner.parent_id):
        await end_window(services, uow, window, actor=actor, cause=outcome.value, outcome=outcome)
    else:
        await conclude_intent(services, uow, intent.id, actor=actor, outcome=outcome)


async def _withdraw_waiting_periods(
    services: Services, uow: UnitOfWork, parent: Intent, *, actor: str
) -> None:
    """A period that waits for a member must not open when its subscription has ended."""
    waiting = await uow.intents.page(
        agent_id=parent.agent_id,
        card_id=parent.card_id,
        state=IntentState.PENDING_APPROVAL,
        after=None,
        limit=1000,
    )
    for period in waiting:
        if period.parent_id == parent.id:
            await withdraw(services, uow, period, IntentState.CANCELED, actor=actor)
