"""What every request passes first and every answer last: own name, headers, the last resort."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: ``same-origin``: without any referrer a browser would send its form's origin as ``null``.
_HEADERS = (
    (b"cache-control", b"no-store"),
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
        b"frame-ancestors 'none'",
    ),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)

_log = logging.getLogger(__name__)


class Guard:
    """Answers only under its own name, always with the same headers, and never with a traceback."""

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def answer(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        if not self._is_own(Headers(scope=scope).get("host", "")):
            refusal = PlainTextResponse("The shop does not answer under this name.\n", 421)
            await refusal(scope, receive, answer)
            return
        try:
            await self._app(scope, receive, answer)
        except Exception as error:
            # Neither the error's text nor its locals: both may hold what was typed.
            _log.error("unhandled error in the shop: %s", type(error).__name__)
            if begun:
                raise
            await PlainTextResponse("The shop has failed.\n", 500)(scope, receive, answer)

    def _is_own(self, host: str) -> bool:
        try:
            return urlsplit(f"//{host}").hostname in self._hosts
        except ValueError:
            return False
