"""Which card an intent opens: the one it names, the agent's card for that vendor, or a new one."""

from __future__ import annotations

from dataclasses import dataclass

from signets.app.caller import not_found
from signets.app.limits import card_exposure, fits_card
from signets.app.records import Agent, Card
from signets.app.store import UnitOfWork
from signets.core.card import CardState
from signets.core.errors import Refusal, RefusalKind, invalid
from signets.core.money import format_minor
from signets.core.policy.model import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What the card must be able to do. ``amount`` in minor units of ``currency``."""

    vendor: str
    currency: str
    amount: int
    recurring: bool
    workflow: str | None


async def choose_card(
    uow: UnitOfWork, agent: Agent, need: Need, policy: Policy, *, card_id: str | None
) -> Card | None:
    """The card to open, or ``None`` where a new one has to be made.

    Raises:
        Refusal: The named card cannot serve, and why; or a card of this agent and vendor is held
            by a freeze or by the breaker, which a fresh card must not get around.
    """
    if card_id is not None:
        card = await uow.cards.get(card_id)
        if card is None or card.agent_id != agent.id:
            raise not_found("card", card_id)
        await _check_named(uow, card, need, policy)
        return card
    found: Card | None = None
    for card in await uow.cards.page(agent_id=agent.id, vendor=need.vendor, limit=1000):
        if card.state is CardState.CLOSED:
            continue
        _refuse_held(card)
        serves = (
            card.state is CardState.LOCKED
            and card.currency == need.currency
            and card.recurring == need.recurring
            and card.workflow in (None, need.workflow)
            and fits_card(card, await card_exposure(uow, card, policy.time_zone), need.amount)
        )
        if serves:
            found = card  # the oldest one that serves: pages run newest first
    return found


async def _check_named(uow: UnitOfWork, card: Card, need: Need, policy: Policy) -> None:
    if card.state is CardState.CLOSED:
        raise Refusal(
            RefusalKind.CONFLICT, "card_closed", "the card is closed for good", param="card_id"
        )
    if need.vendor not in card.merchant_lock:
        raise invalid(
            "card_vendor_mismatch",
            f"card {card.id} is locked to {', '.join(card.merchant_lock)}, not to {need.vendor}",
            param="card_id",
        )
    if card.currency != need.currency:
        raise invalid(
            "currency_mismatch",
            f"card {card.id} is in {card.currency} and the intent in {need.currency}",
            param="currency",
        )
    _refuse_held(card)
    if card.state is CardState.OPEN:
        window = await uow.cards.window_of_card(card.id)
        until = f" until {window.ends_at:%Y-%m-%d %H:%M:%S}Z" if window else ""
        raise Refusal(
            RefusalKind.CONFLICT,
            "card_busy",
            f"another intent is open on card {card.id}{until}; wait, or leave `card_id` out",
            param="card_id",
        )
    used = await card_exposure(uow, card, policy.time_zone)
    if not fits_card(card, used, need.amount):
        raise Refusal(
            RefusalKind.CONFLICT,
            "spending_limit_exceeded",
            f"the intent may cost {format_minor(need.amount, need.currency)}, more than is left "
            f"of the {format_minor(card.spending_limit, card.currency)} limit of card {card.id}",
            param="expected_amount",
        )


def _refuse_held(card: Card) -> None:
    if card.breaker_tripped_at is not None:
        raise Refusal(
            RefusalKind.CONFLICT,
            "breaker_open",
            f"the circuit breaker holds card {card.id} after repeated declines; a member must "
            "reset it",
        )
    if card.frozen_at is not None:
        raise Refusal(
            RefusalKind.CONFLICT,
            "frozen",
            f"card {card.id} is frozen; a member must unfreeze it",
        )


def refuse_new_card(policy: Policy) -> None:
    """An agent gets no card by declaring an intent where policy lets it create none.

    Raises:
        Refusal: ``card_missing``.
    """
    if not policy.card_rules.agents_may_create:
        raise Refusal(
            RefusalKind.CONFLICT,
            "card_missing",
            "no card of this agent can pay for it, and policy lets agents create none: ask a "
            "member for a card, or for a higher limit",
        )
