"""One seeded world: agents, members, merchants and a network act at random on the real engine.

After every step the books are held against the simple model of :mod:`tests.simulation.books`;
at the end, so is everything that was ever decided.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import psycopg
from tests.postgres.process_kit import PIZZA, VENDORS, Tenant, charge, new_tenant, wrong_in
from tests.postgres.standing_kit import wrong_in_standing
from tests.simulation.books import Books
from tests.simulation.network import Record
from tests.simulation.predicted import Predicted

from signets.app.authenticate import authenticate
from signets.app.caller import Caller
from signets.app.decide_approval import decide_approval
from signets.app.decide_authorization import Answered
from signets.app.freeze import freeze_card, reset_breaker, unfreeze_card
from signets.app.record_issuer_event import apply_snapshot
from signets.app.records import Card
from signets.app.sweep import end_due_windows, expire_approvals
from signets.app.void_decision import void_decision
from signets.core.approval import Vote
from signets.core.authorization.decision import DecisionKind
from signets.core.authorization.request import AuthorizationRequest
from signets.core.errors import Refusal
from signets.core.intent import Usage
from signets.core.merchant.model import Merchant
from signets.core.settlement.model import DecidedBy, Snapshot

ZONES = ("UTC", "America/New_York", "Asia/Kolkata")
#: Seconds; the database's clock may also be set back.
TRAVEL = (1, 30, 300, 3600, 43_200, 86_400, -2, -45)
STEP = timedelta(seconds=1.37)
#: Share of doings in which the process dies at some statement, if there are so many.
CRASHES = 0.2
#: Before clocks change in New York, twice, before a month's and a year's end, and any day.
BEGINNINGS = tuple(
    datetime.fromisoformat(text)
    for text in (
        "2026-03-08T05:30:00+00:00",
        "2026-11-01T04:30:00+00:00",
        "2026-02-28T12:00:00+00:00",
        "2026-12-31T17:00:00+00:00",
        "2026-06-17T10:00:00+00:00",
    )
)

T = TypeVar("T")


class WorldRun(Predicted):
    """One world."""

    # ── making the world ───────────────────────────────────────────────────────────────────────

    async def run(self, steps: int) -> None:
        """Make the world, let it live, look back."""
        self.clock = self.rng.choice(BEGINNINGS)
        self.set_clock()
        self.policy = self._random_policy()
        self.tenant: Tenant = await new_tenant(self.runtime, f"w{self.seed}", **self.policy)
        for n in range(self.rng.choice((2, 3, 4))):
            agent = await self.tenant.agent(f"bot-{n}")
            self.agents.append(agent)
            for lock in (["openai.com"], ["openai.com", "aws.amazon.com"], ["aws.amazon.com"]):
                limit = self.rng.choice((3000, 10_000, 50_000))
                self.cards.append(await self.tenant.card(agent, limit=limit, lock=lock))
        token = await self.tenant.approver(f"eve@w{self.seed}.test")
        self.approver = await authenticate(self.tenant.services, token)
        actions = (
            (self.declare, 12),
            (self.charge_batch, 8),
            (self.charge_on, 5),
            (self.live, 9),
            (self.deliver, 7),
            (self.travel, 2),
            (self.vote, 3),
            (self.void, 1),
            (self.control, 2),
            (self.change_policy, 1),
            (self.force_post, 1),
        )
        self.begin_model()
        for _ in range(steps):
            [(action, _)] = self.rng.choices(actions, weights=[weight for _, weight in actions])
            await self.step(action)
        while self.waiting:
            await self.step(self.deliver)
        await self.look_back()
        self.db.close()

    async def step(self, action: Callable[[], Awaitable[None]]) -> None:
        """One action, and the model beside it."""
        self.say(action.__name__)
        self.pass_time()
        try:
            await action()
            self.tell()
            self.compare()
        except Exception as error:
            error.add_note(self.story())
            raise
        self.clock += STEP

    def set_clock(self) -> None:
        """The world's time, whatever the machine's is: a seed is the same world on any day."""
        self.shift["by"] = self.clock - datetime.now(UTC)

    def pass_time(self) -> None:
        """Where the clock was set back, time stands still until it has caught up."""
        self.set_clock()
        self.model.now = max(self.model.now, self.clock)

    async def attempt(self, call: Callable[[], Awaitable[T]]) -> T:
        """Call it; perhaps the process dies at some statement, and whoever asked asks again."""
        if self.rng.random() < CRASHES:
            self.wire.arm(self.rng.randint(1, 40), unheard=self.rng.random() < 0.5)
        cuts = self.wire.cuts
        try:
            return await call()
        except psycopg.Error:
            if self.wire.cuts == cuts:
                raise
        finally:
            self.wire.disarm()
        self.say("  cut off")
        self.crashes += 1
        wrong = wrong_in(self.runtime.database_url, self.tenant.org_id)
        self.check(not wrong, "half of something is there", wrong)
        return await call()

    def _random_policy(self) -> dict[str, Any]:
        choose = self.rng.choice
        caps = []
        for n in range(self.rng.randint(0, 3)):
            cap: dict[str, Any] = {
                "name": f"cap-{n}",
                "scope": choose(("card", "agent", "vendor", "organization", ["card", "vendor"])),
                "window": choose(("10s", "60s", "3600s", "day", "week")),
                "measure": choose(("approved", "approved", "attempts")),
                "max_count": choose((2, 5, 9)),
            }
            if choose((True, False)):
                cap |= {"max_amount": choose((2500, 6000)), "currency": "USD"}
            caps.append(cap)
        budgets = [
            {
                "name": f"budget-{n}",
                "scope": choose(("organization", "agent", "vendor")),
                "period": choose(("day", "week", "month")),
                "amount": choose((4000, 9000, 30_000)),
                "currency": "USD",
            }
            for n in range(self.rng.randint(0, 2))
        ]
        return {
            "time_zone": choose(ZONES),
            "tolerance": {"percent": choose((0, 10)), "absolute": 0},
            "grace": choose(("10m", "1h")),
            "breaker": {"declines": choose((4, 1000, 1000)), "within": "10m"},
            "flags": choose(
                (
                    {},
                    dict.fromkeys(
                        ("force_post", "no_intent", "wrong_merchant", "amount_above_maximum"),
                        "note",
                    ),
                )
            ),
            "verification": {"per_day": choose((1, 3))},
            "rules": [
                {"name": "small", "when": {"up_to": 4000, "currency": "USD"}, "then": "approve"}
            ],
            "caps": caps if choose((True, False)) else caps[:1],
            "budgets": budgets,
        }

    # ── what happens in it ─────────────────────────────────────────────────────────────────────

    async def declare(self) -> None:
        locked = {
            row["id"]
            for row in self.db.execute(
                "SELECT id FROM card WHERE org_id = %s AND state = 'locked'", (self.tenant.org_id,)
            ).fetchall()
        }
        card = self.rng.choice([one for one in self.cards if one.id in locked] or self.cards)
        usage = self.rng.choice((Usage.SINGLE, Usage.WINDOW))
        bounds = {"max_count": self.rng.choice((2, 5, 50))} if usage is Usage.WINDOW else {}
        amount = self.rng.choice((90, 500, 1500, 3000, 6000))
        said = {
            "vendor": self.rng.choice(card.merchant_lock),
            "usage": usage,
            "card_id": card.id,
            "window_seconds": self.rng.choice((60, 1800, 43_200)),
            "workflow": str(uuid.UUID(int=self.rng.getrandbits(128))),
            **bounds,
        }
        try:
            await self.attempt(lambda: self.tenant.intent(self.caller_of(card), amount, **said))
        except Refusal as refusal:
            self.say(f"  refused: {refusal.code}")

    def caller_of(self, card: Card) -> Caller:
        return next(one for one in self.agents if one.agent_id == card.agent_id)

    def _request(self) -> AuthorizationRequest:
        known = list(self.requests)
        if known and self.rng.random() < 0.35:
            paid = [one.decision.request_id for one in self.fresh if one.decision.approved]
            asked = self.requests[self.rng.choice(paid[-5:] or known)]
            if self.rng.random() < 0.3:
                asked = self.requests[self.rng.choice(known)]
            last = asked[-1]
            if self.rng.random() < 0.5 or last.request_id in self.doubtful:
                return self.rng.choice(asked)  # an issuer's retry
            return charge(  # an increment: the new whole amount
                last.request_id,
                last.card_token,
                last.amount + self.rng.choice((1, 80, 400)),
                merchant=last.merchant,
                created=self.network.now(),
            )
        card_token = self.rng.choice([card.issuer_token or "" for card in self.cards] + ["?"])
        merchant: Merchant = self.rng.choice((*VENDORS.values(), *VENDORS.values(), PIZZA))
        amount = self.rng.choice((0, 75, 100, 101, 450, 499, 1400, 1500, 2999, 5800))
        usable = self.db.execute(
            "SELECT c.issuer_token, i.* FROM intent i JOIN unlock_window w ON w.org_id = i.org_id"
            " AND w.intent_id = i.id AND w.ended_at IS NULL JOIN card c ON c.org_id = i.org_id"
            " AND c.id = i.card_id WHERE i.org_id = %s AND c.issuer_token IS NOT NULL"
            " ORDER BY i.id",
            (self.tenant.org_id,),
        ).fetchall()
        if usable and self.rng.random() < 0.9:
            intent = self.rng.choice(usable)
            card_token = intent["issuer_token"]
            if self.rng.random() < 0.9:
                merchant = VENDORS[intent["vendor"]]
            left = max(1, intent["max_total"] - intent["used"])
            amount = self.rng.choice((amount, left, left, left + 1, left // 2, left // 3))
        return charge(
            str(uuid.UUID(int=self.rng.getrandbits(128))),
            card_token,
            amount,
            merchant=merchant,
            created=self.network.now(),
        )

    async def charge_batch(self) -> None:
        requests = [self._request() for _ in range(self.rng.choice((1, 1, 2, 5)))]
        before, known = Books(self.db, self.tenant.org_id), self._stored()

        async def ask() -> list[Answered]:
            stored = self._stored()
            new = {(one.request_id, one.fingerprint) for one in requests} - known.keys()
            self.check(new <= stored.keys() or not new & stored.keys(), "half of a batch is stored")
            answers = await self.tenant.decide(*requests)
            for request, answer in zip(requests, answers, strict=True):
                key, row = (request.request_id, request.fingerprint), answer.decision
                self.check(answer.fresh == (key not in stored), "a repeat was decided again", key)
                self.check(stored.setdefault(key, row.id) == row.id, "another answer to a repeat")
                if not answer.fresh:
                    self.repeated.add(row.id)
            return answers

        answers = await self.attempt(ask)
        after = Books(self.db, self.tenant.org_id)
        fresh: list[tuple[AuthorizationRequest, Answered]] = []
        for request, answer in zip(requests, answers, strict=True):
            row, key = answer.decision, (request.request_id, request.fingerprint)
            self.say(f"  {request.request_id[:4]} {request.amount} -> {row.kind} {row.reason}")
            self.foretell(request, answer)
            asked = self.requests.setdefault(request.request_id, [])
            if key not in known:
                known[key] = row.id
                asked.append(request)
                self.fresh.append(answer)
                self._network_hears(request, answer)
                fresh += [(request, answer)] if row.approved else []
        for request, one in fresh:
            self._check_approval(request, one, after)
        self._check_bounds(before, after, fresh)

    async def charge_on(self) -> None:
        """Batch after batch, with nobody else moving: each builds on what the last one left."""
        for _ in range(self.rng.choice((2, 3, 5))):
            await self.charge_batch()
            checked, wrong = await wrong_in_standing(self.tenant)
            self.check(not wrong, "what is remembered is not what is stored", wrong)
            self.stood += checked
            self.tell()
            self.compare()
            await self._go_on(self.rng.choice((0.01, 2, 61, 400, 3700)))

    def _stored(self) -> dict[tuple[str, str], str]:
        """Decisions by what was asked."""
        return {
            (row["request_id"], row["fingerprint"]): row["id"]
            for row in self.db.execute(
                "SELECT request_id, fingerprint, id FROM decision WHERE org_id = %s",
                (self.tenant.org_id,),
            ).fetchall()
        }

    def _network_hears(self, request: AuthorizationRequest, answer: Answered) -> None:
        """What the issuer makes of our answer, and whether it tells us."""
        decision, luck = answer.decision, self.rng.random()
        if request.card_token == "?" or decision.kind is DecisionKind.CREDIT:
            return
        record = self.network.record(request.request_id, request.card_token, request.merchant)
        if decision.approved:
            if luck < 0.08:
                self.network.authorize(record, decision.hold, approved=False, by=DecidedBy.TIMEOUT)
            elif luck < 0.9:
                self.network.authorize(record, decision.hold, approved=True)
            else:
                self.network.take(record, decision.hold)
                return
        elif luck < 0.06 and not record.events:
            self.network.stand_in(record, request.amount)
        else:
            self.network.authorize(record, request.amount, approved=False)
        self.waiting.append(self.network.snapshot(record))

    async def live(self) -> None:
        """One more thing happens to a transaction at the issuer."""
        if not self.network.records:
            return
        record = self.rng.choice(list(self.network.records.values()))
        self._happen(record)
        if record.events:
            self.waiting.append(self.network.snapshot(record))

    def _happen(self, record: Record) -> None:
        net, held = self.network, record.held
        cleared = record.settled + record.refunded
        options = ["clear_all", "clear_all", "clear_part", "reverse_all", "reverse_part", "expire"]
        if held == 0:
            options = ["refund", "refund", "take_back", "late"] if cleared > 0 else ["late"]
            if cleared == 0 and (not record.events or self.rng.random() < 0.7):
                return
        elif self.rng.random() < 0.15:
            options = ["clear_more"]
        option = self.rng.choice(options)
        self.say(f"  {record.token[:4]} {option} of {held}")
        match option:
            case "clear_all":
                net.clear(record, held)
            case "clear_part":
                net.clear(record, self.rng.randint(1, held))
            case "clear_more":
                net.clear(record, held + self.rng.choice((1, held // 10, held)))
            case "reverse_all":
                net.reverse(record, held)
            case "reverse_part":
                net.reverse(record, self.rng.randint(1, held))
            case "expire":
                net.expire(record)
            case "late":
                # It does not ask any more about what cleared without an authorization.
                self.doubtful.add(record.token)
                net.clear(record, self.rng.choice((60, 700)))
            case "refund" if record.settled > 0:
                net.refund(record, self.rng.randint(1, record.settled))
            case "take_back" if record.refunded > 0:
                net.take_refund_back(record, self.rng.randint(1, record.refunded))

    async def deliver(self) -> None:
        """Some waiting events arrive, in any order; old ones arrive again."""
        self.rng.shuffle(self.waiting)
        arriving = [self.waiting.pop() for _ in range(min(3, len(self.waiting)))]
        if self.told and self.rng.random() < 0.3:
            arriving.append(self.rng.choice(self.told))
        for snapshot in arriving:
            self.told.append(snapshot)
            self.say(f"  {snapshot.transaction_token[:4]} with {len(snapshot.events)} events")
            await self.attempt(lambda: self._fold(snapshot))  # noqa: B023 - awaited at once
            self.hear(snapshot)
            self.tell()  # what one message froze, the next one meets

    async def _fold(self, snapshot: Snapshot) -> None:
        services = self.tenant.services
        async with services.store.transaction(self.tenant.org_id) as uow:
            await apply_snapshot(
                services, uow, self.tenant.connection_id, snapshot, cause="event:simulated"
            )

    async def force_post(self) -> None:
        card = self.rng.choice(self.cards)
        merchant = self.rng.choice((*VENDORS.values(), PIZZA))
        token = str(uuid.UUID(int=self.rng.getrandbits(128)))
        record = self.network.record(token, card.issuer_token or "", merchant)
        self.network.clear(record, self.rng.choice((50, 900)))
        self.waiting.append(self.network.snapshot(record))

    async def travel(self) -> None:
        await self._go_on(self.rng.choice(TRAVEL))

    async def _go_on(self, seconds: float) -> None:
        by = timedelta(seconds=seconds)
        self.say(f"  {by}")
        self.clock += by
        self.pass_time()
        await self.attempt(self._sweep)
        self.model.pass_time(await self.tenant.services.store.now())

    async def _sweep(self) -> None:
        await end_due_windows(self.tenant.services, self.tenant.org_id)
        await expire_approvals(self.tenant.services, self.tenant.org_id)

    async def vote(self) -> None:
        pending = self.db.execute(
            "SELECT id FROM intent WHERE org_id = %s AND state = 'pending_approval' ORDER BY id",
            (self.tenant.org_id,),
        ).fetchall()
        if not pending:
            return
        vote = self.rng.choice((Vote.APPROVE, Vote.APPROVE, Vote.DENY))
        intent_id, services = self.rng.choice(pending)["id"], self.tenant.services
        try:
            await self.attempt(
                lambda: decide_approval(services, self.approver, intent_id, vote, "so")
            )
        except Refusal as refusal:
            self.say(f"  refused: {refusal.code}")

    async def void(self) -> None:
        """An approval turns out never to have been sent."""
        sent = [
            one.decision
            for one in self.fresh
            if one.decision.approved
            and len(self.model.charges[one.decision.request_id].approvals) == 1
        ]
        if sent:
            decision = self.rng.choice(sent)
            # The issuer may have taken it all the same; it does not ask for more on it then.
            self.doubtful.add(decision.request_id)
            self.say(f"  {decision.request_id[:4]}")
            services, org_id = self.tenant.services, self.tenant.org_id
            await self.attempt(
                lambda: void_decision(services, org_id, decision.id, cause="too_late")
            )
            if decision.id not in self.repeated:  # what a repeat was given stands
                self.model.void(decision.id)

    async def control(self) -> None:
        card, services, admin = self.rng.choice(self.cards), self.tenant.services, self.tenant.admin
        if self.rng.random() < 0.2:
            await self.attempt(lambda: freeze_card(services, admin, card.id))
            return
        for one in self.cards:
            await unfreeze_card(services, admin, one.id)
            await reset_breaker(services, admin, one.id)

    async def change_policy(self) -> None:
        """New limits, and a card's limit lowered (an allowed way to be above it)."""
        changed = self._random_policy()
        self.policy = {**self.policy, "caps": changed["caps"], "budgets": changed["budgets"]}
        await self.attempt(lambda: self.tenant.policy(**self.policy))
        self.db.execute(
            "UPDATE card SET spending_limit = %s WHERE org_id = %s AND id = %s",
            (self.rng.choice((2000, 9000)), self.tenant.org_id, self.rng.choice(self.cards).id),
        )
