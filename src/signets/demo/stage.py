"""What the scenes act on: the organization's SDK clients and the card network."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx

from signets import Signets
from signets.cli.sandbox_driver import Charge, Merchant, SandboxDriver
from signets.client.types import Agent, Card, Decision, Transaction
from signets.core.money import format_minor

T = TypeVar("T")

#: Longest wait for what happens in the background, and the pause between two looks, seconds.
PATIENCE_SECONDS = 15.0
_LOOK_SECONDS = 0.02
#: How long a client on a broken network waits for an answer, seconds.
_BROKEN_SECONDS = 0.001

# Descriptors as card networks really carry them (docs/reference/merchants.md).
OPENAI = Merchant(
    descriptor="OPENAI *CHATGPT SUBSCR", mcc="5734", country="USA", city="SAN FRANCISCO"
)
ANTHROPIC = Merchant(descriptor="ANTHROPIC", mcc="5734", country="USA", city="ANTHROPIC.COM")
GITHUB = Merchant(descriptor="GITHUB, INC.", mcc="7372", country="USA", city="SAN FRANCISCO")
AWS = Merchant(descriptor="AMAZON WEB SERVICES", mcc="7372", country="USA", city="AWS.AMAZON.CO")
PIZZERIA = Merchant(descriptor="JOES PIZZA 42", mcc="5812", country="USA", city="NEW YORK")
CINEMA = Merchant(descriptor="OPENAIR CINEMA", mcc="7832", country="USA", city="SAN FRANCISCO")
FACILITATED = Merchant(descriptor="PAYPAL *OPENAI", mcc="5734", country="USA", city="SAN FRANCISCO")


class NotSeen(Exception):
    """The running system did not show something that the story needs to go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One organization with its admin, an approver, and the network its cards are used on.

    ``log_key`` is the evidence log's public key as noted down before the first purchase.
    """

    base_url: str
    admin: Signets
    approver: Signets
    network: SandboxDriver
    folder: Path
    log_key: str
    clients: ExitStack

    def client(self, key: str | None) -> Signets:
        """The SDK with another key."""
        return self.clients.enter_context(Signets(api_key=key, base_url=self.base_url))

    def deaf_client(self, key: str | None) -> Signets:
        """The SDK on a network that carries every question and breaks before any answer."""
        made = Signets(
            api_key=key,
            base_url=self.base_url,
            timeout=httpx.Timeout(30.0, read=_BROKEN_SECONDS),
            max_retries=0,
        )
        return self.clients.enter_context(made)

    def agent(self, handle: str) -> Signets:
        """A new agent; the SDK with its own key."""
        return self.client(self.key_of(self.admin.agents.create(handle=handle)))

    def key_of(self, agent: Agent) -> str | None:
        """A new key of this agent."""
        made = self.admin.keys.create(owner="agent", agent_id=agent, name=agent.handle)
        return made.secret

    def charge(self, card_id: str | None, amount: int, merchant: Merchant) -> Charge:
        """The merchant charges the card (minor units of USD)."""
        if card_id is None:
            raise NotSeen("there is no card to charge")
        return self.network.charge(card_id, amount, merchant)

    def decision(self, charge: Charge) -> Decision:
        """Our stored answer to this charge.

        Raises:
            NotSeen: We were never asked.
        """
        for one in self.admin.decisions.list():
            if one.request_id == charge.token:
                return one
        raise NotSeen("no decision was stored for this charge")

    def decisions(self) -> int:
        """How many decisions are stored."""
        return sum(1 for _ in self.admin.decisions.list(limit=100))

    def transaction(
        self, charge: Charge, until: Callable[[Transaction], bool] = lambda _: True
    ) -> Transaction:
        """The charge's transaction, as soon as it is as wanted, or as it is after a while."""
        found = self.decision(charge).transaction_id
        if found is None:
            raise NotSeen("the decision names no transaction")
        return self.soon(lambda: self.admin.transactions.get(found), until)

    def newest_transaction(self, card: Card) -> Transaction:
        """The newest one on a card, once there is one: what the issuer reports by itself."""
        seen = self.soon(lambda: self.admin.transactions.list_for_card(card).data, bool)
        if not seen:
            raise NotSeen("the issuer's report did not arrive")
        return seen[0]

    def soon(self, look: Callable[[], T], until: Callable[[T], bool]) -> T:
        """Look until it is as wanted; what was seen last where that takes too long."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not until(seen := look()) and time.monotonic() < end:
            time.sleep(_LOOK_SECONDS)
        return seen


def money(minor: int) -> str:
    """For people."""
    return format_minor(minor, "USD")
