"""Invariants 2, 3, 4, 7 and 8 of design §11, checked on a world as it runs."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row
from tests.postgres.process_kit import VENDORS, audit
from tests.simulation.books import Books
from tests.simulation.cut import Wire
from tests.simulation.network import Network

from signets.app.caller import Caller
from signets.app.decide_authorization import Answered
from signets.app.read_cards import get_card
from signets.app.read_intents import get_intent
from signets.app.read_transactions import get_transaction, list_transactions
from signets.app.records import Card, DecisionState
from signets.app.replay_decisions import Wanted, replay_decisions
from signets.bootstrap import Runtime
from signets.core.authorization.decision import DecisionKind
from signets.core.authorization.request import AuthorizationRequest
from signets.core.errors import Refusal
from signets.core.settlement.model import Snapshot

VENDOR_OF = {merchant.descriptor: vendor for vendor, merchant in VENDORS.items()}


class Watched:
    """What a world has at hand, and the invariants it is held against."""

    def __init__(
        self, seed: int, runtime: Runtime, wire: Wire, shift: dict[str, timedelta], url: str
    ) -> None:
        self.seed = seed
        self.wire = wire
        self.crashes = 0
        self.stood = 0  # facts that were remembered, and as stored
        self.doubtful: set[str] = set()  # requests that the issuer asks no more on
        self.rng = random.Random(seed)
        self.runtime = runtime
        self.shift = shift
        self.db: psycopg.Connection[DictRow] = psycopg.connect(
            url, autocommit=True, row_factory=dict_row, options="-c timezone=UTC"
        )
        self.network = Network()
        self.policy: dict[str, Any] = {}
        self.agents: list[Caller] = []
        self.cards: list[Card] = []
        self.requests: dict[str, list[AuthorizationRequest]] = {}
        self.repeated: set[str] = set()  # decisions that a repeat was given
        self.waiting: list[Snapshot] = []
        self.told: list[Snapshot] = []
        self.fresh: list[Answered] = []
        self.trail: list[str] = []

    def say(self, text: str) -> None:
        self.trail.append(text)

    def check(self, holds: bool, *what: object) -> None:
        """An assertion that says how to see it again."""
        if not holds:
            raise AssertionError(*what)

    def story(self) -> str:
        """How to see it again, and what came before."""
        return f"make sim SEED={self.seed}\n  " + "\n  ".join(self.trail[-25:])

    def _check_approval(
        self, request: AuthorizationRequest, answer: Answered, after: Books
    ) -> None:
        """Invariant 4: open, matched, covered; and no limit at the issuer came before ours."""
        decision = answer.decision
        card = after.cards[decision.card_id or ""]
        counted = self.network.counted(request.card_token)
        self.check(counted <= card["backstop"], "the issuer had declined", counted, card)
        vendor = VENDOR_OF.get(request.merchant.descriptor)
        self.check(vendor in card["merchant_lock"], "another merchant was approved", request)
        self.check(
            card["frozen_at"] is None or card["frozen_at"] >= decision.decided_at, "frozen", card
        )
        if decision.kind is DecisionKind.INCREMENT:
            self.check(
                any(
                    one.decision.request_id == decision.request_id and one.decision.approved
                    for one in self.fresh
                    if one.decision.id != decision.id
                ),
                "an increment of nothing",
            )
        else:
            windows = self.db.execute(
                "SELECT * FROM unlock_window WHERE org_id = %s AND card_id = %s"
                " AND opens_at <= %s AND %s < ends_at AND (ended_at IS NULL OR ended_at >= %s)",
                (self.tenant.org_id, card["id"], *[decision.decided_at] * 3),
            ).fetchall()
            # Two, where the clock was set back between the end of one and the next.
            self.check(len(windows) > 0, "approved outside a window", decision)
        if decision.kind is DecisionKind.VERIFICATION:
            self.check(decision.hold <= 100 and decision.intent_id is None, "no verification")
            return
        intent = after.intents[decision.intent_id or ""]
        self.check(intent["vendor"] == vendor, "the intent is for another vendor", intent)
        self.check(intent["card_id"] == card["id"], "the intent is another card's")
        self.check(after.used[intent["id"]] <= intent["max_total"], "above the intent", intent)
        self.check(intent["charges"] <= intent["max_count"], "too many charges", intent)

    def _check_bounds(
        self,
        before: Books,
        after: Books,
        fresh: list[tuple[AuthorizationRequest, Answered]],
    ) -> None:
        """Invariants 2 and 3: what these approvals touched is within every bound."""
        zone = self.policy["time_zone"]
        for request, answer in fresh:
            decision = answer.decision
            card = after.cards[decision.card_id or ""]
            key = {
                "card": card["id"],
                "agent": card["agent_id"],
                "vendor": VENDOR_OF.get(request.merchant.descriptor),
            }
            if decision.hold > 0:
                old, new = before.of_card(card["id"]), after.of_card(card["id"])
                limit = card["spending_limit"]
                self.check(new.spent <= limit, "spent above the card's limit", old, new, limit)
                self.check(
                    new.spent + new.reserved <= max(limit, old.spent + old.reserved),
                    "a decision raised the exposure above the card's limit",
                    old,
                    new,
                    limit,
                )
            for budget in self.policy["budgets"]:
                wanted = {name: key[name] for name in [budget["scope"]] if name in key}
                at = decision.decided_at
                old = before.of_budget(budget, wanted, at, zone)
                new = after.of_budget(budget, wanted, at, zone)
                if decision.hold > 0:
                    self.check(new.spent <= budget["amount"], "budget", budget, old, new)
                    self.check(
                        new.spent + new.reserved <= max(budget["amount"], old.spent + old.reserved),
                        "a decision raised the exposure above a budget",
                        budget,
                        old,
                        new,
                    )
            for cap in self.policy["caps"]:
                scope = [cap["scope"]] if isinstance(cap["scope"], str) else cap["scope"]
                wanted = {name: key[name] for name in scope if name in key}
                count, amount = after.velocity(cap, wanted, decision.decided_at, zone)
                if decision.kind is not DecisionKind.INCREMENT:
                    self.check(count <= cap["max_count"], "cap by count", cap, count)
                if decision.hold > 0 and "max_amount" in cap and cap["measure"] == "approved":
                    self.check(amount <= cap["max_amount"], "cap by amount", cap, amount)

    async def look_back(self) -> None:
        """Whole books; every excess is flagged; every decision replays; nobody sees too much."""
        try:
            await audit(self.tenant)
        except AssertionError as error:
            error.add_note(self.story())
            raise
        await self._check_privacy()
        books = Books(self.db, self.tenant.org_id)
        flagged = {row["intent_id"] for row in books.transactions if row["flags"]}
        for intent in books.intents.values():
            over = books.used[intent["id"]] > intent["max_total"]
            self.check(not over or intent["id"] in flagged, "an excess without a flag", intent)
        paid: Counter[str] = Counter()
        stored = self.db.execute(
            "SELECT * FROM decision WHERE org_id = %s", (self.tenant.org_id,)
        ).fetchall()
        for row in stored:
            if row["approved"] and row["kind"] == "purchase" and row["state"] != DecisionState.VOID:
                paid[row["intent_id"]] += 1
        await self._check_replay(len(stored))
        for intent_id, times in paid.items():
            intent = books.intents[intent_id]
            if intent["usage"] == "single":
                self.check(times <= 1 + intent["reopens"], "single-use, paid twice", intent)

    async def _check_replay(self, stored: int) -> None:
        """Invariant 8: every decision follows from its record, policy included."""
        again = [
            one
            async for one in replay_decisions(self.tenant.services, self.tenant.org_id, Wanted())
        ]
        self.check(len(again) == stored, "not every decision was replayed", len(again), stored)
        for one in again:
            self.check(not one.differences, "a replay decides otherwise", one)

    async def _check_privacy(self) -> None:
        """Invariant 7: an agent finds its own things, and nothing of another's."""
        services = self.tenant.services
        for agent in self.agents:
            for table, name, get in (
                ("card", "id", get_card),
                ("intent", "id", get_intent),
                ("transaction", "id", get_transaction),
            ):
                for row in self.db.execute(
                    f"SELECT org_id, agent_id, {name} AS id FROM {table}"
                    " WHERE org_id = %s OR org_id < %s ORDER BY random() LIMIT 12",
                    (self.tenant.org_id, self.tenant.org_id),
                ).fetchall():
                    try:
                        await get(services, agent, row["id"])
                    except Refusal as refusal:
                        self.check(refusal.code.endswith("_not_found"), refusal.code)
                        self.check(row["agent_id"] != agent.agent_id, "hid its own", row)
                    else:
                        self.check(row["agent_id"] == agent.agent_id, "showed another's", row)
            listed = await list_transactions(
                services, agent, card_id=None, intent_id=None, after=None, limit=100
            )
            self.check({one.agent_id for one in listed} <= {agent.agent_id}, "listed another's")
