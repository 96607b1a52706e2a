"""The application: every route, one error shape, one middleware."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from signets.app.services import Services
from signets.core.ids import Prefix
from signets.http import (
    cards,
    disputes,
    evidence,
    identity,
    intents,
    issuer_admin,
    issuers,
    merchants,
    policy,
    transactions,
)
from signets.http.config import HttpConfig
from signets.http.errors import add_error_handlers
from signets.http.exchange import exchange_of
from signets.http.issuers import AuthorizeDoor, Authorizer, Receiver
from signets.http.metrics import Metrics
from signets.http.middleware import EdgeMiddleware
from signets.http.openapi import build_openapi
from signets.http.operations import OPENAPI, Operations, ReadinessCheck
from signets.http.routing import GuardedRoute


@cache
def api_routes() -> tuple[GuardedRoute, ...]:
    """Every route that takes an API key. Routes know no application: all share these."""
    nouns = (
        intents,
        cards,
        transactions,
        disputes,
        merchants,
        policy,
        evidence,
        identity,
        issuer_admin,
    )
    return tuple(GuardedRoute(endpoint) for noun in nouns for endpoint in noun.ENDPOINTS)


@cache
def _openapi_of(config: HttpConfig) -> bytes:
    """The document, ready to send: a quarter of a second's work, done once at start."""
    return bytes(JSONResponse(build_openapi(config, api_routes())).body)


class Application(FastAPI):
    """The routes, and in front of them the one address whose callers do not wait."""

    authorize: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and AuthorizeDoor.takes(scope):
            await self.authorize(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(
    services: Services,
    engine: Authorizer,
    receiver: Receiver,
    *,
    config: HttpConfig,
    metrics: Metrics,
    checks: Mapping[str, ReadinessCheck],
    unavailable_errors: tuple[type[Exception], ...] = (),
) -> Application:
    """The HTTP edge over these services.

    Args:
        services: What use cases are given.
        engine: Decides authorization requests.
        receiver: Takes the issuer's events in.
        config: Version, public address, limits.
        metrics: Where requests are counted; the engine counts decisions on the same object.
        checks: What ``/readyz`` asks, by name.
        unavailable_errors: What the database layer raises when the database does not serve;
            answered 503.
    """
    app = Application(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.services = services
    app.state.receiver = receiver
    edge = partial(
        EdgeMiddleware,
        config=config,
        metrics=metrics,
        new_request_id=lambda: services.new_id(Prefix.REQUEST),
    )
    door = AuthorizeDoor(engine)
    app.authorize = edge(door)
    app.add_middleware(edge)
    add_error_handlers(app, unavailable_errors)
    operations = Operations(metrics=metrics, checks=checks, seconds=config.check_seconds)
    document = _openapi_of(config)

    async def openapi(request: Request) -> Response:
        exchange_of(request.scope).template = OPENAPI
        return Response(document, media_type="application/json")

    app.router.routes[:] = [
        *issuers.routes(door),
        *api_routes(),
        *operations.routes(),
        Route(OPENAPI, openapi, methods=["GET"]),
    ]
    return app
