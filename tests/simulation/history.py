"""What happened in one organization, as a plain history, and the balances that follow from it.

The first half of an independent model (the second, the answers, is :mod:`tests.simulation.model`).
Written from the contract (docs/story, docs/decisions, the posting table), not from the engine: it
shares no code with it and never reads its rows of money. It is told what agents, members, network
and time did, keeps lists, and adds them up from the start each time it is asked.

It is *told*, not asked: which intents were approved and when (policy has tests of its own), when
a card was frozen or its window ended early, and which intent a member or the match gave to a charge
that the network let through by itself.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.simulation.network import Happened, amounts_after

SMALL = 100  # one US dollar
REOPENS = 2


@dataclass(eq=False, slots=True)
class Intent:
    """An approved intent and its window."""

    id: str
    card: str
    agent: str
    vendor: str
    single: bool
    expected: int
    total: int
    each: int
    count: int
    approved: datetime
    closes: datetime
    ended: bool = False  # the window
    canceled: bool = False
    consumed: datetime | None = None
    reopened: int = 0
    state: str = "approved"


@dataclass(eq=False, slots=True)
class Approval:
    """One of our approvals; ``void``: it cannot have counted."""

    id: str
    at: datetime
    amount: int
    void: bool = False


@dataclass(eq=False, slots=True)
class Charge:
    """One transaction: what we approved, and what the issuer has told us of it."""

    request: str
    card: str
    agent: str
    vendor: str | None
    began: datetime  # when money first moved on it, and until then when it was first seen
    approvals: list[Approval] = field(default_factory=list)
    told: list[Happened] = field(default_factory=list)
    intent: Intent | None = None  # that its money counts under
    paid: Intent | None = None  # that our approvals were under

    @property
    def approved(self) -> int:
        """What our approvals come to that were not voided."""
        return sum(one.amount for one in self.approvals if not one.void)

    @property
    def unconfirmed(self) -> int:
        """What we approved and no event of the issuer has named yet.

        Where none is named at all, what happens to the money happens to ours: a clearing may
        overtake its authorization.
        """
        asked = [one for one in self.told if one.what == "authorize"]
        named = [one.amount for one in asked if one.approved or one.timeout]
        if named:
            return max(0, self.approved - sum(named))
        theirs = amounts_after(self.told).held
        ours = amounts_after(self.told, self.approved).held
        return min(self.approved, max(0, ours - theirs))

    @property
    def held(self) -> int:
        return amounts_after(self.told).held + self.unconfirmed

    @property
    def cleared(self) -> int:
        return amounts_after(self.told).cleared

    @property
    def refunded(self) -> int:
        return amounts_after(self.told).refunded

    @property
    def stands(self) -> int:
        return self.held + self.cleared

    @property
    def moved(self) -> bool:
        """Whether money ever was approved or cleared on it."""
        return self.stands > 0 or any(one.amount for one in self.approvals)


@dataclass(frozen=True, slots=True)
class Event:
    """What caps and breaker count."""

    at: datetime
    card: str
    agent: str
    vendor: str | None
    approved: bool
    once: bool
    amount: int
    verification: bool = False
    full: frozenset[str] = frozenset()


@dataclass(slots=True)
class Plastic:
    """A card. ``reset``: when a member last reset its breaker."""

    id: str
    agent: str
    lock: tuple[str, ...]
    limit: int
    frozen: bool = False
    reset: datetime | None = None


class History:
    """Everything that happened in one organization."""

    def __init__(self, policy: dict[str, Any], now: datetime) -> None:
        self.now = now  # the world's clock moves it
        self.policy = policy
        self.cards: dict[str, Plastic] = {}  # by issuer token
        self.intents: dict[str, Intent] = {}
        self.charges: dict[str, Charge] = {}
        self.events: list[Event] = []
        self.late: list[Event] = []  # what the issuer's later messages added and gave back

    # ── what there is ──────────────────────────────────────────────────────────────────────────

    def under(self, intent: Intent) -> list[Charge]:
        return [one for one in self.charges.values() if one.intent is intent]

    def charge(self, request: str, card: Plastic, vendor: str | None, at: datetime) -> Charge:
        """The transaction, new where nothing happened yet."""
        return self.charges.setdefault(request, Charge(request, card.id, card.agent, vendor, at))

    def used(self, intent: Intent) -> int:
        return sum(one.stands for one in self.under(intent))

    def made(self, intent: Intent) -> int:
        """Charges that stand; a purchase that is meant once counts once."""
        found = sum(one.stands > 0 for one in self.under(intent))
        return min(found, 1) if intent.single else found

    def reserved(self, intent: Intent) -> int:
        if intent.ended or intent.state not in ("approved", "authorized"):
            return 0
        return max(0, intent.total - self.used(intent))

    def window_of(self, card: str) -> Intent | None:
        """The intent that the card is open for, until somebody ended the window."""
        found = [one for one in self.intents.values() if one.card == card and not one.ended]
        return found[-1] if found else None

    def grace(self) -> timedelta:
        text = self.policy["grace"]
        return timedelta(**{{"m": "minutes", "h": "hours"}[text[-1]]: int(text[:-1])})

    def ends(self, intent: Intent) -> datetime:
        if intent.consumed is None:
            return intent.closes
        return min(intent.closes, intent.consumed + self.grace())

    def settle(self, intent: Intent) -> None:
        """Where the intent stands, given the money under it and its window."""
        over = intent.ended or self.now >= self.ends(intent)
        held = sum(one.held for one in self.under(intent))
        cleared = sum(one.cleared for one in self.under(intent))
        if intent.state == "approved" and (held or cleared):
            intent.state = "authorized"
        elif intent.state == "approved" and over:
            intent.state = "canceled" if intent.canceled else "expired"
        if intent.state != "authorized" or held:
            return
        if intent.single:
            if cleared:
                intent.state = "settled"
            elif not over and intent.reopened < REOPENS:
                intent.state, intent.consumed = "approved", None
                intent.reopened += 1
            else:
                intent.state = "voided"
        elif over:
            intent.state = "settled" if cleared else "voided"

    # ── what follows ───────────────────────────────────────────────────────────────────────────

    def approve(
        self,
        request: str,
        card: Plastic,
        vendor: str | None,
        paying: Intent | None,
        approval: Approval,
    ) -> None:
        charge = self.charge(request, card, vendor, approval.at)
        first = paying is not None and charge.intent is not paying
        if not charge.moved:
            charge.began = approval.at
        charge.approvals.append(approval)
        if paying is None:
            return
        charge.intent = charge.paid = paying
        if first and paying.single:
            paying.consumed = approval.at
        self.settle(paying)

    def declined(self, card: Plastic, vendor: str | None, now: datetime) -> None:
        """The breaker: so many declines at one vendor lock the card."""
        since = now - timedelta(minutes=10)
        if card.reset is not None:
            since = max(since, card.reset)
        recent = [
            one
            for one in self.events
            if not one.approved and one.card == card.id and one.vendor == vendor and one.at > since
        ]
        if len(recent) >= self.policy["breaker"]["declines"]:
            window = self.window_of(card.id)
            if window is not None:
                self.end_window(window, canceled=True)

    def end_window(self, intent: Intent, *, canceled: bool = False) -> None:
        """Its window is over: by time, or by freeze or breaker (``canceled``)."""
        intent.ended, intent.canceled = True, canceled
        self.settle(intent)

    def pass_time(self, now: datetime) -> None:
        """The worker locks cards whose window is over."""
        for one in self.intents.values():
            if not one.ended and now >= self.ends(one):
                self.end_window(one)

    def hear(self, charge: Charge, told: list[Happened], intent: Intent | None) -> None:
        """The issuer's account of a transaction; an older one than is known adds nothing."""
        moved = charge.moved
        if len(told) > len(charge.told):
            charge.told = told
        if charge.moved and not moved:
            charge.began = self.now
        charge.intent = intent
        if intent is not None:
            self.settle(intent)

    def void(self, decision: str) -> None:
        """An approval turned out never to have been sent, or never taken."""
        for charge in self.charges.values():
            for one in charge.approvals:
                if one.id == decision:
                    one.void = True
                    if charge.intent is not None:
                        self.settle(charge.intent)

    # ── balances ───────────────────────────────────────────────────────────────────────────────

    def accounts(self) -> Counter[str]:
        """Every account's balance (debits minus credits)."""
        found: Counter[str] = Counter()
        for intent in self.intents.values():
            found["intent_reserved"] += self.reserved(intent)
        for charge in self.charges.values():
            found["auth_held"] += charge.held
            found["card_cleared" if charge.intent else "unmatched_suspense"] += charge.cleared
            found["refund_credit"] -= charge.refunded
            found["issuer_payable"] += charge.refunded - charge.cleared
        found["limit_available"] = -found["intent_reserved"] - found["auth_held"]
        return Counter({name: amount for name, amount in found.items() if amount})
