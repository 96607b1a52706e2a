"""``client.transactions``, ``.decisions`` and ``.ledger``: what was charged, decided and booked."""

from __future__ import annotations

from signets.client import camel
from signets.client.call import (
    Call,
    CardRef,
    IntentRef,
    Part,
    get,
    many,
    one,
    optional_id,
    path_id,
)
from signets.client.operation import Resource, RunnerT, also, listing, operation
from signets.client.types import Decision, LedgerCheck, Transaction


class Transactions(Resource[RunnerT]):
    """Each is one authorization and everything that followed."""

    @operation
    def get(self, transaction_id: str | Transaction) -> Call[Transaction]:
        """One transaction as it is now."""
        wanted = path_id(transaction_id, param="transaction_id")
        return get(f"/v1/transactions/{wanted}", one(Transaction))

    @listing
    def list(
        self,
        *,
        card_id: CardRef | None = None,
        intent_id: IntentRef | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> Call[Part[Transaction]]:
        """Transactions, newest first. ``limit``: page size, 1 to 100."""
        return many(
            "/v1/transactions",
            Transaction,
            limit=limit,
            after=after,
            card_id=optional_id(card_id, param="card_id"),
            intent_id=optional_id(intent_id, param="intent_id"),
        )

    @also(camel.list_for_card)
    @listing
    def list_for_card(
        self, card_id: CardRef, *, limit: int | None = None, after: str | None = None
    ) -> Call[Part[Transaction]]:
        """One card's transactions, newest first."""
        wanted = optional_id(card_id, param="card_id")
        if not wanted:  # without the filter the answer would be everybody's
            raise ValueError("`card_id` must be a card's id or a card")
        return many("/v1/transactions", Transaction, limit=limit, after=after, card_id=wanted)


class Decisions(Resource[RunnerT]):
    """Our answers to authorization requests, declined ones included."""

    @operation
    def get(self, decision_id: str | Decision) -> Call[Decision]:
        """One decision with every check's result."""
        return get(f"/v1/decisions/{path_id(decision_id, param='decision_id')}", one(Decision))

    @listing
    def list(self, *, limit: int | None = None, after: str | None = None) -> Call[Part[Decision]]:
        """Decisions, newest first. ``limit``: page size, 1 to 100."""
        return many("/v1/decisions", Decision, limit=limit, after=after)


class Ledger(Resource[RunnerT]):
    """The double-entry books."""

    @operation
    def check(self) -> Call[LedgerCheck]:
        """Whether debits equal credits and every balance is as its transactions say."""
        return get("/v1/ledger/check", one(LedgerCheck))
