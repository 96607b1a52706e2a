"""Issuer connections for people: ``/v1/issuers`` and ``/v1/issuer_events``."""

from __future__ import annotations

from signets.app import manage_issuers, replay_event
from signets.app.records import InboxOutcome
from signets.core.access import Scope
from signets.core.ids import Prefix
from signets.http.outputs.base import Page, page_of
from signets.http.outputs.issuers import (
    CountedIssuerOut,
    IssuerCheckOut,
    IssuerEventOut,
    IssuerListOut,
    IssuerOut,
)
from signets.http.pages import After, Limit, cursor
from signets.http.routing import Ask, Endpoint


async def list_issuers(ask: Ask) -> IssuerListOut:
    """Issuer connections, what their last check found, and how many events came to what."""
    views = await manage_issuers.list_issuers(ask.services, ask.caller)
    return IssuerListOut(data=[CountedIssuerOut.counted(one) for one in views])


async def check(ask: Ask, connection_id: str) -> IssuerCheckOut:
    """Looks at the set-up now, as the worker does every minute.

    A critical finding holds the connection: every request is declined and its cards are paused at
    the issuer. A check that finds none lets it go.
    """
    checked = await manage_issuers.check_now(ask.services, ask.caller, connection_id)
    return IssuerCheckOut.of(checked)


async def rotate_secret(ask: Ask, connection_id: str) -> IssuerOut:
    """A new signing secret for authorization requests; the old one stays live beside it."""
    return IssuerOut.of(await manage_issuers.rotate_secret(ask.services, ask.caller, connection_id))


async def list_events(
    ask: Ask,
    outcome: InboxOutcome | None = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[IssuerEventOut]:
    """Events that issuers sent, newest first; `outcome=problem` is the list for people."""
    rows = await replay_event.list_events(
        ask.services,
        ask.caller,
        outcome=outcome,
        after=cursor(after, Prefix.EVENT),
        limit=limit + 1,
    )
    return page_of(rows, limit, IssuerEventOut.of)


async def replay(ask: Ask, event_id: str) -> IssuerEventOut:
    """Reads and books a stored event once more. What is booked already stays as it is."""
    return IssuerEventOut.of(await replay_event.replay_event(ask.services, ask.caller, event_id))


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/v1/issuers",
        operation="issuers_list",
        call=list_issuers,
        summary="List issuer connections",
        scope=Scope.IDENTITY_READ,
    ),
    Endpoint(
        method="POST",
        path="/v1/issuers/{connection_id}/check",
        operation="issuers_check",
        call=check,
        summary="Check an issuer connection",
        scope=Scope.IDENTITY_WRITE,
        refuses=(404,),
    ),
    Endpoint(
        method="POST",
        path="/v1/issuers/{connection_id}/rotate_secret",
        operation="issuers_rotate_secret",
        call=rotate_secret,
        summary="Rotate the signing secret",
        scope=Scope.IDENTITY_WRITE,
        refuses=(404, 409),
    ),
    Endpoint(
        method="GET",
        path="/v1/issuer_events",
        operation="issuer_events_list",
        call=list_events,
        summary="List issuer events",
        scope=Scope.IDENTITY_READ,
    ),
    Endpoint(
        method="POST",
        path="/v1/issuer_events/{event_id}/replay",
        operation="issuer_events_replay",
        call=replay,
        summary="Replay an issuer event",
        scope=Scope.IDENTITY_WRITE,
        refuses=(404, 409),
    ),
)
