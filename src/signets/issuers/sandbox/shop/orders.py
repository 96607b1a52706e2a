"""Orders: what a checkout came to, each charged at most once however often it is submitted.

They live as long as the shop's process. A token that it does not know, because it is older or from
somewhere else, is never charged.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from signets.issuers.sandbox.shop.acquirer import Acquirer, NotCharged, Unclear
from signets.issuers.sandbox.shop.form import TypedCard
from signets.issuers.sandbox.shop.storefront import CURRENCY, Product

#: Older checkouts and orders than so many are forgotten.
MOST = 10_000

_log = logging.getLogger(__name__)


class State(StrEnum):
    """What came of an order."""

    PAID = "paid"
    #: The money is reserved and was not taken: the capture failed.
    AUTHORIZED = "authorized"
    DECLINED = "declined"
    #: The network was asked and nobody knows its answer.
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A checkout that was submitted. ``amount`` is in minor units."""

    number: str
    product: Product
    state: State
    at: datetime
    last_four: str
    response_code: str | None = None

    def as_dict(self) -> dict[str, object]:
        """Plain JSON data."""
        return {
            "number": self.number,
            "product": self.product.id,
            "description": self.product.name,
            "amount": self.product.amount,
            "currency": CURRENCY,
            "state": self.state.value,
            "date": self.at.isoformat(timespec="seconds"),
            "card_last_four": self.last_four,
        }


@dataclass(slots=True)
class _Checkout:
    """One form that was handed out; ``attempt`` from its first submission on."""

    product: Product
    attempt: asyncio.Task[Order] | None = None


class Orders:
    """All checkouts and orders of one shop."""

    def __init__(self, acquirer: Acquirer) -> None:
        self._acquirer = acquirer
        self._checkouts: dict[str, _Checkout] = {}
        self._orders: dict[str, Order] = {}

    def open(self, product: Product) -> str:
        """The token of a new checkout."""
        token = secrets.token_urlsafe(18)
        self._checkouts[token] = _Checkout(product)
        _forget_old(self._checkouts)
        return token

    def knows(self, token: str, product: Product) -> bool:
        """Whether the token was handed out here, for this product."""
        checkout = self._checkouts.get(token)
        return checkout is not None and checkout.product is product

    def is_submitted(self, token: str) -> bool:
        """Whether the card network was asked already."""
        return self._checkouts[token].attempt is not None

    async def submit(self, token: str, card: TypedCard | None) -> Order:
        """Charge the card, unless this checkout was submitted before: then what came of that.

        It goes on where the customer's connection ends.

        Raises:
            NotCharged: No money moved; the same checkout may be submitted again.
        """
        checkout = self._checkouts[token]
        if checkout.attempt is None:
            if card is None:
                raise ValueError("the first submission of a checkout needs a card")
            checkout.attempt = asyncio.create_task(self._charge(checkout.product, card))
        attempt = checkout.attempt
        try:
            return await asyncio.shield(attempt)
        except NotCharged:
            if checkout.attempt is attempt:
                checkout.attempt = None
            raise

    def find(self, number: str) -> Order | None:
        """A paid order."""
        return self._orders.get(number)

    async def _charge(self, product: Product, card: TypedCard) -> Order:
        state, code = State.UNCLEAR, None
        try:
            answer = await self._acquirer.authorize(card, product.amount)
        except Unclear as problem:
            _log.warning("an authorization is unclear: %s", problem)
        else:
            code = answer.response_code
            state = State.DECLINED
            if answer.approved and answer.token is not None:
                state = await self._capture(answer.token)
        order = Order(
            number=f"SO-{secrets.token_hex(8).upper()}",
            product=product,
            state=state,
            at=datetime.now(UTC),
            last_four=card.last_four,
            response_code=code,
        )
        if state in (State.PAID, State.AUTHORIZED):
            self._orders[order.number] = order
            _forget_old(self._orders)
        return order

    async def _capture(self, token: str) -> State:
        try:
            await self._acquirer.capture(token)
        except (NotCharged, Unclear) as problem:
            _log.warning("a capture failed: %s", problem)
            return State.AUTHORIZED
        return State.PAID


def _forget_old(kept: dict[str, _Checkout] | dict[str, Order]) -> None:
    while len(kept) > MOST:
        del kept[next(iter(kept))]
