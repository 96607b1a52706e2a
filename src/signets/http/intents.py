"""Intents: ``/v1/intents``."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from signets.app import amend_intent, cancel_intent, decide_approval, read_intents, submit_intent
from signets.core.access import Scope
from signets.core.approval import Vote
from signets.core.ids import Prefix
from signets.core.intent import IntentState
from signets.http.inputs import AmendInput, IntentInput, VoteInput
from signets.http.outputs.base import Page, page_of
from signets.http.outputs.purchases import IntentOut
from signets.http.pages import After, Filter, Limit, cursor
from signets.http.routing import Ask, Endpoint, mark_replay


async def create(ask: Ask, body: IntentInput, response: Response) -> IntentOut:
    """Declares a purchase; policy approves, escalates or denies it at once.

    When this answers `approved`, the card is open. A likely duplicate of an earlier intent is
    answered with that one, status 200 and `duplicate_of`; `allow_duplicate` with a reason
    escalates instead. A denial is an answer (state `denied`), not an error.
    """
    view = await submit_intent.submit_intent(
        ask.services, ask.caller, body.command(), ask.idempotency
    )
    mark_replay(response, view.replayed)
    if view.duplicate_of is not None:
        response.status_code = 200
    return IntentOut.of(view)


async def list_all(
    ask: Ask,
    agent_id: Filter = None,
    card_id: Filter = None,
    state: Annotated[IntentState | None, Query()] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[IntentOut]:
    """Intents, newest first. An agent's key sees its own."""
    views = await read_intents.list_intents(
        ask.services,
        ask.caller,
        agent=agent_id,
        card_id=card_id,
        state=state,
        after=cursor(after, Prefix.INTENT),
        limit=limit + 1,
    )
    return page_of(views, limit, IntentOut.of)


async def get(ask: Ask, intent_id: str) -> IntentOut:
    """One intent with its approval request, votes and window."""
    return IntentOut.of(await read_intents.get_intent(ask.services, ask.caller, intent_id))


async def cancel(ask: Ask, intent_id: str) -> IntentOut:
    """Takes an unused intent back: the card locks and the reservation is released."""
    return IntentOut.of(await cancel_intent.cancel_intent(ask.services, ask.caller, intent_id))


async def amend(ask: Ask, intent_id: str, body: AmendInput, response: Response) -> IntentOut:
    """The price changed at checkout: evaluates again and replaces the reservation atomically.

    Answers with the new intent, which `supersedes` the old one.
    """
    view = await amend_intent.amend_intent(
        ask.services, ask.caller, intent_id, body.change(), ask.idempotency
    )
    mark_replay(response, view.replayed)
    return IntentOut.of(view)


async def approve(ask: Ask, intent_id: str, body: VoteInput | None = None) -> IntentOut:
    """A member's approval; with the last one needed, the card opens.

    Who asked can never approve. Policy, caps and budgets are evaluated again.
    """
    return await _decide(ask, intent_id, Vote.APPROVE, body)


async def deny(ask: Ask, intent_id: str, body: VoteInput | None = None) -> IntentOut:
    """A member's denial; one is enough."""
    return await _decide(ask, intent_id, Vote.DENY, body)


async def _decide(ask: Ask, intent_id: str, vote: Vote, body: VoteInput | None) -> IntentOut:
    comment = body.comment if body is not None else ""
    return IntentOut.of(
        await decide_approval.decide_approval(ask.services, ask.caller, intent_id, vote, comment)
    )


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/v1/intents",
        operation="intents_create",
        call=create,
        summary="Declare a purchase",
        scope=Scope.INTENTS_WRITE,
        status=201,
        idempotent=True,
        refuses=(404, 409),
        responses={200: {"model": IntentOut, "description": "A likely duplicate: the first."}},
    ),
    Endpoint(
        method="GET",
        path="/v1/intents",
        operation="intents_list",
        call=list_all,
        summary="List intents",
        scope=Scope.INTENTS_READ,
        refuses=(404,),
    ),
    Endpoint(
        method="GET",
        path="/v1/intents/{intent_id}",
        operation="intents_get",
        call=get,
        summary="Get an intent",
        scope=Scope.INTENTS_READ,
        refuses=(404,),
    ),
    Endpoint(
        method="POST",
        path="/v1/intents/{intent_id}/cancel",
        operation="intents_cancel",
        call=cancel,
        summary="Cancel an intent",
        scope=Scope.INTENTS_WRITE,
        refuses=(404, 409),
    ),
    Endpoint(
        method="POST",
        path="/v1/intents/{intent_id}/amend",
        operation="intents_amend",
        call=amend,
        summary="Amend an intent's amount",
        scope=Scope.INTENTS_WRITE,
        status=201,
        idempotent=True,
        refuses=(404, 409),
    ),
    Endpoint(
        method="POST",
        path="/v1/intents/{intent_id}/approve",
        operation="intents_approve",
        call=approve,
        summary="Approve an escalated intent",
        scope=Scope.INTENTS_DECIDE,
        refuses=(404, 409),
    ),
    Endpoint(
        method="POST",
        path="/v1/intents/{intent_id}/deny",
        operation="intents_deny",
        call=deny,
        summary="Deny an escalated intent",
        scope=Scope.INTENTS_DECIDE,
        refuses=(404, 409),
    ),
)
