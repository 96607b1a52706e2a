"""Look at transactions and decisions."""

from __future__ import annotations

from signets.app.caller import Caller, not_found
from signets.app.read_intents import own_or_named
from signets.app.records import DecisionRow, Transaction
from signets.app.services import Services
from signets.core.access import Scope
from signets.core.errors import Refusal, RefusalKind


async def get_transaction(services: Services, caller: Caller, transaction_id: str) -> Transaction:
    """One transaction."""
    caller.require(Scope.TRANSACTIONS_READ)
    async with services.store.unlocked(caller.org_id) as uow:
        found = await uow.transactions.get(transaction_id)
        if found is None or not caller.sees(found.agent_id):
            raise not_found("transaction", transaction_id)
        return found


async def list_transactions(
    services: Services,
    caller: Caller,
    *,
    agent: str | None = None,
    card_id: str | None,
    intent_id: str | None,
    after: str | None,
    limit: int,
) -> list[Transaction]:
    """Newest first; an agent's key sees only its own."""
    caller.require(Scope.TRANSACTIONS_READ)
    async with services.store.unlocked(caller.org_id) as uow:
        agent_id = await own_or_named(uow, caller, agent)
        return await uow.transactions.page(
            agent_id=agent_id, card_id=card_id, intent_id=intent_id, after=after, limit=limit
        )


def _not_for_agents(caller: Caller) -> None:
    caller.require(Scope.TRANSACTIONS_READ)
    if caller.agent_id is not None:
        raise Refusal(
            RefusalKind.FORBIDDEN,
            "members_only",
            "decisions and the ledger are for members and the organization's keys",
        )


async def get_decision(services: Services, caller: Caller, decision_id: str) -> DecisionRow:
    """One answered authorization request with every check."""
    _not_for_agents(caller)
    async with services.store.unlocked(caller.org_id) as uow:
        found = await uow.transactions.decision(decision_id)
        if found is None:
            raise not_found("decision", decision_id)
        return found


async def list_decisions(
    services: Services, caller: Caller, *, after: str | None, limit: int
) -> list[DecisionRow]:
    """Newest first."""
    _not_for_agents(caller)
    async with services.store.unlocked(caller.org_id) as uow:
        return await uow.transactions.decisions_page(after=after, limit=limit)


async def check_ledger(services: Services, caller: Caller) -> list[str]:
    """Where the books disagree, in sentences; empty means balanced."""
    _not_for_agents(caller)
    async with services.store.unlocked(caller.org_id) as uow:
        return await uow.ledger.imbalance()
