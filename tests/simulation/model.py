"""An independent model of the engine: the one right answer to each request, and every balance.

Written from the contract (docs/story, docs/decisions, the posting table), not from the engine: it
shares no code with it and never reads its rows of money. Each check is a sentence of the contract.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from tests.simulation.books import period_began
from tests.simulation.history import (
    SMALL,
    Approval,
    Charge,
    Event,
    History,
    Intent,
    Plastic,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of the network."""

    id: str
    fingerprint: str
    token: str
    amount: int
    vendor: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the engine must say."""

    approved: bool
    reason: str | None
    kind: str
    hold: int
    intent: str | None


@dataclass(frozen=True, slots=True)
class _Case:
    """A request with what it meets.

    ``known``: what stands of the same request; ``payer``: who would pay; ``extra``: what
    is asked for beyond what stands; ``full``: caps that do not let it through.
    """

    asked: Asked
    card: Plastic
    kind: str
    known: Charge | None
    window: Intent | None
    payer: Intent | None
    extra: int
    now: datetime
    full: frozenset[str]

    @property
    def paid(self) -> bool:
        return self.kind in ("purchase", "increment")


class Model(History):
    """A history that also says what the next answer has to be."""

    def __init__(self, policy: dict[str, Any], now: datetime) -> None:
        super().__init__(policy, now)
        self.answers: dict[tuple[str, str], Answer] = {}

    def answer(self, asked: Asked, now: datetime, decision: str) -> Answer:
        """The one right answer; what follows from it is remembered (once)."""
        key = (asked.id, asked.fingerprint)
        if key not in self.answers:
            self.answers[key] = self._decide(asked, now, decision)
        return self.answers[key]

    def _decide(self, asked: Asked, now: datetime, decision: str) -> Answer:
        card = self.cards.get(asked.token)
        if card is None:
            return Answer(False, "card_unknown", self._kind(asked, None, None), 0, None)
        charge = self.charges.get(asked.id)
        known = charge if charge and self._stands(charge) else None
        window = self.window_of(card.id)
        payer = (known.paid if known else None) or window
        kind = self._kind(asked, known, payer)
        extra = max(0, asked.amount - (min(known.approved, known.stands) if known else 0))
        full = self._full(card, asked.vendor, extra, now, kind)
        case = _Case(asked, card, kind, known, window, payer, extra, now, full)
        reason = next((name for name, fails in self._checks(case) if fails()), None)
        vendor = asked.vendor if asked.vendor in card.lock else None
        once = kind != "increment"
        self.events.append(
            Event(
                *(now, card.id, card.agent, vendor, reason is None, once, extra),
                verification=kind == "verification",
                full=full,
            )
        )
        if reason is not None:
            self.declined(card, vendor, now)
            return Answer(False, reason, kind, 0, payer.id if payer else None)
        paying = payer if case.paid else None
        stood = charge.stands if charge else 0
        self.approve(asked.id, card, vendor, paying, Approval(decision, now, extra))
        # What the network let through before us was counted when we heard of it.
        counted = max(0, self.charges[asked.id].stands - stood)
        self.events[-1] = replace(self.events[-1], amount=counted)
        return Answer(True, None, kind, extra, paying.id if paying else None)

    @staticmethod
    def _stands(charge: Charge) -> bool:
        """Approved, and not all of it given back since."""
        live = [one for one in charge.approvals if not one.void]
        return bool(live) and not (charge.approved > 0 and charge.stands == 0)

    @staticmethod
    def _kind(asked: Asked, known: Charge | None, payer: Intent | None) -> str:
        if known is not None and known.paid is not None:
            return "increment"
        tiny = payer is not None and payer.expected <= SMALL
        if asked.amount == 0 or (asked.amount <= SMALL and not tiny):
            return "verification"
        return "purchase"

    def _checks(self, case: _Case) -> list[tuple[str, Callable[[], bool]]]:
        """The reasons, in their order."""
        return [
            ("frozen", lambda: case.card.frozen),
            ("card_locked", lambda: self._locked(case)),
            ("merchant_mismatch", lambda: self._elsewhere(case)),
            ("duplicate_charge", lambda: case.kind == "purchase" and self._again(case)),
            ("no_open_intent", lambda: case.paid and self._unpaid(case)),
            ("amount_exceeds_intent", lambda: case.paid and self._too_much(case)),
            ("spending_limit_exceeded", lambda: self._over_limit(case)),
            ("velocity_exceeded", lambda: bool(case.full)),
            ("budget_exceeded", lambda: self._over_budget(case)),
        ]

    def _late(self, case: _Case) -> bool:
        """An increment within the grace after the first approval passes a window that is over."""
        if case.kind != "increment" or case.known is None:
            return False
        return (
            case.now < next(one.at for one in case.known.approvals if not one.void) + self.grace()
        )

    def _locked(self, case: _Case) -> bool:
        """No window is open."""
        window = case.window  # a clock that was set back may be before its beginning
        is_open = window is not None and window.approved <= case.now < self.ends(window)
        return not is_open and not self._late(case)

    @staticmethod
    def _elsewhere(case: _Case) -> bool:
        """Not a vendor of the card's lock, or not the one that the intent is for."""
        if case.asked.vendor not in case.card.lock:
            return True
        return case.paid and case.payer is not None and case.payer.vendor != case.asked.vendor

    def _unpaid(self, case: _Case) -> bool:
        """No live intent that the card is open for has a charge left; an increment needs none."""
        payer = case.payer
        if payer is None or payer.state not in ("approved", "authorized"):
            return True
        if case.kind == "increment":
            return case.window is not payer and not self._late(case)
        return case.window is not payer or self.made(payer) >= payer.count

    def _too_much(self, case: _Case) -> bool:
        """Above what the intent allows for one charge, or has left."""
        payer, known = case.payer, case.known
        if payer is None or case.extra == 0:
            return False
        whole = (known.stands if known else 0) + case.extra
        mine = known.stands if known and known.intent is payer else 0
        return whole > payer.each or self.used(payer) - mine + whole > payer.total

    def _covered(self, case: _Case) -> int:
        """What the paying intent has set aside for this."""
        return self.reserved(case.payer) if case.payer and case.paid else 0

    def _over_limit(self, case: _Case) -> bool:
        spent = sum(one.stands for one in self.charges.values() if one.card == case.card.id)
        mine = (one for one in self.intents.values() if one.card == case.card.id)
        promised = sum(self.reserved(one) for one in mine)
        return case.extra > _room(case.card.limit, spent, promised, self._covered(case))

    def _over_budget(self, case: _Case) -> bool:
        return any(
            case.extra > _room(budget["amount"], *stake, self._covered(case))
            for budget, stake in self._budgets(case.card, case.asked.vendor, case.now)
        )

    def _again(self, case: _Case) -> bool:
        """The same purchase is authorized on this card already."""
        payer, extra = case.payer, case.extra
        if payer is not None and not payer.single:
            return False
        percent = self.policy["tolerance"]["percent"]
        return any(
            other.card == case.card.id
            and other.request != case.asked.id
            and other.held > 0
            and other.vendor == case.asked.vendor
            and extra <= other.held + other.held * percent // 100
            and other.held <= extra + extra * percent // 100
            # What another intent paid for is no duplicate while this one has its charge left.
            and (other.intent is payer or self._unpaid(case))
            for other in self.charges.values()
        )

    def _budgets(
        self, card: Plastic, vendor: str | None, now: datetime
    ) -> list[tuple[dict[str, Any], tuple[int, int]]]:
        found: list[tuple[dict[str, Any], tuple[int, int]]] = []
        vendor = vendor if vendor in card.lock else None
        for one in self.policy["budgets"]:
            if one["scope"] == "vendor" and vendor is None:
                continue
            since = period_began(one["period"], now, self.policy["time_zone"])

            def counts(
                agent: str, at: str | None, began: datetime, one: Any = one, since: Any = since
            ) -> bool:
                if began < since:
                    return False
                if one["scope"] == "agent":
                    return agent == card.agent
                return one["scope"] == "organization" or at == vendor

            spent = sum(
                charge.stands - min(charge.cleared, charge.refunded)
                for charge in self.charges.values()
                if counts(
                    charge.agent,
                    charge.intent.vendor if charge.intent else charge.vendor,
                    charge.intent.approved if charge.intent else charge.began,
                )
            )
            reserved = sum(
                self.reserved(intent)
                for intent in self.intents.values()
                if counts(intent.agent, intent.vendor, intent.approved)
            )
            found.append((one, (spent, reserved)))
        return found

    def _full(
        self, card: Plastic, vendor: str | None, extra: int, now: datetime, kind: str
    ) -> frozenset[str]:
        """The caps that do not let this through, and the verifications of the day."""
        full: set[str] = set()
        vendor = vendor if vendor in card.lock else None
        for cap in self.policy["caps"]:
            scope = [cap["scope"]] if isinstance(cap["scope"], str) else cap["scope"]
            if "vendor" in scope and vendor is None:
                continue
            key = {"card": card.id, "agent": card.agent, "vendor": vendor}
            calendar = cap["window"] in ("day", "week", "month")
            inside = [
                one
                for one in (*self.events, *self.late)
                if (
                    one.at >= period_began(cap["window"], now, self.policy["time_zone"])
                    if calendar
                    else one.at > now - timedelta(seconds=int(cap["window"][:-1]))
                )
                and (one.approved or cap["measure"] == "attempts")
                and cap["name"] not in one.full
                and all(getattr(one, name) == key[name] for name in scope if name in key)
            ]
            if kind != "increment" and sum(one.once for one in inside) >= cap["max_count"]:
                full.add(cap["name"])
            most = cap.get("max_amount")
            if most is not None and extra > max(0, most - sum(one.amount for one in inside)):
                full.add(cap["name"])
        today = period_began("day", now, "UTC")
        tried = sum(
            one.verification and one.approved and one.card == card.id and one.at >= today
            for one in self.events
        )
        if kind == "verification" and tried >= self.policy["verification"]["per_day"]:
            full.add("(verifications)")
        return frozenset(full)


def _room(bound: int, spent: int, promised: int, covered: int) -> int:
    """What is spent stays within the bound; so does all exposure, but a promise made is kept."""
    return max(0, min(bound - spent, max(bound - spent - promised + covered, covered)))
