"""The verdict, both sides of every boundary."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.core.verification_kit import END, START, K, match, policy, story, terms, verdict

from signets.core.fx import Rate
from signets.core.intent import Usage
from signets.core.merchant.model import MatchResult
from signets.core.policy.model import Flag, FlagAction
from signets.core.settlement.model import (
    EventResult,
)
from signets.core.verification import IntentTerms, Note, VerdictStatus

A = (K.AUTHORIZATION, 2000)
WINDOW = {"usage": Usage.WINDOW, "expected": 6000, "maximum": 6600}
MANY = terms(**WINDOW, max_total=6000, max_per_charge=2500)

ROWS: list[tuple[str, Any, IntentTerms | None, dict[str, Any], str, set[Flag], set[Note]]] = [
    ("held", story(A), terms(), {}, "pending", set(), set()),
    ("our approval only", story(), terms(), {}, "pending", set(), set()),
    ("equal", story(A, (K.CLEARING, 2000)), terms(), {}, "verified", set(), set()),
    (
        "at the maximum",
        story(A, (K.CLEARING, 2200)),
        terms(),
        {},
        "verified",
        set(),
        {Note.OVER_CAPTURED},
    ),
    (
        "one cent above the maximum",
        story(A, (K.CLEARING, 2201)),
        terms(),
        {},
        "flagged",
        {Flag.AMOUNT_ABOVE_MAXIMUM},
        set(),
    ),
    ("less", story(A, (K.CLEARING, 1999)), terms(), {}, "verified", set(), {Note.PARTIAL}),
    (
        "what is cleared and still held counts together",
        story(A, (K.CLEARING, 1500), (K.ADVICE, 701)),
        terms(),
        {},
        "flagged",
        {Flag.AMOUNT_ABOVE_MAXIMUM},
        {Note.PARTIAL},
    ),
    (
        "a refund does not hide an overcharge",
        story(A, (K.CLEARING, 2201), (K.REFUND, 2201)),
        terms(),
        {},
        "flagged",
        {Flag.AMOUNT_ABOVE_MAXIMUM},
        {Note.REFUNDED},
    ),
    (
        "refunded",
        story(A, (K.CLEARING, 2000), (K.REFUND, 5)),
        terms(),
        {},
        "verified",
        set(),
        {Note.REFUNDED},
    ),
    (
        "one of several, at its bound",
        story((K.AUTHORIZATION, 2500), (K.CLEARING, 2500), approved=2500),
        MANY,
        {"others": 3500},
        "verified",
        set(),
        set(),
    ),
    (
        "one of several, a cent above its own bound",
        story((K.AUTHORIZATION, 2501), approved=2501),
        MANY,
        {},
        "flagged",
        {Flag.AMOUNT_ABOVE_MAXIMUM},
        set(),
    ),
    (
        "one of several, a cent above all together",
        story((K.AUTHORIZATION, 2500), approved=2500),
        MANY,
        {"others": 3501},
        "flagged",
        {Flag.AMOUNT_ABOVE_MAXIMUM},
        set(),
    ),
    (
        "no bounds of its own: the maximum",
        story((K.AUTHORIZATION, 6600), approved=6600),
        terms(**WINDOW),
        {},
        "pending",
        set(),
        set(),
    ),
    (
        "another vendor",
        story(A, (K.CLEARING, 2000)),
        terms(),
        {"match": match(MatchResult.NO_MATCH, "aws.amazon.com")},
        "flagged",
        {Flag.WRONG_MERCHANT},
        set(),
    ),
    (
        "the lock's other vendor is not the intent's",
        story(A),
        terms(),
        {"match": match(vendor="anthropic.com")},
        "flagged",
        {Flag.WRONG_MERCHANT},
        set(),
    ),
    (
        "unverified, and a member let it through",
        story(A, (K.CLEARING, 2000)),
        terms(),
        {"match": match(MatchResult.UNVERIFIED, None)},
        "verified",
        set(),
        {Note.MERCHANT_UNVERIFIED},
    ),
    (
        "unverified, and nobody asked us",
        story((K.CLEARING, 2000), approved=None),
        None,
        {"match": match(MatchResult.UNVERIFIED, None)},
        "flagged",
        {Flag.WRONG_MERCHANT, Flag.NO_INTENT, Flag.FORCE_POST},
        set(),
    ),
    (
        "unverified, and let through though we declined",
        story(A, approved=None),
        terms(),
        {"match": match(MatchResult.UNVERIFIED, None)},
        "flagged",
        {Flag.WRONG_MERCHANT, Flag.STAND_IN},
        set(),
    ),
    (
        "unverified, and cleared after our decline",
        story(A, (K.CLEARING, 2000), approved=None, result=EventResult.DECLINED),
        terms(),
        {"match": match(MatchResult.UNVERIFIED, None)},
        "flagged",
        {Flag.WRONG_MERCHANT, Flag.FORCE_POST, Flag.OUTSIDE_WINDOW},
        set(),
    ),
    (
        "first instant of the window",
        story(A, at=START),
        terms(),
        {},
        "pending",
        set(),
        set(),
    ),
    (
        "just before the window",
        story(A, at=START - timedelta(microseconds=1)),
        terms(),
        {},
        "flagged",
        {Flag.OUTSIDE_WINDOW},
        set(),
    ),
    (
        "last instant of the window",
        story(A, at=END - timedelta(microseconds=1)),
        terms(),
        {},
        "pending",
        set(),
        set(),
    ),
    ("at its end", story(A, at=END), terms(), {}, "flagged", {Flag.OUTSIDE_WINDOW}, set()),
    (
        "within the grace",
        story(A, at=START + timedelta(minutes=9, seconds=59)),
        terms(grace_end=START + timedelta(minutes=10)),
        {},
        "pending",
        set(),
        set(),
    ),
    (
        "at the end of the grace",
        story(A, at=START + timedelta(minutes=10)),
        terms(grace_end=START + timedelta(minutes=10)),
        {},
        "flagged",
        {Flag.OUTSIDE_WINDOW},
        set(),
    ),
    (
        "a grace never makes the window longer",
        story(A, at=END),
        terms(grace_end=END + timedelta(minutes=5)),
        {},
        "flagged",
        {Flag.OUTSIDE_WINDOW},
        set(),
    ),
    ("no intent", story(A), None, {}, "flagged", {Flag.NO_INTENT}, set()),
    (
        "force post at the right vendor, in the window, within the amount",
        story((K.CLEARING, 2000), approved=None),
        terms(),
        {},
        "flagged",
        {Flag.FORCE_POST},
        set(),
    ),
    ("stand-in", story(A, approved=None), terms(), {}, "flagged", {Flag.STAND_IN}, set()),
    (
        "zero verification",
        story((K.AUTHORIZATION, 0), approved=0),
        None,
        {"verification": True},
        "verified",
        set(),
        {Note.VERIFICATION},
    ),
    (
        "one-dollar verification, still held",
        story((K.AUTHORIZATION, 100), approved=100),
        None,
        {"verification": True},
        "pending",
        set(),
        {Note.VERIFICATION},
    ),
    (
        "one-dollar verification, reversed",
        story((K.AUTHORIZATION, 100), (K.REVERSAL, 100), approved=100),
        None,
        {"verification": True},
        "verified",
        set(),
        {Note.VERIFICATION},
    ),
    (
        "a verification that clears is a purchase without an intent",
        story((K.AUTHORIZATION, 100), (K.CLEARING, 100), approved=100),
        None,
        {"verification": True},
        "flagged",
        {Flag.NO_INTENT},
        set(),
    ),
    (
        "a verification that clears within an intent",
        story((K.AUTHORIZATION, 100), (K.CLEARING, 100), approved=100),
        terms(),
        {"verification": True},
        "verified",
        set(),
        set(),
    ),
    (
        "reversed",
        story(A, (K.REVERSAL, 2000)),
        terms(),
        {},
        "verified",
        set(),
        {Note.NOTHING_CHARGED},
    ),
    (
        "late clearing",
        story(A, (K.EXPIRY, 0), (K.CLEARING, 2000)),
        terms(),
        {},
        "verified",
        set(),
        {Note.LATE_CLEARING},
    ),
    (
        "unlinked refund",
        story((K.REFUND, 2000), approved=None),
        None,
        {},
        "verified",
        set(),
        {Note.CREDIT},
    ),
    (
        "disputed",
        story(A, (K.CLEARING, 2000), (K.DISPUTE_OPENED, 2000)),
        terms(),
        {},
        "verified",
        set(),
        {Note.DISPUTED},
    ),
    (
        "unknown kind",
        story(A, (K.CLEARING, 2000), (K.UNKNOWN, 1)),
        terms(),
        {},
        "verified",
        set(),
        {Note.UNKNOWN_EVENT},
    ),
    (
        "foreign merchant, intent in the merchant's currency, rate moved",
        story((K.AUTHORIZATION, 2200, 2000, "EUR"), (K.CLEARING, 2300, 2000, "EUR"), approved=2200),
        terms(currency="EUR"),
        {},
        "verified",
        set(),
        {Note.FX_DRIFT},
    ),
    (
        "neither currency is the intent's",
        story((K.AUTHORIZATION, 2200, 2000, "EUR"), approved=2200),
        terms(currency="GBP"),
        {},
        "flagged",
        {Flag.CURRENCY},
        set(),
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_verdict(row: Any) -> None:
    """Each case has exactly this status, these flags and these notes, each with its line."""
    _, transaction, intent, more, status, flags, notes = row
    found = verdict(transaction, intent, **more)
    assert (found.status, set(found.flags), set(found.notes)) == (
        VerdictStatus(status),
        flags,
        notes,
    )
    assert len(found.lines) == len(flags) + len(notes)
    assert all(found.lines)
    assert (found.action is None) == (not flags)


@pytest.mark.parametrize(
    ("transaction", "intent", "more", "action"),
    [
        (story((K.CLEARING, 1), approved=None), terms(), {}, FlagAction.LOCK),
        (story(A), None, {}, FlagAction.LOCK),
        (story(A), terms(vendors=("x.com",)), {}, FlagAction.LOCK),
        (story(A, (K.CLEARING, 2201)), terms(), {}, FlagAction.LOCK),
        (story(A, (K.CLEARING, 9000)), MANY, {}, FlagAction.ALERT),
        (story(A, at=END), terms(), {}, FlagAction.ALERT),
        (story(A, approved=None), terms(), {}, FlagAction.ALERT),
        (story(A), terms(currency="EUR"), {}, FlagAction.ALERT),
        (story(A, at=END), terms(), {"policy": policy(outside_window=FlagAction.NOTE)}, "note"),
        (story(A), None, {"policy": policy(no_intent=FlagAction.ALERT)}, "alert"),
        (story(A, at=END), terms(vendors=("x.com",)), {}, FlagAction.LOCK),
    ],
)
def test_action_is_the_strictest_that_policy_gives(
    transaction: Any, intent: IntentTerms | None, more: dict[str, Any], action: str
) -> None:
    """Defaults, overrides, and the strictest of several flags."""
    assert verdict(transaction, intent, **more).action == action


@pytest.mark.parametrize(
    ("steps", "intent", "more", "drift"),
    [
        ([A, (K.CLEARING, 2165)], terms(), {}, (165, 0, 0)),
        ([A, (K.CLEARING, 2165)], terms(), {"fees": 65}, (100, 0, 65)),
        ([A, (K.CLEARING, 2165)], MANY, {}, (None, 0, 0)),
        # EUR intent at 1.10; the merchant took 21.00 EUR, the network 23.50 USD and 0.20 of fees
        (
            [(K.AUTHORIZATION, 2200, 2000, "EUR"), (K.CLEARING, 2370, 2100, "EUR")],
            terms(currency="EUR"),
            {"rate": Rate(11, 10), "fees": 20},
            (100, 40, 20),
        ),
        # without a configured rate, the authorization's own
        (
            [(K.AUTHORIZATION, 2200, 2000, "EUR"), (K.CLEARING, 2250, 2000, "EUR")],
            terms(currency="EUR"),
            {},
            (0, 50, 0),
        ),
        # USD intent at a EUR merchant: what the rate did is not the price
        (
            [(K.AUTHORIZATION, 2000, 1800, "EUR"), (K.CLEARING, 2050, 1800, "EUR")],
            terms(),
            {},
            (0, 50, 0),
        ),
    ],
)
def test_drift_tells_price_from_rate_from_fees(
    steps: Any, intent: IntentTerms, more: Any, drift: tuple[int | None, int, int]
) -> None:
    """Price in the intent's currency, rate and fees in the billing currency."""
    found = verdict(story(*steps), intent, **more).drift
    assert found is not None
    assert (found.price, found.fx, found.fees) == drift
    assert found.booked() == drift[1] + drift[2]


def test_nothing_cleared_has_no_drift() -> None:
    """Before money moves there is nothing to explain."""
    assert verdict(story(A), terms()).drift is None


def test_charged_is_in_the_intents_currency() -> None:
    """The merchant's amount where its currency is the intent's; none where neither is."""
    foreign = story((K.AUTHORIZATION, 2200, 2000, "EUR"), approved=2200)
    assert verdict(foreign, terms(currency="EUR")).charged == 2000
    assert verdict(foreign, terms()).charged == 2200
    assert verdict(foreign, terms(currency="GBP")).charged is None
    assert verdict(foreign, None).charged is None


def test_a_currency_we_do_not_know_is_shown_and_does_not_fail() -> None:
    """An issuer's strange currency still gets a verdict."""
    strange = story((K.AUTHORIZATION, 5), (K.CLEARING, 4), approved=5, currency="ZZZ")
    found = verdict(strange, terms())
    assert found.flags == (Flag.CURRENCY,)
    assert any("minor units of ZZZ" in line for line in found.lines)
