"""Single questions to the fold: what is unconfirmed, who decided, which totals count."""

from __future__ import annotations

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

A = (K.AUTHORIZATION, 2000)
UNDONE = sequence(A, (K.REVERSAL, 2000), event(K.ADVICE, 0, minute=2880, result=NO))
STAND_IN = sequence(
    event(K.AUTHORIZATION, 2000, result=HUH, by=DecidedBy.TIMEOUT),
    event(K.ADVICE, 2000, minute=1, by=DecidedBy.STAND_IN),
)
ISSUER_NO = [event(K.AUTHORIZATION, 2000, result=NO, by=DecidedBy.ISSUER)]


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
