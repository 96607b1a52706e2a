"""The catalogue of decline reasons and the reference pages written from the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.core.reference_pages import (
    APPROVAL_MOVES,
    CARD_MOVES,
    INTENT_MOVES,
    PAGES,
    REFERENCE,
)

from signets.app.records import ApprovalState
from signets.core import card, intent
from signets.core.reasons import CATALOGUE, PRECEDENCE, Reason

SCHEMA = (
    Path(__file__).resolve().parents[2]
    / "src/signets/storage/postgres/migrations/sql/0001_initial.sql"
)


def test_the_order_of_reasons_is_the_contract():
    """The precedence that integrators rely on, word for word."""
    assert [reason.value for reason in Reason] == [
        "card_unknown",
        "card_closed",
        "frozen",
        "card_locked",
        "merchant_mismatch",
        "merchant_unverified",
        "category_blocked",
        "country_blocked",
        "currency_mismatch",
        "duplicate_charge",
        "no_open_intent",
        "amount_exceeds_intent",
        "spending_limit_exceeded",
        "velocity_exceeded",
        "budget_exceeded",
    ]
    assert sorted(Reason, key=PRECEDENCE.__getitem__) == list(Reason)


def test_every_reason_has_all_its_words():
    """A sentence, a remedy and an example each, told apart from one another."""
    assert list(CATALOGUE) == list(Reason)
    for entry in CATALOGUE.values():
        assert entry.sentence and entry.remedy and entry.example
    assert len({entry.sentence for entry in CATALOGUE.values()}) == len(Reason)


@pytest.mark.parametrize("name", PAGES)
def test_the_reference_page_is_what_the_code_says(name: str):
    """The page is what `python -m tests.core.reference_pages` writes."""
    assert (REFERENCE / name).read_text(encoding="utf-8") == PAGES[name]()


def _guarded(function: str) -> set[tuple[str, str]]:
    """The moves that a trigger function of the schema lets through."""
    body = SCHEMA.read_text().split(f"CREATE FUNCTION {function}()", 1)[1].split("END $$", 1)[0]
    return set(re.findall(r"\('(\w+)', '(\w+)'\)", body))


def _enum(name: str) -> list[str]:
    body = SCHEMA.read_text().split(f"CREATE TYPE {name} AS ENUM (", 1)[1].split(");", 1)[0]
    return re.findall(r"'(\w+)'", re.sub(r"--.*", "", body))


def test_intent_moves_are_the_same_in_code_database_and_page():
    """One table of legal moves, three times."""
    coded = {(old.value, new.value) for old, after in intent.TRANSITIONS.items() for new in after}
    assert coded == _guarded("guard_intent_state") == set(INTENT_MOVES)
    assert _enum("intent_state") == [state.value for state in intent.IntentState]


def test_card_moves_are_the_same_in_code_database_and_page():
    """One table of legal moves, three times."""
    coded = {(old.value, new.value) for old, after in card.TRANSITIONS.items() for new in after}
    assert coded == _guarded("guard_card_state") == set(CARD_MOVES)
    assert _enum("card_state") == [state.value for state in card.CardState]


def test_approval_requests_move_once_in_code_database_and_page():
    """A waiting request may become anything else; what is decided never changes."""
    guard = SCHEMA.read_text().split("CREATE FUNCTION guard_approval_state()", 1)[1]
    assert "IF OLD.state = 'waiting' THEN" in guard.split("END $$", 1)[0]
    states = [state.value for state in ApprovalState]
    assert _enum("approval_state") == states
    assert set(APPROVAL_MOVES) == {("waiting", after) for after in states if after != "waiting"}
