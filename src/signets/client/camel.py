"""The camelCase spellings of the promised calls, for type checkers alone; nothing calls these.

A test holds each against its operation, name for name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from signets.client.call import AgentRef, CardRef
from signets.client.types import LineItem


def create_card(
    *,
    spendingLimit: int,
    merchantLock: str | Sequence[str],
    agentId: AgentRef | None = None,
    recurring: bool = False,
    currency: str | None = None,
    limitPeriod: Literal["lifetime", "month"] | None = None,
    perAuthorizationLimit: int | None = None,
    workflow: str | None = None,
    memo: str | None = None,
    allowFacilitators: bool = False,
    idempotencyKey: str | None = None,
) -> None:
    """``cards.create``."""


def create_intent(
    *,
    purpose: str,
    expectedAmount: int,
    expectedMerchant: str,
    currency: str | None = None,
    usage: Literal["single", "window", "recurring"] = "single",
    agentId: AgentRef | None = None,
    cardId: CardRef | None = None,
    maxPerCharge: int | None = None,
    maxTotal: int | None = None,
    maxCount: int | None = None,
    period: Literal["month", "year"] | None = None,
    windowSeconds: int | None = None,
    workflow: str | None = None,
    lineItems: Sequence[LineItem | Mapping[str, Any]] | None = None,
    quoteUrl: str | None = None,
    metadata: Mapping[str, str] | None = None,
    allowDuplicate: bool = False,
    allowDuplicateReason: str | None = None,
    idempotencyKey: str | None = None,
) -> None:
    """``intents.create``."""


def list_for_card(cardId: CardRef, *, limit: int | None = None, after: str | None = None) -> None:
    """``transactions.list_for_card``."""
