"""What the authorization path reads at once, and what it writes at once."""

from __future__ import annotations

from datetime import datetime

import msgspec

from signets.app.records import (
    Card,
    DecisionRow,
    EvidenceRow,
    ExposureRow,
    Intent,
    PostingRow,
    Transaction,
    VelocityRow,
    WindowRow,
)
from signets.core.authorization.facts import LiveAuthorization
from signets.core.authorization.request import AuthorizationRequest
from signets.core.settlement.model import LifecycleEvent

#: Live authorizations of a card that are gathered with it and remembered; where there are so many,
#: there may be more, and what is asked for is looked for.
ALL_LIVE = 9


#: Velocity events since a time; where there are so many, there may be more.
ALL_COUNTED = 1_000


class FoundCard(msgspec.Struct, frozen=True, kw_only=True):
    """A card that was asked about, with what stands beside it in other tables."""

    card: Card
    agent_handle: str
    agent_frozen_at: datetime | None
    held_at: datetime | None  # since when its issuer connection is held
    verifications: int  # today
    live: tuple[LiveAuthorization, ...]  # at most ALL_LIVE


class KnownEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An issuer event of a transaction that a request names."""

    transaction_id: str
    event: LifecycleEvent


class Gathered(msgspec.Struct, frozen=True, kw_only=True):
    """All rows that a batch of requests names, as of the moment after the lock was taken.

    The decisions (earlier answers under the same request ids, oldest first) come without the
    facts that they were made on and without their checks: nobody asks for those here.
    """

    policy_version: int
    shapes: tuple[str, ...]  # of sums that have subtotals
    cards: tuple[FoundCard, ...]
    windows: tuple[WindowRow, ...]  # open ones
    intents: tuple[Intent, ...]  # of the windows and of the transactions
    decisions: tuple[DecisionRow, ...]
    transactions: tuple[Transaction, ...]
    events: tuple[KnownEvent, ...]
    exposures: tuple[ExposureRow, ...]  # of the intents and of the transactions
    counted: tuple[VelocityRow, ...]  # since a time, where one was given; at most ALL_COUNTED


class LiveSearch(msgspec.Struct, frozen=True, kw_only=True):
    """For live authorizations of a card at a vendor, nearest to ``amount`` (``None``: for all)."""

    card_id: str
    vendor: str
    currency: str
    amount: int | None


class Writes(msgspec.Struct, kw_only=True):
    """Rows that decisions leave, one for each subject: the newest."""

    decisions: list[DecisionRow] = []
    transactions: dict[str, Transaction] = {}
    velocity: list[VelocityRow] = []
    exposures: dict[str, ExposureRow] = {}
    postings: list[PostingRow] = []
    evidence: list[EvidenceRow] = []
    intents: dict[str, Intent] = {}
    card_seqs: dict[str, int] = {}
    windows: dict[str, WindowRow] = {}


def request_key(request: AuthorizationRequest) -> str:
    """Names a request within a batch."""
    return f"{request.request_id}\n{request.fingerprint}"
