"""Bodies in Stripe's shape, and a recorder: what the SDK really sends, answered by hand.

The recorder keeps no state and imitates nothing; it is a place to look at requests from.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

CARD = "ic_1"
AUTH = "iauth_1"
T0 = 1_764_000_000  # 2025-11-24T16:00:00Z
MERCHANT = {
    "category": "computer_programming",
    "category_code": "5734",
    "city": "8552478786",
    "country": "US",
    "name": "OPENAI *API",
    "network_id": "174030075999",
    "postal_code": "94110",
    "state": "CA",
    "tax_id": None,
    "terminal_id": None,
    "url": None,
}


def card(**more: Any) -> dict[str, Any]:
    """An ``issuing.card``."""
    return {
        "id": CARD,
        "object": "issuing.card",
        "brand": "Visa",
        "cancellation_reason": None,
        "cardholder": cardholder(),
        "created": T0,
        "currency": "usd",
        "exp_month": 11,
        "exp_year": 2029,
        "last4": "4242",
        "livemode": False,
        "metadata": {},
        "spending_controls": {"spending_limits": []},
        "status": "inactive",
        "type": "virtual",
        **more,
    }


def cardholder(**more: Any) -> dict[str, Any]:
    """An ``issuing.cardholder``."""
    return {
        "id": "ich_1",
        "object": "issuing.cardholder",
        "billing": {"address": {"line1": "1 Main St", "city": "Dublin", "country": "IE"}},
        "created": T0,
        "livemode": False,
        "metadata": {},
        "name": "Acme",
        "status": "active",
        "type": "company",
        **more,
    }


def asked(
    amount: int, at: int = 0, reason: str = "webhook_approved", **more: Any
) -> dict[str, Any]:
    """An entry of ``request_history``; ``at`` seconds after :data:`T0`."""
    return {
        "amount": amount,
        "amount_details": None,
        "approved": reason in ("webhook_approved", "card_active"),
        "authorization_code": None,
        "created": T0 + at,
        "currency": "usd",
        "merchant_amount": amount,
        "merchant_currency": "usd",
        "network_risk_score": None,
        "reason": reason,
        "reason_message": None,
        "requested_at": T0 + at,
        **more,
    }


def moved(
    amount: int, at: int, id: str = "ipi_1", authorization: str | None = AUTH, **more: Any
) -> dict[str, Any]:
    """An ``issuing.transaction``; a negative amount takes money from us."""
    return {
        "id": id,
        "object": "issuing.transaction",
        "amount": amount,
        "authorization": authorization,
        "card": CARD,
        "cardholder": "ich_1",
        "created": T0 + at,
        "currency": "usd",
        "dispute": None,
        "livemode": False,
        "merchant_amount": amount,
        "merchant_currency": "usd",
        "merchant_data": MERCHANT,
        "metadata": {},
        "network_data": None,
        "token": None,
        "type": "capture" if amount < 0 else "refund",
        "wallet": None,
        **more,
    }


def authorization(
    *history: dict[str, Any],
    amount: int,
    status: str = "pending",
    transactions: tuple[dict[str, Any], ...] = (),
    **more: Any,
) -> dict[str, Any]:
    """An ``issuing.authorization``; ``amount`` is what was authorized less what was reversed."""
    return {
        "id": AUTH,
        "object": "issuing.authorization",
        "amount": amount,
        "amount_details": None,
        "approved": any(entry["approved"] for entry in history),
        "authorization_method": "online",
        "balance_transactions": [],
        "card": card(status="active"),
        "card_presence": "not_present",
        "cardholder": "ich_1",
        "created": T0,
        "currency": "usd",
        "livemode": False,
        "merchant_amount": amount,
        "merchant_currency": "usd",
        "merchant_data": MERCHANT,
        "metadata": {},
        "network_data": None,
        "pending_request": None,
        "request_history": list(history),
        "status": status,
        "token": None,
        "transactions": list(transactions),
        "verification_data": {"cvc_check": "match"},
        "wallet": None,
        **more,
    }


def request(amount: int, *history: dict[str, Any], held: int = 0, **more: Any) -> dict[str, Any]:
    """The authorization inside ``issuing_authorization.request``."""
    pending = {
        "amount": amount,
        "amount_details": None,
        "currency": "usd",
        "is_amount_controllable": False,
        "merchant_amount": amount,
        "merchant_currency": "usd",
        "network_risk_score": None,
    }
    return authorization(*history, amount=held, **{"pending_request": pending, **more})


def event(kind: str, content: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An event around an object."""
    return {
        "id": "evt_1",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": T0,
        "data": {"object": content},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
        **more,
    }


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as it arrived."""

    method: str
    path: str
    fields: dict[str, str]
    headers: dict[str, str]


@dataclass(slots=True)
class Recorder:
    """What was sent, and what is answered: by ``METHOD /path``, in turn, the last one for good."""

    url: str = ""
    sent: list[Sent] = field(default_factory=list)
    answers: dict[str, list[tuple[int, dict[str, Any]]]] = field(default_factory=dict)

    def answer(self, request: str, body: dict[str, Any], status: int = 200) -> None:
        """Answer ``request`` with ``body``, after the answers that were given for it before."""
        self.answers.setdefault(request, []).append((status, body))

    def take(self, sent: Sent) -> tuple[int, dict[str, Any]]:
        """Record, and the next answer."""
        self.sent.append(sent)
        waiting = self.answers.get(f"{sent.method} {sent.path}")
        if not waiting:
            return 404, {"error": {"type": "invalid_request_error", "message": "No such thing"}}
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


@contextmanager
def recorder() -> Iterator[Recorder]:
    """A recorder that listens on loopback."""
    recording = Recorder()

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            target = urlsplit(self.path)
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length).decode()
            status, content = recording.take(
                Sent(
                    self.command,
                    target.path,
                    dict(parse_qsl(body or target.query, keep_blank_values=True)),
                    {name.lower(): value for name, value in self.headers.items()},
                )
            )
            raw = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_DELETE = _do

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    recording.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield recording
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def listed(*items: dict[str, Any]) -> dict[str, Any]:
    """A page of a list, the last one."""
    return {"object": "list", "data": list(items), "has_more": False, "url": "/v1/x"}
