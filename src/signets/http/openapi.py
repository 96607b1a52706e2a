"""The OpenAPI 3.1 document: what the framework derives, plus what only we know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from signets.http import issuers, operations
from signets.http.auth import who_may
from signets.http.config import HttpConfig
from signets.http.outputs.base import ErrorOut
from signets.http.routing import Endpoint, GuardedRoute

JsonObject = dict[str, Any]

_DESCRIPTION = """\
Spend control between AI agents and a card issuer.

- JSON is snake_case; input is taken in camelCase too. Unknown fields are refused.
- Amounts are integers of minor units (`2000` with `USD` is $20.00). Times are RFC 3339, UTC.
- Every answer carries `X-Request-Id`; send your own to find a request in the log.
- Where a `POST` takes an `Idempotency-Key`, the same key and body give the same object for 24
  hours (header `Idempotent-Replay: true`); another body is refused (`idempotency_conflict`).
- Lists take `limit` and `after` and answer `data`, `has_more` and `next_after`.
- A refused request has written nothing.
"""

_TAGS = (
    ("intents", "What agents want to buy."),
    ("cards", "Virtual cards, locked unless an intent's window is open."),
    ("transactions", "What happened with money."),
    ("disputes", "Money claimed back."),
    ("merchants", "Vendors that cards can be locked to."),
    ("merchant", "Questions about who charged."),
    ("decisions", "Our answers to authorization requests."),
    ("ledger", "The books."),
    ("policy", "The rules, versioned."),
    ("evidence", "The log that can be verified offline."),
    ("organization", "The tenant and its kill switch."),
    ("members", "Humans."),
    ("agents", "Machine identities."),
    ("keys", "API keys."),
    ("alerts", "What a person should look at."),
    ("issuers", "Connections to card issuers; what the issuer itself calls is signed, not keyed."),
    ("issuer", "What issuers sent."),
    ("operations", "Alive, ready, metrics."),
)

_ERRORS: dict[int, tuple[str, str, str, str]] = {
    400: (
        "The request is malformed or out of range; `param` names the field.",
        "invalid_request",
        "currency_unknown",
        "`XYZ` is not an ISO 4217 currency code; use one like `USD`, `EUR` or `JPY`",
    ),
    401: (
        "No key, or one that is unknown, expired or revoked.",
        "unauthenticated",
        "key_expired",
        "this API key has expired; ask an admin for another",
    ),
    403: (
        "This key may not do that.",
        "forbidden",
        "scope_missing",
        "this key lacks the scope `policy:write`; use a key that has it",
    ),
    404: (
        "No such object for this caller.",
        "not_found",
        "intent_not_found",
        "no intent `int_01h455vb4pex5vsknk084sn02q`",
    ),
    409: (
        "The state of things forbids it, or the same idempotency key came with another body.",
        "conflict",
        "intent_state",
        "an intent that is `settled` cannot become `canceled`; it can become: nothing",
    ),
    413: (
        "The body is too large.",
        "too_large",
        "body_too_large",
        "a body has at most 1048576 bytes; send less",
    ),
    429: (
        "Too often.",
        "rate_limited",
        "reveal_limit",
        "policy allows 10 reveals an hour and card; wait",
    ),
    500: (
        "Our mistake; quote the request id.",
        "internal_error",
        "internal_error",
        "something went wrong here; quote the request id when you report it",
    ),
    503: (
        "Something we depend on is down; nothing was written.",
        "unavailable",
        "unavailable",
        "the database does not answer; try again shortly",
    ),
}


def build_openapi(config: HttpConfig, routes: Sequence[BaseRoute]) -> JsonObject:
    """The whole document, as plain JSON."""
    document = get_openapi(
        title="Signets",
        version=config.version,
        openapi_version="3.1.0",
        summary="Spend control between AI agents and a card issuer.",
        description=_DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        routes=routes,
        servers=[{"url": config.public_url}] if config.public_url else [{"url": "/"}],
        tags=[{"name": name, "description": text} for name, text in _TAGS],
    )
    for route in routes:
        if isinstance(route, GuardedRoute):
            operation = document["paths"][route.path][route.declared.method.lower()]
            _complete(operation, route.declared)
    document["paths"] |= _issuer_paths() | _operations_paths()
    _components(document)
    return document


def _complete(operation: JsonObject, endpoint: Endpoint) -> None:
    """Add who may call, how, and every refusal."""
    who = who_may(endpoint.scope, agents=endpoint.agents)
    operation["description"] = f"{operation.get('description', '')}\n\nWho may call: {who}."
    operation["security"] = [{"apiKey": []}]
    if endpoint.scope is not None:
        operation["x-scope"] = endpoint.scope.value
    responses = operation["responses"]
    responses.pop("422", None)
    statuses = {400, 401, 500, 503, *endpoint.refuses}
    if endpoint.scope is not None:
        statuses.add(403)
    if "requestBody" in operation:
        statuses.add(413)
    if endpoint.idempotent:
        statuses.add(409)
        operation.setdefault("parameters", []).append(
            {"$ref": "#/components/parameters/IdempotencyKey"}
        )
    for status, response in responses.items():
        headers = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
        if endpoint.idempotent and status == "201":
            headers["Idempotent-Replay"] = {"$ref": "#/components/headers/IdempotentReplay"}
        response["headers"] = headers
        if response.get("description") == "Successful Response":
            response["description"] = "Done."
    for status in sorted(statuses):
        responses[str(status)] = {"$ref": f"#/components/responses/Error{status}"}


def _components(document: JsonObject) -> None:
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    error = ErrorOut.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= error.pop("$defs")
    schemas["ErrorOut"] = error
    components["schemas"] = dict(sorted(schemas.items()))
    components["securitySchemes"] = {
        "apiKey": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "sgn_…",
            "description": "An API key of a member, an agent or the organization.",
        }
    }
    components["parameters"] = {
        "IdempotencyKey": {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "Makes a repeat of this request safe for 24 hours.",
            "schema": {
                "type": "string",
                "minLength": 1,
                "maxLength": 255,
                "pattern": "^[!-~]([ -~]*[!-~])?$",
            },
        }
    }
    components["headers"] = {
        "RequestId": {
            "description": "The request's id, as the log has it.",
            "schema": {"type": "string"},
        },
        "IdempotentReplay": {
            "description": "`true`: this object was made by an earlier request with this key.",
            "schema": {"type": "string", "enum": ["true"]},
        },
    }
    components["responses"] = {f"Error{status}": _error(status) for status in _ERRORS}


def _error(status: int) -> JsonObject:
    description, kind, code, message = _ERRORS[status]
    example: JsonObject = {
        "error": {
            "type": kind,
            "code": code,
            "message": message,
            "param": "currency" if status == 400 else None,
            "request_id": "req_01h455vb4pex5vsknk084sn02q",
            "details": {},
        }
    }
    schema = {"$ref": "#/components/schemas/ErrorOut"}
    headers: JsonObject = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
    if status == 401:
        headers["WWW-Authenticate"] = {"schema": {"type": "string"}}
    return {
        "description": description,
        "headers": headers,
        "content": {"application/json": {"schema": schema, "example": example}},
    }


def _issuer_paths() -> JsonObject:
    """The raw routes of :mod:`signets.http.issuers`, documented by hand."""
    authorize = (
        "Decides a real-time authorization request",
        "The issuer asks; the answer is in its own vocabulary (Lithic: Auth Stream Access). A "
        "repeat of one request gets its stored answer. Unknown cards and unreadable bodies are "
        "declined, a forged signature is answered 401.",
    )
    events = (
        "Takes an event of a transaction's life in",
        "Stored before it is acknowledged; repeats and any order are harmless. A forged "
        "signature is answered 401.",
    )
    paths: JsonObject = {}
    for path, operation, (summary, text) in (
        (issuers.AUTHORIZE, "issuers_authorize", authorize),
        (issuers.EVENTS, "issuers_events", events),
        (issuers.AUTHORIZE_SHORT, "issuers_authorize_short", authorize),
        (issuers.EVENTS_SHORT, "issuers_events_short", events),
    ):
        short = "{connection}" not in path
        note = "\n\nThe short address serves where exactly one connection exists." if short else ""
        paths[path] = {
            "post": {
                "tags": ["issuers"],
                "summary": summary,
                "description": f"{text}{note}\n\nWho may call: the issuer, by its signature.",
                "operationId": operation,
                "security": [],
                "parameters": [] if short else [_connection_parameter()],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"type": "object"}}},
                },
                "responses": {
                    "200": {
                        "description": "In the issuer's words.",
                        "content": {"application/json": {"schema": {}}},
                    },
                    "401": {"description": "The signature is not one of this connection's."},
                    "default": {"description": "In the issuer's words, fail-closed."},
                },
            }
        }
    return paths


def _connection_parameter() -> JsonObject:
    return {
        "name": "connection",
        "in": "path",
        "required": True,
        "description": "Id of the issuer connection.",
        "schema": {"type": "string"},
    }


def _operations_paths() -> JsonObject:
    """The raw routes of :mod:`signets.http.operations` and the document itself."""
    json_object = {"application/json": {"schema": {"type": "object"}}}
    rows: tuple[tuple[str, str, str, JsonObject, bool], ...] = (
        (operations.HEALTH, "health", "Whether the process answers", json_object, False),
        (operations.READY, "ready", "Whether everything it needs serves", json_object, True),
        (
            operations.METRICS,
            "metrics",
            "Prometheus metrics",
            {"text/plain": {"schema": {"type": "string"}}},
            False,
        ),
        (operations.OPENAPI, "openapi", "This document", json_object, False),
    )
    paths: JsonObject = {}
    for path, name, summary, content, may_fail in rows:
        responses: JsonObject = {"200": {"description": "Done.", "content": content}}
        if may_fail:
            responses["503"] = {"description": "Not ready, and why.", "content": content}
        paths[path] = {
            "get": {
                "tags": ["operations"],
                "summary": summary,
                "description": "Who may call: anyone who reaches the address.",
                "operationId": f"operations_{name}",
                "security": [],
                "responses": responses,
            }
        }
    return paths
