"""The sandbox as an ASGI application: one network, two faces, the key, loopback.

The face is chosen by how the key is sent: ``Authorization: Bearer sandbox_…`` is a Stripe caller,
the bare key a Lithic one, which also reaches ``/_sim``.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from signets.issuers.addresses import LOCAL_KEY_PREFIX, is_loopback
from signets.issuers.sandbox.config import SandboxConfig
from signets.issuers.sandbox.engine.faces import Face
from signets.issuers.sandbox.engine.store import running
from signets.issuers.sandbox.lithic_face.face import LithicFace
from signets.issuers.sandbox.lithic_face.routes import lithic_errors, lithic_routes
from signets.issuers.sandbox.lithic_face.wire import LithicError, error_answer
from signets.issuers.sandbox.sim.routes import sim_routes
from signets.issuers.sandbox.stripe_face.face import StripeFace
from signets.issuers.sandbox.stripe_face.routes import stripe_errors, stripe_routes
from signets.issuers.sandbox.stripe_face.wire import StripeError, error_response

_BEARER = "Bearer "


def create_app(config: SandboxConfig) -> Starlette:
    """The sandbox; its lifespan opens the database and sends webhooks."""
    faces: dict[str, Face] = {
        "lithic": LithicFace(config.deadline_seconds),
        "stripe": StripeFace(config.stripe_deadline_seconds),
    }
    lithic = Starlette(routes=[*lithic_routes(), *sim_routes()], exception_handlers=lithic_errors())
    stripe = Starlette(routes=stripe_routes(), exception_handlers=stripe_errors())

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with running(config, faces) as sandbox:
            for one in (app, lithic, stripe):
                one.state.sandbox = sandbox
            yield

    return Starlette(routes=[Mount("/", app=_Gate(config, lithic, stripe))], lifespan=lifespan)


class _Gate:
    """Lets in callers from this machine that hold the key, each to its face."""

    def __init__(self, config: SandboxConfig, lithic: Starlette, stripe: Starlette) -> None:
        self._config = config
        self._lithic = lithic
        self._stripe = stripe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        given = request.headers.get("authorization", "")
        is_stripe = given.startswith(_BEARER)
        refusal = self._refusal(request, given.removeprefix(_BEARER))
        if refusal is None:
            await (self._stripe if is_stripe else self._lithic)(scope, receive, send)
            return
        status, message = refusal
        await _answer(status, message, is_stripe=is_stripe)(scope, receive, send)

    def _refusal(self, request: Request, key: str) -> tuple[int, str] | None:
        host = request.client.host if request.client else ""
        if not self._config.allow_remote and not is_loopback(host):
            return 403, "The sandbox serves this machine only"
        if not key.startswith(LOCAL_KEY_PREFIX):
            return 401, (
                f"This is a Signets sandbox, no issuer: its keys start with `{LOCAL_KEY_PREFIX}`"
            )
        if not hmac.compare_digest(key.encode(), self._config.api_key.encode()):
            return 401, "The API key is not this sandbox's"
        return None


def _answer(status: int, message: str, *, is_stripe: bool) -> Response:
    if is_stripe:
        return error_response(StripeError(status, message))
    return error_answer(LithicError(status, message))
