"""Transactions, decisions and the ledger's self-check."""

from __future__ import annotations

from signets.app import read_transactions
from signets.core.access import Scope
from signets.core.ids import Prefix
from signets.http.outputs.base import Page, page_of
from signets.http.outputs.books import DecisionOut, LedgerCheckOut, TransactionOut
from signets.http.pages import After, Filter, Limit, cursor
from signets.http.routing import Ask, Endpoint


async def list_all(
    ask: Ask,
    agent_id: Filter = None,
    card_id: Filter = None,
    intent_id: Filter = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[TransactionOut]:
    """Transactions, newest first. An agent's key sees its own."""
    rows = await read_transactions.list_transactions(
        ask.services,
        ask.caller,
        agent=agent_id,
        card_id=card_id,
        intent_id=intent_id,
        after=cursor(after, Prefix.TRANSACTION),
        limit=limit + 1,
    )
    return page_of(rows, limit, TransactionOut.of)


async def get(ask: Ask, transaction_id: str) -> TransactionOut:
    """One transaction with its verdict."""
    return TransactionOut.of(
        await read_transactions.get_transaction(ask.services, ask.caller, transaction_id)
    )


async def list_decisions(ask: Ask, after: After = None, limit: Limit = 50) -> Page[DecisionOut]:
    """Answered authorization requests, newest first, declines included."""
    rows = await read_transactions.list_decisions(
        ask.services, ask.caller, after=cursor(after, Prefix.DECISION), limit=limit + 1
    )
    return page_of(rows, limit, DecisionOut.of)


async def get_decision(ask: Ask, decision_id: str) -> DecisionOut:
    """One answered authorization request with the result of every check."""
    return DecisionOut.of(
        await read_transactions.get_decision(ask.services, ask.caller, decision_id)
    )


async def check_ledger(ask: Ask) -> LedgerCheckOut:
    """Whether debits equal credits in every currency and balances match the transactions."""
    problems = await read_transactions.check_ledger(ask.services, ask.caller)
    return LedgerCheckOut(balanced=not problems, problems=problems)


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/v1/transactions",
        operation="transactions_list",
        call=list_all,
        summary="List transactions",
        scope=Scope.TRANSACTIONS_READ,
        refuses=(404,),
    ),
    Endpoint(
        method="GET",
        path="/v1/transactions/{transaction_id}",
        operation="transactions_get",
        call=get,
        summary="Get a transaction",
        scope=Scope.TRANSACTIONS_READ,
        refuses=(404,),
    ),
    Endpoint(
        method="GET",
        path="/v1/decisions",
        operation="decisions_list",
        call=list_decisions,
        summary="List decisions",
        scope=Scope.TRANSACTIONS_READ,
        agents=False,
    ),
    Endpoint(
        method="GET",
        path="/v1/decisions/{decision_id}",
        operation="decisions_get",
        call=get_decision,
        summary="Get a decision",
        scope=Scope.TRANSACTIONS_READ,
        agents=False,
        refuses=(404,),
    ),
    Endpoint(
        method="GET",
        path="/v1/ledger/check",
        operation="ledger_check",
        call=check_ledger,
        summary="Check the ledger",
        scope=Scope.TRANSACTIONS_READ,
        agents=False,
    ),
)
