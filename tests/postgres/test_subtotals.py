"""Sums from subtotals against sums of plain rows: windows, zones, give-backs, changes, policies."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from psycopg.rows import dict_row
from tests.postgres.process_kit import new_tenant, rows, tenant_runtime

from signets.app.limits import span_of
from signets.app.records import ExposureRow, VelocityRow
from signets.core.merchant.directory import Directory
from signets.core.policy.model import Match, Measure, Period, Window
from signets.core.velocity import Exposure, Usage, used_since
from signets.storage.postgres import subtotals, sum_queries
from signets.storage.postgres.ledger import Ledger

TICK = timedelta(microseconds=1)
#: Europe leaves winter time here, Lord Howe (by half an hour) and Chatham summer time a week later.
START = datetime(2026, 3, 28, 21, tzinfo=UTC)
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
)
AGENTS = ("agt_a", "agt_b")
VENDORS = ("openai.com", "aws.amazon.com", None)
CATEGORIES = ("model_api", "cloud", None)
WORKFLOWS = ("nightly", "two\nlines", None)
CAPS = ("burst", "day")
SCOPES = (
    (),
    ("card_id",),
    ("agent_id",),
    ("vendor",),
    ("card_id", "vendor"),
    ("agent_id", "vendor"),
    ("card_id", "agent_id", "vendor"),
)
WHENS = (
    Match(),
    Match(),
    Match(agents=("agt_a",)),
    Match(vendors=("openai.com", "unseen.dev"), categories=("model_api",)),
    Match(categories=("cloud",)),
)


@pytest.fixture
def small_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stretches of three rows and pairs of stretches, so that few rows fill all levels."""
    for module in (subtotals, sum_queries):
        monkeypatch.setattr(module, "ROWS", 3)
        monkeypatch.setattr(module, "FAN", 2)
    monkeypatch.setattr(subtotals, "MOST", 12)


@dataclass
class Base:
    """A database with an organization that has two cards; each example works on a copy."""

    url: str
    org_id: str
    cards: list[str]
    copies: Iterator[int] = field(default_factory=itertools.count)

    def copy(self) -> str:
        """Another organization with the same cards and nothing else."""
        org_id = f"org_copy_{next(self.copies)}"
        with psycopg.connect(self.url) as connection:
            for table in ("organization", "agent", "issuer_connection", "card"):
                connection.execute(
                    f"INSERT INTO {table} SELECT (jsonb_populate_record(one, jsonb_build_object("
                    f"'org_id', %s::text))).* FROM {table} one WHERE org_id = %s",
                    (org_id, self.org_id),
                )
        return org_id


@pytest.fixture
def base(database_url: str, tmp_path: Path, directory: Directory) -> Base:
    """The organization that examples copy."""

    async def make() -> Base:
        async with tenant_runtime(tmp_path, directory, url=database_url) as runtime:
            tenant = await new_tenant(runtime, "base")
            agent = await tenant.agent("bot")
            cards = [(await tenant.card(agent, limit=1000)).id for _ in range(2)]
            return Base(database_url, tenant.org_id, cards)

    return asyncio.run(make())


@dataclass
class Both:
    """The same rows in the database and in lists; time goes on as the test says."""

    base: Base
    rng: random.Random
    now: datetime = START
    events: list[VelocityRow] = field(default_factory=list)
    exposures: dict[str, ExposureRow] = field(default_factory=dict)
    made: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.org_id = self.base.copy()
        self.set_policy()

    def set_policy(self) -> None:
        """What is asked from now on: a few shapes again and again, as a policy does."""
        workflows = (("workflow",), ("agent_id", "workflow"))
        nightly = Match(workflows=("nightly",))
        self.caps = [(self.rng.choice(SCOPES), self.rng.choice(WHENS)) for _ in range(2)]
        self.budgets = [
            (self.rng.choice((*SCOPES, *workflows)), self.rng.choice((*WHENS, nightly)))
            for _ in range(2)
        ]

    def subject(self) -> dict[str, str | None]:
        return {
            "card_id": self.rng.choice(self.base.cards),
            "agent_id": self.rng.choice(AGENTS),
            "vendor": self.rng.choice(VENDORS),
            "category": self.rng.choice(CATEGORIES),
        }

    def event(self, at: datetime) -> VelocityRow:
        approved = self.rng.random() < 0.6
        return VelocityRow(
            at=at,
            id=f"evt_{next(self.made)}",
            transaction_id=None,
            approved=approved,
            counts=int(self.rng.random() < 0.8),
            amount=self.rng.randint(1, 500),
            currency=self.rng.choice(("USD", "USD", "EUR")),
            verification=False,
            capped_by=() if approved else self.rng.choice(((), CAPS[:1], CAPS)),
            **self.subject(),  # type: ignore[arg-type]
        )

    def exposure(self, counts_at: datetime) -> ExposureRow:
        return ExposureRow(
            subject_id=f"int_{next(self.made)}",
            workflow=self.rng.choice(WORKFLOWS),
            currency=self.rng.choice(("USD", "USD", "EUR")),
            counts_at=counts_at,
            **self.subject(),  # type: ignore[arg-type]
            **self.amounts(),
        )

    def amounts(self) -> dict[str, int]:
        names = ("reserved", "held", "cleared", "refunded")
        return {name: self.rng.choice((0, self.rng.randint(1, 900))) for name in names}

    def instants(self) -> list[datetime]:
        """Times at which something is, and those right beside them."""
        known = {one.at for one in self.events} | {one.counts_at for one in self.exposures.values()}
        return sorted({START} | {at + by for at in known for by in (-TICK, timedelta(), TICK)})

    async def write(self, ledger: Ledger, kind: str) -> None:
        """A batch of what just happened, something late, a give-back, a change."""
        rng, some = self.rng, range(self.rng.choice((1, 5, 12, 20)))
        events: list[VelocityRow] = []
        exposures: list[ExposureRow] = []
        if kind == "events":
            events = [self.event(self.now) for _ in some]
        elif kind == "late":
            events = [self.event(rng.choice(self.instants())) for _ in some]
        elif kind == "give back" and self.events:
            chosen = rng.choices(self.events, k=2)
            events = [
                replace(one, id=f"evt_{next(self.made)}", counts=0, amount=-(one.amount // 2))
                for one in chosen
            ]
        elif kind == "exposures":
            due = (timedelta(), timedelta(), timedelta(days=3))
            exposures = [self.exposure(self.now + rng.choice(due)) for _ in some]
        elif kind == "late exposures":
            exposures = [self.exposure(rng.choice(self.instants())) for _ in some]
        elif kind == "changes" and self.exposures:
            chosen_rows = {
                one.subject_id: replace(one, **self.amounts())  # type: ignore[arg-type]
                for one in rng.choices(list(self.exposures.values()), k=4)
            }
            exposures = [*chosen_rows.values(), self.exposure(self.now)]
        await ledger.put_exposures(exposures)
        await ledger.add_velocity(events)
        self.events += events
        self.exposures.update((one.subject_id, one) for one in exposures)

    def keys(self, scope: tuple[str, ...]) -> list[tuple[str, ...]]:
        values = {
            "card_id": self.base.cards,
            "agent_id": list(AGENTS),
            "vendor": [one for one in VENDORS if one],
            "workflow": [one for one in WORKFLOWS if one],
        }
        return list(itertools.product(*(values[name] for name in scope)))

    async def compare_used(self, ledger: Ledger) -> None:
        """One cap, as policy might have it from now on, at all its keys."""
        rng = self.rng
        scope, when = rng.choice(self.caps)
        measure, cap = rng.choice(list(Measure)), rng.choice((*CAPS, "new"))
        since = rng.choice(
            (
                used_since(Window(seconds=rng.choice((10, 600, 86_400))), self.now, "UTC"),
                used_since(Window(seconds=7_776_000), self.now, "UTC"),
                used_since(Window(period=Period.DAY), self.now, rng.choice(ZONES)),
                used_since(Window(period=Period.WEEK), self.now, rng.choice(ZONES)),
                rng.choice(self.instants()),
            )
        )
        keys = self.keys(scope)
        [found] = await ledger.sums(
            [
                ledger.usage(
                    scope, keys, since=since, measure=measure, cap=cap, currency="USD", when=when
                )
            ]
        )
        counted = [_of(self.events, scope, key, when) for key in keys]
        assert [one.usage for one in found] == [
            _usage(among, since, measure, cap) for among in counted
        ]
        for one, among in zip(found, counted, strict=True):
            # Nothing that counts happened before the time that is told, so until that has left the
            # window, the sum stands.
            times = [row.at for row in _counting(among, since, measure, cap)]
            if times:
                assert one.first is not None and since < one.first <= min(times)

    async def compare_exposed(self, ledger: Ledger) -> None:
        """One budget at all its keys."""
        rng = self.rng
        scope, when = rng.choice(self.budgets)
        span = span_of(rng.choice(list(Period)), self.now, rng.choice(ZONES))
        since, until = span.since, span.until
        if rng.random() < 0.4:
            since, until = sorted(rng.choices(self.instants(), k=2))
        keys = self.keys(scope)
        [found] = await ledger.sums(
            [ledger.exposure(scope, keys, since=since, until=until, currency="USD", when=when)]
        )
        assert found == [
            _exposure(_of(list(self.exposures.values()), scope, key, when), since, until)
            for key in keys
        ]


def _of(among: list, scope: tuple[str, ...], key: tuple[str, ...], when: Match) -> list:
    lists = {
        "agent_id": when.agents,
        "vendor": when.vendors,
        "category": when.categories,
        "workflow": when.workflows,
    }
    return [
        one
        for one in among
        if all(getattr(one, name) == wanted for name, wanted in zip(scope, key, strict=True))
        and all(getattr(one, name) in only for name, only in lists.items() if only)
    ]


def _counting(
    among: list[VelocityRow], since: datetime, measure: Measure, cap: str
) -> list[VelocityRow]:
    return [
        one
        for one in among
        if one.at > since
        and cap not in one.capped_by
        and (one.approved or measure is Measure.ATTEMPTS)
    ]


def _usage(among: list[VelocityRow], since: datetime, measure: Measure, cap: str) -> Usage:
    inside = _counting(among, since, measure, cap)
    return Usage(
        count=sum(one.counts for one in inside),
        amount=sum(one.amount for one in inside if one.currency == "USD"),
        oldest=min((one.at for one in inside if one.counts), default=None),
    )


def _exposure(among: list[ExposureRow], since: datetime | None, until: datetime | None) -> Exposure:
    inside = [
        one
        for one in among
        if one.currency == "USD"
        and (since is None or one.counts_at >= since)
        and (until is None or one.counts_at < until)
    ]
    return Exposure(
        reserved=sum(one.reserved for one in inside),
        held=sum(one.held for one in inside),
        cleared=sum(one.cleared for one in inside),
        refunded=sum(one.refunded for one in inside),
    )


KINDS = ("events", "late", "give back", "exposures", "late exposures", "changes")
STEPS = st.lists(
    st.tuples(
        st.sampled_from([timedelta(), TICK, timedelta(seconds=7), timedelta(hours=5)]),
        st.lists(st.sampled_from((*KINDS, "new policy")), min_size=1, max_size=3),
    ),
    min_size=4,
    max_size=30,
)
#: A failing example is one seed; making it smaller takes minutes and shows no more.
EXAMPLES = settings(
    max_examples=25,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)


def test_every_window_sums_what_its_rows_sum(small_stretches: None, base: Base) -> None:
    """Whatever is written in whatever order, each cap and budget is the plain sum of its rows."""

    @EXAMPLES
    @given(steps=STEPS, seed=st.integers(0, 2**32))
    def hold(steps: list[tuple[timedelta, list[str]]], seed: int) -> None:
        asyncio.run(compare(Both(base, random.Random(seed)), steps))

    hold()
    for table in ("velocity_subtotal", "exposure_subtotal"):
        levels = rows(base.url, f"SELECT DISTINCT level FROM {table} ORDER BY level")
        assert [one["level"] for one in levels] == [1, 2], "the examples are too small"


async def compare(both: Both, steps: list[tuple[timedelta, list[str]]]) -> None:
    """Write step by step; before each, ask for what a decision would ask."""
    async with await psycopg.AsyncConnection.connect(
        both.base.url, row_factory=dict_row, options="-c timezone=UTC"
    ) as connection:
        for later, kinds in steps:
            both.now += later
            async with connection.transaction():
                ledger = Ledger(connection, both.org_id, both.now)
                for kind in kinds:
                    if kind == "new policy":
                        both.set_policy()
                    for _ in range(2):  # what the first finds long, the second has shorter
                        await both.compare_used(ledger)
                        await both.compare_exposed(ledger)
                        await ledger.add_up()
                    await both.write(ledger, kind)


@asynccontextmanager
async def ledger_at(both: Both, later: timedelta) -> AsyncIterator[Ledger]:
    """One unit of work's ledger, some time later."""
    both.now += later
    async with (
        await psycopg.AsyncConnection.connect(both.base.url, row_factory=dict_row) as connection,
        connection.transaction(),
    ):
        ledger = Ledger(connection, both.org_id, both.now)
        if both.rng.random() < 0.5:  # as the authorization path does
            known = await connection.execute("SELECT shape FROM subtotal_shape")
            ledger.know_shapes([row["shape"] for row in await known.fetchall()])
        yield ledger


async def fill(both: Both, batches: int) -> None:
    """As many batches of four, a second apart; each is asked for the last hour first."""
    for _ in range(batches):
        async with ledger_at(both, timedelta(seconds=1)) as ledger:
            await ask(both, ledger, timedelta(hours=1))
            events = [both.event(both.now) for _ in range(4)]
            await ledger.add_velocity(events)
            both.events += events


async def ask(both: Both, ledger: Ledger, window: timedelta) -> None:
    """The organization's attempts in the window, from the database and by hand."""
    since = both.now - window
    [found] = await ledger.sums(
        [ledger.usage((), [()], since=since, measure=Measure.ATTEMPTS, cap="new", currency="USD")]
    )
    assert [one.usage for one in found] == [_usage(both.events, since, Measure.ATTEMPTS, "new")]


async def test_a_row_may_come_late_into_the_moment_between_two_stretches(
    small_stretches: None, base: Base
) -> None:
    """Stretches leave no gap: what is written between the events of two of them counts, once."""
    both = Both(base, random.Random(1))
    await fill(both, 12)
    for second in range(12):
        async with ledger_at(both, timedelta()) as ledger:
            late = both.event(START + timedelta(seconds=second, milliseconds=500))
            await ledger.add_velocity([late])
            both.events.append(late)
            await ask(both, ledger, timedelta(hours=1))


async def test_a_longer_window_reaches_back_on_every_level(
    small_stretches: None, base: Base
) -> None:
    """A policy that looks further back gets long stretches there, too, not many short ones."""
    both = Both(base, random.Random(2))
    old = [both.event(START - timedelta(days=3, seconds=n)) for n in range(60)]
    async with ledger_at(both, timedelta()) as ledger:
        await ledger.add_velocity(old)
        both.events += old
    await fill(both, 30)
    for _ in range(12):  # each adds up a part
        async with ledger_at(both, timedelta()) as ledger:
            await ask(both, ledger, timedelta(days=30))
            await ledger.add_up()
    begins = rows(
        base.url,
        "SELECT level, min(from_at) AS at FROM velocity_subtotal GROUP BY level ORDER BY level",
    )
    oldest = min(one.at for one in both.events)
    assert begins == [{"level": level, "at": oldest} for level in (1, 2)]


async def test_a_look_without_the_lock_writes_nothing(small_stretches: None, base: Base) -> None:
    """Only who writes anyway, under the organization's lock, adds up what was long to read."""
    both = Both(base, random.Random(3))
    async with ledger_at(both, timedelta()) as ledger:
        await ledger.add_velocity([both.event(both.now) for _ in range(40)])
    async with ledger_at(both, timedelta(seconds=1)) as ledger:
        await ledger.sums(
            [
                ledger.usage(
                    (), [()], since=START - TICK, measure=Measure.APPROVED, cap="", currency=None
                )
            ]
        )
    assert rows(base.url, "SELECT * FROM velocity_subtotal") == []


async def test_what_one_decision_reads_does_not_grow(base: Base) -> None:
    """At the real sizes: of 60,000 events, a window is a few hundred rows, wherever it begins."""
    with psycopg.connect(base.url) as connection:
        connection.execute(
            "INSERT INTO velocity_event SELECT %s, %s - n * interval '1 second', 'evt_' || n, NULL,"
            " 'card', 'agt', 'openai.com', NULL, n %% 5 > 0, 1, n %% 700, 'USD', false, '{}'"
            " FROM generate_series(1, 60000) n",
            (base.org_id, START),
        )
    async with await psycopg.AsyncConnection.connect(base.url, row_factory=dict_row) as connection:
        for window in (timedelta(days=2), timedelta(hours=3, seconds=7)):
            async with connection.transaction():
                ledger = Ledger(connection, base.org_id, START)
                read = []
                for _ in range(6):  # each adds up 20,000 rows
                    before = await _rows_read(connection)
                    [[(usage, _)]] = await ledger.sums(
                        [
                            ledger.usage(
                                ("card_id",),
                                [("card",)],
                                since=START - window,
                                measure=Measure.APPROVED,
                                cap="",
                                currency="USD",
                            )
                        ]
                    )
                    read.append(await _rows_read(connection) - before)
                    await ledger.add_up()
            inside = min(60_000, int(window.total_seconds()) - 1)
            approved = [n for n in range(1, inside + 1) if n % 5 > 0]
            assert usage.count == len(approved)
            assert usage.amount == sum(n % 700 for n in approved)
            assert read[-1] < 600


async def _rows_read(connection: psycopg.AsyncConnection) -> int:
    """Rows of events and subtotals that this transaction fetched so far."""
    cursor = await connection.execute(
        "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint AS n"
        " FROM pg_stat_xact_user_tables WHERE relname IN ('velocity_event', 'velocity_subtotal')"
    )
    [row] = await cursor.fetchall()
    return int(row["n"])
