"""The shop's bank: sends what was typed to the card network, and hears a response code.

It reaches the sandbox only under ``/_sim``, as a merchant's side of the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from signets.issuers.sandbox.shop.form import TypedCard
from signets.issuers.sandbox.shop.storefront import CURRENCY, Storefront

APPROVED = "00"
#: An authorization may take two of the network's six-second deadlines.
TIMEOUT_SECONDS = 30.0


class NotCharged(Exception):
    """The network was not reached, or did not take the request: certainly no money moved."""


class Unclear(Exception):
    """The network was asked, and nobody knows what came of it. Never ask again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the bank hears; ``token`` names the purchase, where there is one."""

    response_code: str
    token: str | None

    @property
    def approved(self) -> bool:
        """Whether the money is reserved."""
        return self.response_code == APPROVED and self.token is not None


class Acquirer:
    """Charges cards for one storefront."""

    def __init__(self, http: httpx.AsyncClient, storefront: Storefront) -> None:
        self._http = http
        self._merchant = {
            "descriptor": storefront.descriptor,
            "mcc": storefront.mcc,
            "merchant_acceptor_id": storefront.acceptor_id,
            "merchant_acceptor_city": storefront.city,
            "merchant_acceptor_state": "",
            "merchant_acceptor_country": storefront.country,
            "billing_currency": CURRENCY,
        }

    async def authorize(self, card: TypedCard, amount: int) -> Answer:
        """Ask for ``amount`` minor units.

        Raises:
            NotCharged, Unclear: There is no answer.
        """
        content = await self._post(
            "/_sim/checkout",
            {
                **self._merchant,
                "amount": amount,
                "pan": card.number,
                "cvc": card.cvc,
                "exp_month": card.exp_month,
                "exp_year": card.exp_year,
                "line1": card.line1,
                "postal_code": card.postal_code,
            },
        )
        return Answer(response_code=str(content["response_code"]), token=content["token"])

    async def capture(self, token: str) -> None:
        """Take the money that is reserved, all of it.

        Raises:
            NotCharged, Unclear: There is no answer.
        """
        await self._post("/_sim/clear", {"token": token, "final": True})

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Errors carry no cause: a library's message could hold what was sent."""
        try:
            answer = await self._http.post(path, json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise NotCharged("the card network cannot be reached") from None
        except httpx.TransportError:
            raise Unclear("the connection to the card network broke off") from None
        if answer.is_client_error:
            raise NotCharged(f"the card network refused the request ({answer.status_code})")
        if answer.is_error:
            raise Unclear(f"the card network failed ({answer.status_code})")
        content: dict[str, Any] = answer.json()
        return content
