"""What the use cases need from the outside, as small protocols owned by their consumer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from signets.core.authorization.request import AuthorizationRequest
from signets.core.settlement.model import Snapshot


class IssuerCardState(StrEnum):
    """A card's state at the issuer."""

    OPEN = "open"
    PAUSED = "paused"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerCard:
    """A card as the issuer knows it. Never holds a PAN. Some bodies leave the expiry out."""

    token: str
    last_four: str
    exp_month: int | None
    exp_year: int | None
    state: IssuerCardState


@dataclass(frozen=True, slots=True)
class CardCredentials:
    """What a checkout needs. Passed through once, never stored, never printed by ``repr``."""

    number: str
    cvc: str
    exp_month: int
    exp_year: int

    def __repr__(self) -> str:
        return "CardCredentials(…)"


@dataclass(frozen=True, slots=True)
class IssuerSecrets:
    """Signing secrets; several may be live while one is rotated. ``repr`` shows none."""

    authorization: tuple[str, ...]
    events: tuple[str, ...]

    def __repr__(self) -> str:
        return "IssuerSecrets(…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer in the issuer's own words."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)


class SignatureInvalid(Exception):
    """The body does not carry a signature made with a live secret (or is too old)."""


class BodyUnreadable(Exception):
    """Signed, but not readable as what it claims to be. ``field`` names what is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class IssuerUnavailable(Exception):
    """The issuer did not answer, or answered with a server error: try again later."""


class IssuerRefused(Exception):
    """The issuer said no (4xx): trying again does not help."""


class IssuerEvent:
    """Marker base for what a webhook can carry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionUpdated(IssuerEvent):
    """A transaction changed; the snapshot is whole."""

    event_id: str  # dedupe key (Lithic: webhook-id)
    snapshot: Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherEvent(IssuerEvent):
    """An event of a kind we do not act on: stored and counted, never dropped."""

    event_id: str
    event_type: str


class Issuer(Protocol):
    """One issuer connection: the management side (network) and the wire side (pure)."""

    async def create_card(
        self, *, idempotency_key: str, memo: str, lifetime_backstop: int | None
    ) -> IssuerCard:
        """Create a virtual card, *paused*. ``idempotency_key`` is a UUID: repeats are safe.

        ``lifetime_backstop`` in minor units is a superset control (never 0, never tighter than
        ours); ``None`` sends none.
        """
        ...

    async def get_card(self, token: str) -> IssuerCard: ...

    async def set_card_state(self, token: str, state: IssuerCardState) -> IssuerCard: ...

    async def reveal(self, token: str) -> CardCredentials: ...

    async def get_transaction(self, token: str) -> Snapshot | None:
        """``None`` where the issuer knows no such transaction."""
        ...

    async def list_transactions(self, *, begin: datetime, end: datetime) -> list[Snapshot]: ...

    async def enroll(self, *, authorize_url: str, events_url: str) -> IssuerSecrets:
        """Point the issuer's real-time requests and events at us; idempotent."""
        ...

    def read_authorization(
        self, body: bytes, headers: Mapping[str, str], secrets: IssuerSecrets
    ) -> AuthorizationRequest:
        """Raises SignatureInvalid, BodyUnreadable."""
        ...

    def read_event(
        self, body: bytes, headers: Mapping[str, str], secrets: IssuerSecrets
    ) -> IssuerEvent:
        """Raises SignatureInvalid, BodyUnreadable."""
        ...

    def parse_event(self, event_id: str, body: bytes) -> IssuerEvent:
        """Read a body that was verified before it was stored. Raises BodyUnreadable."""
        ...

    def answer_approved(self, request: AuthorizationRequest) -> Answer: ...

    def answer_declined(self, reason: str, request_id: str | None) -> Answer:
        """``reason`` is one of our decline codes (or ``unreadable``, ``unavailable``)."""
        ...
