"""The card window: open a card for an approved intent, and lock it again."""

from __future__ import annotations

from datetime import datetime, timedelta

from signets.app.booking import release, reserve
from signets.app.bound_card import bound_card
from signets.app.journal import SYSTEM, posting_rows, record
from signets.app.records import Card, ExposureRow, Intent, WindowRow
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.core.card import CardState
from signets.core.errors import Refusal, RefusalKind
from signets.core.ids import Prefix
from signets.core.intent import IntentState, state_after
from signets.core.ledger import EntryKind


async def open_window(
    services: Services,
    uow: UnitOfWork,
    intent: Intent,
    card: Card,
    *,
    opens_at: datetime,
    closes_at: datetime,
    counts_at: datetime,
    actor: str,
) -> WindowRow:
    """Reserve the intent's maximum and open its card. The caller has approved the intent.

    A card that the breaker or a freeze holds does not open: callers refuse that before.

    Raises:
        Refusal: ``issuer_held`` while the check of its issuer connection finds it unsafe.
    """
    await _refuse_held(uow, card)
    await _reserve(services, uow, intent, card, counts_at)
    window = WindowRow(
        id=services.new_id(Prefix.WINDOW),
        card_id=card.id,
        intent_id=intent.id,
        opens_at=opens_at,
        closes_at=closes_at,
        consumed_at=None,
        ends_at=closes_at,
        ended_at=None,
    )
    await uow.cards.add_window(window)
    await uow.cards.set_state(card.id, CardState.OPEN, uow.now)
    await bound_card(services, uow, card.id)
    await record(
        services,
        uow,
        "card.opened",
        actor=actor,
        subject=window.id,
        card_id=card.id,
        intent_id=intent.id,
        data={
            "opens_at": opens_at.isoformat(),
            "closes_at": closes_at.isoformat(),
            "reserved": intent.reserve,
            "currency": card.currency,
        },
    )
    return window


async def _reserve(
    services: Services, uow: UnitOfWork, intent: Intent, card: Card, counts_at: datetime
) -> None:
    """Set the intent's maximum aside, in the period in which it counts."""
    exposure = ExposureRow(
        subject_id=intent.id,
        card_id=card.id,
        agent_id=intent.agent_id,
        vendor=intent.vendor,
        category=intent.category,
        workflow=intent.workflow,
        currency=card.currency,
        counts_at=counts_at,
        reserved=0,
        held=0,
        cleared=0,
        refunded=0,
    )
    booking = reserve(exposure, reserved=intent.reserve, intent_id=intent.id)
    await uow.ledger.put_exposures([booking.exposure])
    await uow.ledger.post(posting_rows(services, uow, EntryKind.INTENT_APPROVED, booking.postings))


async def _refuse_held(uow: UnitOfWork, card: Card) -> None:
    connection = await uow.identity.connection(card.connection_id)
    if connection is not None and connection.held_at is not None:
        raise Refusal(
            RefusalKind.CONFLICT,
            "issuer_held",
            f"no card opens at {connection.issuer} now: {connection.held_because}; it lifts by "
            "itself once `signets issuers check` is content",
        )


async def end_window(
    services: Services,
    uow: UnitOfWork,
    window: WindowRow,
    *,
    actor: str = SYSTEM,
    cause: str,
    outcome: IntentState | None = None,
) -> None:
    """Lock the card again and let the intent go.

    Args:
        cause: Why, in a word for the evidence (``window_over``, ``frozen``, ``canceled``, …).
        outcome: Where an unused intent goes instead of ``expired`` (canceled, superseded).
    """
    await uow.cards.end_window(window.id, uow.now)
    card = await uow.cards.get(window.card_id)
    if card is not None and card.state is CardState.OPEN:
        await uow.cards.set_state(card.id, CardState.LOCKED, uow.now)
    await record(
        services,
        uow,
        "card.locked",
        actor=actor,
        subject=window.id,
        card_id=window.card_id,
        intent_id=window.intent_id,
        data={"cause": cause},
    )
    await conclude_intent(services, uow, window.intent_id, actor=actor, outcome=outcome)


async def conclude_intent(
    services: Services,
    uow: UnitOfWork,
    intent_id: str,
    *,
    actor: str = SYSTEM,
    outcome: IntentState | None = None,
) -> None:
    """An intent whose window is over: release what it did not use, and move its state on."""
    intent = await uow.intents.get(intent_id)
    exposure = (await uow.ledger.exposures([intent_id])).get(intent_id)
    if intent is None or exposure is None:
        return
    booking = release(exposure, reserved=intent.reserve, intent_id=intent.id)
    await uow.ledger.put_exposures([booking.exposure])
    await uow.ledger.post(posting_rows(services, uow, EntryKind.INTENT_ENDED, booking.postings))
    after = state_after(
        state=intent.state,
        usage=intent.usage,
        held=exposure.held,
        cleared=exposure.cleared,
        window_open=False,
        reopens=intent.reopens,
    )
    if after is IntentState.EXPIRED and outcome is not None:
        after = outcome
    await move_intent(services, uow, intent, after, actor=actor)


async def move_intent(
    services: Services,
    uow: UnitOfWork,
    intent: Intent,
    after: IntentState,
    *,
    actor: str,
    data: dict[str, object] | None = None,
) -> None:
    """Change an intent's state, with its evidence; nothing where it stays."""
    if after is intent.state:
        return
    await uow.intents.set_state(intent.id, after, uow.now)
    await record(
        services,
        uow,
        f"intent.{after}",
        actor=actor,
        subject=intent.id,
        intent_id=intent.id,
        card_id=intent.card_id,
        data={"from": intent.state.value, **(data or {})},
    )


def single_window(intent: Intent, now: datetime) -> tuple[datetime, datetime]:
    """The window of a ``single`` or ``window`` intent starts at its approval."""
    return now, now + timedelta(seconds=intent.window_seconds)
