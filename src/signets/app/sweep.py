"""What time does by itself: windows end, approvals expire, periods open, unconfirmed holds are
looked up, and whatever a lost job left behind is done.

Each step is idempotent and bounded; the worker runs the sweep every few seconds for every
organization.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from signets.app.cancel_intent import withdraw
from signets.app.observer import Observer
from signets.app.open_period import open_due_period
from signets.app.pursue_disputes import submit_open_disputes
from signets.app.record_issuer_event import process_inbox
from signets.app.resolve_unconfirmed import resolve_unconfirmed
from signets.app.seal_evidence import seal_evidence
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.app.sync_card import sync_card
from signets.app.unlock_card import end_window
from signets.core.intent import IntentState

#: Most objects one step takes on in one run; the next run takes the rest.
MOST = 100
#: How long raw issuer bodies are kept, days.
KEEP_BODIES = timedelta(days=30)


async def end_due_windows(services: Services, org_id: str) -> int:
    """Lock cards whose window is over."""
    async with services.store.unlocked(org_id) as uow:
        due = [one.card_id for one in await uow.cards.windows_due(uow.now, MOST)]
    for card_id in due:
        async with services.store.transaction(org_id) as uow:
            window = await uow.cards.window_of_card(card_id)
            if window is not None and window.ends_at <= uow.now:
                await end_window(services, uow, window, cause="window_over")
    return len(due)


async def expire_approvals(services: Services, org_id: str) -> int:
    """Intents that nobody approved in time expire."""
    async with services.store.unlocked(org_id) as uow:
        due = [one.intent_id for one in await uow.intents.approvals_due(uow.now, MOST)]
    for intent_id in due:
        async with services.store.transaction(org_id) as uow:
            intent = await uow.intents.get(intent_id)
            if intent is not None and intent.state is IntentState.PENDING_APPROVAL:
                await withdraw(services, uow, intent, IntentState.EXPIRED, actor="system")
    return len(due)


async def open_due_periods(services: Services, org_id: str) -> int:
    """Recurring intents whose next window opens now."""
    async with services.store.unlocked(org_id) as uow:
        due = [one.id for one in await uow.intents.periods_due(uow.now, MOST)]
    for intent_id in due:
        async with services.store.transaction(org_id) as uow:
            version, policy = await services.policies.in_force(uow)
            parent = await uow.intents.get(intent_id)
            if (
                parent is not None
                and parent.state is IntentState.APPROVED
                and parent.next_period_at is not None
                and parent.next_period_at <= uow.now
                and not await _held(uow, parent.card_id)
            ):
                await open_due_period(services, uow, parent, policy, version)
    return len(due)


async def _held(uow: UnitOfWork, card_id: str | None) -> bool:
    """Whether the card's issuer connection is held: the period then waits, and is not missed."""
    card = await uow.cards.get(card_id or "")
    connection = await uow.identity.connection(card.connection_id) if card else None
    return connection is not None and connection.held_at is not None


async def push_lagging_cards(services: Services, org_id: str) -> int:
    """Cards that the issuer has in another state than ours."""
    async with services.store.unlocked(org_id) as uow:
        lagging = await uow.cards.lagging(MOST)
    for card_id in lagging:
        await sync_card(services, org_id, card_id)
    return len(lagging)


async def erase_old_bodies(services: Services, org_id: str) -> int:
    """Raw issuer bodies go after 30 days; their digests stay in the log."""
    async with services.store.unlocked(org_id) as uow:
        return await uow.transactions.erase_bodies(uow.now - KEEP_BODIES)


Step = Callable[[Services, str], Awaitable[int]]
STEPS: tuple[Step, ...] = (
    end_due_windows,
    expire_approvals,
    open_due_periods,
    process_inbox,
    push_lagging_cards,
    resolve_unconfirmed,
    submit_open_disputes,
    seal_evidence,
    erase_old_bodies,
)


async def sweep(services: Services, org_id: str, observer: Observer) -> int:
    """All steps once. One that fails is reported and does not hold up the others."""
    done = 0
    for step in STEPS:
        try:
            done += await step(services, org_id)
        except Exception as error:
            observer.failed(step.__name__, error)
    return done
