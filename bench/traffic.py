"""Signed authorization requests as the sandbox issuer sends them, in a realistic mixture."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec
from standardwebhooks import Webhook

from bench.world import CURRENCY, MAX_PER_CHARGE, MCC, Plastic, Role, Shop, World
from signets.issuers.sandbox.responder import question
from signets.issuers.sandbox.transaction import Rate, merchant_object, pos_object

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
            return self._increment(earlier, now)
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

    def _increment(self, earlier: dict[str, Any], now: datetime) -> dict[str, Any]:
        amount = earlier["amount"] + 100
        held = {"amount": amount, "currency": earlier["cardholder_currency"]}
        return {
            **earlier,
            "amount": amount,
            "merchant_amount": amount,
            "authorization_amount": amount,
            "amounts": {
                "cardholder": {**held, "conversion_rate": "1.000000"},
                "hold": held,
                "merchant": held,
                "settlement": None,
            },
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
        rate = Rate(
            billing=amount,
            billing_currency=currency,
            merchant=amount,
            merchant_currency=currency,
        )
        return question(
            token=token,
            status="AUTHORIZATION",
            amount=amount,
            rate=rate,
            card={
                "last_four": card.last_four,
                "memo": "",
                "spend_limit": 0,
                "spend_limit_duration": "TRANSACTION",
                "state": "OPEN",
                "tags": {},
                "token": card.token,
                "type": "VIRTUAL",
            },
            merchant=merchant_object(
                descriptor=shop.descriptor,
                acceptor_id=shop.acceptor_id,
                mcc=MCC,
                city="",
                state="",
                country=country,
            ),
            pos=pos_object(partial_approval=False),
            now=now,
        )

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
