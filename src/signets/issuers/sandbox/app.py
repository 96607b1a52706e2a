"""The sandbox as an ASGI application: routes, the key, loopback, one error shape."""

from __future__ import annotations

import hmac
import ipaddress
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from signets.issuers.sandbox import cards, control, events, rules, simulate
from signets.issuers.sandbox.config import KEY_PREFIX, SandboxConfig
from signets.issuers.sandbox.service import running
from signets.issuers.sandbox.wire import LithicError, answer, error_answer

_log = logging.getLogger(__name__)


def create_app(config: SandboxConfig) -> Starlette:
    """The sandbox; its lifespan opens the database and sends webhooks."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with running(config) as sandbox:
            app.state.sandbox = sandbox
            yield

    return Starlette(
        routes=[*_lithic_routes(), *_sim_routes()],
        lifespan=lifespan,
        middleware=[Middleware(_Gate, config=config)],
        exception_handlers={
            LithicError: _lithic_error,
            HTTPException: _http_error,
            psycopg.DataError: _data_error,
            Exception: _server_error,
        },
    )


class _Gate:
    """Lets in callers from this machine that hold the key."""

    def __init__(self, app: ASGIApp, config: SandboxConfig) -> None:
        self._app = app
        self._config = config

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(Request(scope))
        await (self._app if refusal is None else error_answer(refusal))(scope, receive, send)

    def _refusal(self, request: Request) -> LithicError | None:
        host = request.client.host if request.client else ""
        if not self._config.allow_remote and not _is_loopback(host):
            return LithicError(403, "The sandbox serves this machine only")
        given = request.headers.get("authorization", "")
        if not given.startswith(KEY_PREFIX):
            return LithicError(
                401, f"This is a Signets sandbox, not Lithic: its keys start with `{KEY_PREFIX}`"
            )
        if not hmac.compare_digest(given.encode(), self._config.api_key.encode()):
            return LithicError(401, "The API key is not this sandbox's")
        return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _lithic_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, LithicError):
        raise error
    return error_answer(error)


async def _http_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return error_answer(LithicError(error.status_code, error.detail))


async def _data_error(_: Request, error: Exception) -> Response:
    # What the database cannot hold although the form allows it: a NUL in a text.
    _log.info("refused by the database: %s", type(error).__name__)
    return error_answer(LithicError(422, "Invalid parameter(s): a value cannot be stored"))


async def _server_error(_: Request, error: Exception) -> Response:
    _log.error("unhandled error in the sandbox", exc_info=error)
    return error_answer(LithicError(500, "Internal Server Error"))


async def _status(_: Request) -> Response:
    return answer({"message": "OK"})


def _lithic_routes() -> list[Route]:
    subscription = "/v1/event_subscriptions/{subscription}"
    return [
        Route("/v1/status", _status, methods=["GET"]),
        Route("/v1/cards", cards.create, methods=["POST"]),
        Route("/v1/cards", cards.list_all, methods=["GET"]),
        Route("/v1/cards/{token}", cards.retrieve, methods=["GET"]),
        Route("/v1/cards/{token}", cards.update, methods=["PATCH"]),
        Route("/v1/transactions", simulate.list_all, methods=["GET"]),
        Route("/v1/transactions/{token}", simulate.retrieve, methods=["GET"]),
        Route("/v1/transactions/{token}/expire_authorization", simulate.expire, methods=["POST"]),
        Route("/v1/responder_endpoints", events.enroll, methods=["POST"]),
        Route("/v1/responder_endpoints", events.responder_status, methods=["GET"]),
        Route("/v1/responder_endpoints", events.withdraw, methods=["DELETE"]),
        Route("/v1/auth_stream/secret", events.asa_secret, methods=["GET"]),
        Route("/v1/auth_stream/secret/rotate", events.rotate_asa_secret, methods=["POST"]),
        Route("/v1/event_subscriptions", events.subscribe, methods=["POST"]),
        Route("/v1/event_subscriptions", events.list_subscriptions, methods=["GET"]),
        Route(subscription, events.retrieve_subscription, methods=["GET"]),
        Route(subscription, events.update_subscription, methods=["PATCH"]),
        Route(subscription, events.delete_subscription, methods=["DELETE"]),
        Route(f"{subscription}/secret", events.subscription_secret, methods=["GET"]),
        Route(f"{subscription}/secret/rotate", events.rotate_subscription_secret, methods=["POST"]),
        Route(f"{subscription}/recover", events.recover, methods=["POST"]),
        Route(f"{subscription}/replay_missing", events.replay_missing, methods=["POST"]),
        Route("/v1/events", events.list_events, methods=["GET"]),
        Route("/v1/events/{event}", events.retrieve_event, methods=["GET"]),
        Route(
            "/v1/events/{event}/event_subscriptions/{subscription}/resend",
            events.resend_event,
            methods=["POST"],
        ),
        Route("/v2/auth_rules", rules.create, methods=["POST"]),
        Route("/v2/auth_rules", rules.list_all, methods=["GET"]),
        Route("/v2/auth_rules/{token}", rules.retrieve, methods=["GET"]),
        Route("/v2/auth_rules/{token}", rules.update, methods=["PATCH"]),
        Route("/v2/auth_rules/{token}", rules.delete, methods=["DELETE"]),
        Route("/v1/simulate/authorize", simulate.simulate_authorize, methods=["POST"]),
        Route("/v1/simulate/clearing", simulate.simulate_clearing, methods=["POST"]),
        Route("/v1/simulate/void", simulate.simulate_void, methods=["POST"]),
        Route("/v1/simulate/authorization_advice", simulate.simulate_advice, methods=["POST"]),
        Route("/v1/simulate/return", simulate.simulate_return, methods=["POST"]),
        Route("/v1/simulate/return_reversal", simulate.simulate_return_reversal, methods=["POST"]),
        Route(
            "/v1/simulate/credit_authorization_advice",
            simulate.simulate_credit_advice,
            methods=["POST"],
        ),
    ]


def _sim_routes() -> list[Route]:
    return [
        Route("/_sim/force_post", control.force_post, methods=["POST"]),
        Route("/_sim/increment", control.force_increment, methods=["POST"]),
        Route("/_sim/linked", control.linked, methods=["POST"]),
        Route("/_sim/clock", control.read_clock, methods=["GET"]),
        Route("/_sim/clock", control.move_clock, methods=["POST"]),
        Route("/_sim/faults", control.read_faults, methods=["GET"]),
        Route("/_sim/faults", control.set_faults, methods=["POST"]),
        Route("/_sim/faults", control.clear_faults, methods=["DELETE"]),
        Route("/_sim/deliveries", control.list_deliveries, methods=["GET"]),
        Route("/_sim/replay", control.replay, methods=["POST"]),
        Route("/_sim/forge", control.forge, methods=["POST"]),
        Route("/_sim/drain", control.drain, methods=["POST"]),
    ]
