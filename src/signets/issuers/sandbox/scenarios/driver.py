"""What a scenario needs of a network, and the half of it that is the same for both faces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import httpx

from signets.issuers.sandbox.engine.base import Json
from signets.issuers.sandbox.scenarios.model import Books, Place

#: An authorization may take two of the network's six-second deadlines.
TIMEOUT_SECONDS = 30.0


class DriverRefused(Exception):
    """The network said no to a step; ``status`` is its HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A purchase that was asked about: its token at the issuer, and the outcome."""

    token: str
    approved: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """The merchant's own amount, minor units of its currency."""

    amount: int
    currency: str = "EUR"


class Claims(Protocol):
    """Who opens and withdraws disputes: Signets, or a caller of the issuer's API."""

    async def open_dispute(self, token: str, amount: int) -> str:
        """Claim a part of a purchase back, submitted; the issuer's token of the claim."""
        ...

    async def withdraw_dispute(self, dispute: str) -> bool:
        """Whether the claim could be taken back."""
        ...


class ScenarioDriver(Claims, Protocol):
    """Plays the network through one face. Amounts are minor units of the card's currency.

    Every method raises :class:`DriverRefused` where the network refuses.
    """

    @property
    def issuer(self) -> str:
        """``lithic`` or ``stripe``."""
        ...

    async def authorize(
        self, card: str, amount: int, place: Place, foreign: Foreign | None
    ) -> Asked:
        """A purchase from the terminal to the answer."""
        ...

    async def single_message(self, card: str, amount: int, place: Place) -> Asked:
        """A purchase that is authorized and settled by one message."""
        ...

    async def increment(self, token: str, amount: int) -> bool:
        """Ask for more; whether it was approved."""
        ...

    async def clear(
        self, token: str, amount: int | None, *, foreign: Foreign | None, final: bool
    ) -> None:
        """Money moves to the merchant; without an amount, all that is left."""
        ...

    async def reverse(self, token: str, amount: int | None) -> None:
        """Give back a part of the hold, or all of it."""
        ...

    async def expire(self, token: str) -> None:
        """The hold runs out."""
        ...

    async def advise(self, token: str, amount: int) -> None:
        """The merchant states a new whole amount."""
        ...

    async def refund(self, token: str, amount: int) -> None:
        """Money back on a known purchase."""
        ...

    async def refund_unlinked(self, card: str, amount: int, place: Place) -> str:
        """Money back that names no purchase; its token."""
        ...

    async def force_post(self, card: str, amount: int, place: Place) -> str:
        """Money taken without asking; its token."""
        ...

    async def offline_advice(self, card: str, amount: int, place: Place) -> str:
        """A hold that a terminal approved by itself; its token."""
        ...

    async def clear_anyway(self, token: str, amount: int) -> None:
        """Money taken on an authorization that was declined."""
        ...

    async def refund_declined(self, card: str, amount: int, place: Place) -> str:
        """A refund whose purchase the network cannot find; its token."""
        ...

    async def refund_misplaced(self, token: str, amount: int) -> None:
        """Money back that belongs to another purchase, and is told of this one."""
        ...

    async def increment_anew(self, card: str, original: str, amount: int, place: Place) -> Asked:
        """More for a known purchase, asked under a token of its own."""
        ...

    async def draft_dispute(self, token: str, amount: int) -> str:
        """Somebody saves a claim in the issuer's dashboard and does not submit it."""
        ...

    async def credit_dispute(self, dispute: str, amount: int, *, reverse: bool) -> None:
        """A provisional credit, or its being taken back."""
        ...

    async def decide_dispute(self, dispute: str, outcome: str) -> None:
        """The network decides."""
        ...

    async def close_card(self, card: str) -> None:
        """Close the card behind Signets' back, for good."""
        ...

    async def set_cardholder_blocked(self, card: str, *, blocked: bool) -> None:
        """The issuer blocks whose card it is, or lets them go."""
        ...

    async def set_card_open(self, card: str, *, is_open: bool) -> None:
        """Open or pause the card behind Signets' back."""
        ...

    async def make_card(self, key: str) -> str:
        """A card made with an idempotency key, asked for again after a 5xx."""
        ...

    async def cards_marked(self, mark: str) -> list[str]:
        """The tokens of all cards whose memo or metadata is ``mark``."""
        ...

    async def books(self, token: str) -> Books:
        """What the issuer's own objects say of a purchase."""
        ...

    async def take_back_refund(self, token: str) -> None:
        """A refund is taken back."""
        ...

    async def correct(self, token: str, amount: int, *, credit: bool) -> None:
        """A correction on a known purchase."""
        ...

    async def undo(self, token: str) -> None:
        """The network takes an approval back."""
        ...

    async def set_fault(self, name: str, count: int, *, delay_ms: int, part: str) -> None:
        """Let a fault strike ``count`` times."""
        ...

    async def clear_faults(self) -> None:
        """Turn every fault off."""
        ...

    async def advance_clock(self, seconds: int) -> None:
        """Move the network's time on."""
        ...

    async def reset_clock(self) -> None:
        """Back to real time."""
        ...

    async def drain(self) -> None:
        """Return once no webhook waits for its first attempt."""
        ...


class SimControls:
    """``/_sim``: the half that is the same for both faces."""

    def __init__(self, http: httpx.AsyncClient, api_key: str) -> None:
        self._http = http
        self._key = api_key

    async def sim(self, path: str, body: Json, *, declines: bool = False) -> Json:
        """POST under ``/_sim``. With ``declines``, a decline is an answer, not a refusal."""
        answer = await self._http.post(
            f"/_sim/{path}", json=body, headers={"Authorization": self._key}
        )
        content: Json = answer.json()
        if answer.is_error and not (declines and "token" in content):
            raise DriverRefused(str(content.get("message", answer.text)), answer.status_code)
        return {**content, "approved": not answer.is_error}

    async def take_back_refund(self, token: str) -> None:
        """A refund is taken back."""
        await self.sim("return_reversal", {"token": token})

    async def correct(self, token: str, amount: int, *, credit: bool) -> None:
        """A correction on a known purchase."""
        kind = "CORRECTION_CREDIT" if credit else "CORRECTION_DEBIT"
        await self.sim("linked", {"token": token, "amount": amount, "type": kind})

    async def undo(self, token: str) -> None:
        """The network takes an approval back."""
        await self.sim("undo", {"token": token})

    async def credit_dispute(self, dispute: str, amount: int, *, reverse: bool) -> None:
        """A provisional credit, or its being taken back."""
        body = {"token": dispute, "amount": amount, "reverse": reverse}
        await self.sim("dispute_credit", body)

    async def decide_dispute(self, dispute: str, outcome: str) -> None:
        """The network decides."""
        await self.sim("dispute", {"token": dispute, "outcome": outcome})

    async def refund_misplaced(self, token: str, amount: int) -> None:
        """Money back that belongs to another purchase, and is told of this one."""
        await self.sim("linked", {"token": token, "amount": amount, "type": "RETURN"})

    async def refund_declined(self, card: str, amount: int, place: Place) -> str:
        """A refund whose purchase the network cannot find; its token. Lithic only."""
        body = {**lithic_place(place), "card_token": card, "amount": amount}
        return str((await self.sim("declined_return", body))["token"])

    async def increment_anew(self, card: str, original: str, amount: int, place: Place) -> Asked:
        """More for a known purchase, asked under a token of its own. Lithic only."""
        body = {**lithic_place(place), "card_token": card, "amount": amount, "original": original}
        made = await self.sim("authorize", body, declines=True)
        return Asked(token=str(made["token"]), approved=bool(made["approved"]))

    async def set_fault(self, name: str, count: int, *, delay_ms: int, part: str) -> None:
        """Let a fault strike ``count`` times."""
        fault = {"count": count, "delay_ms": delay_ms, "part": part}
        await self.sim("faults", {name: fault})

    async def clear_faults(self) -> None:
        """Turn every fault off."""
        await self._http.delete("/_sim/faults", headers={"Authorization": self._key})

    async def advance_clock(self, seconds: int) -> None:
        """Move the network's time on."""
        await self.sim("clock", {"advance_seconds": seconds})

    async def reset_clock(self) -> None:
        """Back to real time."""
        await self.sim("clock", {"reset": True})

    async def drain(self) -> None:
        """Return once no webhook waits for its first attempt."""
        await self.sim("drain", {})

    async def single(self, card: str, amount: int, place: Place, country: str) -> Asked:
        """A single-message purchase; neither issuer's test interface has one."""
        made = await self.sim(
            "authorize",
            {
                "card_token": card,
                "amount": amount,
                "status": "FINANCIAL_AUTHORIZATION",
                **lithic_place(place, country=country),
            },
            declines=True,
        )
        return Asked(token=str(made["token"]), approved=bool(made["approved"]))

    async def clear_at_rate(self, token: str, amount: int | None, foreign: Foreign) -> None:
        """A last clearing at another rate."""
        body = {"token": token, "amount": amount, "merchant_amount": foreign.amount, "final": True}
        await self.sim("clear", body)

    async def clear_anyway(self, token: str, amount: int) -> None:
        """Money taken on an authorization that was declined."""
        await self.sim("clear", {"token": token, "amount": amount, "final": True})

    async def offline_advice(self, card: str, amount: int, place: Place) -> str:
        """A hold that a terminal approved by itself; its token."""
        body = {**lithic_place(place), "card_token": card, "amount": amount}
        return str((await self.sim("offline_advice", body))["token"])


def lithic_place(place: Place, *, country: str | None = None) -> Json:
    """Where a card is used, as Lithic's simulation and ``/_sim`` name it."""
    return {
        "descriptor": place.name,
        "mcc": place.mcc,
        "merchant_acceptor_id": place.network_id,
        "merchant_acceptor_city": place.city,
        "merchant_acceptor_state": place.state,
        "merchant_acceptor_country": country or place.country_alpha3,
    }
