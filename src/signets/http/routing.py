"""How a route is declared, and what a request passes before its handler runs.

Every route of ours is an :class:`Endpoint` in the table of its noun, and names its scope there;
there is no way to add one without. Order of refusals: key, scope, query, idempotency key, body.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

from fastapi import Depends
from fastapi.params import Param
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from signets.app.caller import Caller
from signets.app.idempotency import Idempotency
from signets.app.services import Services
from signets.core.access import Scope
from signets.core.errors import Refusal, RefusalKind, invalid
from signets.http.auth import admit
from signets.http.body import StrictRequest, read_body
from signets.http.exchange import exchange_of
from signets.http.inputs import snake

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One operation of the API.

    Attributes:
        operation: Its id in OpenAPI: noun and verb (``cards_create``).
        call: The handler; its docstring is the description.
        scope: What the key must have; ``None``: any valid key will do.
        agents: Whether agents' keys may (the use case decides; here it is for the documents).
        idempotent: Whether an ``Idempotency-Key`` is remembered.
        refuses: Statuses beyond the general ones that the use case can answer with.
    """

    method: str
    path: str
    operation: str
    call: Callable[..., Any]
    summary: str
    scope: Scope | None
    status: int = 200
    agents: bool = True
    idempotent: bool = False
    refuses: tuple[int, ...] = ()
    responses: dict[int | str, dict[str, Any]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What a handler works with."""

    services: Services
    caller: Caller
    idempotency: Idempotency | None


async def _asking(request: Request) -> Asking:
    exchange = exchange_of(request.scope)
    if exchange.caller is None:
        raise Refusal(RefusalKind.UNAUTHENTICATED, "key_missing", "send an API key")
    return Asking(
        services=request.app.state.services,
        caller=exchange.caller,
        idempotency=exchange.idempotency,
    )


Ask = Annotated[Asking, Depends(_asking)]


def mark_replay(response: Response, replayed: bool) -> None:
    """Say that the answer is what an earlier request with this ``Idempotency-Key`` made."""
    if replayed:
        response.headers["Idempotent-Replay"] = "true"


class GuardedRoute(APIRoute):
    """A route that lets only declared callers, query fields and strict JSON through."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.declared = endpoint
        super().__init__(
            endpoint.path,
            endpoint.call,
            methods=[endpoint.method],
            status_code=endpoint.status,
            operation_id=endpoint.operation,
            name=endpoint.operation,
            summary=endpoint.summary,
            tags=[endpoint.operation.partition("_")[0]],
            responses=endpoint.responses,
        )

    @property
    def scope(self) -> Scope | None:
        """What the key must have; ``None``: any valid key will do."""
        return self.declared.scope

    def get_route_handler(self) -> Handler:
        """The framework's handler behind our checks."""
        handle = super().get_route_handler()
        known = [_name(one.field_info, one.name) for one in self.dependant.query_params]

        async def guarded(request: Request) -> Response:
            await admit(request.app.state.services, request, self.declared.scope)
            _spell_query(request, known)
            strict = StrictRequest(request.scope, request.receive)
            key = _idempotency_key(request) if self.declared.idempotent else None
            raw = b""
            if self.body_field is not None:
                raw = await read_body(strict)
            if key is not None:
                exchange_of(request.scope).idempotency = Idempotency(
                    key=key, body_sha256=_fingerprint(request, raw)
                )
            return await handle(strict)

        return guarded


def _name(info: Any, name: str) -> str:
    return info.alias if isinstance(info, Param) and info.alias else name


def _spell_query(request: Request, known: list[str]) -> None:
    """Refuse unknown and repeated query fields; write camelCase ones in snake_case.

    Raises:
        Refusal: ``field_unknown`` or ``field_twice``.
    """
    pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    spelled = [(snake(name), value) for name, value in pairs]
    seen: set[str] = set()
    for name, _ in spelled:
        if name not in known:
            listed = ", ".join(f"`{one}`" for one in known) or "none"
            raise Refusal(
                RefusalKind.INVALID,
                "field_unknown",
                f"`{name[:80]}` is no query field here; known are: {listed}",
                param=name[:80],
                details={"known": known},
            )
        if name in seen:
            raise invalid("field_twice", f"`{name}` is given twice; give it once", param=name)
        seen.add(name)
    request.scope["query_string"] = urlencode(spelled).encode()


def _idempotency_key(request: Request) -> str | None:
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    key = given[0]
    if len(given) > 1 or not 1 <= len(key) <= 255 or not (key.isascii() and key.isprintable()):
        raise invalid(
            "idempotency_key_invalid",
            "`Idempotency-Key` is one header of 1 to 255 printable ASCII characters",
            param="Idempotency-Key",
        )
    return key


def _fingerprint(request: Request, raw: bytes) -> bytes:
    """SHA-256 of what the key stands for: the same operation on the same object, same bytes."""
    head = f"{request.method} {request.url.path}\n".encode()
    return hashlib.sha256(head + raw).digest()
