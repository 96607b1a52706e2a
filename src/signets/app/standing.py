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
from datetime import UTC, datetime

from signets.app.authorization_records import ALL_COUNTED, Gathered
from signets.app.limits import Span, columns_of
from signets.app.records import Card, ExposureRow, Intent, LastMove, VelocityRow, WindowRow
from signets.core.authorization.facts import LiveAuthorization
from signets.core.policy.model import Cap, Match, Measure
from signets.core.velocity import Exposure, Usage, leaves_rolling

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
    caps: dict[str, Cap] = field(default_factory=dict)  # those of ``used``, by name
    mark: str = ""  # the organization's, as the last batch left it
    at: datetime = FOREVER  # the time of the last batch
    alone: bool = True  # nobody else moved before the last batch

    def holds(self, last: LastMove, now: datetime) -> bool:
        """Whether nobody moved since, and it is a later moment of the same day (UTC).

        Verifications are counted by days; where the clock was set back, windows reach back to what
        had left them.
        """
        return self.mark == last.mark and self._goes_on(now)

    def _goes_on(self, now: datetime) -> bool:
        return self.at < now and self.at.date() == now.date()

    def follows(self, last: LastMove, rows: Gathered, now: datetime) -> bool:
        """Whether one batch of another process is all that happened, and it can be followed.

        Takes what that batch counted from ``rows``, and forgets the cards that it touched.
        """
        if last.followed != self.mark or not last.touched or not self._goes_on(now):
            return False
        if self.alone or len(rows.counted) == ALL_COUNTED:
            return False  # not asked for, or not all of it
        if any(row.at != last.at for row in rows.counted):
            return False  # time went back once: what is later need not be new
        connection_id, *tokens = last.touched
        for token in tokens:
            self.forget(connection_id, token)
        self.budgets.clear()
        for row in rows.counted:
            self._count(row)
        return True

    def forget(self, connection_id: str, token: str) -> None:
        """Read a card again the next time, with all that belongs to it."""
        book = self.cards.get(connection_id, {}).pop(token, None)
        if book is not None:
            self.live.pop(book.card.id, None)
            for vendor in (None, *book.card.merchant_lock):
                self.declines.pop((book.card.id, vendor), None)
                self.until.pop((book.card.id, vendor), None)

    def _count(self, row: VelocityRow) -> None:
        """What another process counted, at the keys that are remembered."""
        for name, cap in self.caps.items():
            columns = columns_of(cap.scope)
            key = (name, tuple(getattr(row, column) or "" for column in columns))
            if key not in self.used:
                continue
            if cap.when != Match():
                self.until.pop(key, None)  # whether it counts is for the database to say
            elif (row.approved or cap.measure is Measure.ATTEMPTS) and name not in row.capped_by:
                self.use(
                    cap,
                    key,
                    row.at,
                    counts=row.counts > 0,
                    amount=row.amount,
                    currency=row.currency,
                )

    def use(
        self, cap: Cap, key: CapKey, at: datetime, *, counts: bool, amount: int, currency: str
    ) -> None:
        """Let a cap count a charge; amounts count where they are in the cap's currency."""
        before, oldest = self.used[key], self.used[key].oldest
        self.used[key] = Usage(
            count=before.count + int(counts),
            amount=before.amount + (amount if currency == cap.currency else 0),
            oldest=at if counts and (oldest is None or at < oldest) else oldest,
        )
        if cap.window.seconds is not None:
            leaves = leaves_rolling(cap.window.seconds, at)
            self.until[key] = min(self.until.get(key, leaves), leaves)

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
