"""The one error shape, and how everything that can go wrong becomes it.

``{"error": {"type", "code", "message", "param", "request_id", "details"}}``. No message repeats
what was sent: input may hold a card number.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from signets.app.ports import IssuerRefused, IssuerUnavailable
from signets.core.errors import Refusal, RefusalKind
from signets.http.exchange import exchange_of

STATUS: dict[RefusalKind, int] = {
    RefusalKind.INVALID: 400,
    RefusalKind.UNAUTHENTICATED: 401,
    RefusalKind.FORBIDDEN: 403,
    RefusalKind.NOT_FOUND: 404,
    RefusalKind.CONFLICT: 409,
    RefusalKind.TOO_LARGE: 413,
    RefusalKind.RATE_LIMITED: 429,
    RefusalKind.UNAVAILABLE: 503,
}
INTERNAL = "internal_error"
METHOD = "method_not_allowed"

_MAX_PROBLEMS = 10
#: How pydantic begins its sentences, and how ours go on after the field's name.
_BEGINNINGS = (
    "Input should",
    "String should",
    "List should",
    "Tuple should",
    "Dictionary should",
    "Value should",
)


def error_body(
    *,
    kind: str,
    code: str,
    message: str,
    request_id: str,
    param: str | None = None,
    details: Mapping[str, object] | None = None,
) -> bytes:
    """The error as JSON bytes."""
    error = {
        "type": kind,
        "code": code,
        "message": message,
        "param": param,
        "request_id": request_id,
        "details": dict(details or {}),
    }
    return json.dumps({"error": error}, ensure_ascii=False, default=str).encode()


def refusal_response(refusal: Refusal, request_id: str) -> Response:
    """A refusal in HTTP's words."""
    headers = {}
    if refusal.kind is RefusalKind.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = 'Bearer realm="signets"'  # RFC 9110, 11.6.1
    return Response(
        error_body(
            kind=refusal.kind.value,
            code=refusal.code,
            message=refusal.message,
            request_id=request_id,
            param=refusal.param,
            details=refusal.details,
        ),
        status_code=STATUS[refusal.kind],
        headers=headers,
        media_type="application/json",
    )


def internal_response(request_id: str) -> Response:
    """Our mistake: nothing is told but the id under which the log has it."""
    return Response(
        error_body(
            kind=INTERNAL,
            code=INTERNAL,
            message="something went wrong here; quote the request id when you report it",
            request_id=request_id,
        ),
        status_code=500,
        media_type="application/json",
    )


def as_refusal(problems: Sequence[Mapping[str, Any]]) -> Refusal:
    """What pydantic found, as a refusal that names the first field and lists the others."""
    found = [_problem(one) for one in problems[:_MAX_PROBLEMS]]
    code, message, param, details = found[0]
    if len(found) > 1:
        details = {
            **details,
            "problems": [
                {"code": code, "message": message, "param": param}
                for code, message, param, _ in found
            ],
        }
    return Refusal(RefusalKind.INVALID, code, message, param=param, details=details)


def _problem(problem: Mapping[str, Any]) -> tuple[str, str, str | None, dict[str, object]]:
    """``(code, sentence, param, details)`` of one entry of ``ValidationError.errors()``."""
    kind, context = str(problem["type"]), dict(problem.get("ctx") or {})
    place = [*problem["loc"][1:], *([context.pop("field")] if "field" in context else [])]
    param = _dotted(place) or None
    named = f"`{param}`" if param else "the body"
    if kind == "missing":
        if param is None:
            return "body_missing", "the request needs a JSON object as its body", None, {}
        return "field_missing", f"{named} is required", param, {}
    if kind == "field_unknown":
        known = context.get("known", [])
        listed = ", ".join(f"`{name}`" for name in known)
        return kind, f"{named} is no field here; known are: {listed}", param, {"known": known}
    sentence = str(problem["msg"])
    if kind in {"amount_invalid", "field_invalid", "field_twice"}:
        return kind, f"{named} {sentence}", param, {}
    for beginning in _BEGINNINGS:
        sentence = sentence.replace(f"{beginning} ", "must ", 1)
    sentence = sentence[0].lower() + sentence[1:]
    joined = f"{named} {sentence}" if sentence.startswith("must ") else f"{named}: {sentence}"
    return "field_invalid", joined, param, {}


def _dotted(place: Sequence[object]) -> str:
    """``("line_items", 0, "amount")`` as ``line_items[0].amount``."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def add_error_handlers(app: FastAPI, unavailable: tuple[type[Exception], ...]) -> None:
    """Have every failure leave in the one shape.

    Args:
        app: The application.
        unavailable: What the database layer raises when the database does not serve.
    """
    app.add_exception_handler(Refusal, _on_refusal)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(
        IssuerUnavailable,
        _unavailable("issuer_unavailable", "the card issuer does not answer; try again shortly"),
    )
    app.add_exception_handler(
        IssuerRefused, _unavailable("issuer_refused", "the card issuer refused; see the alerts")
    )
    for error in unavailable:
        app.add_exception_handler(
            error, _unavailable("unavailable", "the database does not answer; try again shortly")
        )


async def _on_refusal(request: Request, error: Exception) -> Response:
    if not isinstance(error, Refusal):
        raise error
    return refusal_response(error, exchange_of(request.scope).request_id)


async def _on_validation(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    return refusal_response(as_refusal(error.errors()), exchange_of(request.scope).request_id)


async def _on_http(request: Request, error: Exception) -> Response:
    """What the framework itself says: no such route, no such method."""
    if not isinstance(error, HTTPException):
        raise error
    request_id = exchange_of(request.scope).request_id
    if error.status_code == 405:
        allowed = ", ".join(sorted(_methods_here(request)))
        return Response(
            error_body(
                kind=RefusalKind.INVALID.value,
                code=METHOD,
                message=f"this address takes {allowed} and not {request.method}",
                request_id=request_id,
            ),
            status_code=405,
            headers={"Allow": allowed},
            media_type="application/json",
        )
    if error.status_code != 404:
        raise error
    return refusal_response(
        Refusal(
            RefusalKind.NOT_FOUND,
            "route_not_found",
            "nothing is at this address; /openapi.json lists what there is",
        ),
        request_id,
    )


def _methods_here(request: Request) -> set[str]:
    return {
        method
        for route in request.app.routes
        if route.matches(request.scope)[0] is not Match.NONE
        for method in getattr(route, "methods", None) or ()
    }


def _unavailable(code: str, message: str) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        exchange = exchange_of(request.scope)
        structlog.get_logger("signets.http").warning(
            code, request_id=exchange.request_id, error=type(error).__name__
        )
        return refusal_response(
            Refusal(RefusalKind.UNAVAILABLE, code, message), exchange.request_id
        )

    return answer
