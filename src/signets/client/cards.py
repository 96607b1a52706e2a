"""``client.cards``: virtual cards, locked until an approved intent opens them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from signets.client import camel
from signets.client.call import (
    AgentRef,
    Call,
    CardRef,
    Part,
    Repeat,
    get,
    given,
    many,
    one,
    optional_id,
    path_id,
    post,
)
from signets.client.operation import Resource, RunnerT, also, listing, operation
from signets.client.types import Card, CardDetails


class Cards(Resource[RunnerT]):
    """Virtual cards."""

    @also(camel.create_card)
    @operation
    def create(
        self,
        *,
        spending_limit: int,
        merchant_lock: str | Sequence[str],
        agent_id: AgentRef | None = None,
        recurring: bool = False,
        currency: str | None = None,
        limit_period: Literal["lifetime", "month"] | None = None,
        per_authorization_limit: int | None = None,
        workflow: str | None = None,
        memo: str | None = None,
        allow_facilitators: bool = False,
        idempotency_key: str | None = None,
    ) -> Call[Card]:
        """Make a locked card.

        Args:
            spending_limit: Minor units (5000 = $50.00), over the card's life, or per month when
                ``recurring``.
            merchant_lock: The vendor domain or domains it works at.
            agent_id: Whose card: an id, a handle or an agent. An agent's key means itself.
            currency: ISO 4217; the organization's if left out.
            allow_facilitators: Whether the vendor may charge through a payment facilitator.
        """
        body = given(
            agent_id=optional_id(agent_id, param="agent_id"),
            spending_limit=spending_limit,
            merchant_lock=merchant_lock if isinstance(merchant_lock, str) else list(merchant_lock),
            recurring=recurring,
            currency=currency,
            limit_period=limit_period,
            per_authorization_limit=per_authorization_limit,
            workflow=workflow,
            memo=memo,
            allow_facilitators=allow_facilitators,
        )
        return post("/v1/cards", one(Card), body=body, idempotency_key=idempotency_key)

    @operation
    def get(self, card_id: CardRef) -> Call[Card]:
        """One card as it is now."""
        return get(_path(card_id), one(Card))

    @listing
    def list(
        self,
        *,
        agent_id: AgentRef | None = None,
        vendor: str | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> Call[Part[Card]]:
        """Cards, newest first. ``limit``: page size, 1 to 100."""
        agent = optional_id(agent_id, param="agent_id")
        return many("/v1/cards", Card, limit=limit, after=after, agent_id=agent, vendor=vendor)

    @operation
    def freeze(self, card_id: CardRef) -> Call[Card]:
        """Stop the card at once; nothing opens it until it is unfrozen."""
        return post(f"{_path(card_id)}/freeze", one(Card))

    @operation
    def unfreeze(self, card_id: CardRef) -> Call[Card]:
        """Undo a freeze."""
        return post(f"{_path(card_id)}/unfreeze", one(Card), repeat=Repeat.UNEXECUTED)

    @operation
    def close(self, card_id: CardRef) -> Call[Card]:
        """Close the card for good."""
        return post(f"{_path(card_id)}/close", one(Card))

    @operation
    def reset_breaker(self, card_id: CardRef) -> Call[Card]:
        """Let a card work again that its circuit breaker has locked."""
        return post(f"{_path(card_id)}/reset_breaker", one(Card), repeat=Repeat.UNEXECUTED)

    @operation
    def reveal(self, card_id: CardRef) -> Call[CardDetails]:
        """Number, CVC and expiry for a checkout: for the owning agent, inside an open window.

        Every reveal is recorded and counts against an hourly limit, so it is repeated only when
        the first attempt was certainly not carried out.
        """
        return post(f"{_path(card_id)}/reveal", one(CardDetails), repeat=Repeat.UNEXECUTED)


def _path(card: CardRef) -> str:
    return f"/v1/cards/{path_id(card, param='card_id')}"
