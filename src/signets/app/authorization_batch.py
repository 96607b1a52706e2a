"""A batch of authorization requests as one set of facts: gathered once, updated as it is decided.

Within a batch, each request sees the effect of those before it, exactly as if each had its own
transaction: what a decision changes is applied to the facts in memory by the same arithmetic that
the database will hold after the commit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec.structs import replace

from signets.app.authorization_records import ALL_LIVE, request_key
from signets.app.known_merchants import KnownMerchants, lock_of
from signets.app.limits import Span, span_of
from signets.app.merchant_records import MerchantReview
from signets.app.records import (
    DecisionRow,
    DecisionState,
    ExposureRow,
    Intent,
    Transaction,
    WindowRow,
)
from signets.app.reservation import bounds_of
from signets.app.standing import BreakerKey, BudgetKey, CapKey, CardBook, Standing
from signets.core.authorization.decision import DecisionKind
from signets.core.authorization.duplicate import deciding, may_repeat
from signets.core.authorization.facts import (
    CardFacts,
    Facts,
    IntentFacts,
    KnownRequest,
    LiveAuthorization,
)
from signets.core.authorization.request import AuthorizationRequest
from signets.core.card import UnlockWindow
from signets.core.merchant.model import MatchResult, MerchantMatch
from signets.core.policy.levels import (
    blocked,
    tightest_tolerance,
)
from signets.core.policy.match import Subject
from signets.core.policy.model import Budget, Cap, Measure, Period, Policy
from signets.core.settlement.model import LifecycleEvent
from signets.core.velocity import Exposure, Usage, leaves_rolling


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What applies to one request: caps and budgets with the keys they count by."""

    subject: Subject
    caps: tuple[tuple[Cap, CapKey], ...]
    budgets: tuple[tuple[Budget, BudgetKey], ...]


@dataclass(slots=True, kw_only=True)
class Batch:
    """All facts of one batch, mutable while it is decided."""

    now: datetime
    policy: Policy
    policy_version: int
    organization_frozen: bool
    merchants: KnownMerchants
    standing: Standing
    connection_id: str
    tokens: frozenset[str]  # of the cards that its requests name
    decisions: dict[str, list[DecisionRow]] = field(default_factory=dict)  # by request id
    transactions: dict[str, Transaction] = field(default_factory=dict)  # by request id
    events: dict[str, list[LifecycleEvent]] = field(default_factory=dict)  # by transaction id
    matches: dict[str, MerchantMatch] = field(default_factory=dict)  # by request key
    limits: dict[str, Limits] = field(default_factory=dict)  # by request key
    spans: dict[tuple[Period, datetime], Span] = field(default_factory=dict)
    tripped: list[str] = field(default_factory=list)  # cards whose breaker has to lock them
    reviews: list[MerchantReview] = field(default_factory=list)  # questions for a member
    repeated: list[str] = field(default_factory=list)  # approvals that a repeat is given
    # What outlives the batch: the standing's own.
    cards: dict[str, CardBook] = field(init=False)  # of the connection, by issuer token
    live: dict[str, dict[str, LiveAuthorization]] = field(init=False)
    intents: dict[str, Intent] = field(init=False)
    exposures: dict[str, ExposureRow] = field(init=False)  # by subject
    used: dict[CapKey, Usage] = field(init=False)
    budgets: dict[BudgetKey, Exposure] = field(init=False)
    declines: dict[BreakerKey, int] = field(init=False)

    def __post_init__(self) -> None:
        standing = self.standing
        self.cards = standing.cards.setdefault(self.connection_id, {})
        self.live, self.intents = standing.live, standing.intents
        self.exposures, self.used = standing.exposures, standing.used
        self.budgets, self.declines = standing.budgets, standing.declines

    @property
    def needs_follow_up(self) -> bool:
        """Whether something is to be done once its decisions are written."""
        return bool(self.tripped or self.reviews or self.repeated)

    def stands(self, key: CapKey | BreakerKey) -> bool:
        """Whether what was counted under the key is all that its window holds now."""
        return self.now < self.standing.until.get(key, self.now)

    def earlier(self, request: AuthorizationRequest) -> DecisionRow | None:
        """The stored answer to exactly this request."""
        for decision in self.decisions.get(request.request_id, ()):
            if decision.fingerprint == request.fingerprint:
                return decision
        return None

    def counts_at(self, book: CardBook) -> datetime:
        """In which calendar period a charge on the card counts.

        Now; but a recurring period's window opens early and counts when it is due.
        """
        exposure = self.exposures.get(book.window.intent_id) if book.window else None
        return max(self.now, exposure.counts_at) if exposure else self.now

    def span(self, period: Period, at: datetime) -> Span:
        """The calendar period that holds ``at``; nearly always the one that holds now."""
        known = self.spans.get((period, at))
        if known is None:
            known = self.spans[period, at] = span_of(period, at, self.policy.time_zone)
        return known

    def facts(self, request: AuthorizationRequest) -> Facts:
        """The facts for one request, as they stand now."""
        book = self.cards.get(request.card_token)
        if book is None:
            return Facts(card=None)
        key = request_key(request)
        match, limits = self.matches[key], self.limits[key]
        known = self.known(request)
        intent_id = known.intent_id if known and known.intent_id else None
        if intent_id is None and book.window is not None:
            intent_id = book.window.intent_id
        intent = self.intents.get(intent_id) if intent_id else None
        prohibited = blocked(self.policy, limits.subject)
        vendor = match.vendor if match.result is MatchResult.MATCH else None
        facts = Facts(
            card=self._card_facts(book),
            match=match,
            window=_window(book.window),
            intent=self._intent_facts(intent) if intent else None,
            known=known,
            live=tuple(self.live.get(book.card.id, {}).values()) if self.compares(request) else (),
            caps=tuple((cap, self.used[key]) for cap, key in limits.caps),
            budgets=tuple((budget, self.budgets[key]) for budget, key in limits.budgets),
            blocked_categories=prohibited.categories,
            blocked_countries=prohibited.countries,
            tolerance=tightest_tolerance(self.policy, limits.subject, max(1, request.amount)),
            verification=self.policy.verification,
            verifications_today=book.verifications,
            breaker=self.policy.breaker,
            recent_declines=self.declines.get((book.card.id, vendor), 0),
            grace=timedelta(seconds=self.policy.grace_seconds),
            zone=self.policy.time_zone,
        )
        # The facts are stored with the decision: of a busy card, only what it can hang on.
        return replace(facts, live=deciding(request, facts, self.now)) if facts.live else facts

    def compares(self, request: AuthorizationRequest) -> bool:
        """Whether the request could be a duplicate: equal charges are some intents' purpose."""
        paying = self.paying(request)
        return (
            not paying
            or request.request_id in self.decisions
            or not all(may_repeat(intent.usage) for intent in paying)
        )

    def paying(self, request: AuthorizationRequest) -> list[Intent]:
        """The intents that may pay: of the card's window, and of the charge that is changed."""
        book = self.cards[request.card_token]
        earlier = self.transactions.get(request.request_id)
        ids = (book.window and book.window.intent_id, earlier and earlier.intent_id)
        return [self.intents[one] for one in ids if one in self.intents]

    def known(self, request: AuthorizationRequest) -> KnownRequest | None:
        """What stands of earlier approvals under the request's id."""
        approved = [
            one
            for one in self.decisions.get(request.request_id, ())
            if one.approved and one.state is not DecisionState.VOID
        ]
        row = self.transactions.get(request.request_id)
        amount = sum(one.hold for one in approved)
        stands = row.held + row.cleared if row is not None else 0
        # What was given back is not approved any more: asking for it again is asking anew.
        if not approved or (amount > 0 and stands == 0):
            return None
        return KnownRequest(
            approved_amount=min(amount, stands),
            approved_intent_amount=min(
                sum(one.intent_amount for one in approved), row.intent_use if row else 0
            ),
            first_approved_at=approved[0].decided_at,
            intent_id=next((one.intent_id for one in approved if one.intent_id), None),
            verification=all(one.kind is DecisionKind.VERIFICATION for one in approved),
        )

    def _card_facts(self, book: CardBook) -> CardFacts:
        card = book.card
        frozen = (
            *(("card",) if card.frozen_at is not None else ()),
            *(("agent",) if book.agent_frozen else ()),
            *(("organization",) if self.organization_frozen else ()),
            *(("issuer connection",) if book.connection_held else ()),
        )
        return CardFacts(
            card_id=card.id,
            agent_id=card.agent_id,
            state=card.state,
            frozen=frozen,
            lock=lock_of(card),
            currency=card.currency,
            spending_limit=card.spending_limit,
            per_authorization_limit=card.per_authorization_limit,
            exposure=book.exposure,
            tripped=card.breaker_tripped_at is not None,
        )

    def _intent_facts(self, intent: Intent) -> IntentFacts:
        exposure = self.exposures.get(intent.id)
        return IntentFacts(
            intent_id=intent.id,
            state=intent.state,
            bounds=bounds_of(intent),
            currency=intent.currency,
            expected_amount=intent.expected_amount,
            vendor=intent.vendor,
            used=intent.used,
            charges=intent.charges,
            reserved=exposure.reserved if exposure else 0,
        )


def _window(row: WindowRow | None) -> UnlockWindow | None:
    if row is None:
        return None
    return UnlockWindow(
        intent_id=row.intent_id,
        opens_at=row.opens_at,
        closes_at=row.closes_at,
        consumed_at=row.consumed_at,
    )


def count_usage(
    batch: Batch,
    limits: Limits,
    *,
    approved: bool,
    counts: bool,
    amount: int,
    currency: str,
    capped_by: tuple[str, ...],
) -> None:
    """Let the caps of later requests see this one."""
    for cap, key in limits.caps:
        if (approved or cap.measure is Measure.ATTEMPTS) and cap.name not in capped_by:
            batch.standing.use(cap, key, batch.now, counts=counts, amount=amount, currency=currency)


def count_decline(batch: Batch, key: BreakerKey) -> None:
    """Let the breaker see a decline."""
    until = batch.standing.until
    batch.declines[key] = batch.declines.get(key, 0) + 1
    leaves = leaves_rolling(batch.policy.breaker.seconds, batch.now)
    until[key] = min(until.get(key, leaves), leaves)


def count_exposure(
    batch: Batch, book: CardBook, limits: Limits, before: ExposureRow | None, after: ExposureRow
) -> None:
    """Let card and budgets of later requests see what this one put at stake.

    It counts in the periods that hold ``after.counts_at``, as the stored row does.
    """
    change = Exposure(
        reserved=after.reserved - (before.reserved if before else 0),
        held=after.held - (before.held if before else 0),
        cleared=after.cleared - (before.cleared if before else 0),
        refunded=after.refunded - (before.refunded if before else 0),
    )
    if book.span is not None and book.span.holds(after.counts_at):
        book.exposure = book.exposure + change
    for _, key in limits.budgets:
        if key[2].holds(after.counts_at):
            batch.budgets[key] = batch.budgets[key] + change
    batch.exposures[after.subject_id] = after


def live_after(batch: Batch, transaction: Transaction) -> None:
    """Keep the card's live authorizations up to date."""
    if transaction.card_id is None:
        return
    on_card = batch.live.setdefault(transaction.card_id, {})
    if transaction.held > 0:
        on_card[transaction.issuer_token] = LiveAuthorization(
            request_id=transaction.issuer_token,
            vendor=transaction.vendor,
            amount=transaction.held,
            currency=transaction.currency,
            intent_id=transaction.intent_id,
        )
    else:
        on_card.pop(transaction.issuer_token, None)
    batch.transactions[transaction.issuer_token] = transaction


def remember(batch: Batch) -> None:
    """Leave in the standing what the next batch may build on: not what only this one names."""
    for transaction in batch.transactions.values():
        batch.exposures.pop(transaction.id, None)
    for token in batch.tokens & batch.cards.keys():
        book = batch.cards[token]
        if not book.live_whole or len(batch.live.get(book.card.id, ())) >= ALL_LIVE:
            book.live_whole = False
            batch.live.pop(book.card.id, None)
    # Asking a member writes to the log of the card, a breaker ends its window: it is read again,
    # and so is what a given back reservation changes.
    followed = {review.card_id for review in batch.reviews} | set(batch.tripped)
    for token in batch.tokens & batch.cards.keys():
        if batch.cards[token].card.id in followed:
            batch.standing.forget(batch.connection_id, token)
    if batch.tripped:
        batch.budgets.clear()
    batch.standing.at = batch.now
