"""Every life-cycle case that a ledger must survive, one row each."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from tests.core.settlement.builders import (
    HUH,
    NO,
    K,
    approval,
    at,
    event,
    sequence,
    snapshot,
    totals,
)

from signets.core.settlement.fold import fold, fold_snapshots, merge_events, newest_totals
from signets.core.settlement.model import DecidedBy, LifecycleEvent, OurApproval, SeenTotals
from signets.core.settlement.state import TransactionStatus as S

AMOUNTS = ("authorized", "held", "reversed", "expired", "cleared", "refunded", "disputed")


@dataclass
class Case:
    """One scenario: what is known, and every amount or flag that is not zero after it."""

    name: str
    events: list[LifecycleEvent]
    status: S
    approvals: list[OurApproval] = field(default_factory=lambda: [approval(2000)])
    totals: SeenTotals | None = None
    flags: tuple[str, ...] = ()
    amounts: dict[str, int] = field(default_factory=dict)


A = (K.AUTHORIZATION, 2000)
UNDONE = sequence(A, (K.REVERSAL, 2000), event(K.ADVICE, 0, minute=2880, result=NO))
STAND_IN = sequence(
    event(K.AUTHORIZATION, 2000, result=HUH, by=DecidedBy.TIMEOUT),
    event(K.ADVICE, 2000, minute=1, by=DecidedBy.STAND_IN),
)
ISSUER_NO = [event(K.AUTHORIZATION, 2000, result=NO, by=DecidedBy.ISSUER)]

CASES = [
    Case("approved, no event yet", [], S.PENDING, amounts={"authorized": 2000, "held": 2000}),
    Case("authorized", sequence(A), S.PENDING, amounts={"authorized": 2000, "held": 2000}),
    Case(
        "incremented by an absolute advice",
        sequence(A, (K.ADVICE, 2600)),
        S.PENDING,
        amounts={"authorized": 2600, "held": 2600},
    ),
    Case(
        "incremented by a second authorization",
        sequence(A, (K.AUTHORIZATION, 500)),
        S.PENDING,
        approvals=[approval(2000), approval(500, minute=1)],
        amounts={"authorized": 2500, "held": 2500},
    ),
    Case(
        "lowered by an advice",
        sequence(A, (K.ADVICE, 1500)),
        S.PENDING,
        amounts={"authorized": 2000, "held": 1500, "reversed": 500},
    ),
    Case(
        "cleared equal",
        sequence(A, (K.CLEARING, 2000)),
        S.SETTLED,
        amounts={"authorized": 2000, "cleared": 2000},
    ),
    Case(
        "cleared less, the issuer names no totals",
        sequence(A, (K.CLEARING, 1500)),
        S.PARTIALLY_CLEARED,
        amounts={"authorized": 2000, "held": 500, "cleared": 1500},
    ),
    Case(
        "cleared less, the issuer says the hold is gone",
        sequence(A, (K.CLEARING, 1500)),
        S.SETTLED,
        totals=totals(0, 1500, count=2),
        flags=("totals_differ",),
        amounts={"authorized": 2000, "cleared": 1500},
    ),
    Case(
        "cleared less, the issuer says the rest still holds",
        sequence(A, (K.CLEARING, 1500)),
        S.PARTIALLY_CLEARED,
        totals=totals(500, 1500, count=2),
        amounts={"authorized": 2000, "held": 500, "cleared": 1500},
    ),
    Case(
        "cleared twice",
        sequence(A, (K.CLEARING, 1500), (K.CLEARING, 500)),
        S.SETTLED,
        amounts={"authorized": 2000, "cleared": 2000},
    ),
    Case(
        "cleared, the rest reversed",
        sequence(A, (K.CLEARING, 1500), (K.REVERSAL, 500)),
        S.SETTLED,
        amounts={"authorized": 2000, "cleared": 1500, "reversed": 500},
    ),
    Case(
        "cleared, the rest expired",
        sequence(A, (K.CLEARING, 1500), (K.EXPIRY, 0)),
        S.SETTLED,
        amounts={"authorized": 2000, "cleared": 1500, "expired": 500},
    ),
    Case(
        "over-captured: the hold closes",
        sequence(A, (K.CLEARING, 2165)),
        S.SETTLED,
        amounts={"authorized": 2000, "cleared": 2165},
    ),
    Case(
        "force post",
        sequence((K.CLEARING, 4200)),
        S.SETTLED,
        approvals=[],
        flags=("force_post",),
        amounts={"cleared": 4200},
    ),
    Case(
        "cleared after a decline of ours",
        sequence(event(K.AUTHORIZATION, 2000, result=NO), (K.CLEARING, 2000)),
        S.SETTLED,
        approvals=[],
        flags=("force_post",),
        amounts={"cleared": 2000},
    ),
    Case(
        "a clearing that overtakes its authorization uses up our approval",
        sequence((K.CLEARING, 2000)),
        S.SETTLED,
        amounts={"authorized": 2000, "cleared": 2000},
    ),
    Case(
        "starts with an advice",
        sequence((K.ADVICE, 900)),
        S.PENDING,
        approvals=[],
        flags=("stand_in",),
        amounts={"authorized": 900, "held": 900},
    ),
    Case(
        "partly reversed",
        sequence(A, (K.REVERSAL, 800)),
        S.PENDING,
        amounts={"authorized": 2000, "held": 1200, "reversed": 800},
    ),
    Case(
        "reversed in full",
        sequence(A, (K.REVERSAL, 2000)),
        S.REVERSED,
        amounts={"authorized": 2000, "reversed": 2000},
    ),
    Case(
        "reversed by more than was held: capped",
        sequence(A, (K.REVERSAL, 9000)),
        S.REVERSED,
        amounts={"authorized": 2000, "reversed": 2000},
    ),
    Case(
        "authorized again after a full reversal",
        sequence(A, (K.REVERSAL, 2000), (K.AUTHORIZATION, 700)),
        S.PENDING,
        approvals=[approval(2000), approval(700, minute=5)],
        amounts={"authorized": 2700, "held": 700, "reversed": 2000},
    ),
    Case(
        "expired",
        sequence(A, (K.EXPIRY, 0)),
        S.EXPIRED,
        amounts={"authorized": 2000, "expired": 2000},
    ),
    Case(
        "cleared after expiry",
        sequence(A, (K.EXPIRY, 0), (K.CLEARING, 2000)),
        S.SETTLED,
        flags=("late_clearing",),
        amounts={"authorized": 2000, "expired": 2000, "cleared": 2000},
    ),
    Case(
        "cleared after a full reversal",
        sequence(A, (K.REVERSAL, 2000), (K.CLEARING, 2000)),
        S.SETTLED,
        flags=("late_clearing",),
        amounts={"authorized": 2000, "reversed": 2000, "cleared": 2000},
    ),
    Case("declined by the issuer before us", ISSUER_NO, S.DECLINED, approvals=[]),
    Case(
        "declined by us",
        [event(K.AUTHORIZATION, 2000, result=NO)],
        S.DECLINED,
        approvals=[],
    ),
    Case(
        "approved, then undone by the network",
        UNDONE,
        S.DECLINED,
        amounts={"authorized": 2000, "reversed": 2000},
    ),
    Case(
        "our approval came too late",
        [event(K.AUTHORIZATION, 2000, result=NO, by=DecidedBy.TIMEOUT)],
        S.DECLINED,
    ),
    Case(
        "the network stood in, though we never answered",
        STAND_IN,
        S.PENDING,
        approvals=[approval(2000, void=True)],
        flags=("stand_in",),
        amounts={"authorized": 2000, "held": 2000},
    ),
    Case(
        "the network stood in for our late approval: held once",
        STAND_IN,
        S.PENDING,
        flags=("stand_in",),
        amounts={"authorized": 2000, "held": 2000},
    ),
    Case(
        "approved at the issuer though we declined",
        sequence(A),
        S.PENDING,
        approvals=[],
        flags=("stand_in",),
        amounts={"authorized": 2000, "held": 2000},
    ),
    Case(
        "unlinked refund, its own transaction",
        sequence((K.REFUND, 2000)),
        S.REFUNDED,
        approvals=[],
        totals=totals(0, -2000, count=1),
        amounts={"refunded": 2000},
    ),
    Case(
        "announced refund moves nothing",
        sequence((K.CREDIT_AUTHORIZATION, 2000)),
        S.PENDING,
        approvals=[],
    ),
    Case(
        "partly refunded",
        sequence(A, (K.CLEARING, 2000), (K.REFUND, 500)),
        S.SETTLED,
        amounts={"authorized": 2000, "cleared": 2000, "refunded": 500},
    ),
    Case(
        "refunded in full",
        sequence(A, (K.CLEARING, 2000), (K.REFUND, 2000)),
        S.REFUNDED,
        amounts={"authorized": 2000, "cleared": 2000, "refunded": 2000},
    ),
    Case(
        "refund taken back",
        sequence(A, (K.CLEARING, 2000), (K.REFUND, 2000), (K.REFUND_REVERSAL, 2000)),
        S.SETTLED,
        amounts={"authorized": 2000, "cleared": 2000},
    ),
    Case(
        "unlinked refund taken back",
        sequence((K.REFUND, 2000), (K.REFUND_REVERSAL, 2000)),
        S.REVERSED,
        approvals=[],
    ),
    Case(
        "a refund taken back by more than it was: capped",
        sequence(A, (K.CLEARING, 2000), (K.REFUND, 500), (K.REFUND_REVERSAL, 900)),
        S.SETTLED,
        amounts={"authorized": 2000, "cleared": 2000},
    ),
    Case(
        "single message",
        [event(K.FINANCIAL, 2000, by=DecidedBy.US)],
        S.SETTLED,
        amounts={"authorized": 2000, "cleared": 2000},
    ),
    Case(
        "single message, reversed",
        sequence(event(K.FINANCIAL, 2000, by=DecidedBy.US), (K.REVERSAL, 2000)),
        S.REVERSED,
        amounts={"authorized": 2000, "reversed": 2000},
    ),
    Case(
        "single message that nobody was asked about",
        sequence((K.FINANCIAL, 2000)),
        S.SETTLED,
        approvals=[],
        flags=("force_post",),
        amounts={"authorized": 2000, "cleared": 2000},
    ),
    Case(
        "corrected up",
        sequence(A, (K.CLEARING, 2000), (K.CORRECTION_DEBIT, 100)),
        S.SETTLED,
        amounts={"authorized": 2000, "cleared": 2100},
    ),
    Case(
        "corrected down",
        sequence(A, (K.CLEARING, 2000), (K.CORRECTION_CREDIT, 100)),
        S.SETTLED,
        amounts={"authorized": 2000, "cleared": 1900},
    ),
    Case(
        "corrected down by more than cleared: the rest is a credit",
        sequence(A, (K.CLEARING, 2000), (K.CORRECTION_CREDIT, 2100)),
        S.REFUNDED,
        amounts={"authorized": 2000, "refunded": 100},
    ),
    Case(
        "disputed",
        sequence(A, (K.CLEARING, 2000), (K.DISPUTE_OPENED, 2000)),
        S.DISPUTED,
        amounts={"authorized": 2000, "cleared": 2000, "disputed": 2000},
    ),
    Case(
        "dispute lost",
        sequence(A, (K.CLEARING, 2000), (K.DISPUTE_OPENED, 2000), (K.DISPUTE_LOST, 2000)),
        S.SETTLED,
        amounts={"authorized": 2000, "cleared": 2000},
    ),
    Case(
        "dispute won",
        sequence(A, (K.CLEARING, 2000), (K.DISPUTE_OPENED, 2000), (K.DISPUTE_WON, 2000)),
        S.REFUNDED,
        amounts={"authorized": 2000, "cleared": 2000},
    ),
    Case("zero verification", sequence((K.AUTHORIZATION, 0)), S.PENDING, [approval(0)]),
    Case("balance inquiry", sequence((K.BALANCE_INQUIRY, 0)), S.PENDING, [approval(0)]),
    Case(
        "an unknown kind moves nothing and is kept",
        sequence(A, event(K.UNKNOWN, 2000, minute=1, raw_kind="HOLOGRAM")),
        S.PENDING,
        flags=("unknown_events",),
        amounts={"authorized": 2000, "held": 2000},
    ),
    Case(
        "only an unknown kind", sequence((K.UNKNOWN, 5)), S.UNKNOWN, [], None, ("unknown_events",)
    ),
    Case(
        "a clearing with an unreadable result is booked",
        sequence(A, event(K.CLEARING, 2000, minute=1, result=HUH)),
        S.SETTLED,
        flags=("unknown_events",),
        amounts={"authorized": 2000, "cleared": 2000},
    ),
    Case(
        "an event in another billing currency moves nothing",
        sequence(A, event(K.CLEARING, 2000, minute=1, currency="EUR")),
        S.PENDING,
        flags=("unknown_events",),
        amounts={"authorized": 2000, "held": 2000},
    ),
    Case(
        "event amounts left at zero, the issuer's totals count",
        sequence((K.AUTHORIZATION, 0), (K.CLEARING, 0)),
        S.SETTLED,
        totals=totals(0, 2000, count=2),
        flags=("totals_differ",),
        amounts={"cleared": 2000},
    ),
    Case(
        "the issuer's totals tell a refund that its event does not",
        sequence(A, (K.CLEARING, 2000), (K.REFUND, 0)),
        S.SETTLED,
        totals=totals(0, 1500, count=3),
        flags=("totals_differ",),
        amounts={"authorized": 2000, "cleared": 2000, "refunded": 500},
    ),
    Case(
        "the issuer's totals tell that a refund was taken back",
        sequence((K.REFUND, 2000), (K.REFUND_REVERSAL, 0)),
        S.REVERSED,
        approvals=[],
        totals=totals(0, 0, count=2),
        flags=("totals_differ",),
    ),
    Case(
        "cleared twice after a partial reversal: over, not late",
        sequence(A, (K.REVERSAL, 500), (K.CLEARING, 1500), (K.CLEARING, 100)),
        S.SETTLED,
        amounts={"authorized": 2000, "reversed": 500, "cleared": 1600},
    ),
    Case(
        "authorized again, then cleared twice: over, not late",
        sequence(A, (K.REVERSAL, 2000), A, (K.CLEARING, 2000), (K.CLEARING, 100)),
        S.SETTLED,
        approvals=[approval(2000), approval(2000, minute=5)],
        amounts={"authorized": 4000, "reversed": 2000, "cleared": 2100},
    ),
    Case(
        "an advice to zero after a reversal does not make a clearing timely",
        sequence(A, (K.REVERSAL, 2000), (K.ADVICE, 0), (K.CLEARING, 2000)),
        S.SETTLED,
        flags=("late_clearing",),
        amounts={"authorized": 2000, "reversed": 2000, "cleared": 2000},
    ),
    Case(
        "one more authorization than we approved",
        sequence(A, (K.AUTHORIZATION, 500)),
        S.PENDING,
        flags=("stand_in",),
        amounts={"authorized": 2500, "held": 2500},
    ),
    Case(
        "at one instant the authorization comes before its clearing",
        [event(K.CLEARING, 2000, token="a"), event(K.AUTHORIZATION, 2000, token="b")],
        S.SETTLED,
        amounts={"authorized": 2000, "cleared": 2000},
    ),
    Case(
        "totals of an older snapshot do not count",
        sequence(A, (K.CLEARING, 2000)),
        S.SETTLED,
        totals=totals(2000, 0, count=1),
        flags=("needs_reread",),
        amounts={"authorized": 2000, "cleared": 2000},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_life_cycle(case: Case) -> None:
    """Each known case gives exactly these amounts, this status and these flags."""
    state = fold(
        currency="USD", events=case.events, totals=case.totals, approvals=tuple(case.approvals)
    )
    found = {name: getattr(state, name) for name in AMOUNTS if getattr(state, name)}
    flags = {
        name
        for name in (
            "force_post",
            "stand_in",
            "late_clearing",
            "totals_differ",
            "needs_reread",
            "unknown_events",
        )
        if getattr(state, name)
    }
    assert (found, state.status, flags) == (case.amounts, case.status, set(case.flags))


@pytest.mark.parametrize(
    ("approvals", "events", "unconfirmed"),
    [
        ([approval(2000)], [], 2000),
        ([approval(2000, void=True)], [], 0),
        ([approval(2000)], sequence(A), 0),
        ([approval(2000), approval(500)], sequence(A), 500),
        (
            [approval(2000), approval(500)],
            [*sequence(A), event(K.AUTHORIZATION, 300, result=NO)],
            500,
        ),
        ([approval(2000), approval(500)], sequence(A, (K.CLEARING, 2000)), 500),
        ([approval(2000)], [event(K.AUTHORIZATION, 9, result=NO)], 2000),
        (
            [approval(2000, void=True), approval(500)],
            [event(K.AUTHORIZATION, 2000, result=NO, by=DecidedBy.TIMEOUT)],
            500,
        ),
        ([approval(500)], [event(K.AUTHORIZATION, 2000, by=DecidedBy.STAND_IN)], 500),
        ([approval(2000)], sequence((K.CLEARING, 1500)), 500),
    ],
)
def test_hold_is_unconfirmed_until_named(
    approvals: list[OurApproval], events: list[LifecycleEvent], unconfirmed: int
) -> None:
    """An approval of ours blocks money until an issuer's authorization names it, and not twice."""
    assert fold(currency="USD", events=events, approvals=approvals).unconfirmed == unconfirmed


def test_unconfirmed_hold_adds_to_the_issuers_own() -> None:
    """Totals that do not know an increment yet leave it held all the same."""
    state = fold(
        currency="USD",
        events=sequence(A),
        totals=totals(2000, 0, count=1),
        approvals=[approval(2000), approval(500, minute=1)],
    )
    assert (state.held, state.unconfirmed, state.authorized) == (2500, 500, 2500)
    assert not state.totals_differ


def test_exposure_is_never_negative_and_restores_as_policy_says() -> None:
    """Refunds give back at most what cleared, and only where policy lets them."""
    state = fold(
        currency="USD",
        events=sequence(A, (K.CLEARING, 1500), (K.REFUND, 600)),
        approvals=[approval(2000)],
    )
    assert state.exposure() == 500 + 900
    assert state.exposure(refunds_restore=False) == state.use() == 2000
    assert fold(currency="USD", events=sequence((K.REFUND, 700))).exposure() == 0


def test_merchant_side_follows_the_same_rules() -> None:
    """With every amount told in one merchant currency, that side is folded too."""
    events = [
        event(K.AUTHORIZATION, 2200, merchant=(2000, "EUR")),
        event(K.CLEARING, 2300, minute=10, merchant=(2000, "EUR")),
    ]
    side = fold(currency="USD", events=events, approvals=[approval(2200)]).merchant
    assert side is not None
    assert (side.currency, side.authorized, side.held, side.cleared) == ("EUR", 2000, 0, 2000)
    closed = fold(
        currency="USD",
        events=[events[0], event(K.CLEARING, 1100, minute=10, merchant=(1000, "EUR"))],
        totals=totals(0, 1100, count=2),
    )
    assert closed.merchant is not None
    assert (closed.merchant.held, closed.merchant.cleared) == (0, 1000)
    mixed = [*events, event(K.CLEARING, 100, minute=20, merchant=(90, "GBP"))]
    assert fold(currency="USD", events=mixed).merchant is None


@pytest.mark.parametrize(
    ("clearing", "standing"),
    [
        (event(K.CLEARING, 2300, minute=10, merchant=(0, "EUR")), None),
        (event(K.CLEARING, 2300, minute=10), None),
        (event(K.CLEARING, 0, minute=10, merchant=(0, "EUR")), totals(0, 2300, count=2)),
    ],
)
def test_a_merchant_side_that_is_not_told_is_not_guessed(
    clearing: LifecycleEvent, standing: SeenTotals | None
) -> None:
    """A merchant amount left out, or at 0 where money moved, gives no merchant side."""
    events = [event(K.AUTHORIZATION, 2200, merchant=(2000, "EUR")), clearing]
    state = fold(currency="USD", events=events, totals=standing)
    assert (state.cleared, state.merchant) == (2300, None)


def test_who_and_when() -> None:
    """The first authorization tells who decided; our decision's time counts before the issuer's."""
    state = fold(currency="USD", events=sequence(A), approvals=[approval(2000, minute=-1)])
    assert (state.decided_by, state.authorized_at) == (DecidedBy.US, at(-1))
    assert state.first_kind is K.AUTHORIZATION
    forced = fold(currency="USD", events=[event(K.CLEARING, 1, minute=3)])
    assert (forced.decided_by, forced.authorized_at) == (DecidedBy.NOBODY, at(3))
    assert fold(currency="USD", events=ISSUER_NO).decided_by is DecidedBy.ISSUER


def test_equal_times_that_matter_ask_for_a_reread() -> None:
    """An advice and a reversal at one instant cannot be ordered without the issuer's totals."""
    events = [
        event(K.AUTHORIZATION, 2000),
        event(K.ADVICE, 900, minute=1),
        event(K.REVERSAL, 100, minute=1),
    ]
    assert fold(currency="USD", events=events).needs_reread
    assert not fold(currency="USD", events=events, totals=totals(800, 0, count=3)).needs_reread


def test_newest_totals_are_of_the_fullest_snapshot() -> None:
    """More events beat a later time; among equals the later one counts."""
    full, late, latest = (
        totals(1, 0, count=3, minute=1),
        totals(2, 0, count=2, minute=9),
        totals(3, 0, count=3, minute=2),
    )
    assert newest_totals([late, full, None]) == full
    assert newest_totals([latest, full]) == latest
    assert newest_totals([]) is None


def test_a_snapshot_with_fewer_events_is_ignored() -> None:
    """A late, older snapshot does not bring a hold back."""
    events = sequence(A, (K.CLEARING, 2165))
    old = snapshot(events[:1], updated=99, standing=(2000, 0))
    new = snapshot(events, updated=2, standing=(0, 2165))
    state = fold_snapshots([new, old], [approval(2000)])
    assert (state.held, state.cleared, state.needs_reread) == (0, 2165, False)


def test_a_restated_event_is_kept_in_its_readable_form() -> None:
    """One token with two contents is one event, whichever came first."""
    vague = event(K.UNKNOWN, 2000, token="t")
    clear = event(K.CLEARING, 2000, token="t")
    assert merge_events([vague], [clear]) == merge_events([clear, vague]) == (clear,)
