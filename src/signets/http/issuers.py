"""The issuer's doors: real-time authorization requests and events, in the issuer's own words.

Raw bytes in, the use case's answer out; the signature over the body is the authentication, and
the use cases check it. Authorization requests have a deadline and come in great numbers, so their
door is a plain ASGI application that stands in front of the router.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from signets.app.ports import Answer
from signets.http.exchange import exchange_of

AUTHORIZE = "/v1/issuers/{connection}/authorize"
EVENTS = "/v1/issuers/{connection}/events"
AUTHORIZE_SHORT = "/v1/issuers/authorize"
EVENTS_SHORT = "/v1/issuers/events"
_PREFIX, _SUFFIX = AUTHORIZE.split("{connection}")


class Authorizer(Protocol):
    """The engine: decides and stores before it answers. Never raises."""

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


class AuthorizeDoor:
    """Decides an authorization request, with no framework in between."""

    def __init__(self, engine: Authorizer) -> None:
        self._authorize = engine.authorize

    @staticmethod
    def takes(scope: Scope) -> bool:
        """Whether a request is for this door, by method and address."""
        path = scope["path"]
        return (
            scope["method"] == "POST"
            and path.endswith(_SUFFIX)
            and (path == AUTHORIZE_SHORT or bool(_connection(path)))
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        exchange.verbatim = True
        exchange.template = AUTHORIZE
        body = await _body(receive)
        answer = await self._authorize(_connection(scope["path"]), body, _headers(scope))
        headers = [(b"content-length", b"%d" % len(answer.body)), *_encoded(answer.headers)]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})


@lru_cache(maxsize=64)
def _encoded(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[bytes, bytes], ...]:
    """What adapters add to an answer: constants of each."""
    return tuple((name.encode(), value.encode()) for name, value in headers)


def _connection(path: str) -> str | None:
    """The connection that an address names, ``None`` where it names none."""
    if path == AUTHORIZE_SHORT or not path.startswith(_PREFIX):
        return None
    named = path[len(_PREFIX) : -len(_SUFFIX)]
    return named if named and "/" not in named else None


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _headers(scope: Scope) -> dict[str, str]:
    """By name; ASGI gives names in lower case."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


async def events(request: Request) -> Response:
    """Take an event in."""
    receiver: Receiver = request.app.state.receiver
    connection: str | None = request.path_params.get("connection")
    answer = await receiver.receive(connection, await request.body(), _headers(request.scope))
    exchange = exchange_of(request.scope)
    exchange.verbatim = True
    exchange.template = EVENTS
    return Response(answer.body, status_code=answer.status, headers=dict(answer.headers))


def routes(door: AuthorizeDoor) -> list[Route]:
    """Both addresses of both doors, for the router: other methods, and who lists the routes."""
    return [
        *(Route(path, door, methods=["POST"]) for path in (AUTHORIZE, AUTHORIZE_SHORT)),
        *(Route(path, events, methods=["POST"]) for path in (EVENTS, EVENTS_SHORT)),
    ]
