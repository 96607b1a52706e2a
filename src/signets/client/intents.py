"""``client.intents``: what an agent wants to buy, and what policy and members make of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from signets.client import camel
from signets.client.call import (
    AgentRef,
    Call,
    CardRef,
    IntentRef,
    Part,
    Repeat,
    get,
    given,
    id_of,
    many,
    one,
    optional_id,
    path_id,
    post,
)
from signets.client.errors import StillPendingError
from signets.client.operation import Resource, RunnerT, also, listing, operation
from signets.client.runner import AsyncRunner, Runner
from signets.client.spelling import accepts_camel
from signets.client.types import Intent, LineItem

_DAY = 86_400.0  # seconds; an approval request expires after a day unless policy says otherwise


class IntentOperations(Resource[RunnerT]):
    """What both clients can do with intents."""

    @also(camel.create_intent)
    @operation
    def create(
        self,
        *,
        purpose: str,
        expected_amount: int,
        expected_merchant: str,
        currency: str | None = None,
        usage: Literal["single", "window", "recurring"] = "single",
        agent_id: AgentRef | None = None,
        card_id: CardRef | None = None,
        max_per_charge: int | None = None,
        max_total: int | None = None,
        max_count: int | None = None,
        period: Literal["month", "year"] | None = None,
        window_seconds: int | None = None,
        workflow: str | None = None,
        line_items: Sequence[LineItem | Mapping[str, Any]] | None = None,
        quote_url: str | None = None,
        metadata: Mapping[str, str] | None = None,
        allow_duplicate: bool = False,
        allow_duplicate_reason: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Intent]:
        """Declare a purchase; policy answers at once with approved, denied or pending approval.

        Args:
            purpose: What for, in words a person understands.
            expected_amount: Minor units (2000 = $20.00).
            expected_merchant: The vendor's domain.
            usage: ``single`` purchase, several charges in one ``window``, or ``recurring``.
            agent_id: Whose; needed only for an organization's key with several candidates.
            allow_duplicate: Buy the same again on purpose; with a reason, and always escalated.

        A likely duplicate comes back as the *first* intent, with ``duplicate_of`` set.
        """
        body = given(
            purpose=purpose,
            expected_amount=expected_amount,
            expected_merchant=expected_merchant,
            currency=currency,
            usage=usage,
            agent_id=optional_id(agent_id, param="agent_id"),
            card_id=optional_id(card_id, param="card_id"),
            max_per_charge=max_per_charge,
            max_total=max_total,
            max_count=max_count,
            period=period,
            window_seconds=window_seconds,
            workflow=workflow,
            line_items=line_items,
            quote_url=quote_url,
            metadata=metadata,
            allow_duplicate=allow_duplicate,
            allow_duplicate_reason=allow_duplicate_reason,
        )
        return post("/v1/intents", one(Intent), body=body, idempotency_key=idempotency_key)

    @operation
    def get(self, intent_id: IntentRef) -> Call[Intent]:
        """One intent as it is now."""
        return get(_path(intent_id), one(Intent))

    @listing
    def list(
        self,
        *,
        agent_id: AgentRef | None = None,
        card_id: CardRef | None = None,
        state: str | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> Call[Part[Intent]]:
        """Intents, newest first. ``limit``: page size, 1 to 100."""
        return many(
            "/v1/intents",
            Intent,
            limit=limit,
            after=after,
            agent_id=optional_id(agent_id, param="agent_id"),
            card_id=optional_id(card_id, param="card_id"),
            state=state,
        )

    @operation
    def cancel(self, intent_id: IntentRef) -> Call[Intent]:
        """Give the reservation back and lock the card."""
        return post(f"{_path(intent_id)}/cancel", one(Intent), repeat=Repeat.UNEXECUTED)

    @operation
    def amend(
        self,
        intent_id: IntentRef,
        *,
        expected_amount: int,
        purpose: str | None = None,
        line_items: Sequence[LineItem | Mapping[str, Any]] | None = None,
        quote_url: str | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Intent]:
        """The price changed at checkout: a new intent replaces this one and its reservation."""
        body = given(
            expected_amount=expected_amount,
            purpose=purpose,
            line_items=line_items,
            quote_url=quote_url,
        )
        path = f"{_path(intent_id)}/amend"
        return post(path, one(Intent), body=body, idempotency_key=idempotency_key)

    @operation
    def approve(self, intent_id: IntentRef, *, comment: str | None = None) -> Call[Intent]:
        """Vote for an escalated intent, as a member other than who asked.

        Not repeated when its answer got lost: the second vote would be refused as a conflict.
        """
        return _vote(intent_id, "approve", comment)

    @operation
    def deny(self, intent_id: IntentRef, *, comment: str | None = None) -> Call[Intent]:
        """Vote against an escalated intent; one denial denies. Repeated as :meth:`approve` is."""
        return _vote(intent_id, "deny", comment)


class Intents(IntentOperations[Runner]):
    """Intents."""

    @accepts_camel
    def wait(
        self, intent_id: IntentRef, *, timeout: float = _DAY, poll_seconds: float = 2.0
    ) -> Intent:
        """Ask every ``poll_seconds`` until the intent is decided; return it then.

        Raises:
            StillPendingError: it was not, after ``timeout`` seconds.
        """
        wanted = id_of(intent_id, param="intent_id")
        end = time.monotonic() + timeout
        while (intent := self.get(wanted)).pending:
            left = end - time.monotonic()
            if left <= 0:
                raise StillPendingError(wanted, timeout)
            time.sleep(min(poll_seconds, left))
        return intent


class AsyncIntents(IntentOperations[AsyncRunner]):
    """Intents."""

    @accepts_camel
    async def wait(
        self, intent_id: IntentRef, *, timeout: float = _DAY, poll_seconds: float = 2.0
    ) -> Intent:
        """Ask every ``poll_seconds`` until the intent is decided; return it then.

        Raises:
            StillPendingError: it was not, after ``timeout`` seconds.
        """
        wanted = id_of(intent_id, param="intent_id")
        end = time.monotonic() + timeout
        while (intent := await self.get(wanted)).pending:
            left = end - time.monotonic()
            if left <= 0:
                raise StillPendingError(wanted, timeout)
            await asyncio.sleep(min(poll_seconds, left))
        return intent


def _path(intent: IntentRef) -> str:
    return f"/v1/intents/{path_id(intent, param='intent_id')}"


def _vote(intent: IntentRef, vote: str, comment: str | None) -> Call[Intent]:
    return post(
        f"{_path(intent)}/{vote}",
        one(Intent),
        body=given(comment=comment),
        repeat=Repeat.UNEXECUTED,
    )
