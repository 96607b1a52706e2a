"""One request on its way through the edge: what the log line and the error answer need."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from starlette.types import Scope

from signets.app.caller import Caller
from signets.app.idempotency import Idempotency
from signets.core.pan import holds_pan

_KEY = "signets.exchange"
_REQUEST_ID = re.compile(rb"[A-Za-z0-9_.-]{1,64}")


@dataclass(slots=True, kw_only=True)
class Exchange:
    """Filled in as it becomes known; lives in the ASGI scope.

    Attributes:
        announced: How many bytes of body the caller says come; 0 where it does not say.
        verbatim: The answer is in the issuer's own words: no headers of ours but the request id.
    """

    request_id: str
    announced: int = 0
    caller: Caller | None = None
    idempotency: Idempotency | None = None
    template: str = "unmatched"
    verbatim: bool = False


def open_exchange(scope: Scope, new_request_id: Callable[[], str]) -> Exchange:
    """The exchange of a request that just arrived.

    The caller's own ``X-Request-Id`` is kept where it is short and plain (it goes into logs).
    """
    given: list[bytes] = []
    announced = 0
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            # Of a number longer than any size its beginning is far too much as well.
            announced = max(announced, int(value[:18]))
        elif name == b"x-request-id":
            given.append(value)
    if len(given) == 1 and _REQUEST_ID.fullmatch(given[0]) and not holds_pan(given[0].decode()):
        request_id = given[0].decode()
    else:
        request_id = new_request_id()
    exchange = Exchange(request_id=request_id, announced=announced)
    scope[_KEY] = exchange
    return exchange


def exchange_of(scope: Any) -> Exchange:
    """The exchange of a request; ``scope`` is the ASGI scope."""
    return cast(Exchange, scope[_KEY])
