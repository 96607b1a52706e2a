"""Stripe's endpoints: what every call goes through, and its one error shape."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import psycopg
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ExceptionHandler

from signets.issuers.sandbox.engine import faults
from signets.issuers.sandbox.engine.base import Impossible, Json, Missing
from signets.issuers.sandbox.engine.store import Sandbox, sandbox_of
from signets.issuers.sandbox.stripe_face import (
    authorizations,
    cardholders,
    cards,
    disputes,
    transactions,
    webhooks,
)
from signets.issuers.sandbox.stripe_face.idempotency import begin, digest_of, forget, remember
from signets.issuers.sandbox.stripe_face.wire import (
    StripeError,
    encoded,
    error_response,
    read_form,
    respond,
)

#: ``(sandbox, parameters, id in the path or "") -> object``.
Handler = Callable[[Sandbox, Json, str], Awaitable[Json]]

_MAX_BODY_BYTES = 1_000_000
_log = logging.getLogger(__name__)


async def _refused(_: Request, error: Exception) -> Response:
    match error:
        case StripeError():
            return error_response(error)
        case Missing():
            return error_response(
                StripeError(404, f"No such {error}", code="resource_missing", param="id")
            )
        case Impossible():
            return error_response(StripeError(400, str(error)))
        case HTTPException():
            return error_response(StripeError(error.status_code, "Unrecognized request URL"))
        case psycopg.DataError():
            # What the database cannot hold although the form allows it: a NUL in a text.
            _log.info("refused by the database: %s", type(error).__name__)
            return error_response(StripeError(400, "A value cannot be stored"))
        case _:
            _log.error("unhandled error in the sandbox", exc_info=error)
            return error_response(StripeError(500, "Internal error", kind="api_error"))


def stripe_errors() -> dict[type[Exception] | int, ExceptionHandler]:
    """What becomes of each kind of error."""
    kinds = (StripeError, Missing, Impossible, HTTPException, psycopg.DataError, Exception)
    return dict.fromkeys(kinds, _refused)


def _get(path: str, handler: Handler) -> Route:
    async def endpoint(request: Request) -> Response:
        params = read_form(request.url.query)
        found = await handler(sandbox_of(request), params, request.path_params.get("id", ""))
        return respond(200, encoded(found), {})

    return Route(path, endpoint, methods=["GET"])


def _delete(path: str, handler: Handler) -> Route:
    async def endpoint(request: Request) -> Response:
        found = await handler(sandbox_of(request), {}, request.path_params["id"])
        return respond(200, encoded(found), {})

    return Route(path, endpoint, methods=["DELETE"])


def _post(path: str, handler: Handler, *, fault: str | None = None) -> Route:
    async def endpoint(request: Request) -> Response:
        sandbox, raw = sandbox_of(request), await _body(request)
        key = request.headers.get("idempotency-key")
        if key is None:
            body = await _act(handler, request, raw)
        else:
            known = await begin(sandbox, key, digest_of(request.url.path, raw))
            if known is not None:
                return respond(200, known, {"idempotency-key": key, "idempotent-replayed": "true"})
            try:
                body = await _act(handler, request, raw)
            except Exception:
                await forget(sandbox, key)
                raise
            await remember(sandbox, key, body)
        if fault is not None and await _strikes(sandbox, fault):
            raise StripeError(500, "Something went wrong on our end", kind="api_error")
        return respond(200, body, {} if key is None else {"idempotency-key": key})

    return Route(path, endpoint, methods=["POST"])


async def _act(handler: Handler, request: Request, raw: bytes) -> bytes:
    params = read_form(raw.decode("utf-8", "replace"))
    made = await handler(sandbox_of(request), params, request.path_params.get("id", ""))
    return encoded(made)


async def _strikes(sandbox: Sandbox, fault: str) -> bool:
    async with sandbox.transaction() as connection:
        return await faults.take(connection, fault) is not None


async def _body(request: Request) -> bytes:
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > _MAX_BODY_BYTES:
            raise StripeError(413, f"The body is larger than {_MAX_BODY_BYTES} bytes")
    return bytes(raw)


def stripe_routes() -> list[Route]:
    """``/v1`` as at Stripe."""
    issuing, helpers = "/v1/issuing", "/v1/test_helpers/issuing"
    held = f"{helpers}/authorizations/{{id}}"
    return [
        _post(f"{issuing}/cardholders", cardholders.create),
        _get(f"{issuing}/cardholders", cardholders.list_all),
        _get(f"{issuing}/cardholders/{{id}}", cardholders.retrieve),
        _post(f"{issuing}/cardholders/{{id}}", cardholders.update),
        _post(f"{issuing}/cards", cards.create, fault=faults.CREATE_CARD),
        _get(f"{issuing}/cards", cards.list_all),
        _get(f"{issuing}/cards/{{id}}", cards.retrieve),
        _post(f"{issuing}/cards/{{id}}", cards.update),
        _get(f"{issuing}/authorizations", authorizations.list_all),
        _get(f"{issuing}/authorizations/{{id}}", authorizations.retrieve),
        _post(f"{issuing}/authorizations/{{id}}", authorizations.update),
        _get(f"{issuing}/transactions", transactions.list_all),
        _get(f"{issuing}/transactions/{{id}}", transactions.retrieve),
        _post(f"{issuing}/disputes", disputes.create, fault=faults.CREATE_DISPUTE),
        _get(f"{issuing}/disputes", disputes.list_all),
        _get(f"{issuing}/disputes/{{id}}", disputes.retrieve),
        _post(f"{issuing}/disputes/{{id}}", disputes.update),
        _post(f"{issuing}/disputes/{{id}}/submit", disputes.submit),
        _post("/v1/webhook_endpoints", webhooks.create),
        _get("/v1/webhook_endpoints", webhooks.list_endpoints),
        _get("/v1/webhook_endpoints/{id}", webhooks.retrieve_endpoint),
        _post("/v1/webhook_endpoints/{id}", webhooks.update_endpoint),
        _delete("/v1/webhook_endpoints/{id}", webhooks.delete_endpoint),
        _get("/v1/events", webhooks.list_events),
        _get("/v1/events/{id}", webhooks.retrieve_event),
        _post(f"{helpers}/authorizations", authorizations.create),
        _post(f"{held}/capture", authorizations.capture),
        _post(f"{held}/increment", authorizations.more),
        _post(f"{held}/reverse", authorizations.reverse),
        _post(f"{held}/expire", authorizations.expire),
        _post(f"{held}/finalize_amount", authorizations.finalize),
        _post(f"{helpers}/transactions/create_force_capture", transactions.force_capture),
        _post(f"{helpers}/transactions/create_unlinked_refund", transactions.unlinked_refund),
        _post(f"{helpers}/transactions/{{id}}/refund", transactions.refund),
    ]
