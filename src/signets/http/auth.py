"""Who is calling, and whether the route is theirs."""

from __future__ import annotations

from starlette.requests import Request

from signets.app.authenticate import authenticate
from signets.app.caller import Caller
from signets.app.services import Services
from signets.core.access import Scope, most_scopes
from signets.core.approval import Role
from signets.core.errors import Refusal, RefusalKind
from signets.http.exchange import exchange_of

_MAX_TOKEN = 256


def bearer_token(request: Request) -> str:
    """The token of the one ``Authorization: Bearer …`` header (RFC 6750, 2.1).

    Raises:
        Refusal: ``key_missing`` or ``key_invalid`` (unauthenticated).
    """
    given = request.headers.getlist("authorization")
    if not given:
        raise _unauthenticated("key_missing", "send an API key: `Authorization: Bearer sgn_…`")
    scheme, _, token = given[0].partition(" ")
    token = token.strip()
    if len(given) > 1 or scheme.lower() != "bearer" or not 0 < len(token) <= _MAX_TOKEN:
        raise _unauthenticated("key_invalid", "send one header `Authorization: Bearer sgn_…`")
    return token


def _unauthenticated(code: str, message: str) -> Refusal:
    return Refusal(RefusalKind.UNAUTHENTICATED, code, message)


async def admit(services: Services, request: Request, scope: Scope | None) -> Caller:
    """The caller, if their key has the scope; it goes into the exchange for log and handlers.

    Raises:
        Refusal: unauthenticated, or ``scope_missing`` (forbidden).
    """
    caller = await authenticate(services, bearer_token(request))
    exchange_of(request.scope).caller = caller
    if scope is not None:
        caller.require(scope)
    return caller


def who_may(scope: Scope | None, *, agents: bool = True) -> str:
    """Who may call a route, in words for the documentation.

    ``agents=False``: the use case refuses agents although their keys can have the scope.
    """
    if scope is None:
        return "any valid key"
    callers = [
        name
        for name, owner, role in (
            ("admin", "member", Role.ADMIN),
            ("approver", "member", Role.APPROVER),
            ("viewer", "member", Role.VIEWER),
            ("agent", "agent", None),
            ("organization key", "organization", None),
        )
        if scope in most_scopes(owner, role) and (agents or owner != "agent")
    ]
    return f"{', '.join(callers)} (scope `{scope}`)"
