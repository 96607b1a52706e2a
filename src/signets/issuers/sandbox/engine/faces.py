"""What a face gives the network: its own checks, its question, its messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from psycopg.rows import DictRow

from signets.issuers.sandbox.engine.base import Connection, Json
from signets.issuers.sandbox.engine.purchase import (
    PLAIN,
    Kind,
    Merchant,
    Move,
    Purchase,
    Rate,
    Verdict,
    Verification,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What came of sending one message once."""

    headers: dict[str, str]
    status_code: int | None
    response_body: str | None
    error: str | None
    response_headers: dict[str, str]

    @property
    def succeeded(self) -> bool:
        """Whether the receiver took it (any 2xx)."""
        return self.status_code is not None and 200 <= self.status_code < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """What a terminal sends. ``amount`` is a magnitude in billing minor units.

    Attributes:
        original_network_id: The earlier purchase that this one adds to, under another token.
    """

    kind: Kind
    amount: int
    rate: Rate
    merchant: Merchant
    partial_approval: bool = False
    verification: Verification = PLAIN
    original_network_id: str | None = None

    @property
    def is_credit(self) -> bool:
        """Whether money would come back."""
        return "credit" in self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request that the card's owner must decide: ``presented`` on top of ``purchase``."""

    purchase: Purchase
    presented: Presented
    card: DictRow
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A real-time request, ready to be sent.

    Attributes:
        sign: Fresh headers for one attempt.
        read: What an answer means.
        tries: How often it is sent when the receiver fails.
        timed_out: The verdict where no answer comes in time.
    """

    message_id: str
    url: str
    body: bytes
    sign: Callable[[], dict[str, str]]
    read: Callable[[Attempt], Verdict]
    deadline_seconds: float
    tries: int
    timed_out: Verdict


class Face(Protocol):
    """One issuer's wire format over the network."""

    async def check(
        self, connection: Connection, card: DictRow, presented: Presented, now: datetime
    ) -> Verdict | None:
        """The issuer's own decline by its own controls; ``None`` where it has none."""
        ...

    async def question(self, connection: Connection, asked: Asked) -> Question | None:
        """The real-time request; ``None`` where nobody is enrolled."""
        ...

    async def messages(
        self, connection: Connection, purchase: Purchase, new: Sequence[Move]
    ) -> Sequence[tuple[str, Json]]:
        """What subscribers are told after ``new``: event types, each with its content."""
        ...

    def event(self, event_type: str, content: Json, now: datetime) -> tuple[str, bytes]:
        """The id and the body of one event."""
        ...

    def status(self, purchase: Purchase) -> str:
        """The face's word for how the purchase stands."""
        ...

    def sign(self, message_id: str, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
        """The headers of one attempt, signed with every live secret."""
        ...
