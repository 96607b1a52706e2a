"""Invariant 5: arrival order, duplication and grouping change nothing."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.settlement.builders import approval, event, snapshot, totals

from signets.core.ledger import Position, balances, postings_between
from signets.core.ledger import Subject as LedgerSubject
from signets.core.settlement.fold import (
    fold,
    fold_snapshots,
    merge_events,
    newest_totals,
    seen_totals,
)
from signets.core.settlement.model import (
    DecidedBy,
    EventKind,
    EventResult,
    LifecycleEvent,
    OurApproval,
    SeenTotals,
    Snapshot,
)
from signets.core.settlement.position import position_of

SUBJECT = LedgerSubject(card_id="card", intent_id="int", transaction_id="txn")

amounts = st.integers(0, 5000)
events = st.builds(
    event,
    st.sampled_from(EventKind),
    amounts,
    minute=st.integers(0, 6),
    result=st.sampled_from(EventResult),
    by=st.sampled_from(DecidedBy),
    # a small pool, so that one token also comes with two contents
    token=st.sampled_from([f"e{i}" for i in range(8)]),
    currency=st.sampled_from(["USD", "USD", "USD", "EUR"]),
    merchant=st.one_of(st.none(), st.tuples(amounts, st.sampled_from(["EUR", "USD"]))),
)
snapshots = st.builds(
    snapshot,
    st.lists(events, max_size=6),
    updated=st.integers(0, 9),
    standing=st.one_of(st.none(), st.tuples(amounts, st.integers(-5000, 5000))),
)
approvals = st.lists(
    st.builds(approval, amounts, minute=st.integers(0, 6), void=st.booleans()), max_size=3
)


@settings(max_examples=150)
@given(seen=st.lists(snapshots, min_size=1, max_size=4), ours=approvals, data=st.data())
def test_any_order_and_duplication_gives_one_state(
    seen: list[Snapshot], ours: list[OurApproval], data: st.DataObject
) -> None:
    """Snapshots stored one by one, shuffled and repeated, fold to the state of all at once."""
    expected = fold_snapshots(seen, ours)
    arrivals = data.draw(st.permutations(seen + data.draw(st.lists(st.sampled_from(seen)))))
    stored: tuple[LifecycleEvent, ...] = ()
    newest: SeenTotals | None = None
    for each in arrivals:
        stored = merge_events(stored, each.events)
        newest = newest_totals([newest, seen_totals(each)])
    assert fold(currency="USD", events=stored, totals=newest, approvals=ours) == expected


@settings(max_examples=150)
@given(
    known=st.lists(events, max_size=8),
    ours=approvals,
    standing=st.one_of(st.none(), st.tuples(st.integers(-5000, 5000), st.integers(-5000, 5000))),
)
def test_amounts_are_never_negative_and_totals_win(
    known: list[LifecycleEvent], ours: list[OurApproval], standing: tuple[int, int] | None
) -> None:
    """No history gives a negative amount; where the issuer names totals, they stand."""
    named = totals(*standing, count=8) if standing else None
    state = fold(currency="USD", events=known, totals=named, approvals=ours)
    for name in ("authorized", "held", "unconfirmed", "reversed", "expired", "cleared"):
        assert getattr(state, name) >= 0, name
    assert min(state.refunded, state.disputed, state.recovered, state.exposure()) >= 0
    assert state.unconfirmed <= state.held <= state.authorized
    if standing:
        assert state.held - state.unconfirmed == max(0, standing[0])
        assert state.cleared - state.refunded == standing[1]
    else:
        assert state.held + state.reversed + state.expired <= state.authorized


@settings(max_examples=100)
@given(known=st.lists(events, max_size=6), ours=approvals, data=st.data())
def test_books_end_the_same_whatever_came_first(
    known: list[LifecycleEvent], ours: list[OurApproval], data: st.DataObject
) -> None:
    """Booking the difference after every arrival ends at the balances of the final state."""
    position, journal = Position(), []
    seen: list[LifecycleEvent] = []
    for arrival in data.draw(st.permutations(known)):
        seen.append(arrival)
        after = position_of(fold(currency="USD", events=seen, approvals=ours), matched=bool(ours))
        journal += postings_between(position, after, currency="USD", subject=SUBJECT)
        position = after
    final = position_of(fold(currency="USD", events=known, approvals=ours), matched=bool(ours))
    target = {(a, "USD"): v for a, v in final.balances().items() if v} if known else {}
    assert balances(journal) == target
    assert sum(balances(journal).values()) == 0
