"""The ledger cannot be unbalanced, and books what its written table says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signets.core.ledger import (
    Account,
    Entry,
    EntryKind,
    Position,
    Posting,
    Reservation,
    Subject,
    balances,
    entry,
    postings_between,
    reservation_postings,
)
from signets.core.settlement.model import EventKind
from signets.core.settlement.position import entry_kind

TABLE = Path(__file__).parents[2] / "docs" / "reference" / "posting-table.md"
SUBJECT = Subject(card_id="card", intent_id="int", transaction_id="txn")
RESERVATION_WORDS = ("reserved", "used")


def rows(heading: str) -> list[list[str]]:
    """Body rows of the table under ``heading`` of the document."""
    section = TABLE.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def targets(cell: str) -> tuple[Position, Reservation]:
    """``reserved=2200 used=2000 held=2000 ended`` as the two targets."""
    words = dict(part.partition("=")[::2] for part in cell.split())
    flags = {word for word, value in words.items() if not value}
    numbers: dict[str, Any] = {word: int(value) for word, value in words.items() if value}
    reservation = {word: numbers.pop(word) for word in RESERVATION_WORDS if word in numbers}
    assert flags <= {"ended", "unmatched"}
    return (
        Position(**numbers, matched="unmatched" not in flags),
        Reservation(**reservation, open="ended" not in flags),
    )


@pytest.mark.parametrize("row", rows("Cases"), ids=lambda row: f"{row[0]} {row[1]}")
def test_posting_table_is_what_the_code_books(row: list[str]) -> None:
    """Every row of the written table gives exactly its postings."""
    kind, _, before, after, written = row
    assert EntryKind(kind.strip("`"))
    position, reservation = targets(before)
    next_position, next_reservation = targets(after)
    found = postings_between(
        position,
        next_position,
        currency="USD",
        subject=SUBJECT,
        reservation=(reservation, next_reservation),
    )
    booked = [f"{p.debit.value} ← {p.credit.value} {p.amount}" for p in found]
    assert booked == re.findall(r"`([^`]+)`", written)


def test_posting_table_is_complete() -> None:
    """The document names every account and every kind of entry that the code has."""
    assert {row[0].strip("`") for row in rows("Accounts")} == {a.value for a in Account}
    assert {row[0].strip("`") for row in rows("Cases")} == {k.value for k in EntryKind}
    assert {entry_kind(kind) for kind in EventKind} <= set(EntryKind)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"amount": 0}, ValueError),
        ({"amount": -1}, ValueError),
        ({"amount": 1.0}, TypeError),
        ({"amount": True}, TypeError),
        ({"credit": Account.AUTH_HELD}, ValueError),
        ({"credit": Account.ISSUER_PAYABLE}, ValueError),
    ],
)
def test_a_wrong_posting_cannot_be_written(change: dict[str, Any], error: type[Exception]) -> None:
    """No zero, negative, float, one-account or cross-layer posting exists."""
    good: dict[str, Any] = {
        "debit": Account.AUTH_HELD,
        "credit": Account.LIMIT_AVAILABLE,
        "amount": 1,
        "currency": "USD",
        "subject": SUBJECT,
    }
    assert Posting(**good)
    with pytest.raises(error):
        Posting(**{**good, **change})


def test_no_change_is_no_entry() -> None:
    """A repeated event books nothing, and an empty entry cannot be made."""
    same = Position(held=5, cleared=7)
    nothing = postings_between(same, same, currency="USD", subject=SUBJECT)
    assert entry(EntryKind.CLEARING, nothing) is None
    with pytest.raises(ValueError, match="at least one"):
        Entry(kind=EntryKind.CLEARING, postings=())


def test_no_target_is_negative() -> None:
    """A position or reservation below zero is refused where it is made."""
    for name in ("held", "cleared", "refunded", "disputed", "recovered"):
        with pytest.raises(ValueError, match="negative"):
            Position(**{name: -1})
    for name in ("reserved", "used"):
        with pytest.raises(ValueError, match="negative"):
            Reservation(**{name: -1})


amount = st.integers(0, 10_000)
positions = st.builds(
    Position,
    held=amount,
    cleared=amount,
    refunded=amount,
    disputed=amount,
    recovered=amount,
    fees=st.integers(-500, 500),
    matched=st.booleans(),
)
reservations = st.builds(Reservation, reserved=amount, used=amount, open=st.booleans())


@settings(max_examples=150)
@given(path=st.lists(st.tuples(positions, reservations), max_size=6))
def test_any_path_ends_at_its_target(path: list[tuple[Position, Reservation]]) -> None:
    """Σ debits = Σ credits, and balances after any path are the last target's alone."""
    position, reservation, journal = Position(), Reservation(), []
    for after, reserved in path:
        journal += postings_between(
            position,
            after,
            currency="USD",
            subject=SUBJECT,
            reservation=(reservation, reserved),
        )
        position, reservation = after, reserved
    target = dict(position.balances())
    for account, value in reservation.balances().items():
        target[account] = target.get(account, 0) + value
    found = balances(journal)
    assert found == {(account, "USD"): value for account, value in target.items() if value}
    assert sum(found.values()) == 0


@settings(max_examples=100)
@given(before=reservations, after=reservations, other=positions)
def test_booking_apart_or_together_is_the_same(
    before: Reservation, after: Reservation, other: Position
) -> None:
    """An intent's change booked alone plus a transaction's alone equals both in one entry."""
    apart = (
        *reservation_postings(before, after, currency="USD", subject=SUBJECT),
        *postings_between(Position(), other, currency="USD", subject=SUBJECT),
    )
    together = postings_between(
        Position(), other, currency="USD", subject=SUBJECT, reservation=(before, after)
    )
    assert balances(apart) == balances(together)


def test_currencies_are_summed_apart() -> None:
    """One cent and one yen are not two of anything."""
    journal = [
        *postings_between(Position(), Position(held=1), currency="USD", subject=SUBJECT),
        *postings_between(Position(), Position(held=1), currency="JPY", subject=SUBJECT),
    ]
    assert balances(journal) == {
        (Account.AUTH_HELD, "USD"): 1,
        (Account.LIMIT_AVAILABLE, "USD"): -1,
        (Account.AUTH_HELD, "JPY"): 1,
        (Account.LIMIT_AVAILABLE, "JPY"): -1,
    }
