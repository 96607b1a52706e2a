"""The decision table, the order of reasons, and what follows from a decision."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import pytest
from msgspec.structs import replace
from tests.core.authorization.builders import (
    ask,
    at,
    before,
    budget,
    cap,
    card,
    check_of,
    failing,
    held,
    match,
    several,
    single,
    unlocked,
    used,
    verified,
    world,
)
from tests.core.authorization.scenarios import DONE, Line, read_table

from signets.core.authorization.case import small_amount
from signets.core.authorization.decide import decide
from signets.core.authorization.decision import CheckStatus, DecisionKind
from signets.core.authorization.facts import Facts
from signets.core.card import CardState
from signets.core.policy.model import Breaker, Period
from signets.core.reasons import CATALOGUE, Reason
from signets.core.velocity import Exposure

R = Reason
TABLE = read_table()


@pytest.mark.parametrize("line", TABLE, ids=lambda line: line.title)
def test_decision_table(line: Line):
    """Each line of the table is decided as it says."""
    decision = decide(line.request, line.facts, line.now)
    assert (decision.reason.value if decision.reason else "approved") == line.answer
    assert decision.approved is (line.answer == "approved")


def test_the_table_knows_every_reason():
    """No reason of the catalogue is without a case, nor is approval."""
    assert {line.answer for line in TABLE} == {"approved", *(one.value for one in Reason)}


#: What makes each check fail, whatever else fails: a change of the facts of `world()`.
BREAK: dict[Reason, Callable[[Facts], Facts]] = {
    R.CARD_CLOSED: lambda f: replace(f, card=replace(f.card, state=CardState.CLOSED)),
    R.FROZEN: lambda f: replace(f, card=replace(f.card, frozen=("card",))),
    R.CARD_LOCKED: lambda f: replace(f, window=None),
    R.MERCHANT_MISMATCH: lambda f: replace(f, match=match("no_match")),
    R.MERCHANT_UNVERIFIED: lambda f: replace(f, match=match("unverified")),
    R.CATEGORY_BLOCKED: lambda f: replace(f, blocked_categories=("5734",)),
    R.COUNTRY_BLOCKED: lambda f: replace(f, blocked_countries=("US",)),
    R.CURRENCY_MISMATCH: lambda f: replace(f, card=replace(f.card, currency="EUR")),
    R.DUPLICATE_CHARGE: lambda f: replace(f, live=(held(intent="int_1"),)),
    R.NO_OPEN_INTENT: lambda f: replace(f, intent=replace(f.intent, charges=1)),
    R.AMOUNT_EXCEEDS_INTENT: lambda f: replace(f, intent=replace(f.intent, used=300)),
    R.SPENDING_LIMIT_EXCEEDED: lambda f: replace(f, card=replace(f.card, spending_limit=1)),
    R.VELOCITY_EXCEEDED: lambda f: replace(f, caps=((cap(count=1), used(1)),)),
    R.BUDGET_EXCEEDED: lambda f: replace(f, budgets=((budget(1), Exposure()),)),
}
# A merchant is either another one or an unproven one.
PAIRS = [
    pair for pair in combinations(BREAK, 2) if pair != (R.MERCHANT_MISMATCH, R.MERCHANT_UNVERIFIED)
]


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=str)
def test_two_checks_fail_and_the_first_in_order_names_it(first: Reason, second: Reason):
    """Of two failing checks the earlier in the catalogue is the reason; both are on record."""
    facts = BREAK[second](BREAK[first](world()))
    if R.DUPLICATE_CHARGE in (first, second):
        facts = replace(facts, intent=replace(facts.intent, charges=1))
    decision = decide(ask(2000), facts, at(5))
    assert decision.reason is first
    assert {first, second} <= set(failing(decision))


def test_every_check_is_recorded_even_where_all_of_them_fail():
    """A decline names one reason and keeps the results of all fifteen checks, in order."""
    facts = world()
    for reason, broken in BREAK.items():
        if reason is not R.MERCHANT_UNVERIFIED:
            facts = broken(facts)
    decision = decide(ask(2000), facts, at(5))
    assert [check.reason for check in decision.checks] == list(Reason)
    assert failing(decision) == [one for one in BREAK if one is not R.MERCHANT_UNVERIFIED]
    assert decision.reason is R.CARD_CLOSED


def test_an_unknown_card_leaves_the_rest_unjudged():
    """Without a card nothing else can be judged, and none of it counts as passed."""
    decision = decide(ask(), world(card=None), at(5))
    statuses = [check.status for check in decision.checks]
    assert statuses == [CheckStatus.FAILED] + [CheckStatus.UNKNOWN] * 14
    assert not decision.trips_breaker
    assert decision.level == "issuer"


# ── what an approval means ─────────────────────────────────────────────────────────────────────


def test_a_purchase_holds_counts_and_consumes():
    """A single intent's purchase: the whole amount, one count, used up, paid by the intent."""
    made = decide(ask(2100), world(), at(5))
    assert (made.kind, made.hold, made.intent_amount) == (DecisionKind.PURCHASE, 2100, 2100)
    assert (made.counts, made.consumes, made.intent_id) == (True, True, "int_1")
    assert made.vendor == "openai.com"


def test_a_charge_of_several_consumes_nothing():
    """An intent for several charges stays open after one."""
    made = decide(ask(900), world(intent=several()), at(5))
    assert made.counts and not made.consumes and made.intent_id == "int_1"


def test_an_increment_holds_the_difference_and_counts_nothing():
    """More on a known id adds the difference, in both currencies, and no count."""
    intent = single(currency="EUR", used=2000, charges=1)
    facts = world(known=before(2300, intent_amount=2000), intent=intent)
    made = decide(ask(2400, merchant=(2090, "EUR")), facts, at(5))
    assert (made.kind, made.hold, made.intent_amount) == (DecisionKind.INCREMENT, 100, 90)
    assert not made.counts and not made.consumes and made.intent_id == "int_1"


def test_a_verification_is_paid_by_no_intent():
    """A verification holds its amount, counts once, and consumes nothing."""
    made = decide(ask(100), world(), at(5))
    assert (made.kind, made.hold, made.intent_amount) == (DecisionKind.VERIFICATION, 100, 0)
    assert made.counts and not made.consumes and made.intent_id is None


def test_a_verification_that_grows_is_charged_whole_to_the_intent():
    """The hold grows by the difference; of the intent, the whole transaction is used."""
    made = decide(ask(2000), world(known=verified(100)), at(5))
    assert (made.kind, made.hold, made.intent_amount) == (DecisionKind.PURCHASE, 1900, 2000)
    assert made.consumes
    stated = decide(ask(1900, additional=True), world(known=verified(100)), at(5))
    assert (stated.hold, stated.intent_amount) == (1900, 2000)
    foreign = world(known=verified(100), intent=single(currency="EUR"))
    odd = decide(ask(1900, additional=True, merchant=(1001, "EUR")), foreign, at(5))
    assert odd.intent_amount == 1001 + 53  # 52.68 of the dollar before, rounded up


def test_a_credit_holds_and_counts_nothing():
    """A credit asks for no money, so neither its hold nor its attempt amounts to anything."""
    made = decide(ask(5000, kind="credit"), world(), at(5))
    assert (made.kind, made.asked, made.hold) == (DecisionKind.CREDIT, 0, 0)
    assert not made.counts and made.intent_id is None
    refused = decide(ask(5000, kind="credit"), world(card=card(frozen=("card",))), at(5))
    assert (refused.asked, refused.counts) == (0, False)


def test_an_unmatched_merchant_counts_on_no_vendor():
    """Only a merchant that matched the lock counts on the vendor."""
    assert decide(ask(), world(match=match("no_match")), at(5)).vendor is None
    assert decide(ask(), world(match=match("unverified")), at(5)).vendor is None
    assert decide(ask(2201), world(), at(5)).vendor == "openai.com"


def test_a_declined_increment_counts_as_no_attempt_more_and_only_its_difference():
    """A declined increment adds no count, and what it asked for is the difference."""
    made = decide(ask(9000), world(known=before(2000), intent=DONE), at(5))
    assert not made.approved
    assert (made.asked, made.hold, made.counts) == (7000, 0, False)


# ── what a decline says ────────────────────────────────────────────────────────────────────────


def test_a_decline_by_caps_names_just_those():
    """``capped_by`` names the caps that did not fit, also where another reason comes first."""
    caps = (
        (cap(count=1, name="full"), used(1)),
        (cap(count=9, name="wide"), used(1)),
        (cap(amount=10, name="small"), used(0, 0)),
    )
    assert decide(ask(), world(caps=caps), at(5)).capped_by == ("full", "small")
    locked = decide(ask(), world(caps=caps, window=None), at(5))
    assert (locked.reason, locked.capped_by) == (R.CARD_LOCKED, ("full", "small"))
    assert decide(ask(2201), world(), at(5)).capped_by == ()
    assert decide(ask(0), world(verifications_today=5), at(5)).capped_by == ("(verifications)",)


@pytest.mark.parametrize(("declined", "trips"), [(3, False), (4, True), (5, True)])
def test_the_breaker_trips_at_its_count(declined: int, trips: bool):
    """The fifth decline of five trips it; a decline by a cap feeds it as well."""
    facts = world(breaker=Breaker(declines=5), recent_declines=declined)
    assert decide(ask(2201), facts, at(5)).trips_breaker is trips
    capped = replace(facts, caps=((cap(count=1), used(1)),))
    assert decide(ask(), capped, at(5)).trips_breaker is trips
    assert not decide(ask(), facts, at(5)).trips_breaker


def test_a_closed_card_trips_no_breaker():
    """A closed card has nothing left to lock."""
    facts = world(card=card(state=CardState.CLOSED), recent_declines=99)
    assert not decide(ask(), facts, at(5)).trips_breaker


def test_a_breaker_that_has_tripped_does_not_trip_again():
    """Until a member resets it, what a retry loop still sends locks nothing anew."""
    facts = world(card=card(state=CardState.LOCKED), window=None, recent_declines=99)
    assert decide(ask(), facts, at(5)).trips_breaker
    facts = replace(facts, card=card(state=CardState.LOCKED, tripped=True))
    assert not decide(ask(), facts, at(5)).trips_breaker


def test_the_level_says_who_decided():
    """Frozen names the broadest level; amounts name intent, card or policy."""
    frozen = world(card=card(frozen=("card", "agent", "organization")))
    made = decide(ask(), frozen, at(5))
    assert (made.level, made.sentence) == ("organization", "the organization is frozen")
    assert decide(ask(2201), world(), at(5)).level == "intent"
    assert decide(ask(), world(card=card(spending_limit=1)), at(5)).level == "card"
    assert decide(ask(), world(budgets=((budget(1), Exposure()),)), at(5)).level == "policy"


def test_what_would_pass_is_the_smallest_room():
    """Several amounts are too small: the smallest is named, as a whole amount of the request."""
    budgets = ((budget(1900), Exposure(reserved=2200)), (budget(1820, name="b"), Exposure()))
    made = decide(ask(2300), world(budgets=budgets), at(5))
    assert made.would_pass == "at most $18.20 now"
    assert check_of(made, R.BUDGET_EXCEEDED).room == 1820
    more = decide(ask(2300), world(known=before(2000), intent=DONE), at(5))
    assert more.would_pass == "at most $22.00 now"
    difference = decide(ask(300, additional=True), world(known=before(2000), intent=DONE), at(5))
    assert difference.would_pass == "at most $2.00 now"


def test_what_would_pass_is_a_time_where_waiting_helps():
    """A full rolling count opens when its oldest leaves, rounded up to the second."""
    facts = world(caps=((cap(count=3), used(3, oldest=4.0001)),))
    made = decide(ask(), facts, at(5))
    assert made.would_pass == "after 2026-11-24 12:14:01Z"
    too_late = replace(facts, window=unlocked(closes=14))
    assert decide(ask(), too_late, at(5)).would_pass == CATALOGUE[R.VELOCITY_EXCEEDED].remedy
    too_many = world(caps=((cap(count=2), used(3, oldest=4)),))
    assert decide(ask(), too_many, at(5)).would_pass == CATALOGUE[R.VELOCITY_EXCEEDED].remedy
    both = world(caps=((cap(count=3), used(3, oldest=1)), (cap(count=1, name="b"), used(1))))
    assert decide(ask(), both, at(5)).would_pass == CATALOGUE[R.VELOCITY_EXCEEDED].remedy


def test_of_several_full_caps_the_tightest_counts():
    """The smallest room of all caps that fail, and the latest of their times."""
    money = world(
        caps=((cap(amount=1500), used()), (cap(amount=900, name="b"), used())),
    )
    made = decide(ask(), money, at(5))
    assert (check_of(made, R.VELOCITY_EXCEEDED).room, made.would_pass) == (900, "at most $9.00 now")
    times = world(
        caps=(
            (cap(count=1), used(1, oldest=4)),
            (cap(count=1, name="b"), used(1, oldest=2)),
        )
    )
    assert decide(ask(), times, at(5)).would_pass == "after 2026-11-24 12:14:00Z"


def test_what_would_pass_names_amount_and_time_of_a_calendar_cap():
    """Money left in a calendar cap passes now, the whole after its period."""
    facts = world(
        window=unlocked(closes=24 * 60),
        caps=((cap(amount=5000, period=Period.DAY), used(2, 3500)),),
    )
    made = decide(ask(2000), facts, at(5))
    assert made.would_pass == "at most $15.00 now or after 2026-11-25 00:00:00Z"


def test_what_would_pass_waits_for_the_next_day_of_verifications():
    """Verifications start anew with the UTC day, if the card is open by then."""
    facts = world(verifications_today=5, window=unlocked(closes=24 * 60))
    assert decide(ask(0), facts, at(5)).would_pass == "after 2026-11-25 00:00:00Z"


def test_what_would_pass_is_the_remedy_where_no_amount_helps():
    """Where another check fails too, or nothing is left, the reason's remedy is all there is."""
    locked = decide(ask(9999), world(window=None), at(5))
    assert locked.would_pass == CATALOGUE[R.CARD_LOCKED].remedy
    nothing = decide(ask(), world(intent=several(used=2200, charges=1)), at(5))
    assert nothing.would_pass == CATALOGUE[R.AMOUNT_EXCEEDS_INTENT].remedy
    # 30 cents would be a verification, and so would 31: that is no bound to name.
    little = decide(ask(), world(intent=several(used=2170, charges=1)), at(5))
    assert little.would_pass == CATALOGUE[R.AMOUNT_EXCEEDS_INTENT].remedy
    foreign = decide(ask(2000, merchant=(2300, "EUR")), world(intent=single(currency="EUR")), at(5))
    assert foreign.would_pass == CATALOGUE[R.AMOUNT_EXCEEDS_INTENT].remedy


def test_rooms_are_in_the_billing_currency():
    """A passing check states its room only where it knows it in the currency that is billed."""
    made = decide(ask(1000), world(), at(5))
    assert check_of(made, R.AMOUNT_EXCEEDS_INTENT).room == 2200
    assert check_of(made, R.SPENDING_LIMIT_EXCEEDED).room == 5000
    foreign = decide(ask(1000, merchant=(900, "EUR")), world(intent=single(currency="EUR")), at(5))
    assert check_of(foreign, R.AMOUNT_EXCEEDS_INTENT).room is None


@pytest.mark.parametrize(
    ("currency", "minor"),
    [("USD", 100), ("EUR", 100), ("JPY", 150), ("KRW", 1400), ("KWD", 300), ("XXX", 0)],
)
def test_about_one_dollar(currency: str, minor: int):
    """What counts as a verification's amount follows the currency's worth and decimals."""
    assert small_amount(currency) == minor
    assert small_amount(currency, ((currency, 7), ("ZZZ", 9))) == 7
