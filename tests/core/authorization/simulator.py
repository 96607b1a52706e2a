"""One card's life as the authorization path keeps it: running numbers that decisions change.

The arithmetic is the path's own (:mod:`signets.app.authorization_batch`), over one card, one
budget and three caps. :mod:`tests.core.authorization.naive` knows the same rules as a plain
history.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec.structs import replace
from tests.core.authorization.builders import MATCH, NOON, budget, cap, card, several, single

from signets.core.authorization.decision import Decision, DecisionKind
from signets.core.authorization.facts import (
    Facts,
    IntentFacts,
    KnownRequest,
    LiveAuthorization,
)
from signets.core.card import CardState, UnlockWindow
from signets.core.intent import ENDED, IntentState, Usage, state_after
from signets.core.policy.model import Cap, Measure, Period, Tolerance, Verification
from signets.core.velocity import Exposure, period_start, room_in, used_since
from signets.core.velocity import Usage as Used

GRACE = timedelta(minutes=10)
TOLERANCE = Tolerance(basis_points=1000)
LIMIT, PER_AUTHORIZATION, BUDGET = 6000, 3000, 5000
PER_DAY = 2
CAPS = (
    cap(name="count", count=4, seconds=1200),
    cap(name="amount", amount=4500, seconds=900),
    cap(name="attempts", count=9, seconds=1800, measure=Measure.ATTEMPTS),
)


@dataclass(slots=True)
class Approved:
    """One transaction: our approvals under one request id, and what stands of them."""

    intent_id: str | None
    approvals: list[tuple[datetime, int, int]]  # when, hold, of the intent
    live: int


@dataclass(slots=True)
class Path:
    """The state that decisions are made on and change."""

    now: datetime = NOON
    intents: dict[str, IntentFacts] = field(default_factory=dict)
    rows: dict[str, Exposure] = field(default_factory=dict)  # by intent or, without one, request
    window: UnlockWindow | None = None
    requests: dict[str, Approved] = field(default_factory=dict)
    events: list[tuple[datetime, Decision]] = field(default_factory=list)

    def exposure(self) -> Exposure:
        """Of the card, and of the budget."""
        total = Exposure()
        for row in self.rows.values():
            total = total + row
        return total

    def open(self, usage: Usage, amount: int) -> bool:
        """Approve an intent and open the card for it, if it fits and no other is open."""
        room = min(
            room_in(bound, self.exposure(), covered=0, refunds_restore=False)
            for bound in (LIMIT, BUDGET)
        )
        if self.window is not None or amount > room:
            return False
        intent_id = f"int_{len(self.intents)}"
        made = (
            single(amount, amount)
            if usage is Usage.SINGLE
            else several(amount, max(1, amount * 2 // 3), 3)
        )
        self.intents[intent_id] = replace(made, intent_id=intent_id)
        self.rows[intent_id] = Exposure(reserved=amount)
        self.window = UnlockWindow(
            intent_id=intent_id, opens_at=self.now, closes_at=self.now + timedelta(minutes=30)
        )
        return True

    def pass_time(self, seconds: int) -> None:
        """Time goes on; the worker locks a card whose window is over."""
        self.now += timedelta(seconds=seconds)
        window = self.window
        if window is None or window.is_open(self.now, GRACE):
            return
        self.window = None
        self.rows[window.intent_id] = replace(self.rows[window.intent_id], reserved=0)
        self._move(window.intent_id)

    def facts(self, request_id: str) -> Facts:
        """What the path gathers for a request under that id."""
        known = self.requests.get(request_id)
        intent_id = known.intent_id if known else None
        if intent_id is None and self.window is not None:
            intent_id = self.window.intent_id
        intent = self.intents[intent_id] if intent_id else None
        if intent is not None:
            intent = replace(intent, reserved=self.rows[intent_id].reserved)
        today = period_start(Period.DAY, self.now, "UTC")
        return Facts(
            card=card(
                state=CardState.OPEN if self.window else CardState.LOCKED,
                spending_limit=LIMIT,
                per_authorization_limit=PER_AUTHORIZATION,
                exposure=self.exposure(),
            ),
            match=MATCH,
            window=self.window,
            intent=intent,
            known=_known(known) if known else None,
            live=tuple(
                LiveAuthorization(
                    request_id=other,
                    vendor="openai.com",
                    amount=one.live,
                    currency="USD",
                    intent_id=one.intent_id,
                )
                for other, one in self.requests.items()
                if one.live and other != request_id
            ),
            caps=tuple((one, self._used(one)) for one in CAPS),
            budgets=((budget(BUDGET), self.exposure()),),
            tolerance=TOLERANCE,
            verification=Verification(per_day=PER_DAY),
            verifications_today=sum(
                made.approved and made.kind is DecisionKind.VERIFICATION and when >= today
                for when, made in self.events
            ),
        )

    def apply(self, request_id: str, made: Decision) -> None:
        """What the path writes for a decision."""
        self.events.append((self.now, made))
        if not made.approved:
            return
        known = self.requests.setdefault(request_id, Approved(None, [], 0))
        known.approvals.append((self.now, made.hold, made.intent_amount))
        known.live += made.hold
        subject, grown = made.intent_id or request_id, made.hold
        if made.intent_id is not None and known.intent_id is None:
            # A verification has become a purchase: its own hold joins the intent's.
            self.rows.pop(request_id, None)
            known.intent_id, grown = made.intent_id, known.live
        row = self.rows.get(subject, Exposure())
        row = replace(row, held=row.held + grown)
        if made.intent_id is not None:
            intent = self.intents[made.intent_id]
            intent = replace(
                intent,
                used=intent.used + made.intent_amount,
                charges=intent.charges + (made.kind is DecisionKind.PURCHASE),
                state=IntentState.AUTHORIZED,
            )
            self.intents[made.intent_id] = intent
            left = max(0, intent.bounds.max_total - row.held)
            row = replace(row, reserved=left if self._is_open(made.intent_id) else 0)
        self.rows[subject] = row
        if made.consumes and self.window is not None:
            self.window = replace(self.window, consumed_at=self.now)

    def reverse(self, request_id: str) -> None:
        """The merchant reverses all of a transaction: a later request under its id is new."""
        known = self.requests.pop(request_id, None)
        if known is None:
            return
        subject = known.intent_id or request_id
        row = self.rows[subject]
        row = self.rows[subject] = replace(row, held=row.held - known.live)
        if known.intent_id is None:
            return
        intent = self.intents[known.intent_id]
        self.intents[known.intent_id] = replace(
            intent, used=intent.used - known.live, charges=intent.charges - 1
        )
        if self._is_open(known.intent_id):
            self.rows[subject] = replace(row, reserved=intent.bounds.max_total - row.held)
        self._move(known.intent_id)

    def _is_open(self, intent_id: str) -> bool:
        return self.window is not None and self.window.intent_id == intent_id

    def _move(self, intent_id: str) -> None:
        intent, row = self.intents[intent_id], self.rows[intent_id]
        after = state_after(
            state=intent.state,
            usage=intent.bounds.usage,
            held=row.held,
            cleared=0,
            window_open=self._is_open(intent_id),
            reopens=0,
        )
        self.intents[intent_id] = replace(intent, state=after)
        if after in ENDED:
            self.rows[intent_id] = replace(row, reserved=0)
        reopened = intent.state is IntentState.AUTHORIZED and after is IntentState.APPROVED
        if reopened and self.window is not None:
            self.window = replace(self.window, consumed_at=None)

    def _used(self, one: Cap) -> Used:
        since = used_since(one.window, self.now, "UTC")
        inside = [
            made
            for when, made in self.events
            if when > since
            and (made.approved or one.measure is Measure.ATTEMPTS)
            and one.name not in made.capped_by
        ]
        return Used(
            count=sum(made.counts for made in inside), amount=sum(made.asked for made in inside)
        )


def _known(one: Approved) -> KnownRequest:
    return KnownRequest(
        approved_amount=sum(hold for _, hold, _ in one.approvals),
        approved_intent_amount=sum(used for _, _, used in one.approvals),
        first_approved_at=one.approvals[0][0],
        intent_id=one.intent_id,
        verification=one.intent_id is None,
    )
