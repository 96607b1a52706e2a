"""Plays scenarios through Stripe's face: its test helpers, and ``/_sim``."""

from __future__ import annotations

from typing import Any

import httpx

from signets.issuers.sandbox.engine.base import Json
from signets.issuers.sandbox.scenarios.driver import (
    Asked,
    DriverRefused,
    Foreign,
    SimControls,
)
from signets.issuers.sandbox.scenarios.model import Books, Place
from signets.issuers.sandbox.stripe_face.categories import category_of
from signets.issuers.sandbox.stripe_face.wire import API_VERSION, object_id

_HELPERS = "/v1/test_helpers/issuing"
_ISSUING = "/v1/issuing"


class StripeDriver(SimControls):
    """A :class:`ScenarioDriver` over Stripe's wire API."""

    def __init__(self, http: httpx.AsyncClient, api_key: str) -> None:
        """``http`` has the sandbox's address as its base, and is closed by the caller."""
        super().__init__(http, api_key)
        self._headers = {"Authorization": f"Bearer {api_key}", "Stripe-Version": API_VERSION}

    @property
    def issuer(self) -> str:
        """``stripe``."""
        return "stripe"

    async def authorize(
        self, card: str, amount: int, place: Place, foreign: Foreign | None
    ) -> Asked:
        """``authorizations.create``."""
        form: dict[str, Any] = {"card": card, "amount": amount, **_place(place)}
        if foreign is not None:
            form["merchant_amount"] = foreign.amount
            form["merchant_currency"] = foreign.currency.lower()
        made = await self._post(f"{_HELPERS}/authorizations", form)
        return Asked(token=made["id"], approved=made["approved"])

    async def single_message(self, card: str, amount: int, place: Place) -> Asked:
        """An authorization that is captured at once; Stripe has no helper for it."""
        made = await self.single(card, amount, place, place.country)
        return Asked(token=object_id("iauth", made.token), approved=made.approved)

    async def increment(self, token: str, amount: int) -> bool:
        """``increment``; the newest entry of the history tells the outcome."""
        made = await self._on(token, "increment", increment_amount=amount)
        return bool(made["request_history"][-1]["approved"])

    async def clear(
        self, token: str, amount: int | None, *, foreign: Foreign | None, final: bool
    ) -> None:
        """``capture``; the last one releases what is left."""
        if foreign is not None:
            await self.clear_at_rate(token, amount, foreign)
            return
        given = {} if amount is None else {"capture_amount": amount}
        await self._on(token, "capture", close_authorization=str(final).lower(), **given)

    async def reverse(self, token: str, amount: int | None) -> None:
        """``reverse``."""
        await self._on(token, "reverse", **({} if amount is None else {"reverse_amount": amount}))

    async def expire(self, token: str) -> None:
        """``expire``."""
        await self._on(token, "expire")

    async def advise(self, token: str, amount: int) -> None:
        """``finalize_amount``."""
        await self._on(token, "finalize_amount", final_amount=amount)

    async def refund(self, token: str, amount: int) -> None:
        """``transactions/{id}/refund`` of the first capture."""
        found = await self._get(f"{_ISSUING}/authorizations/{token}")
        capture = next(one for one in found["transactions"] if one["type"] == "capture")
        path = f"{_HELPERS}/transactions/{capture['id']}/refund"
        await self._post(path, {"refund_amount": amount})

    async def refund_unlinked(self, card: str, amount: int, place: Place) -> str:
        """``create_unlinked_refund``."""
        form = {"card": card, "amount": amount, **_place(place)}
        made = await self._post(f"{_HELPERS}/transactions/create_unlinked_refund", form)
        return str(made["id"])

    async def force_post(self, card: str, amount: int, place: Place) -> str:
        """``create_force_capture``."""
        form = {"card": card, "amount": amount, **_place(place)}
        made = await self._post(f"{_HELPERS}/transactions/create_force_capture", form)
        return str(made["id"])

    async def set_card_open(self, card: str, *, is_open: bool) -> None:
        """``active`` or ``inactive``."""
        status = "active" if is_open else "inactive"
        await self._post(f"{_ISSUING}/cards/{card}", {"status": status})

    async def open_dispute(self, token: str, amount: int) -> str:
        """A draft with its evidence, submitted."""
        draft = await self.draft_dispute(token, amount)
        await self._post(f"{_ISSUING}/disputes/{draft}/submit", {})
        return draft

    async def withdraw_dispute(self, dispute: str) -> bool:
        """Stripe has no endpoint for it."""
        return False

    async def draft_dispute(self, token: str, amount: int) -> str:
        """``disputes.create`` on the first capture."""
        found = await self._get(f"{_ISSUING}/authorizations/{token}")
        capture = next(one for one in found["transactions"] if one["type"] == "capture")
        form = {
            "transaction": capture["id"],
            "amount": amount,
            "evidence[reason]": "fraudulent",
            "evidence[fraudulent][explanation]": "nobody bought this",
        }
        await self._http.post(f"{_ISSUING}/disputes", data=form, headers=self._headers)
        found = await self._get(f"{_ISSUING}/disputes?transaction={capture['id']}")
        if len(found["data"]) != 1:
            raise DriverRefused(f"{len(found['data'])} claims were made", 500)
        return str(found["data"][0]["id"])

    async def close_card(self, card: str) -> None:
        """``canceled``, as lost."""
        form = {"status": "canceled", "cancellation_reason": "lost"}
        await self._post(f"{_ISSUING}/cards/{card}", form)

    async def set_cardholder_blocked(self, card: str, *, blocked: bool) -> None:
        """Stripe blocks by itself; anybody with the key can activate again."""
        holder = (await self._get(f"{_ISSUING}/cards/{card}"))["cardholder"]["id"]
        if blocked:
            await self.sim("stripe/block_cardholder", {"cardholder": holder})
        else:
            await self._post(f"{_ISSUING}/cardholders/{holder}", {"status": "active"})

    async def make_card(self, key: str) -> str:
        """``cards.create`` until it is answered, for the newest cardholder."""
        holders = await self._get(f"{_ISSUING}/cardholders?limit=1")
        if not holders["data"]:
            raise DriverRefused("there is no cardholder", httpx.codes.NOT_FOUND)
        form = {
            "cardholder": holders["data"][0]["id"],
            "currency": "usd",
            "type": "virtual",
            "metadata[scenario]": key,
        }
        for _ in range(3):
            answer = await self._http.post(
                f"{_ISSUING}/cards",
                data=form,
                headers={**self._headers, "Idempotency-Key": key},
            )
            if not answer.is_error:
                break
        made = await self.cards_marked(key)
        if answer.is_error or len(made) != 1:
            raise DriverRefused(f"{len(made)} cards were made with one key", answer.status_code)
        return made[0]

    async def cards_marked(self, mark: str) -> list[str]:
        """By any value of their metadata, among the newest hundred."""
        found = await self._get(f"{_ISSUING}/cards?limit=100")
        return [str(one["id"]) for one in found["data"] if mark in one["metadata"].values()]

    async def books(self, token: str) -> Books:
        """From the authorization's amount and its transactions, or from one transaction."""
        if token.startswith("ipi_"):
            return _books([await self._get(f"{_ISSUING}/transactions/{token}")], authorized=0)
        found = await self._get(f"{_ISSUING}/authorizations/{token}")
        pending = found["status"] == "pending"
        return _books(found["transactions"], authorized=found["amount"] if pending else 0)

    async def _on(self, token: str, action: str, **form: Any) -> Json:
        return await self._post(f"{_HELPERS}/authorizations/{token}/{action}", form)

    async def _post(self, path: str, form: dict[str, Any]) -> Json:
        return _content(await self._http.post(path, data=form, headers=self._headers))

    async def _get(self, path: str) -> Json:
        return _content(await self._http.get(path, headers=self._headers))


def _content(answer: httpx.Response) -> Json:
    content: Json = answer.json()
    if answer.is_error:
        raise DriverRefused(str(content["error"].get("message")), answer.status_code)
    return content


def _books(transactions: list[Json], *, authorized: int) -> Books:
    captured = -sum(one["amount"] for one in transactions if one["type"] == "capture")
    return Books(
        # What is held is what was authorized less what was captured, and never negative.
        held=max(0, authorized - captured),
        cleared=captured,
        refunded=sum(one["amount"] for one in transactions if one["type"] == "refund"),
    )


def _place(place: Place) -> dict[str, str]:
    fields = {
        "name": place.name,
        "category": category_of(place.mcc),
        "network_id": place.network_id,
        "city": place.city,
        "state": place.state,
        "country": place.country,
    }
    return {f"merchant_data[{name}]": value for name, value in fields.items()}
