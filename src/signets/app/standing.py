"""What one process remembers of an organization from one batch of authorizations to the next.

A batch that finds nobody moved in the organization since the last one of this process needs to read
again only what it never read, and what time has changed. That nobody did is told under the lock:
every writing transaction leaves a random mark in the organization's row
(:attr:`~signets.app.store.UnitOfWork.mark`), and what is remembered is worth something only where
the mark is still the one that this process left itself. Whoever else wrote meanwhile (another
process, a member's freeze, an issuer's event, a restored backup), all of it is forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from signets.app.limits import Span
from signets.app.records import Card, ExposureRow, Intent, WindowRow
from signets.core.authorization.facts import LiveAuthorization
from signets.core.velocity import Exposure, Usage

CapKey = tuple[str, tuple[str, ...]]
BudgetKey = tuple[str, tuple[str, ...], Span]
BreakerKey = tuple[str, str | None]

#: When a sum of nothing has to be read again.
FOREVER = datetime.max.replace(tzinfo=UTC)

_MOST = 256  # organizations
#: Cards and intents of one organization, some kilobytes each; beyond, all is read anew.
_MOST_ROWS = 16_384


@dataclass(slots=True, kw_only=True)
class CardBook:
    """A card with what belongs to it."""

    card: Card
    agent_handle: str
    agent_frozen: bool
    connection_held: bool
    window: WindowRow | None
    verifications: int  # today
    evidence_seq: int  # of its last evidence entry
    #: Whether all of its live authorizations are known, and not only what was looked for.
    live_whole: bool
    exposure: Exposure = field(default_factory=Exposure)
    span: Span | None = None  # the limit period that ``exposure`` is of; none yet


@dataclass(slots=True, kw_only=True)
class Standing:
    """Facts as of the last batch, in the form in which the next one changes them.

    A sum over a window that ends now changes with time alone: ``until`` says when the first of
    what it counts leaves it, and that it has to be read again from then on.
    """

    cards: dict[str, dict[str, CardBook]] = field(default_factory=dict)  # connection, issuer token
    # Of each card, by request id: what still holds money and could be a duplicate.
    live: dict[str, dict[str, LiveAuthorization]] = field(default_factory=dict)
    intents: dict[str, Intent] = field(default_factory=dict)
    exposures: dict[str, ExposureRow] = field(default_factory=dict)  # by intent
    used: dict[CapKey, Usage] = field(default_factory=dict)
    budgets: dict[BudgetKey, Exposure] = field(default_factory=dict)
    declines: dict[BreakerKey, int] = field(default_factory=dict)
    until: dict[CapKey | BreakerKey, datetime] = field(default_factory=dict)
    mark: str = ""  # the organization's, as the last batch left it
    day: date | None = None  # of the last batch, UTC

    def holds(self, mark: str, now: datetime) -> bool:
        """Whether nobody moved since, and it is still the day that verifications are counted by."""
        return self.mark == mark and self.day == now.date()

    def unread(self, connection_id: str, tokens: Sequence[str]) -> list[str]:
        """Of a connection's cards, by issuer token, those that have to be read."""
        known = self.cards.get(connection_id, {})
        return [token for token in tokens if token not in known]

    @property
    def large(self) -> bool:
        """Whether it outgrew what a process should remember."""
        return max(sum(map(len, self.cards.values())), len(self.intents)) > _MOST_ROWS


class Standings:
    """What is remembered, by organization."""

    def __init__(self) -> None:
        self._kept: dict[str, Standing] = {}

    def take(self, org_id: str) -> Standing | None:
        """What is remembered; nobody else is given it, and who fails leaves nothing behind."""
        return self._kept.pop(org_id, None)

    def keep(self, org_id: str, standing: Standing) -> None:
        """Remember, once all that it says is committed."""
        if len(self._kept) >= _MOST:
            self._kept.clear()
        if not standing.large:
            self._kept[org_id] = standing
