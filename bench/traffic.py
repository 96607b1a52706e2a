"""Signed authorization requests as the sandbox issuer sends them, in a realistic mixture."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec
from standardwebhooks import Webhook

from bench.world import CURRENCY, MAX_PER_CHARGE, MCC, Plastic, Role, Shop, World

#: Requests of each kind, per hundred. A repeat is a request that was sent before, byte for byte;
#: an increment asks for more under a token that was used before.
MIXTURE = {
    "purchase": 71,
    "single purchase": 5,
    "verification": 1,
    "increment": 1,
    "repeat": 3,
    "another merchant": 5,
    "too much": 4,
    "over the card's own limit": 1,
    "locked card": 3,
    "frozen card": 2,
    "closed card": 1,
    "unknown card": 1,
    "blocked country": 1,
    "another currency": 1,
}
#: How far back a repeat or an increment reaches: far enough for the first to be answered.
BACK = 400

#: What a Lithic Auth Stream Access request holds beside what differs from one to the next
#: (lithic-openapi, ``card_authorization.approval_request``; the sandbox sends the same fields).
_CONSTANT: dict[str, Any] = {
    "acquirer_fee": 0,
    "avs": {"address": "", "address_on_file_match": "NOT_PRESENT", "zipcode": ""},
    "cash_amount": 0,
    "conversion_rate": 1.0,
    "event_type": "card_authorization.approval_request",
    "name_validation": None,
    "network": "VISA",
    "network_risk_score": None,
    "pos": {
        "entry_mode": {
            "card": "NOT_PRESENT",
            "cardholder": "ELECTRONIC_ORDER",
            "pan": "ECOMMERCE",
            "pin_entered": False,
        },
        "terminal": {
            "acceptor_terminal_id": None,
            "attended": False,
            "card_retention_capable": False,
            "on_premise": False,
            "operator": "CARDHOLDER",
            "partial_approval_capable": False,
            "pin_capability": "NOT_CAPABLE",
            "type": "ECOMMERCE",
        },
    },
    "service_location": None,
    "settled_amount": 0,
    "status": "AUTHORIZATION",
    "token_info": None,
    "transaction_initiator": "CARDHOLDER",
}
_CARD = {
    "memo": "",
    "spend_limit": 0,
    "spend_limit_duration": "TRANSACTION",
    "state": "OPEN",
    "tags": {},
    "type": "VIRTUAL",
}
_MERCHANT = {
    "acquiring_institution_id": "333301802529120",
    "city": "",
    "mcc": MCC,
    "phone_number": None,
    "postal_code": None,
    "state": "",
    "street_address": None,
}


def _amounts(amount: int, currency: str) -> dict[str, Any]:
    """Every field that states the amount."""
    held = {"amount": amount, "currency": currency}
    return {
        "amount": amount,
        "amounts": {
            "cardholder": {**held, "conversion_rate": "1.000000"},
            "hold": held,
            "merchant": held,
            "settlement": None,
        },
        "authorization_amount": amount,
        "cardholder_currency": currency,
        "merchant_amount": amount,
        "merchant_currency": currency,
    }


class Traffic:
    """A seeded stream of requests against one world."""

    def __init__(self, world: World, port: int, seed: int) -> None:
        self._world = world
        self._random = random.Random(seed)
        self._webhook = Webhook(world.secret)
        self._port = port
        self._kinds = list(MIXTURE)
        self._weights = list(MIXTURE.values())

    def batch(self, size: int) -> list[bytes]:
        """``size`` whole HTTP requests, signed now."""
        now = datetime.now(UTC)
        bodies: list[dict[str, Any]] = []
        for kind in self._random.choices(self._kinds, self._weights, k=size):
            bodies.append(self._body(kind, bodies, now))
        return [self._request(msgspec.json.encode(body), now) for body in bodies]

    def _body(self, kind: str, sent: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
        earlier = sent[-BACK] if len(sent) >= BACK else None
        if kind == "repeat" and earlier is not None:
            return earlier
        if kind == "increment" and earlier is not None:
            return self._increment(earlier)
        return self._fresh(kind, now)

    def _fresh(self, kind: str, now: datetime) -> dict[str, Any]:
        role = {
            "single purchase": Role.BUYS_ONCE,
            "over the card's own limit": Role.THRIFTY,
            "locked card": Role.LOCKED,
            "frozen card": Role.FROZEN,
            "closed card": Role.CLOSED,
        }.get(kind, Role.BUYS)
        card = self._random.choice(self._world.cards[role])
        shop = card.shop
        if kind == "another merchant":
            shop = self._random.choice([one for one in self._world.shops if one != card.shop])
        if kind == "unknown card":
            card = Plastic(token=self._uuid(), shop=card.shop, last_four="0000")
        amount = self._random.randrange(500, MAX_PER_CHARGE)
        if kind == "verification":
            amount = 0
        if kind == "too much":
            amount += MAX_PER_CHARGE
        return self._question(
            token=self._uuid(),
            card=card,
            amount=amount,
            currency="EUR" if kind == "another currency" else CURRENCY,
            shop=shop,
            country="PRK" if kind == "blocked country" else "USA",
            now=now,
        )

    def _increment(self, earlier: dict[str, Any]) -> dict[str, Any]:
        return {
            **earlier,
            **_amounts(earlier["amount"] + 100, earlier["cardholder_currency"]),
            "event_token": self._uuid(),
        }

    def _question(
        self,
        *,
        token: str,
        card: Plastic,
        amount: int,
        currency: str,
        shop: Shop,
        country: str,
        now: datetime,
    ) -> dict[str, Any]:
        return {
            **_CONSTANT,
            **_amounts(amount, currency),
            "card": {**_CARD, "last_four": card.last_four, "token": card.token},
            "created": now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "event_token": self._uuid(),
            "merchant": {
                **_MERCHANT,
                "acceptor_id": shop.acceptor_id,
                "country": country,
                "descriptor": shop.descriptor,
            },
            "token": token,
        }

    def _request(self, body: bytes, now: datetime) -> bytes:
        message_id = self._uuid()
        signature = self._webhook.sign(message_id, now, body.decode())
        return (
            f"POST /v1/issuers/{self._world.connection_id}/authorize HTTP/1.1\r\n"
            f"host: 127.0.0.1:{self._port}\r\n"
            "content-type: application/json\r\n"
            f"webhook-id: {message_id}\r\n"
            f"webhook-timestamp: {int(now.timestamp())}\r\n"
            f"webhook-signature: {signature}\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        ).encode() + body

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))
