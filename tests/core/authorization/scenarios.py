"""The decision table: one line a case. ``OK`` or the reason that must name the decline.

Unless a line says otherwise it is 12:05; the card ($50, nothing spent) is open from 12:00 to 12:30
for a single intent that expects 2000 cents and allows 2200.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from tests.core.authorization.builders import (
    TICK,
    ask,
    at,
    before,
    budget,
    cap,
    card,
    held,
    match,
    several,
    single,
    unlocked,
    used,
    verified,
    world,
)

from signets.core.authorization.facts import Facts
from signets.core.authorization.request import AuthorizationRequest
from signets.core.card import CardState
from signets.core.intent import IntentState
from signets.core.merchant.model import MerchantLock
from signets.core.policy.model import Measure, Period, Tolerance, Verification
from signets.core.velocity import Exposure

OK = "approved"


@dataclass(frozen=True, slots=True)
class Line:
    """One case of the table."""

    title: str
    request: AuthorizationRequest
    facts: Facts
    answer: str
    now: datetime = field(default_factory=lambda: at(5))


OPEN, LOCKED, CLOSED = CardState.OPEN, CardState.LOCKED, CardState.CLOSED
DONE = single(state=IntentState.AUTHORIZED, used=2000, charges=1, reserved=200)
SPENT = card(exposure=Exposure(reserved=200, held=2000))
TWO = MerchantLock(vendors=("openai.com", "anthropic.com"))
TEN_PERCENT = Tolerance(basis_points=1000)
ATTEMPTS = Measure.ATTEMPTS

CARD = [
    Line("a purchase within its intent", ask(2000), world(), OK),
    Line("a token that is no card of ours", ask(), world(card=None), "card_unknown"),
    Line("a closed card", ask(), world(card=card(state=CLOSED)), "card_closed"),
    Line("a frozen card", ask(), world(card=card(frozen=("card",))), "frozen"),
    Line("a frozen organization", ask(), world(card=card(frozen=("organization",))), "frozen"),
    Line("a locked card inside a window", ask(), world(card=card(state=LOCKED)), "card_locked"),
    Line("an open card without a window", ask(), world(window=None), "card_locked"),
    Line("a tick before the window", ask(), world(), "card_locked", at(0) - TICK),
    Line("the first instant of the window", ask(), world(), OK, at(0)),
    Line("the last instant of the window", ask(), world(), OK, at(30) - TICK),
    Line("the end of the window is outside", ask(), world(), "card_locked", at(30)),
    Line(
        "used at 12:05: open to the end of the grace",
        ask(100),
        world(window=unlocked(used=5)),
        OK,
        at(15) - TICK,
    ),
    Line(
        "used at 12:05: the end of the grace is outside",
        ask(100),
        world(window=unlocked(used=5)),
        "card_locked",
        at(15),
    ),
    Line(
        "used at 12:25: the window's own end comes first",
        ask(100),
        world(window=unlocked(used=25)),
        "card_locked",
        at(30),
    ),
]

MERCHANT = [
    Line("another merchant", ask(), world(match=match("no_match")), "merchant_mismatch"),
    Line("not proven", ask(), world(match=match("unverified", None)), "merchant_unverified"),
    Line("not examined", ask(), world(match=None), "merchant_unverified"),
    Line(
        "a lock on two vendors, and the intent names the other one",
        ask(),
        world(card=card(lock=TWO), match=match(vendor="anthropic.com")),
        "merchant_mismatch",
    ),
    Line(
        "verification at either vendor of the lock",
        ask(0),
        world(card=card(lock=TWO), match=match(vendor="anthropic.com")),
        OK,
    ),
    Line("a blocked MCC", ask(mcc="6011"), world(blocked_categories=("6011",)), "category_blocked"),
    Line("another MCC", ask(mcc="6010"), world(blocked_categories=("6011",)), OK),
    Line("no MCC sent", ask(mcc=None), world(blocked_categories=("6011",)), OK),
    Line("blocked land", ask(country="KP"), world(blocked_countries=("KP",)), "country_blocked"),
    Line("another land", ask(country="KR"), world(blocked_countries=("KP",)), OK),
]

CURRENCY = [
    Line(
        "billed in another currency than the card's",
        ask(currency="EUR"),
        world(),
        "currency_mismatch",
    ),
    Line("no currency at all", ask(currency="XXX"), world(), "currency_mismatch"),
    Line(
        "merchant in EUR, billed and intended in USD",
        ask(2000, merchant=(1800, "EUR")),
        world(),
        OK,
    ),
    Line(
        "EUR intent: the merchant's EUR counts, at the maximum",
        ask(2500, merchant=(2200, "EUR")),
        world(intent=single(currency="EUR")),
        OK,
    ),
    Line(
        "EUR intent: one cent of EUR above",
        ask(2000, merchant=(2201, "EUR")),
        world(intent=single(currency="EUR")),
        "amount_exceeds_intent",
    ),
    Line(
        "EUR intent, merchant in GBP, billed in USD",
        ask(2000, merchant=(1500, "GBP")),
        world(intent=single(currency="EUR")),
        "currency_mismatch",
    ),
    Line(
        "verification in GBP beside an EUR intent",
        ask(0, merchant=(0, "GBP")),
        world(intent=single(currency="EUR")),
        OK,
    ),
    Line(
        "JPY card and intent, at the maximum",
        ask(2200, currency="JPY"),
        world(card=card(currency="JPY"), intent=single(currency="JPY")),
        OK,
    ),
    Line(
        "JPY card and intent, one yen above",
        ask(2201, currency="JPY"),
        world(card=card(currency="JPY"), intent=single(currency="JPY")),
        "amount_exceeds_intent",
    ),
    Line(
        "KWD card and intent, one fils above",
        ask(2201, currency="KWD"),
        world(card=card(currency="KWD"), intent=single(currency="KWD")),
        "amount_exceeds_intent",
    ),
]

INTENT = [
    Line("exactly the maximum", ask(2200), world(), OK),
    Line("one cent above the maximum", ask(2201), world(), "amount_exceeds_intent"),
    Line("no intent", ask(), world(intent=None), "no_open_intent"),
    Line(
        "a window of another intent",
        ask(),
        world(window=unlocked(intent="int_9")),
        "no_open_intent",
    ),
    Line(
        "an intent that was canceled",
        ask(),
        world(intent=single(state=IntentState.CANCELED)),
        "no_open_intent",
    ),
    Line(
        "a second purchase on a single intent, another amount",
        ask(100, id="req_2"),
        world(intent=DONE, card=SPENT, live=(held(intent="int_1"),)),
        "no_open_intent",
    ),
    Line(
        "a second purchase on a single intent, same amount",
        ask(2000, id="req_2"),
        world(intent=DONE, card=SPENT, live=(held(intent="int_1"),)),
        "duplicate_charge",
    ),
    Line("a single intent whose purchase was reversed", ask(2200), world(), OK),
    Line("several: exactly the maximum per charge", ask(1000), world(intent=several()), OK),
    Line(
        "several: one cent above per charge",
        ask(1001),
        world(intent=several()),
        "amount_exceeds_intent",
    ),
    Line(
        "several: exactly what is left", ask(200), world(intent=several(used=2000, charges=2)), OK
    ),
    Line(
        "several: one cent more than is left",
        ask(201),
        world(intent=several(used=2000, charges=2)),
        "amount_exceeds_intent",
    ),
    Line("several: the last charge of three", ask(1000), world(intent=several(charges=2)), OK),
    Line(
        "several: a fourth charge of three",
        ask(1000),
        world(intent=several(charges=3)),
        "no_open_intent",
    ),
    Line(
        "several: the intent was over-captured",
        ask(101),
        world(intent=several(used=9999)),
        "amount_exceeds_intent",
    ),
]

DUPLICATE = [
    Line(
        "the same amount for an intent of its own",
        ask(2000),
        world(live=(held(intent="int_0"),)),
        OK,
    ),
    Line(
        "the same amount again and again in a window intent",
        ask(1000),
        world(intent=several(charges=1, used=1000), live=(held(1000, intent="int_1"),)),
        OK,
    ),
    Line(
        "within tolerance above the live one",
        ask(2200, id="req_2"),
        world(intent=DONE, tolerance=TEN_PERCENT, live=(held(2000, intent="int_1"),)),
        "duplicate_charge",
    ),
    Line(
        "one cent outside tolerance above",
        ask(2201, id="req_2"),
        world(intent=DONE, tolerance=TEN_PERCENT, live=(held(2000, intent="int_1"),)),
        "no_open_intent",
    ),
    Line(
        "within tolerance below the live one",
        ask(2000, id="req_2"),
        world(intent=DONE, tolerance=TEN_PERCENT, live=(held(2200, intent="int_1"),)),
        "duplicate_charge",
    ),
    Line(
        "one cent outside tolerance below",
        ask(2000, id="req_2"),
        world(intent=DONE, tolerance=TEN_PERCENT, live=(held(2201, intent="int_1"),)),
        "no_open_intent",
    ),
    Line(
        "the same amount at another vendor",
        ask(2000, id="req_2"),
        world(intent=DONE, live=(held(2000, intent="int_1", vendor="anthropic.com"),)),
        "no_open_intent",
    ),
    Line(
        "the same number in another currency",
        ask(2000, id="req_2"),
        world(intent=DONE, live=(held(2000, intent="int_1", currency="EUR"),)),
        "no_open_intent",
    ),
]

INCREMENT = [
    Line(
        "more on the same id, up to the maximum",
        ask(2200),
        world(known=before(2000), intent=DONE, card=SPENT),
        OK,
    ),
    Line(
        "one cent above the maximum in all",
        ask(2201),
        world(known=before(2000), intent=DONE, card=SPENT),
        "amount_exceeds_intent",
    ),
    Line(
        "the same total again asks for nothing",
        ask(2000),
        world(known=before(2000), intent=DONE, card=SPENT),
        OK,
    ),
    Line(
        "a difference stated as such",
        ask(200, additional=True),
        world(known=before(2000), intent=DONE, card=SPENT),
        OK,
    ),
    Line(
        "a difference one cent too large",
        ask(201, additional=True),
        world(known=before(2000), intent=DONE, card=SPENT),
        "amount_exceeds_intent",
    ),
    Line(
        "in the merchant's currency, up to the maximum",
        ask(2500, merchant=(2200, "EUR")),
        world(
            known=before(2300, intent_amount=2000),
            card=SPENT,
            intent=single(currency="EUR", state=IntentState.AUTHORIZED, used=2000, charges=1),
        ),
        OK,
    ),
    Line(
        "in the merchant's currency, one cent above",
        ask(2500, merchant=(2201, "EUR")),
        world(
            known=before(2300, intent_amount=2000),
            card=SPENT,
            intent=single(currency="EUR", state=IntentState.AUTHORIZED, used=2000, charges=1),
        ),
        "amount_exceeds_intent",
    ),
    Line(
        "the maximum per charge holds for the whole",
        ask(1000),
        world(known=before(900), intent=several(used=900, charges=1)),
        OK,
    ),
    Line(
        "one cent above the maximum per charge in all",
        ask(1001),
        world(known=before(900), intent=several(used=900, charges=1)),
        "amount_exceeds_intent",
    ),
    Line(
        "within the grace the window does not matter",
        ask(2200),
        world(known=before(2000), intent=DONE, card=card(state=LOCKED), window=None),
        OK,
        at(10) - TICK,
    ),
    Line(
        "the end of the grace is outside",
        ask(2200),
        world(known=before(2000), intent=DONE, card=card(state=LOCKED), window=None),
        "card_locked",
        at(10),
    ),
    Line(
        "after the grace, inside its own window",
        ask(950),
        world(known=before(900), intent=several(used=900, charges=1)),
        OK,
        at(20),
    ),
    Line(
        "after the grace, inside another intent's window",
        ask(950),
        world(
            known=before(900), intent=several(used=900, charges=1), window=unlocked(intent="int_2")
        ),
        "no_open_intent",
        at(20),
    ),
    Line(
        "within the grace, inside another intent's window",
        ask(950),
        world(
            known=before(900), intent=several(used=900, charges=1), window=unlocked(intent="int_2")
        ),
        OK,
    ),
    Line(
        "a settled intent grows no more",
        ask(950),
        world(known=before(900), intent=several(state=IntentState.SETTLED)),
        "no_open_intent",
    ),
    Line(
        "no charge left is needed",
        ask(950),
        world(known=before(900), intent=several(used=900, charges=3)),
        OK,
    ),
    Line(
        "no duplicate of a twin",
        ask(2200),
        world(known=before(2000), intent=DONE, card=SPENT, live=(held(2200, intent="int_1"),)),
        OK,
    ),
    Line(
        "a frozen card grows nothing",
        ask(2200),
        world(known=before(2000), intent=DONE, card=card(frozen=("agent",))),
        "frozen",
    ),
    Line(
        "another merchant under the same id",
        ask(2200),
        world(known=before(2000), intent=DONE, card=SPENT, match=match("no_match")),
        "merchant_mismatch",
    ),
    Line(
        "exempt from the count of a cap",
        ask(2200),
        world(known=before(2000), intent=DONE, card=SPENT, caps=((cap(count=1), used(1)),)),
        OK,
    ),
    Line(
        "not from its amount",
        ask(2200),
        world(
            known=before(2000), intent=DONE, card=SPENT, caps=((cap(amount=2199), used(1, 2000)),)
        ),
        "velocity_exceeded",
    ),
    Line(
        "a debit after an approved credit is a purchase of its own",
        ask(2200, id="req_2"),
        world(known=before(0, intent=None), intent=DONE, live=(held(2200, intent="int_1"),)),
        "duplicate_charge",
    ),
]

VERIFICATION = [
    Line("nothing at all", ask(0), world(), OK),
    Line("a balance inquiry", ask(0, kind="balance_inquiry"), world(), OK),
    Line(
        "a balance inquiry that names an amount asks for none",
        ask(999_999, kind="balance_inquiry"),
        world(),
        OK,
    ),
    Line("a dollar", ask(100), world(intent=DONE, card=SPENT), OK),
    Line(
        "one cent above a dollar is a purchase",
        ask(101),
        world(intent=DONE, card=SPENT),
        "no_open_intent",
    ),
    Line("150 yen", ask(150, currency="JPY"), world(card=card(currency="JPY"), intent=None), OK),
    Line(
        "151 yen",
        ask(151, currency="JPY"),
        world(card=card(currency="JPY"), intent=None),
        "no_open_intent",
    ),
    Line("300 fils", ask(300, currency="KWD"), world(card=card(currency="KWD"), intent=None), OK),
    Line(
        "301 fils",
        ask(301, currency="KWD"),
        world(card=card(currency="KWD"), intent=None),
        "no_open_intent",
    ),
    Line(
        "the policy's own amount",
        ask(50),
        world(intent=None, verification=Verification(max_amounts=(("USD", 50),))),
        OK,
    ),
    Line(
        "one cent above the policy's own",
        ask(51),
        world(intent=None, verification=Verification(max_amounts=(("USD", 50),))),
        "no_open_intent",
    ),
    Line(
        "a small charge of a small intent is a purchase",
        ask(100),
        world(intent=single(90, 99)),
        "amount_exceeds_intent",
    ),
    Line("nothing at all beside a small intent", ask(0), world(intent=single(90, 99)), OK),
    Line(
        "an intent just above small takes verifications",
        ask(100),
        world(intent=single(101, 101, charges=1)),
        OK,
    ),
    Line("on a locked card", ask(0), world(card=card(state=LOCKED), window=None), "card_locked"),
    Line("at another merchant", ask(0), world(match=match("no_match")), "merchant_mismatch"),
    Line("the fifth of five a day", ask(0), world(verifications_today=4), OK),
    Line("a sixth of five a day", ask(0), world(verifications_today=5), "velocity_exceeded"),
    Line("a purchase does not mind them", ask(2000), world(verifications_today=5), OK),
    Line("it counts in caps", ask(0), world(caps=((cap(count=1), used(1)),)), "velocity_exceeded"),
    Line(
        "its dollar must fit beside what is reserved",
        ask(100),
        world(card=card(spending_limit=2300)),
        OK,
    ),
    Line(
        "its dollar does not fit",
        ask(100),
        world(card=card(spending_limit=2299)),
        "spending_limit_exceeded",
    ),
    Line(
        "small increments under one id do not add up to a purchase for nothing",
        ask(150),
        world(known=verified(100), intent=None),
        "no_open_intent",
    ),
    Line(
        "a verification that grows is a purchase of the whole",
        ask(2200),
        world(known=verified(100)),
        OK,
    ),
    Line(
        "the whole is held against the intent",
        ask(2201),
        world(known=verified(100)),
        "amount_exceeds_intent",
    ),
    Line(
        "the whole, stated as a difference",
        ask(2100, additional=True),
        world(known=verified(100)),
        OK,
    ),
    Line(
        "the whole, stated as a difference one cent too large",
        ask(2101, additional=True),
        world(known=verified(100)),
        "amount_exceeds_intent",
    ),
    Line(
        "a sixth dollar on an id of five",
        ask(100, additional=True),
        world(known=verified(100), intent=None),
        "no_open_intent",
    ),
]

CREDIT = [
    Line("money back", ask(999_999, kind="credit"), world(), OK),
    Line(
        "on a locked card, from anybody, in any currency",
        ask(5000, kind="credit", currency="EUR", mcc="6011", country="KP"),
        world(
            card=card(state=LOCKED),
            window=None,
            intent=None,
            match=match("no_match"),
            blocked_categories=("6011",),
            blocked_countries=("KP",),
            caps=((cap(count=1), used(1)),),
            budgets=((budget(1), Exposure(held=1)),),
        ),
        OK,
    ),
    Line(
        "on a closed card", ask(5000, kind="credit"), world(card=card(state=CLOSED)), "card_closed"
    ),
    Line(
        "on a frozen card", ask(5000, kind="credit"), world(card=card(frozen=("card",))), "frozen"
    ),
    Line("on no card of ours", ask(5000, kind="credit"), world(card=None), "card_unknown"),
]

LIMIT = [
    Line("the whole limit", ask(2200), world(card=card(spending_limit=2200)), OK),
    Line(
        "a limit lowered below the reservation",
        ask(2200),
        world(card=card(spending_limit=2199)),
        "spending_limit_exceeded",
    ),
    Line(
        "a limit lowered, but not below the charge",
        ask(2000),
        world(card=card(spending_limit=2000)),
        OK,
    ),
    Line(
        "other intents' reservations do not take this one's share",
        ask(2200),
        world(card=card(spending_limit=2200, exposure=Exposure(reserved=4400))),
        OK,
    ),
    Line(
        "beside what is spent, exactly",
        ask(2200),
        world(card=card(exposure=Exposure(reserved=2200, held=1800, cleared=1000))),
        OK,
    ),
    Line(
        "beside what is spent, one cent above",
        ask(2200),
        world(card=card(exposure=Exposure(reserved=2200, held=1801, cleared=1000))),
        "spending_limit_exceeded",
    ),
    Line(
        "refunds restore nothing of a card's limit",
        ask(2200),
        world(card=card(exposure=Exposure(reserved=2200, cleared=2801, refunded=2801))),
        "spending_limit_exceeded",
    ),
    Line(
        "exactly the limit per authorization",
        ask(1500),
        world(card=card(per_authorization_limit=1500)),
        OK,
    ),
    Line(
        "one cent above it",
        ask(1501),
        world(card=card(per_authorization_limit=1500)),
        "spending_limit_exceeded",
    ),
    Line(
        "increments stay under the limit per authorization",
        ask(2200),
        world(known=before(2000), intent=DONE, card=card(per_authorization_limit=2199)),
        "spending_limit_exceeded",
    ),
    Line(
        "increments reach the limit per authorization",
        ask(2200),
        world(known=before(2000), intent=DONE, card=card(per_authorization_limit=2200)),
        OK,
    ),
]

VELOCITY = [
    Line("the last of three", ask(), world(caps=((cap(count=3), used(2)),)), OK),
    Line("a fourth of three", ask(), world(caps=((cap(count=3), used(3)),)), "velocity_exceeded"),
    Line("exactly the amount", ask(2000), world(caps=((cap(amount=5000), used(2, 3000)),)), OK),
    Line(
        "one cent above it",
        ask(2001),
        world(caps=((cap(amount=5000), used(2, 3000)),)),
        "velocity_exceeded",
    ),
    Line(
        "more given back than counted",
        ask(2000),
        world(caps=((cap(amount=5000), used(2, 6000)),)),
        "velocity_exceeded",
    ),
    Line(
        "an attempt too many",
        ask(),
        world(caps=((cap(count=9, measure=ATTEMPTS, period=Period.DAY), used(9)),)),
        "velocity_exceeded",
    ),
    Line(
        "two caps, the second full",
        ask(),
        world(caps=((cap(count=9), used(1)), (cap(count=1, name="two"), used(1)))),
        "velocity_exceeded",
    ),
    Line(
        "a cap in a currency that cannot be judged",
        ask(),
        world(caps=((cap(amount=99_999, currency="EUR"), used()),)),
        "velocity_exceeded",
    ),
    Line(
        "nothing asked for needs no judging",
        ask(0),
        world(caps=((cap(amount=99_999, currency="EUR"), used()),)),
        OK,
    ),
]

BUDGET = [
    Line(
        "exactly what the intent reserved in it",
        ask(2200),
        world(budgets=((budget(2200), Exposure(reserved=2200)),)),
        OK,
    ),
    Line(
        "a budget lowered after approval, below the charge",
        ask(2200),
        world(budgets=((budget(2199), Exposure(reserved=2200)),)),
        "budget_exceeded",
    ),
    Line(
        "a budget lowered after approval, not below the charge",
        ask(2000),
        world(budgets=((budget(2000), Exposure(reserved=2200)),)),
        OK,
    ),
    Line(
        "beside what is spent, exactly",
        ask(2200),
        world(budgets=((budget(5000), Exposure(reserved=2200, cleared=2800)),)),
        OK,
    ),
    Line(
        "beside what is spent, one cent above",
        ask(2200),
        world(budgets=((budget(5000), Exposure(reserved=2200, cleared=2801)),)),
        "budget_exceeded",
    ),
    Line(
        "refunds restore it",
        ask(2200),
        world(budgets=((budget(5000), Exposure(reserved=2200, cleared=5000, refunded=2200)),)),
        OK,
    ),
    Line(
        "refunds do not where policy says so",
        ask(2200),
        world(
            budgets=(
                (
                    budget(5000, refunds_restore=False),
                    Exposure(reserved=2200, cleared=5000, refunded=5000),
                ),
            )
        ),
        "budget_exceeded",
    ),
    Line(
        "two budgets, the second full",
        ask(2200),
        world(
            budgets=(
                (budget(9999), Exposure(reserved=2200)),
                (budget(1, name="agent"), Exposure(reserved=2200)),
            )
        ),
        "budget_exceeded",
    ),
    Line(
        "a budget in a currency that cannot be judged",
        ask(),
        world(budgets=((budget(99_999, currency="EUR"), Exposure()),)),
        "budget_exceeded",
    ),
]

TABLE = [
    *CARD,
    *MERCHANT,
    *CURRENCY,
    *INTENT,
    *DUPLICATE,
    *INCREMENT,
    *VERIFICATION,
    *CREDIT,
    *LIMIT,
    *VELOCITY,
    *BUDGET,
]
