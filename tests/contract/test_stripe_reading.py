"""Stripe's JSON into our words, and every life-cycle row folded from it. Pure: no network."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.stripe_kit import AUTH, CARD, T0, asked, authorization, card, moved, request

from signets.app.ports import BodyUnreadable
from signets.core.settlement.fold import fold_snapshots
from signets.core.settlement.model import (
    DecidedBy,
    EventKind,
    EventResult,
    OurApproval,
    Snapshot,
)
from signets.core.settlement.state import TransactionState, TransactionStatus
from signets.issuers.stripe.reading import read_object, read_request

Body = dict[str, Any]
FIRST = asked(1000)


def approved(amount: int) -> OurApproval:
    return OurApproval(
        decision_id=f"dec_{amount}", amount=amount, decided_at=datetime.fromtimestamp(T0, UTC)
    )


OURS = (approved(1000),)


def folded(bodies: tuple[Body, ...], ours: tuple[OurApproval, ...] = OURS) -> TransactionState:
    """The state, the same for every order of the bodies and with each of them twice."""
    read = [read_object(body) for body in bodies]
    states = [fold_snapshots([*order, *order], ours) for order in permutations(read)]
    assert all(state == states[0] for state in states)
    return states[0]


def amounts(state: TransactionState) -> dict[str, int]:
    names = ("held", "unconfirmed", "reversed", "expired", "cleared", "refunded")
    return {name: getattr(state, name) for name in names if getattr(state, name)}


def with_(path: str, value: object = ...) -> Body:
    """The request with one field removed, or replaced by ``value``."""
    content = copy.deepcopy(request(1200))
    *parents, last = path.split(".")
    place = content
    for parent in parents:
        place = place[parent]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return content


LIFE: dict[str, tuple[tuple[Body, ...], dict[str, int], TransactionStatus]] = {
    "authorized": (
        (authorization(FIRST, amount=1000),),
        {"held": 1000},
        TransactionStatus.PENDING,
    ),
    "captured in full": (
        (
            authorization(FIRST, amount=1000),
            moved(-1000, 50),
            authorization(FIRST, amount=1000, status="closed", transactions=(moved(-1000, 50),)),
        ),
        {"cleared": 1000},
        TransactionStatus.SETTLED,
    ),
    "captured in part, the rest let go": (
        (
            authorization(FIRST, amount=1000),
            moved(-700, 50),
            authorization(FIRST, amount=1000, status="closed", transactions=(moved(-700, 50),)),
        ),
        {"cleared": 700, "expired": 300},
        TransactionStatus.SETTLED,
    ),
    "several captures, still open": (
        (
            authorization(FIRST, amount=1000),
            moved(-300, 50),
            authorization(
                FIRST, amount=1000, transactions=(moved(-300, 50), moved(-200, 60, "ipi_2"))
            ),
        ),
        {"held": 500, "cleared": 500},
        TransactionStatus.PARTIALLY_CLEARED,
    ),
    "captured above": (
        (
            authorization(FIRST, amount=1000),
            moved(-1200, 50),
            authorization(FIRST, amount=1000, status="closed", transactions=(moved(-1200, 50),)),
        ),
        {"cleared": 1200},
        TransactionStatus.SETTLED,
    ),
    "reversed in part, twice, then captured": (
        (
            authorization(FIRST, amount=800),
            authorization(FIRST, amount=600),
            authorization(FIRST, amount=600, status="closed", transactions=(moved(-600, 50),)),
        ),
        {"cleared": 600, "reversed": 400},
        TransactionStatus.SETTLED,
    ),
    "reversed after a capture": (
        (
            authorization(FIRST, amount=1000, transactions=(moved(-300, 50),)),
            authorization(FIRST, amount=800, transactions=(moved(-300, 50),)),
        ),
        {"held": 500, "cleared": 300, "reversed": 200},
        TransactionStatus.PARTIALLY_CLEARED,
    ),
    "reversed in full": (
        (
            authorization(FIRST, amount=1000),
            authorization(FIRST, amount=0, status="reversed"),
        ),
        {"reversed": 1000},
        TransactionStatus.REVERSED,
    ),
    "expired": (
        (
            authorization(FIRST, amount=1000),
            authorization(FIRST, amount=1000, status="expired"),
        ),
        {"expired": 1000},
        TransactionStatus.EXPIRED,
    ),
    "expired after a capture": (
        (
            authorization(FIRST, amount=1000, transactions=(moved(-300, 50),)),
            authorization(FIRST, amount=1000, status="expired", transactions=(moved(-300, 50),)),
        ),
        {"cleared": 300, "expired": 700},
        TransactionStatus.SETTLED,
    ),
    "refunded": (
        (
            authorization(FIRST, amount=1000, status="closed", transactions=(moved(-1000, 50),)),
            moved(400, 90, "ipi_2"),
        ),
        {"cleared": 1000, "refunded": 400},
        TransactionStatus.SETTLED,
    ),
    "refund taken back": (
        (
            authorization(FIRST, amount=1000, status="closed", transactions=(moved(-1000, 50),)),
            moved(400, 90, "ipi_2"),
            moved(-400, 95, "ipi_3", type="refund"),
        ),
        {"cleared": 1000},
        TransactionStatus.SETTLED,
    ),
    "declined by us": (
        (authorization(asked(900, reason="webhook_declined"), amount=900, status="closed"),),
        {},
        TransactionStatus.DECLINED,
    ),
    "the transaction comes first": (
        (moved(-1000, 50),),
        {"cleared": 1000},
        TransactionStatus.SETTLED,
    ),
}


@pytest.mark.parametrize("name", LIFE)
def test_a_life_cycle_folds_to_its_amounts_in_any_order(name: str) -> None:
    """Each row's objects give the expected sums, whatever arrives first or twice."""
    bodies, expected, status = LIFE[name]
    state = folded(bodies, () if "declined" in name else OURS)
    assert (amounts(state), state.status) == (expected, status)
    assert not state.stand_in
    assert not state.unknown_events
    assert not state.late_clearing


def test_an_increment_adds_its_difference() -> None:
    """The second entry is a delta; a reversal of both is told from either version."""
    both = (FIRST, asked(500, at=60))
    ours = (*OURS, approved(500))
    grown = (authorization(FIRST, amount=1000), authorization(*both, amount=1500))
    assert amounts(folded(grown, ours)) == {"held": 1500}
    lowered = authorization(*both, amount=900)
    assert amounts(folded((*grown, lowered), ours)) == {"held": 900, "reversed": 600}
    refused = authorization(FIRST, asked(500, at=60, reason="webhook_declined"), amount=1000)
    assert amounts(folded((refused,))) == {"held": 1000}


def test_a_late_capture_is_booked_and_flagged() -> None:
    """Expired or reversed, and captured all the same: money moved, and the state says how."""
    for ended in (
        authorization(FIRST, amount=1000, status="expired"),
        authorization(FIRST, amount=0, status="reversed"),
    ):
        late = moved(-1000, 500)
        closed = authorization(FIRST, amount=1000, status="closed", transactions=(late,))
        state = folded((authorization(FIRST, amount=1000), ended, late, closed))
        assert (state.held, state.cleared, state.late_clearing) == (0, 1000, True)


def test_force_captures_and_unlinked_refunds_stand_alone() -> None:
    """Without an authorization the transaction's own id names it."""
    forced = read_object(moved(-800, 5, authorization=None))
    assert forced.transaction_token == "ipi_1"
    state = fold_snapshots([forced])
    assert (state.cleared, state.force_post) == (800, True)
    refund = fold_snapshots([read_object(moved(800, 5, authorization=None))])
    assert (refund.cleared, refund.refunded, refund.exposure()) == (0, 800, 0)


def test_a_capture_after_a_decline_is_unasked_money() -> None:
    """Stripe lets merchants capture what was declined: it clears and is no authorization."""
    declined = authorization(
        asked(900, reason="webhook_declined"), amount=900, status="closed", transactions=()
    )
    state = folded((declined, moved(-900, 50)), ())
    assert (state.cleared, state.held, state.force_post) == (900, 0, True)


@pytest.mark.parametrize("reason", ["webhook_timeout", "webhook_error", "network_fallback"])
def test_money_held_without_our_answer_is_a_stand_in(reason: str) -> None:
    """Approved although we were not heard: held once, flagged, and our late approval is named."""
    body = authorization(asked(1000, reason=reason, approved=True), amount=1000)
    for ours in ((), OURS):
        state = folded((body,), ours)
        assert (state.held, state.unconfirmed, state.stand_in) == (1000, 0, True)


@pytest.mark.parametrize(
    ("reason", "who", "word"),
    [
        ("webhook_declined", DecidedBy.US, "issuer_declined"),
        ("webhook_timeout", DecidedBy.TIMEOUT, "issuer_declined"),
        ("webhook_error", DecidedBy.TIMEOUT, "issuer_declined"),
        ("spending_controls", DecidedBy.ISSUER, "spending_limit_exceeded"),
        ("card_inactive", DecidedBy.ISSUER, "card_locked"),
        ("suspected_fraud", DecidedBy.ISSUER, "issuer_declined"),
        ("a_reason_of_tomorrow", DecidedBy.ISSUER, "issuer_declined"),
    ],
)
def test_who_declined(reason: str, who: DecidedBy, word: str) -> None:
    """Stripe's reason tells its own rule from our answer and from silence."""
    [read] = read_object(authorization(asked(9, reason=reason), amount=9, status="closed")).events
    assert (read.result, read.decided_by, read.reason) == (EventResult.DECLINED, who, word)


def test_a_decline_after_our_late_approval_frees_the_hold() -> None:
    """We approved, Stripe had stopped waiting: nothing stays held."""
    body = authorization(asked(1000, reason="webhook_timeout"), amount=1000, status="closed")
    assert folded((body,)).held == 0


def test_two_currencies_keep_both_sides() -> None:
    """Authorized at one rate and cleared at another: each side has its own sums."""
    euro = {"merchant_amount": 900, "merchant_currency": "eur"}
    taken = moved(-980, 50, merchant_amount=-900, merchant_currency="eur")
    history = asked(1000, **euro)
    state = folded(
        (
            authorization(history, amount=1000, **euro),
            authorization(history, amount=1000, status="closed", transactions=(taken,), **euro),
        )
    )
    assert (state.held, state.cleared) == (0, 980)
    assert state.merchant is not None
    assert (state.merchant.currency, state.merchant.cleared) == ("EUR", 900)


def test_a_closing_seen_before_its_capture_still_adds_up() -> None:
    """An authorization closed without showing the capture holds nothing; the capture clears."""
    bodies = (authorization(FIRST, amount=1000, status="closed"), moved(-700, 50))
    assert (folded(bodies).held, folded(bodies).cleared) == (0, 700)


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["ask", "reverse", "capture"]), st.integers(1, 900)), max_size=6
    ),
    end=st.sampled_from(["pending", "closed", "reversed", "expired"]),
    order=st.randoms(use_true_random=False),
)
def test_any_history_in_any_order_ends_where_stripe_says(
    steps: list[tuple[str, int]], end: str, order: Any
) -> None:
    """Every version of a random life, shuffled: the hold is Stripe's, and so is what cleared."""
    history, taken = [FIRST], list[Body]()
    amount, captured = 1000, 0
    versions = [authorization(*history, amount=amount)]
    for at, (step, size) in enumerate(steps, start=1):
        if step == "ask":
            history.append(asked(size, at=at * 10))
            amount += size
        elif step == "reverse":
            amount -= min(size, amount - captured)
        elif captured < amount:
            size = min(size, amount - captured)
            taken.append(moved(-size, at * 10, f"ipi_{at}"))
            captured += size
        versions.append(authorization(*history, amount=amount, transactions=tuple(taken)))
    left = 0 if end == "reversed" else amount
    versions.append(
        authorization(*history, amount=max(left, captured), status=end, transactions=tuple(taken))
    )
    ours = tuple(approved(entry["amount"]) for entry in history)
    read = [read_object(body) for body in (*versions, *taken)]
    order.shuffle(read)
    state = fold_snapshots(read, ours)
    assert (state.held, state.cleared) == (amount - captured if end == "pending" else 0, captured)
    assert state.authorized == sum(entry["amount"] for entry in history)
    assert state.authorized == state.held + state.cleared + state.reversed + state.expired


def test_the_additional_amount_is_judged_and_not_the_total() -> None:
    """``amount`` is what stands already; only ``pending_request.amount`` is asked for."""
    more = read_request(request(500, FIRST, held=1000))
    assert (more.amount, more.amount_is_additional, more.request_id) == (500, True, AUTH)
    first = read_request(request(1200, held=0))
    assert (first.amount, first.merchant_amount, first.currency) == (1200, 1200, "USD")
    assert first.card_token == CARD
    assert read_request(with_("card", CARD)).card_token == CARD


def test_request_fields() -> None:
    """Merchant, time and the wish for a part are read; the merchant's id is the network's."""
    read = read_request(with_("pending_request.is_amount_controllable", True))
    assert read.partial_approval
    assert not read_request(request(1)).partial_approval
    assert read.created == datetime.fromtimestamp(T0, UTC)
    assert (read.merchant.network_id, read.merchant.acceptor_id) == ("174030075999", None)
    assert (read.merchant.mcc, read.merchant.country) == ("5734", "US")
    assert read_request(with_("merchant_data.name", None)).merchant.descriptor == ""
    assert read_request(request(0)).amount == 0


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("pending_request.amount", 1201),
        ("pending_request.currency", "eur"),
        ("pending_request.merchant_amount", 1201),
        ("pending_request.merchant_currency", "gbp"),
        ("created", T0 + 1),
        ("request_history", [FIRST]),
    ],
)
def test_fingerprint_tells_each_part_apart(path: str, value: object) -> None:
    """Amounts, currencies, time and the number of earlier requests change it; nothing else does."""
    assert read_request(with_(path, value)).fingerprint != read_request(request(1200)).fingerprint
    same = read_request(with_("merchant_data.city", "DUBLIN"))
    assert same.fingerprint == read_request(request(1200)).fingerprint


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("id", ...),
        ("id", 7),
        ("pending_request", None),
        ("pending_request.amount", "1200"),
        ("pending_request.amount", 12.0),
        ("pending_request.amount", True),
        ("pending_request.amount", -1),
        ("pending_request.currency", ...),
        ("pending_request.merchant_amount", None),
        ("card", ...),
        ("created", "today"),
        ("created", 10**20),
        ("merchant_data", ...),
        ("request_history", "none"),
    ],
)
def test_an_unreadable_field_is_named(path: str, value: object) -> None:
    """No float, string or boolean passes as money, and the error names the field."""
    with pytest.raises(BodyUnreadable) as unreadable:
        read_request(with_(path, value))
    assert unreadable.value.field.removesuffix(".id") == path


def test_unreadable_entries_are_named_with_their_place() -> None:
    """The error says which entry and which field of it, ids instead of objects included."""
    for body, field in (
        (authorization(asked(1) | {"amount": "1"}, amount=1), "request_history.0.amount"),
        (authorization(FIRST, amount=1, transactions=({"id": "ipi_1"},)), "transactions.0.type"),
        (authorization(FIRST, amount=1) | {"transactions": ["ipi_1"]}, "transactions.0"),
        (card(), "object"),
    ):
        with pytest.raises(BodyUnreadable) as unreadable:
            read_object(body)
        assert unreadable.value.field == field


def test_unknown_words_are_kept() -> None:
    """A transaction of a type that Stripe adds tomorrow moves nothing and is not dropped."""
    state = fold_snapshots([read_object(moved(-5, 1, type="teleport"))])
    [event] = state.unknown_events
    assert (event.kind, event.raw_kind, state.cleared) == (EventKind.UNKNOWN, "teleport", 0)


def test_bodies_of_older_ages_read_the_same() -> None:
    """Field names of before 2020, and bodies without what later versions added."""
    names = {
        "amount": "held_amount",
        "currency": "held_currency",
        "merchant_amount": "authorized_amount",
        "merchant_currency": "authorized_currency",
    }

    def aged(body: Body) -> Body:
        return {names.get(name, name): value for name, value in body.items()}

    today = authorization(FIRST, amount=1000)
    old = aged(today) | {"request_history": [aged(FIRST)]}
    assert read_object(old) == read_object(today)
    asking = aged(request(700)) | {
        "pending_held_amount": 700,
        "pending_authorized_amount": 700,
        "is_held_amount_controllable": True,
    }
    del asking["pending_request"]
    read = read_request(asking)
    assert (read.amount, read.currency, read.partial_approval) == (700, "USD", True)
    bare = {name: today[name] for name in ("id", "object", "amount", "approved", "card", "created")}
    bare |= {name: today[name] for name in ("currency", "merchant_amount", "merchant_currency")}
    bare |= {"merchant_data": {"category": "x", "name": "X"}, "status": "pending"}
    assert _held(read_object(bare)) == 1000
    ended = bare | {"status": "reversed", "amount": 0, "merchant_amount": 0}
    assert folded((bare, ended), ()).held == 0


def _held(snapshot: Snapshot) -> int:
    return fold_snapshots([snapshot]).held
