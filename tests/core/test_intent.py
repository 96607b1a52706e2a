"""Intents: moves, bounds, windows, where money leaves them, and likely duplicates."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from signets.core.errors import Refusal
from signets.core.intent import (
    ENDED,
    LIVE,
    MAX_REOPENS,
    TRANSITIONS,
    Bounds,
    DuplicateCandidate,
    IntentState,
    Usage,
    check_transition,
    find_duplicate,
    parse_bounds,
    parse_window,
    state_after,
)

S, U = IntentState, Usage
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(("before", "after"), list(product(S, S)), ids=str)
def test_moves_are_the_table_and_no_more(before: IntentState, after: IntentState):
    """Each listed move is allowed, each other is refused, naming what is possible."""
    if after in TRANSITIONS[before]:
        check_transition(before, after)
        return
    with pytest.raises(Refusal) as refused:
        check_transition(before, after)
    assert refused.value.code == "intent_state"
    assert f"`{before}` cannot become `{after}`" in refused.value.message


def test_states_are_declared_live_or_ended():
    """Every state is exactly one of the three, and only ended ones are final."""
    assert LIVE | ENDED | {S.DECLARED} == set(S)
    assert not LIVE & ENDED
    assert {state for state in S if not TRANSITIONS[state]} == ENDED


# ── bounds and window ──────────────────────────────────────────────────────────────────────────


def _bounds(usage: Usage = U.WINDOW, **changes) -> Bounds:
    given = {"max_per_charge": None, "max_total": None, "max_count": None, **changes}
    return parse_bounds(usage=usage, expected_amount=1000, maximum=1100, **given)


def test_a_single_intent_is_one_purchase_of_its_maximum():
    """One charge, at most the expected amount plus tolerance."""
    made = _bounds(U.SINGLE)
    assert (made.max_total, made.max_per_charge, made.max_count) == (1100, 1100, 1)


def test_bounds_default_to_the_maximum():
    """Without bounds of its own, an intent for several charges has the maximum and 100 charges."""
    made = _bounds()
    assert (made.max_total, made.max_per_charge, made.max_count) == (1100, 1100, 100)
    given = _bounds(max_total=1050, max_per_charge=1050, max_count=1000)
    assert (given.max_total, given.max_per_charge, given.max_count) == (1050, 1050, 1000)
    assert _bounds(max_total=1000).max_total == 1000
    assert _bounds(max_total=1100, max_count=1).max_count == 1


@pytest.mark.parametrize(
    ("usage", "changes", "code", "param"),
    [
        (U.SINGLE, {"max_total": 1000}, "bounds_not_allowed", "max_total"),
        (U.SINGLE, {"max_per_charge": 1000}, "bounds_not_allowed", "max_per_charge"),
        (U.SINGLE, {"max_count": 1}, "bounds_not_allowed", "max_count"),
        (U.WINDOW, {"max_total": 999}, "bounds_invalid", "max_total"),
        (U.WINDOW, {"max_total": 1101}, "bounds_invalid", "max_total"),
        (U.WINDOW, {"max_per_charge": 1101}, "bounds_invalid", "max_per_charge"),
        (U.WINDOW, {"max_total": 1000, "max_per_charge": 1001}, "bounds_invalid", "max_per_charge"),
        (U.WINDOW, {"max_per_charge": 0}, "amount_invalid", "max_per_charge"),
        (U.WINDOW, {"max_total": 10.5}, "amount_invalid", "max_total"),
        (U.RECURRING, {"max_count": 0}, "bounds_invalid", "max_count"),
        (U.RECURRING, {"max_count": 1001}, "bounds_invalid", "max_count"),
        (U.RECURRING, {"max_count": True}, "bounds_invalid", "max_count"),
    ],
)
def test_bounds_that_contradict_are_refused(usage: Usage, changes: dict, code: str, param: str):
    """Each refusal names the bound at fault."""
    with pytest.raises(Refusal) as refused:
        _bounds(usage, **changes)
    assert (refused.value.code, refused.value.param) == (code, param)


@pytest.mark.parametrize(
    ("seconds", "usage", "default", "length"),
    [
        (None, U.SINGLE, 1800, 1800),
        (None, U.SINGLE, 90_000, 86_400),
        (None, U.WINDOW, 90_000, 90_000),
        (1, U.SINGLE, 1800, 1),
        (86_400, U.SINGLE, 1800, 86_400),
        (90 * 86_400, U.WINDOW, 1800, 90 * 86_400),
        (None, U.RECURRING, 1800, 1800),
    ],
)
def test_windows(seconds: int | None, usage: Usage, default: int, length: int):
    """A window is what is asked for, else the policy's, within what the usage allows."""
    assert parse_window(seconds, usage, default) == timedelta(seconds=length)


@pytest.mark.parametrize(
    ("seconds", "usage"),
    [(0, U.SINGLE), (86_401, U.SINGLE), (90 * 86_400 + 1, U.WINDOW), (60, U.RECURRING)],
)
def test_windows_that_cannot_be_are_refused(seconds: int, usage: Usage):
    """Nothing shorter than a second or longer than the usage allows; none for recurring."""
    with pytest.raises(Refusal) as refused:
        parse_window(seconds, usage, 1800)
    assert (refused.value.code, refused.value.param) == ("window_invalid", "window_seconds")


# ── where the money leaves it ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("state", "usage", "held", "cleared", "window_open", "reopens", "after"),
    [
        (S.APPROVED, U.SINGLE, 0, 0, True, 0, S.APPROVED),
        (S.APPROVED, U.SINGLE, 0, 0, False, 0, S.EXPIRED),
        (S.APPROVED, U.SINGLE, 5, 0, True, 0, S.AUTHORIZED),
        (S.APPROVED, U.SINGLE, 0, 5, False, 0, S.AUTHORIZED),
        (S.AUTHORIZED, U.SINGLE, 5, 0, False, 0, S.AUTHORIZED),
        (S.AUTHORIZED, U.SINGLE, 5, 5, True, 0, S.AUTHORIZED),
        (S.AUTHORIZED, U.SINGLE, 0, 5, True, 0, S.SETTLED),
        (S.AUTHORIZED, U.SINGLE, 0, 5, False, 0, S.SETTLED),
        (S.AUTHORIZED, U.SINGLE, 0, 0, True, 0, S.APPROVED),
        (S.AUTHORIZED, U.SINGLE, 0, 0, True, MAX_REOPENS - 1, S.APPROVED),
        (S.AUTHORIZED, U.SINGLE, 0, 0, True, MAX_REOPENS, S.VOIDED),
        (S.AUTHORIZED, U.SINGLE, 0, 0, False, 0, S.VOIDED),
        (S.AUTHORIZED, U.WINDOW, 0, 5, True, 0, S.AUTHORIZED),
        (S.AUTHORIZED, U.WINDOW, 0, 0, True, 0, S.AUTHORIZED),
        (S.AUTHORIZED, U.WINDOW, 5, 5, False, 0, S.AUTHORIZED),
        (S.AUTHORIZED, U.WINDOW, 0, 5, False, 0, S.SETTLED),
        (S.AUTHORIZED, U.WINDOW, 0, 0, False, 0, S.VOIDED),
        (S.CANCELED, U.SINGLE, 5, 0, True, 0, S.CANCELED),
        (S.SETTLED, U.WINDOW, 0, 0, False, 0, S.SETTLED),
    ],
)
def test_where_an_intent_stands(
    state: IntentState,
    usage: Usage,
    held: int,
    cleared: int,
    window_open: bool,
    reopens: int,
    after: IntentState,
):
    """Money and window decide, and every move is one that the table lists."""
    found = state_after(
        state=state,
        usage=usage,
        held=held,
        cleared=cleared,
        window_open=window_open,
        reopens=reopens,
    )
    assert found is after
    assert found is state or found in TRANSITIONS[state]


# ── likely duplicates ──────────────────────────────────────────────────────────────────────────


def _candidate(**changes) -> DuplicateCandidate:
    made = DuplicateCandidate(
        intent_id="int_1",
        agent_id="agent_1",
        vendor="openai.com",
        currency="USD",
        expected_amount=2000,
        maximum=2200,
        state=S.AUTHORIZED,
        at=NOW - timedelta(hours=1),
        workflow=None,
        line_items=(),
    )
    return replace(made, **changes)


NEW = _candidate(intent_id="int_2", expected_amount=2165, maximum=2381, state=S.DECLARED, at=NOW)


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ({}, {}, True),
        ({"state": S.PENDING_APPROVAL, "at": NOW - 9 * DAY}, {}, True),
        ({"state": S.SETTLED, "at": NOW - DAY}, {}, True),
        ({"state": S.SETTLED, "at": NOW - DAY - timedelta(microseconds=1)}, {}, False),
        ({"state": S.EXPIRED}, {}, False),
        ({"state": S.VOIDED}, {}, False),
        ({"agent_id": "agent_2"}, {}, False),
        ({"vendor": "anthropic.com"}, {}, False),
        ({"currency": "EUR"}, {}, False),
        ({}, {"expected_amount": 2200}, True),
        ({}, {"expected_amount": 2201}, False),
        ({}, {"expected_amount": 1900, "maximum": 2000}, True),
        ({}, {"expected_amount": 1900, "maximum": 1999}, False),
        ({"workflow": "nightly"}, {"workflow": "nightly"}, True),
        ({"workflow": "nightly"}, {"workflow": "weekly"}, False),
        ({"workflow": "nightly"}, {}, False),
        ({"line_items": ("a.com",)}, {"line_items": ("a.com",)}, True),
        ({"line_items": ("a.com",)}, {"line_items": ("b.com",)}, False),
        ({"line_items": ("a.com",)}, {}, True),
        (
            {"line_items": ("a.com",), "workflow": "nightly"},
            {"line_items": ("a.com",), "workflow": "weekly"},
            True,
        ),
        (
            {"line_items": ("a.com",), "workflow": "nightly"},
            {"line_items": ("b.com",), "workflow": "nightly"},
            False,
        ),
    ],
)
def test_likely_duplicates(old: dict, new: dict, same: bool):
    """Agent, vendor, amount, time and work make a duplicate; words and keys do not."""
    found = find_duplicate(replace(NEW, **new), (_candidate(**old),), now=NOW, window=DAY)
    assert (found is not None) is same


def test_the_first_of_several_duplicates_is_named():
    """Of several the earliest is the one that the agent meant."""
    later = _candidate(intent_id="int_0", at=NOW - timedelta(minutes=1))
    found = find_duplicate(NEW, (later, _candidate()), now=NOW, window=DAY)
    assert found is not None and found.intent_id == "int_1"
    assert find_duplicate(NEW, (), now=NOW, window=DAY) is None
