"""Signed authorization requests as the sandbox issuer sends them, in a realistic mixture."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from standardwebhooks import Webhook

from bench.policy import BLOCKED_COUNTRY, BLOCKED_MCC, CURRENCY, Role
from bench.world import MAX_PER_CHARGE, MCC, Plastic, World

#: Requests of each kind, per thousand. A repeat is a request that was sent before, byte for byte;
#: an increment asks for more under a token that was used before; what is charged twice comes under
#: a new token. The last two are not even decisions.
MIXTURE = {
    "purchase": 750,
    "single purchase": 12,
    "verification": 10,
    "increment": 10,
    "repeat": 30,
    "charged twice": 4,
    "another merchant": 45,
    "unproven merchant": 8,
    "blocked category": 6,
    "blocked country": 6,
    "another currency": 8,
    "too much": 30,
    "over the card's own limit": 8,
    "over the cap": 8,
    "over the budget": 5,
    "locked card": 25,
    "frozen card": 15,
    "closed card": 8,
    "unknown card": 8,
    "unreadable": 2,
    "forged": 2,
}
#: How far back a repeat or an increment reaches: far enough for the first to be answered.
BACK = 400

SEED = 20_261_124

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


#: Which cards a kind is asked of, where not of the many.
_ROLES = {
    "single purchase": Role.BUYS_ONCE,
    "over the card's own limit": Role.THRIFTY,
    "over the cap": Role.HASTY,
    "over the budget": Role.POOR,
    "locked card": Role.LOCKED,
    "frozen card": Role.FROZEN,
    "closed card": Role.CLOSED,
}


_FORGER = Webhook("whsec_Zm9yZ2VyZm9yZ2VyZm9yZ2VyZm9yZ2Vy")


class Request(msgspec.Struct, frozen=True):
    """One whole HTTP request, and what may come of it.

    Attributes:
        asked: Names what is asked: equal for a repeat and what it repeats.
        token: The issuer's request id; ``None`` where no decision may be stored (a forged
            signature, a body that cannot be read).
        status: What has to be answered.
    """

    content: bytes
    connection_id: str
    asked: str
    token: str | None
    status: int = 200


@dataclass(frozen=True, slots=True)
class _Question:
    """A body before it is signed, and to which organization it goes."""

    kind: str
    world: World
    body: dict[str, Any]


class Traffic:
    """A seeded stream of requests against one or more worlds.

    ``buyers``: the cards of plain purchases, where not all of them; so one can be made hot.
    """

    def __init__(
        self, worlds: Sequence[World], seed: int, *, buyers: Sequence[Plastic] | None = None
    ) -> None:
        self._worlds = worlds
        self._buyers = buyers
        self._random = random.Random(seed)
        self._signing = {world.connection_id: Webhook(world.secret) for world in worlds}
        self._kinds = list(MIXTURE)
        self._weights = list(MIXTURE.values())

    def batch(self, size: int) -> list[Request]:
        """``size`` whole HTTP requests, signed now: a signature is good for five minutes."""
        now = datetime.now(UTC)
        questions: list[_Question] = []
        once: list[_Question] = []
        for kind in self._random.choices(self._kinds, self._weights, k=size):
            earlier = questions[-BACK] if len(questions) >= BACK else None
            if kind == "charged twice" and len(once) > 2:
                question = self._again(once[-2])
            elif kind == "repeat" and earlier is not None:
                question = earlier
            elif kind == "increment" and earlier is not None:
                question = self._increment(earlier)
            else:
                question = self._fresh(kind, now)
            questions.append(question)
            if kind == "single purchase":
                once.append(question)
        return [self._request(question, now) for question in questions]

    def _again(self, earlier: _Question) -> _Question:
        renamed = {"token": self._uuid(), "event_token": self._uuid()}
        return _Question("charged twice", earlier.world, {**earlier.body, **renamed})

    def _increment(self, earlier: _Question) -> _Question:
        if earlier.kind in ("forged", "unreadable"):
            return earlier
        body = earlier.body
        more = _amounts(body["amount"] + 100, body["cardholder_currency"])
        return _Question("increment", earlier.world, {**body, **more, "event_token": self._uuid()})

    def _fresh(self, kind: str, now: datetime) -> _Question:
        world = self._random.choice(self._worlds)
        cards = world.cards[_ROLES.get(kind, Role.BUYS)]
        if kind == "purchase" and self._buyers is not None:
            cards = list(self._buyers)
        card = self._random.choice(cards)
        shop = card.shop
        if kind == "another merchant":
            shop = self._random.choice([one for one in world.shops if one != card.shop])
        amount = self._random.randrange(500, MAX_PER_CHARGE)
        if kind == "verification":
            amount = 0
        if kind == "too much":
            amount += MAX_PER_CHARGE
        countries = {"blocked country": BLOCKED_COUNTRY[1], "unproven merchant": "PRK"}
        body = {
            **_CONSTANT,
            **_amounts(amount, "EUR" if kind == "another currency" else CURRENCY),
            "card": {
                **_CARD,
                "last_four": card.last_four,
                "token": self._uuid() if kind == "unknown card" else card.token,
            },
            "created": now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "event_token": self._uuid(),
            "merchant": {
                **_MERCHANT,
                "acceptor_id": shop.acceptor_id,
                "country": countries.get(kind, "USA"),
                "descriptor": shop.descriptor,
                "mcc": BLOCKED_MCC if kind == "blocked category" else MCC,
            },
            "token": self._uuid(),
        }
        if kind == "unreadable":
            body["status"] = "NOT_A_STATUS"
        return _Question(kind, world, body)

    def _request(self, question: _Question, now: datetime) -> Request:
        connection_id, body = question.world.connection_id, msgspec.json.encode(question.body)
        forged = question.kind == "forged"
        signing = _FORGER if forged else self._signing[connection_id]
        message_id, token = f"msg_{self._uuid()}", question.body["token"]
        content = (
            f"POST /v1/issuers/{connection_id}/authorize HTTP/1.1\r\n"
            "host: 127.0.0.1\r\n"
            "content-type: application/json\r\n"
            f"webhook-id: {message_id}\r\n"
            f"webhook-timestamp: {int(now.timestamp())}\r\n"
            f"webhook-signature: {signing.sign(message_id, now, body.decode())}\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        ).encode() + body
        return Request(
            content=content,
            connection_id=connection_id,
            asked=f"{token} {question.body['amount']}",
            token=None if forged or question.kind == "unreadable" else token,
            status=401 if forged else 200,
        )

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))
