"""Plays the card network: asks the sandbox issuer for charges, clearings, refunds and faults.

The wire is docs/reference/sandbox.md. A card is named by Signets' own id, which Signets writes into
the issuer card's memo, or by the issuer's token. Card numbers pass through and are never shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

import httpx

Json = dict[str, Any]

#: An authorization may take two of the network's six-second deadlines.
_TIMEOUT_SECONDS = 30.0


class SandboxError(Exception):
    """The sandbox said no; ``status`` is its HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class SandboxUnreachable(Exception):
    """Nobody answers at the sandbox's address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchant:
    """Where a card is used. What is left out: a small online shop in California."""

    descriptor: str
    mcc: str | None = None
    country: str | None = None
    city: str | None = None
    acceptor_id: str | None = None

    def fields(self) -> Json:
        """As Lithic's simulation names them."""
        given = {
            "descriptor": self.descriptor,
            "mcc": self.mcc,
            "merchant_acceptor_country": self.country,
            "merchant_acceptor_city": self.city,
            "merchant_acceptor_id": self.acceptor_id,
        }
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """An authorization and its outcome. ``result`` is the network's word (``APPROVED``)."""

    token: str
    approved: bool
    result: str


class SandboxDriver:
    """A client of one sandbox issuer.

    Every method raises :class:`SandboxError` where the sandbox refuses and
    :class:`SandboxUnreachable` where it does not answer. Amounts are minor units.
    """

    def __init__(self, base_url: str, api_key: str) -> None:
        self._base_url = base_url
        self._http = httpx.Client(
            base_url=base_url,
            headers={"Authorization": api_key},
            timeout=_TIMEOUT_SECONDS,
            trust_env=False,
        )

    def __repr__(self) -> str:
        return f"SandboxDriver({self._base_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def card_token(self, card_id: str) -> str:
        """The issuer's token of the card whose memo is ``card_id``; a token stays as it is."""
        if not card_id.startswith("card_"):
            return card_id
        query: dict[str, str] = {"page_size": "100"}
        while True:
            page = self._call("GET", "/v1/cards", query=query)
            for card in page["data"]:
                if card["memo"] == card_id:
                    return str(card["token"])
            if not page["has_more"]:
                raise SandboxError(f"the sandbox has no card for {card_id}", httpx.codes.NOT_FOUND)
            query["starting_after"] = page["data"][-1]["token"]

    def pan(self, token: str) -> str:
        """The card's number. Never print it."""
        return str(self._call("GET", f"/v1/cards/{token}")["pan"])

    def charge(
        self,
        card_id: str,
        amount: int,
        merchant: Merchant,
        *,
        currency: str = "USD",
        status: str = "AUTHORIZATION",
    ) -> Charge:
        """An authorization from the terminal to the answer; 0 is a verification."""
        body = {
            **merchant.fields(),
            "pan": self.pan(self.card_token(card_id)),
            "amount": amount,
            "billing_currency": currency,
            "status": status,
        }
        return self._asked("/v1/simulate/authorize", body)

    def increment(self, token: str, amount: int) -> Charge:
        """Ask for ``amount`` more on a known transaction."""
        return self._asked("/_sim/increment", {"token": token, "amount": amount})

    def clear(self, token: str, amount: int | None = None) -> None:
        """Money moves to the merchant; without an amount, all that is left."""
        self._call("POST", "/v1/simulate/clearing", _given(token=token, amount=amount))

    def reverse(self, token: str, amount: int | None = None) -> None:
        """The merchant gives back a part of the hold, or all of it."""
        self._call("POST", "/v1/simulate/void", _given(token=token, amount=amount))

    def expire(self, token: str) -> None:
        """The hold runs out."""
        self._call("POST", f"/v1/transactions/{token}/expire_authorization")

    def advice(self, token: str, amount: int) -> None:
        """The merchant states a new whole amount; nobody is asked."""
        body = {"token": token, "amount": amount}
        self._call("POST", "/v1/simulate/authorization_advice", body)

    def refund(self, token: str, amount: int) -> None:
        """Money back on a known transaction."""
        self._call("POST", "/_sim/linked", {"token": token, "amount": amount, "type": "RETURN"})

    def refund_unlinked(
        self, card_id: str, amount: int, descriptor: str, *, currency: str = "USD"
    ) -> str:
        """A refund that names no purchase: a new transaction; its token."""
        body = {
            "pan": self.pan(self.card_token(card_id)),
            "amount": amount,
            "descriptor": descriptor,
            "billing_currency": currency,
        }
        return str(self._call("POST", "/v1/simulate/return", body)["token"])

    def force_post(
        self, card_id: str, amount: int, merchant: Merchant, *, currency: str = "USD"
    ) -> str:
        """A clearing that nobody was asked about, whatever the card's state; its token."""
        body = {
            **merchant.fields(),
            "card_token": self.card_token(card_id),
            "amount": amount,
            "billing_currency": currency,
        }
        return str(self._call("POST", "/_sim/force_post", body)["token"])

    def set_issuer_card_state(self, card_id: str, state: Literal["OPEN", "PAUSED"]) -> None:
        """Change the card behind Signets' back, so that only Signets' own rules are left."""
        self._call("PATCH", f"/v1/cards/{self.card_token(card_id)}", {"state": state})

    def transaction(self, token: str) -> Json:
        """One transaction as the network sees it."""
        return self._call("GET", f"/v1/transactions/{token}")

    def transactions(self, card_id: str | None = None) -> list[Json]:
        """The newest transactions, of one card or of all."""
        query = {} if card_id is None else {"card_token": self.card_token(card_id)}
        return list(self._call("GET", "/v1/transactions", query=query)["data"])

    def deliveries(
        self, *, kind: Literal["asa", "event"] | None = None, transaction: str | None = None
    ) -> list[Json]:
        """The newest requests and webhooks that were sent, with every attempt."""
        query = _given(kind=kind, transaction_token=transaction)
        return list(self._call("GET", "/_sim/deliveries", query=query)["data"])

    def replay(self, delivery: str) -> Json:
        """The very same bytes once more: ``{status_code, response_body, error}``."""
        return self._call("POST", "/_sim/replay", {"delivery": delivery})

    def forge(self, delivery: str) -> Json:
        """The same bytes under a signature that no live secret made."""
        return self._call("POST", "/_sim/forge", {"delivery": delivery})

    def drain(self, seconds: float = 10.0) -> None:
        """Return once no webhook waits for its first attempt."""
        self._call("POST", "/_sim/drain", {"timeout_seconds": seconds})

    def clock(self) -> Json:
        """The network's time: ``{offset_seconds, now}``."""
        return self._call("GET", "/_sim/clock")

    def advance_clock(self, seconds: int) -> Json:
        """Move the network's time on; old holds run out (``expired``)."""
        return self._call("POST", "/_sim/clock", {"advance_seconds": seconds})

    def reset_clock(self) -> Json:
        """Back to real time."""
        return self._call("POST", "/_sim/clock", {"reset": True})

    def faults(self) -> Json:
        """The faults that are set."""
        return self._call("GET", "/_sim/faults")

    def set_fault(
        self,
        name: str,
        count: int = 1,
        *,
        delay_ms: int = 0,
        part: Literal["request", "answer"] = "answer",
    ) -> Json:
        """Let a fault strike ``count`` times; 0 turns it off."""
        fault = {"count": count, "delay_ms": delay_ms, "part": part}
        return self._call("POST", "/_sim/faults", {name: fault})

    def clear_faults(self) -> None:
        """Turn every fault off."""
        self._call("DELETE", "/_sim/faults")

    def _asked(self, path: str, body: Json) -> Charge:
        answer = self._send("POST", path, body)
        content = self._content(answer)
        # A decline is a 422 that names the transaction; any other 422 is a mistake of ours.
        if answer.is_error and "token" not in content:
            raise SandboxError(str(content.get("message", answer.text)), answer.status_code)
        token = str(content["token"])
        found = self.transaction(token)
        result = str(found["events"][-1]["result"] if found["events"] else found["result"])
        return Charge(token=token, approved=not answer.is_error, result=result)

    def _call(
        self, method: str, path: str, body: Json | None = None, *, query: Json | None = None
    ) -> Json:
        answer = self._send(method, path, body, query)
        content = self._content(answer)
        if answer.is_error:
            raise SandboxError(str(content.get("message", answer.text)), answer.status_code)
        return content

    def _send(
        self, method: str, path: str, body: Json | None, query: Json | None = None
    ) -> httpx.Response:
        try:
            return self._http.request(method, path, json=body, params=query)
        except httpx.TransportError as problem:
            raise SandboxUnreachable(
                f"cannot reach the sandbox issuer at {self._base_url}: {problem}"
            ) from problem

    @staticmethod
    def _content(answer: httpx.Response) -> Json:
        if not answer.content:
            return {}
        try:
            content = answer.json()
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise SandboxError("this address is not a sandbox issuer", answer.status_code)
        return content


def _given(**values: Any) -> Json:
    return {name: value for name, value in values.items() if value is not None}
