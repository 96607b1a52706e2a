"""Every life-cycle case that a ledger must survive, one row each."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from tests.core.settlement.builders import (
    HUH,
    NO,
    K,
    approval,
    event,
    sequence,
    totals,
)

from signets.core.settlement.fold import fold
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
