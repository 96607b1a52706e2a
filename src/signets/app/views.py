"""What reads return: a record together with what belongs beside it."""

from __future__ import annotations

from dataclasses import dataclass

from signets.app.ports import CardCredentials
from signets.app.records import Approval, ApprovalVote, Card, Intent, WindowRow


@dataclass(frozen=True, slots=True, kw_only=True)
class CardView:
    """A card and the window that is on it."""

    card: Card
    window: WindowRow | None
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentView:
    """An intent, its latest approval request with votes, and its latest window."""

    intent: Intent
    approval: Approval | None
    votes: tuple[ApprovalVote, ...]
    window: WindowRow | None
    duplicate_of: str | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CardDetails:
    """What a checkout form asks for. Passed through once; ``repr`` of the credentials hides."""

    credentials: CardCredentials
    name: str
