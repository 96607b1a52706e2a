"""Plays scenarios through Lithic's face: its simulation endpoints, and ``/_sim``."""

from __future__ import annotations

import uuid
from typing import Any

import httpx

from signets.issuers.sandbox.engine.base import Json
from signets.issuers.sandbox.scenarios.driver import (
    Asked,
    DriverRefused,
    Foreign,
    SimControls,
    lithic_place,
)
from signets.issuers.sandbox.scenarios.model import Books, Place

_TAKEN = frozenset({"CLEARING", "FINANCIAL_AUTHORIZATION", "CORRECTION_DEBIT"})
_GIVEN = frozenset({"RETURN", "CORRECTION_CREDIT"})


class LithicDriver(SimControls):
    """A :class:`ScenarioDriver` over Lithic's wire API."""

    def __init__(self, http: httpx.AsyncClient, api_key: str) -> None:
        """``http`` has the sandbox's address as its base, and is closed by the caller."""
        super().__init__(http, api_key)
        self._headers = {"Authorization": api_key}

    @property
    def issuer(self) -> str:
        """``lithic``."""
        return "lithic"

    async def authorize(
        self, card: str, amount: int, place: Place, foreign: Foreign | None
    ) -> Asked:
        """``simulate/authorize``."""
        body = {**lithic_place(place), "pan": await self._pan(card), "amount": amount}
        if foreign is not None:
            body |= {"merchant_amount": foreign.amount, "merchant_currency": foreign.currency}
        answer = await self._send("POST", "/v1/simulate/authorize", body)
        content = answer.json()
        if answer.is_error and "token" not in content:
            raise DriverRefused(str(content.get("message")), answer.status_code)
        return Asked(token=str(content["token"]), approved=not answer.is_error)

    async def single_message(self, card: str, amount: int, place: Place) -> Asked:
        """A ``FINANCIAL_AUTHORIZATION``."""
        return await self.single(card, amount, place, place.country_alpha3)

    async def increment(self, token: str, amount: int) -> bool:
        """A second question under the same token."""
        made = await self.sim("increment", {"token": token, "amount": amount}, declines=True)
        return bool(made["approved"])

    async def clear(
        self, token: str, amount: int | None, *, foreign: Foreign | None, final: bool
    ) -> None:
        """``simulate/clearing``. Lithic tells no clearing from the last one."""
        if foreign is not None:
            await self.clear_at_rate(token, amount, foreign)
            return
        await self._call("POST", "/v1/simulate/clearing", _given(token=token, amount=amount))

    async def reverse(self, token: str, amount: int | None) -> None:
        """``simulate/void``."""
        await self._call("POST", "/v1/simulate/void", _given(token=token, amount=amount))

    async def expire(self, token: str) -> None:
        """``expire_authorization``."""
        await self._send("POST", f"/v1/transactions/{token}/expire_authorization", None)

    async def advise(self, token: str, amount: int) -> None:
        """``simulate/authorization_advice``."""
        body = {"token": token, "amount": amount}
        await self._call("POST", "/v1/simulate/authorization_advice", body)

    async def refund(self, token: str, amount: int) -> None:
        """A RETURN on the transaction itself."""
        await self.sim("linked", {"token": token, "amount": amount, "type": "RETURN"})

    async def refund_unlinked(self, card: str, amount: int, place: Place) -> str:
        """``simulate/return``."""
        body = {"pan": await self._pan(card), "amount": amount, "descriptor": place.name}
        return str((await self._call("POST", "/v1/simulate/return", body))["token"])

    async def force_post(self, card: str, amount: int, place: Place) -> str:
        """A transaction that begins with a CLEARING."""
        body = {**lithic_place(place), "card_token": card, "amount": amount}
        return str((await self.sim("force_post", body))["token"])

    async def set_card_open(self, card: str, *, is_open: bool) -> None:
        """OPEN or PAUSED."""
        state = "OPEN" if is_open else "PAUSED"
        await self._call("PATCH", f"/v1/cards/{card}", {"state": state})

    async def open_dispute(self, token: str, amount: int) -> str:
        """``POST /v1/disputes``: submitted at once."""
        body = {"amount": amount, "reason": "OTHER", "transaction_token": token}
        await self._send("POST", "/v1/disputes", body)
        found = await self._call("GET", f"/v1/disputes?transaction_tokens={token}", None)
        if len(found["data"]) != 1:
            raise DriverRefused(f"{len(found['data'])} claims were made", 500)
        return str(found["data"][0]["token"])

    async def withdraw_dispute(self, dispute: str) -> bool:
        """``DELETE /v1/disputes/{token}``."""
        return not (await self._send("DELETE", f"/v1/disputes/{dispute}", None)).is_error

    async def draft_dispute(self, token: str, amount: int) -> str:
        """Lithic has no drafts.

        Raises:
            DriverRefused: Always.
        """
        raise DriverRefused("Lithic's disputes are submitted as they are made", 400)

    async def close_card(self, card: str) -> None:
        """CLOSED."""
        await self._call("PATCH", f"/v1/cards/{card}", {"state": "CLOSED"})

    async def set_cardholder_blocked(self, card: str, *, blocked: bool) -> None:
        """Lithic's cards here have no cardholder.

        Raises:
            DriverRefused: Always.
        """
        raise DriverRefused("Lithic's cards have no cardholder here", 400)

    async def make_card(self, key: str) -> str:
        """``POST /v1/cards`` until it is answered."""
        token = str(uuid.uuid5(uuid.NAMESPACE_OID, key))
        body = {"type": "VIRTUAL", "state": "PAUSED", "memo": key}
        for _ in range(3):
            answer = await self._send("POST", "/v1/cards", body, {"Idempotency-Key": token})
            if not answer.is_error:
                break
        made = await self.cards_marked(key)
        if answer.is_error or len(made) != 1:
            raise DriverRefused(f"{len(made)} cards were made with one key", answer.status_code)
        return made[0]

    async def cards_marked(self, mark: str) -> list[str]:
        """By their memo."""
        found = await self._call("GET", f"/v1/cards?memo={mark}", None)
        return [str(one["token"]) for one in found["data"]]

    async def books(self, token: str) -> Books:
        """From the transaction's own hold and events."""
        found = await self._call("GET", f"/v1/transactions/{token}", None)
        approved = [event for event in found["events"] if event["result"] == "APPROVED"]
        taken_back = sum(e["amount"] for e in approved if e["type"] == "RETURN_REVERSAL")
        given = sum(e["amount"] for e in approved if e["type"] in _GIVEN)
        return Books(
            held=-found["amounts"]["hold"]["amount"],
            cleared=sum(e["amount"] for e in approved if e["type"] in _TAKEN),
            refunded=given - taken_back,
        )

    async def _pan(self, card: str) -> str:
        return str((await self._call("GET", f"/v1/cards/{card}", None))["pan"])

    async def _call(self, method: str, path: str, body: Json | None) -> Json:
        answer = await self._send(method, path, body)
        content: Json = answer.json()
        if answer.is_error:
            raise DriverRefused(str(content.get("message", answer.text)), answer.status_code)
        return content

    async def _send(
        self, method: str, path: str, body: Json | None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        return await self._http.request(
            method, path, json=body, headers={**self._headers, **(headers or {})}
        )


def _given(**values: Any) -> Json:
    return {name: value for name, value in values.items() if value is not None}
