"""The card network through the sandbox's Stripe face, as the scenes use it."""

from __future__ import annotations

from typing import Any, Literal

import httpx

from signets.cli.sandbox_driver import Charge, Json, Merchant, SandboxDriver, SandboxError
from signets.issuers.sandbox.stripe_face.categories import category_of
from signets.issuers.sandbox.stripe_face.wire import API_VERSION

_HELPERS = "/v1/test_helpers/issuing"
_CARDS = "/v1/issuing/cards"
_STATUS = {"OPEN": "active", "PAUSED": "inactive"}


class StripeNetwork(SandboxDriver):
    """Cards, charges and clearings by Stripe's test helpers; the rest is ``/_sim``, as before."""

    def __init__(self, base_url: str, api_key: str) -> None:
        super().__init__(base_url, api_key)
        self._stripe = httpx.Client(
            base_url=base_url,
            headers={"Authorization": f"Bearer {api_key}", "Stripe-Version": API_VERSION},
            timeout=30.0,
            trust_env=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._stripe.close()
        super().close()

    def card_token(self, card_id: str) -> str:
        """Stripe's id of the card that carries our id in its metadata."""
        for card in self._asked_stripe("GET", f"{_CARDS}?limit=100")["data"]:
            if card_id in (card["id"], *card["metadata"].values()):
                return str(card["id"])
        raise SandboxError(f"the sandbox has no card for {card_id}", httpx.codes.NOT_FOUND)

    def charge(
        self,
        card_id: str,
        amount: int,
        merchant: Merchant,
        *,
        currency: str = "USD",
        status: str = "AUTHORIZATION",
    ) -> Charge:
        """``authorizations.create``."""
        form = {
            "card": self.card_token(card_id),
            "amount": str(amount),
            "currency": currency.lower(),
            **_place(merchant),
        }
        made = self._asked_stripe("POST", f"{_HELPERS}/authorizations", form)
        history = made["request_history"]
        return Charge(
            token=made["id"],
            approved=made["approved"],
            result=str(history[-1]["reason"]) if history else "",
        )

    def clear(self, token: str, amount: int | None = None) -> None:
        """``capture``, as the last one."""
        form = {} if amount is None else {"capture_amount": str(amount)}
        self._asked_stripe("POST", f"{_HELPERS}/authorizations/{token}/capture", form)

    def force_post(
        self, card_id: str, amount: int, merchant: Merchant, *, currency: str = "USD"
    ) -> str:
        """``create_force_capture``."""
        form = {
            "card": self.card_token(card_id),
            "amount": str(amount),
            "currency": currency.lower(),
            **_place(merchant),
        }
        made = self._asked_stripe("POST", f"{_HELPERS}/transactions/create_force_capture", form)
        return str(made["id"])

    def set_issuer_card_state(self, card_id: str, state: Literal["OPEN", "PAUSED"]) -> None:
        """``active`` or ``inactive``, behind Signets' back."""
        path = f"{_CARDS}/{self.card_token(card_id)}"
        self._asked_stripe("POST", path, {"status": _STATUS[state]})

    def _asked_stripe(self, method: str, path: str, form: dict[str, str] | None = None) -> Json:
        answer = self._stripe.request(method, path, data=form)
        content: Any = answer.json()
        if answer.is_error:
            raise SandboxError(str(content["error"]["message"]), answer.status_code)
        return dict(content)


def _place(merchant: Merchant) -> dict[str, str]:
    fields = {
        "name": merchant.descriptor,
        "category": category_of(merchant.mcc) if merchant.mcc else None,
        "network_id": merchant.acceptor_id,
        "city": merchant.city,
        # Stripe has two letters. The scenes play in one country.
        "country": "US" if merchant.country == "USA" else merchant.country,
    }
    return {f"merchant_data[{name}]": value for name, value in fields.items() if value}
