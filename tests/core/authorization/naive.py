"""The rules once more, in the plainest way: a list of what happened, added up from the start.

Nothing here is shared with the code under test; each rule is a sentence of the product's contract.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.core.authorization.simulator import BUDGET, LIMIT, PER_AUTHORIZATION, PER_DAY

GRACE = timedelta(minutes=10)
SMALL = 100


@dataclass(slots=True)
class Intent:
    """A reservation and its window. ``count`` charges of ``each``, ``total`` together."""

    total: int
    each: int
    count: int
    single: bool
    opened: datetime
    over: bool = False


@dataclass(slots=True)
class Charge:
    """What stands under one request id: our approvals, and who pays."""

    holds: list[tuple[datetime, int]]
    intent: Intent | None = None
    paid_at: datetime | None = None  # when the intent first paid

    @property
    def amount(self) -> int:
        """All of it."""
        return sum(amount for _, amount in self.holds)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What counts in caps."""

    at: datetime
    approved: bool
    once: bool
    amount: int
    verification: bool
    full: frozenset[str]


@dataclass(slots=True)
class History:
    """Everything that happened."""

    intents: list[Intent] = field(default_factory=list)
    charges: dict[str, Charge] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)

    def open_intent(self, now: datetime) -> Intent | None:
        """The intent whose window is open: 30 minutes, or the grace after a single purchase."""
        for one in self.intents:
            end = one.opened + timedelta(minutes=30)
            for charge in self.charges.values():
                if one.single and charge.intent is one and charge.paid_at is not None:
                    end = min(end, charge.paid_at + GRACE)
            if now >= end:
                one.over = True
            if not one.over:
                return one
        return None

    def spent(self, intent: Intent | None = None) -> int:
        """What is charged: on the card, or of one intent."""
        return sum(
            one.amount for one in self.charges.values() if intent is None or one.intent is intent
        )

    def reserved(self, intent: Intent) -> int:
        """What an open intent has set aside and not used."""
        return 0 if intent.over else intent.total - self.spent(intent)

    def answer(self, id: str, amount: int, now: datetime) -> tuple[bool, frozenset[str]]:
        """Whether it is approved, and which caps are full. Remembers what follows."""
        window = self.open_intent(now)
        charge = self.charges.get(id)
        extra = max(0, amount - (charge.amount if charge else 0))
        increment = charge is not None and charge.intent is not None
        verification = not increment and amount <= SMALL
        payer = charge.intent if charge and increment else window
        full = self._full_caps(extra, now, once=not increment, verification=verification)
        unlocked = window is not None
        if charge and increment:
            unlocked = now < charge.holds[0][0] + GRACE or window is charge.intent
        allowed = unlocked and not full
        if not verification:
            allowed = allowed and payer is not None and self._covers(payer, charge, amount, extra)
        covered = 0 if verification or payer is None else self.reserved(payer)
        allowed = allowed and self._within_limits(extra, covered)
        allowed = allowed and (charge.amount if charge else 0) + extra <= PER_AUTHORIZATION
        self.attempts.append(Attempt(now, allowed, not increment, extra, verification, full))
        if allowed:
            made = self.charges.setdefault(id, Charge([]))
            if not verification and made.intent is None:
                made.intent, made.paid_at = payer, now
            made.holds.append((now, extra))
        return allowed, full

    def _covers(self, payer: Intent, charge: Charge | None, amount: int, extra: int) -> bool:
        """The intent has a charge left (an increment needs none) and its amounts are kept."""
        others = [one for one in self.charges.values() if one.intent is payer and one is not charge]
        mine = max(amount, charge.amount if charge else 0)
        return (
            len(others) < payer.count
            and mine <= payer.each
            and sum(one.amount for one in others) + mine <= payer.total
        ) or (charge is not None and charge.intent is payer and extra == 0)

    def _within_limits(self, extra: int, covered: int) -> bool:
        """Spent stays within each bound, and a growing exposure does, too."""
        at_stake = self.spent() + sum(self.reserved(one) for one in self.intents)
        growth = max(0, extra - covered)
        return all(
            extra == 0
            or (self.spent() + extra <= bound and (growth == 0 or at_stake + growth <= bound))
            for bound in (LIMIT, BUDGET)
        )

    def _full_caps(
        self, extra: int, now: datetime, *, once: bool, verification: bool
    ) -> frozenset[str]:
        full = set()
        last = [one for one in self.attempts if one.approved]
        if once and sum(one.once for one in last if now - one.at < timedelta(minutes=20)) >= 4:
            full.add("count")
        spent = sum(one.amount for one in last if now - one.at < timedelta(minutes=15))
        if extra > max(0, 4500 - spent):
            full.add("amount")
        tries = [
            one
            for one in self.attempts
            if now - one.at < timedelta(minutes=30) and "attempts" not in one.full
        ]
        if once and sum(one.once for one in tries) >= 9:
            full.add("attempts")
        today = [one for one in last if one.verification and one.at.date() == now.date()]
        if verification and len(today) >= PER_DAY:
            full.add("(verifications)")
        return frozenset(full)
