"""The issuer's backstop is a superset of our limit, however the issuer counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from signets.core.issuer_controls import HEADROOM, LEAST, backstop_for, issuer_count
from signets.core.velocity import Exposure, room_in


@dataclass
class Purchase:
    """One transaction: what we hold against the card, and in which month."""

    month: int
    held: int
    authorized: int
    reversed: int = 0
    cleared: int = 0
    told: bool = False


@dataclass
class Card:
    """A card here and at the issuer, as the use cases keep it.

    The engine's side is its own rule for the card's limit: whatever we approve passes at least
    that. ``used``: by how each kind of issuer counts.
    """

    limit: int
    monthly: bool
    month: int = 0
    crossed: bool = False  # a month has ended since the card was looked at
    purchases: list[Purchase] = field(default_factory=list)
    backstop: int | None = None
    used: Counter[str] = field(default_factory=Counter)

    def look(self) -> None:
        """An unlocking, or an event: everything is told, and what comes of it is pushed."""
        self.crossed = False
        counted = 0
        for one in self.purchases:
            one.told = True
            counted += issuer_count(
                authorized=one.authorized,
                held=one.held,
                reversed_=one.reversed,
                cleared=one.cleared,
            )
        self.backstop = backstop_for(self.limit, counted=counted, current=self.backstop)

    def exposure(self) -> Exposure:
        """By what we know: an authorization at once, the rest once it is told."""
        mine = [one for one in self.purchases if not self.monthly or one.month == self.month]
        known = [one for one in mine if one.told]
        untold = sum(one.authorized for one in mine if not one.told)
        return Exposure(
            held=sum(one.held for one in known) + untold,
            cleared=sum(one.cleared for one in known),
        )

    def authorize(self, amount: int) -> None:
        """What we approve, the issuer lets pass to us: by its most generous and meanest count."""
        room = room_in(self.limit, self.exposure(), covered=0, refunds_restore=False)
        amount = min(amount, room)
        if amount == 0:
            return
        for kind in ("net", "gross", "twice late"):
            assert self.backstop is not None
            assert self.used[kind] + amount <= self.backstop, kind
            self.used[kind] += amount
        self.purchases.append(Purchase(self.month, amount, amount))

    def release(self, one: Purchase, *, amount: int) -> None:
        """A reversal or expiry: only the generous issuer gives it back."""
        off = min(one.held, amount)
        one.held -= off
        one.reversed += off
        self.used["net"] -= off

    def clear(self, one: Purchase, amount: int) -> None:
        """As much as it was held for, less or more; also after its end."""
        off = min(one.held, amount)
        one.held -= off
        one.cleared += amount
        self.used["net"] += amount - off
        gross = max(one.authorized, one.cleared) - max(one.authorized, one.cleared - amount)
        self.used["gross"] += gross
        self.used["twice late"] += amount - off

    def force_post(self, amount: int) -> None:
        """Nobody is asked."""
        self.purchases.append(Purchase(self.month, 0, 0, cleared=amount))
        self.used.update(dict.fromkeys(("net", "gross", "twice late"), amount))


DOINGS = st.lists(
    st.tuples(
        st.sampled_from(
            (
                *("look", "authorize", "authorize", "reverse", "expire", "clear", "more"),
                *("late", "force_post", "month", "limit"),
                *("buy and look", "buy and look", "take back", "take back", "next month"),
            )
        ),
        st.sampled_from((1, 40, 300)),
        st.integers(0, 1_000),
    ),
    min_size=20,
    max_size=60,
)


def play(card: Card, what: str, amount: int, which: int) -> None:
    """One thing that happens. What takes more than we approved is told at once."""
    one = card.purchases[which % len(card.purchases)] if card.purchases else None
    match what:
        case "look":
            card.look()
        case "authorize":
            card.authorize(amount)
        case "buy and look":
            card.authorize(card.limit)
            card.look()
        case "take back":
            card.authorize(card.limit)
            card.release(card.purchases[-1], amount=card.limit) if card.purchases else None
            card.look()
        case "next month":
            play(card, "month", 0, 0)
            card.authorize(card.limit)
            card.look()
        case "reverse" if one:
            card.release(one, amount=amount)
        case "expire" if one:
            card.release(one, amount=one.held)
        case "clear" if one and one.held:
            card.clear(one, min(amount, one.held))
        case "more" if one and one.held:
            card.clear(one, one.held + amount)
            card.look()
        case "late" if one and one.reversed:
            card.clear(one, amount)
            card.look()
        case "force_post":
            card.force_post(amount)
            card.look()
        case "month":
            if card.crossed:
                card.look()
            card.month += 1
            card.crossed = True
        case "limit":
            card.limit = amount
            card.look()


@given(limit=st.integers(1, 300), monthly=st.booleans(), doings=DOINGS)
def test_the_issuer_never_declines_what_our_limit_lets_pass(
    limit: int, monthly: bool, doings: list[tuple[str, int, int]]
) -> None:
    """Whatever comes, in any order, told late; limits raised and lowered; months ending.

    Held against an issuer that counts what is held and settled, one that gives nothing back, and
    one that counts a hold and its late clearing twice.
    """
    card = Card(limit, monthly)
    card.look()
    for what, amount, which in doings:
        play(card, what, amount, which)


@given(limit=st.integers(1, 10**12), counted=st.integers(0, 10**15), current=st.integers(1, 10**16))
def test_a_backstop_leaves_enough_and_not_much_more(limit: int, counted: int, current: int) -> None:
    """One that is still wide enough stays: not every purchase is told to the issuer."""
    for known in (None, current):
        new = backstop_for(limit, counted=counted, current=known)
        assert counted + LEAST * limit <= new <= counted + HEADROOM * limit
        assert backstop_for(limit, counted=counted, current=new) == new
    assert backstop_for(limit, counted=counted, current=None) == counted + HEADROOM * limit


def test_what_an_issuer_may_count_of_one_transaction() -> None:
    """Holds given back stay; a clearing takes its hold's place, and what is above it is on top."""
    assert issuer_count(authorized=100, held=100, reversed_=0, cleared=0) == 100
    assert issuer_count(authorized=100, held=0, reversed_=100, cleared=0) == 100
    assert issuer_count(authorized=100, held=0, reversed_=0, cleared=130) == 130
    assert issuer_count(authorized=100, held=0, reversed_=100, cleared=100) == 200
    assert issuer_count(authorized=0, held=0, reversed_=0, cleared=50) == 50
