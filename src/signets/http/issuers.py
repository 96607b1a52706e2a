"""The issuer's door: real-time authorization requests and events, in the issuer's own words.

The hot path: raw bytes in, the engine's answer out; no schema, no framework in between. The
signature over the body is the authentication, and the use cases check it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from signets.app.ports import Answer
from signets.http.exchange import exchange_of

AUTHORIZE = "/v1/issuers/{connection}/authorize"
EVENTS = "/v1/issuers/{connection}/events"
AUTHORIZE_SHORT = "/v1/issuers/authorize"
EVENTS_SHORT = "/v1/issuers/events"


class Authorizer(Protocol):
    """The engine: decides and stores before it answers."""

    async def authorize(
        self, connection_id: str | None, body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        """``connection_id=None``: the only connection there is."""
        ...


class Receiver(Protocol):
    """Takes events in: verified and stored before it answers."""

    async def receive(
        self, connection_id: str | None, body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        """``connection_id=None``: the only connection there is."""
        ...


async def authorize(request: Request) -> Response:
    """Decide an authorization request."""
    engine: Authorizer = request.app.state.engine
    answer = await engine.authorize(_connection(request), await request.body(), _headers(request))
    return _verbatim(request, answer, AUTHORIZE)


async def events(request: Request) -> Response:
    """Take an event in."""
    receiver: Receiver = request.app.state.receiver
    answer = await receiver.receive(_connection(request), await request.body(), _headers(request))
    return _verbatim(request, answer, EVENTS)


def _connection(request: Request) -> str | None:
    connection: str | None = request.path_params.get("connection")
    return connection


def _headers(request: Request) -> dict[str, str]:
    return {
        name.decode("latin-1").lower(): value.decode("latin-1")
        for name, value in request.scope["headers"]
    }


def _verbatim(request: Request, answer: Answer, template: str) -> Response:
    exchange = exchange_of(request.scope)
    exchange.verbatim = True
    exchange.template = template
    return Response(answer.body, status_code=answer.status, headers=dict(answer.headers))


ROUTES = (
    (AUTHORIZE, authorize),
    (EVENTS, events),
    (AUTHORIZE_SHORT, authorize),
    (EVENTS_SHORT, events),
)


def routes() -> list[Route]:
    """Both addresses of both doors."""
    return [Route(path, call, methods=["POST"]) for path, call in ROUTES]
