"""What every request passes first and every answer last, as one pure ASGI layer."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable
from contextlib import suppress

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from signets.core.errors import Refusal, RefusalKind
from signets.http.config import HttpConfig
from signets.http.errors import internal_response, refusal_response
from signets.http.exchange import Exchange, open_exchange
from signets.http.metrics import Metrics

#: Answers hold money and sometimes secrets; nothing of them belongs in a cache or a frame.
_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
_HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
_DRAIN_BYTES = 32 << 20
_DRAIN_SECONDS = 5.0
_SILENT = frozenset({"/healthz", "/readyz", "/metrics"})
_ADDRESS_INVALID = Refusal(
    RefusalKind.INVALID, "address_invalid", "the address holds a character nothing has"
)


class BodyTooLarge(Exception):
    """More bytes came than a body may have."""


class EdgeMiddleware:
    """Request id, body limit, security headers, log line, metrics, and the last resort for errors.

    Never logs a body, a header or a query string.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        config: HttpConfig,
        metrics: Metrics,
        new_request_id: Callable[[], str],
    ) -> None:
        self._app = app
        self._max_body = config.max_body
        self._metrics = metrics
        self._new_request_id = new_request_id
        https = (config.public_url or "").startswith("https://")
        self._headers = (*_HEADERS, _HTTPS_ONLY) if https else _HEADERS
        self._log = structlog.get_logger("signets.http")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        exchange = open_exchange(scope, self._new_request_id)
        status = received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_body:
                raise BodyTooLarge
            return message

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *self._added(exchange)]
            await send(message)

        try:
            # Address or announced size may say no already.
            if not _is_text(scope["path"]) or b"%00" in scope["query_string"]:
                await refusal_response(_ADDRESS_INVALID, exchange.request_id)(
                    scope, receive, answer
                )
                return
            if exchange.announced > self._max_body:
                raise BodyTooLarge
            await self._app(scope, counted, answer)
        except BodyTooLarge:
            if status:
                raise
            await _drain(receive)
            await refusal_response(too_large(self._max_body), exchange.request_id)(
                scope, receive, answer
            )
        except Exception as error:
            self._log.error("unhandled", request_id=exchange.request_id, **_traced(error))
            if status:
                raise  # the answer has begun; the server can only cut the connection
            await internal_response(exchange.request_id)(scope, receive, answer)
        finally:
            self._finish(scope, exchange, status, time.perf_counter() - started)

    def _added(self, exchange: Exchange) -> tuple[tuple[bytes, bytes], ...]:
        named = (b"x-request-id", exchange.request_id.encode())
        return (named,) if exchange.verbatim else (named, *self._headers)

    def _finish(self, scope: Scope, exchange: Exchange, status: int, seconds: float) -> None:
        template = getattr(scope.get("route"), "path", exchange.template)
        self._metrics.request(scope["method"], template, status, seconds)
        if scope["path"] in _SILENT:
            return
        caller = exchange.caller
        self._log.info(
            "request",
            method=scope["method"],
            path=template,
            status=status,
            ms=round(seconds * 1000, 2),
            request_id=exchange.request_id,
            key_id=caller.key_id if caller else None,
            org_id=caller.org_id if caller else None,
        )


async def _drain(receive: Receive) -> None:
    """Read the rest and throw it away, within bounds.

    A client that is still sending when its connection is closed never reads why.
    """
    drained = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            while drained < _DRAIN_BYTES:
                message = await receive()
                drained += len(message.get("body", b""))
                if not message.get("more_body"):
                    return


def too_large(most: int) -> Refusal:
    """The refusal of a body of more than ``most`` bytes."""
    return Refusal(
        RefusalKind.TOO_LARGE, "body_too_large", f"a body has at most {most} bytes; send less"
    )


def _is_text(path: str) -> bool:
    """Whether the database could hold it: no NUL, no half of a surrogate pair."""
    if "\0" in path:
        return False
    return path.isascii() or not any("\ud800" <= char <= "\udfff" for char in path)


def _traced(error: BaseException) -> dict[str, object]:
    """Where it happened, without any message: messages repeat values, and values may be secret."""
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in chain:
        chain.append(cause)
        cause = cause.__cause__ or cause.__context__
    return {
        "errors": [type(one).__name__ for one in chain],
        "trace": [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for one in reversed(chain)
            for frame in traceback.extract_tb(one.__traceback__)
        ],
    }
