"""A small real HTTP server with scripted answers, and one way to drive both clients."""

from __future__ import annotations

import asyncio
import inspect
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from signets import AsyncSignets, Signets

KEY = "sgn_01h455vb4pex5vsknk084sn02q01h455vb4pex5vsknk084sn02r_topsecret"
AT = "2026-03-01T12:00:00Z"


@dataclass(frozen=True)
class Answer:
    """One scripted answer."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Drop:
    """Close the connection instead of answering."""


class Hang:
    """Do not answer until the server stops."""


@dataclass(frozen=True)
class NotBefore:
    """429 with Retry-After until that many seconds have passed since the first request."""

    seconds: int
    then: Answer


@dataclass(frozen=True)
class Seen:
    """One request as the server received it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The parsed body."""
        return json.loads(self.body)


class Server:
    """Answers what the script says, in order; a request beyond the script gets a 500."""

    def __init__(self) -> None:
        self.script: deque[Any] = deque()
        self.seen: list[Seen] = []
        self.url = ""
        self.stopping = threading.Event()
        self.first_at: float | None = None

    def answers(self, *steps: Any) -> Server:
        """Set the script: Answers, faults, or plain JSON for a 200."""
        self.script.extend(
            step if isinstance(step, (Answer, Drop, Hang, NotBefore)) else Answer(body=step)
            for step in steps
        )
        return self


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    scripted: Server

    def _serve(self) -> None:
        server = self.scripted
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(url.query))
        server.seen.append(Seen(self.command, url.path, query, headers, body))
        if server.first_at is None:
            server.first_at = time.monotonic()
        step = server.script.popleft() if server.script else Answer(500)
        if isinstance(step, Hang):
            server.stopping.wait()
        if isinstance(step, (Drop, Hang)):
            self.close_connection = True
            return
        if isinstance(step, NotBefore):
            early = time.monotonic() - server.first_at < step.seconds
            if early:
                server.script.appendleft(step)
            step = Answer(429, headers={"Retry-After": str(step.seconds)}) if early else step.then
        self._send(step)

    def _send(self, answer: Answer) -> None:
        raw = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_POST = do_PUT = _serve

    def log_message(self, format: str, *args: Any) -> None:
        """Stay quiet."""


@contextmanager
def serving() -> Iterator[Server]:
    """A server on a free port of this machine."""
    scripted = Server()
    handler = type("Handler", (_Handler,), {"scripted": scripted})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        http.daemon_threads = True
        scripted.url = f"http://127.0.0.1:{http.server_address[1]}"
        thread = threading.Thread(target=http.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield scripted
        finally:
            scripted.stopping.set()
            http.shutdown()
            thread.join()


@dataclass(frozen=True)
class Driver:
    """Runs one use of a client, sync or async, so that each test shows both."""

    server: Server
    asynchronous: bool

    def ask(self, use: Callable[[Any], Any], **options: Any) -> Any:
        """What ``use(client)`` gives; a list is returned as its first page."""
        options = {"api_key": KEY, "base_url": self.server.url, **options}
        if not self.asynchronous:
            with Signets(**options) as client:
                return use(client)

        async def go() -> Any:
            async with AsyncSignets(**options) as client:
                result = use(client)
                return await result if inspect.isawaitable(result) else result

        return asyncio.run(go())

    def items(self, use: Callable[[Any], Any]) -> list[Any]:
        """Everything that iterating ``use(client)`` gives, over all pages."""
        if not self.asynchronous:
            return self.ask(lambda client: list(use(client)))

        async def collect(client: AsyncSignets) -> list[Any]:
            return [item async for item in use(client)]

        return self.ask(collect)


def card(number: int = 1, **fields: Any) -> dict[str, Any]:
    """A card as the API writes it."""
    return {
        "id": f"card_{number}",
        "object": "card",
        "agent_id": "agt_1",
        "state": "locked",
        "frozen": False,
        "issuer_state": "paused",
        "last_four": "4242",
        "exp_month": 12,
        "exp_year": 2030,
        "merchant_lock": ["openai.com"],
        "allow_facilitators": False,
        "currency": "USD",
        "spending_limit": 5000,
        "limit_period": "lifetime",
        "per_authorization_limit": None,
        "recurring": False,
        "workflow": None,
        "memo": "",
        "breaker_tripped_at": None,
        "window": {"intent_id": "int_1", "opens_at": AT, "ends_at": AT},
        "created_at": AT,
        "closed_at": None,
        **fields,
    }


def intent(state: str = "approved", **fields: Any) -> dict[str, Any]:
    """An intent as the API writes it."""
    return {
        "id": "int_1",
        "object": "intent",
        "agent_id": "agt_1",
        "card_id": "card_1",
        "state": state,
        "usage": "single",
        "purpose": "Buy $20 of API credits",
        "expected_amount": 2000,
        "maximum": 2300,
        "currency": "USD",
        "expected_merchant": "openai.com",
        "policy": {"version": 1, "outcome": "approve", "reasons": [], "trace": []},
        "approval": None,
        "window": {"opens_at": AT, "ends_at": AT},
        "created_at": AT,
        **fields,
    }


def transaction(number: int = 1) -> dict[str, Any]:
    """A transaction as the API writes it."""
    amounts = dict.fromkeys(("held", "unconfirmed", "reversed", "refunded", "disputed"), 0)
    return {
        "id": f"txn_{number}",
        "object": "transaction",
        "card_id": "card_1",
        "kind": "purchase",
        "status": "settled",
        "currency": "USD",
        "authorized": 2000,
        "cleared": 2165,
        **amounts,
        "descriptor": "OPENAI *CHATGPT",
        "match": {"result": "match", "confidence": 90, "rule": "grammar"},
        "verdict": "verified",
        "flags": [],
        "notes": ["over_captured"],
        "explanation": [],
        "created_at": AT,
        "updated_at": AT,
    }


def page(*data: dict[str, Any], more: bool = False) -> dict[str, Any]:
    """One page of a list."""
    return {"data": list(data), "has_more": more, "next_after": data[-1]["id"] if data else None}


def refusal(status: int, code: str, **error: Any) -> Answer:
    """An error in the API's one shape."""
    body = {"type": "x", "code": code, "message": "no, because", "param": None, **error}
    return Answer(status, {"error": body}, headers=error.pop("headers", {}))
