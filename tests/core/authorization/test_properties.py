"""What holds for every request and all facts, whatever they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.core.authorization.builders import (
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
    verified,
    world,
)

from signets.core.authorization.case import small_amount
from signets.core.authorization.decide import decide
from signets.core.authorization.decision import CheckStatus, DecisionKind
from signets.core.authorization.facts import Facts
from signets.core.authorization.request import AuthorizationRequest
from signets.core.card import CardState
from signets.core.intent import IntentState
from signets.core.merchant.model import MatchResult
from signets.core.money import parse_major
from signets.core.policy.model import Measure, Period, Tolerance, Verification
from signets.core.reasons import PRECEDENCE, Reason
from signets.core.velocity import Exposure, used_since
from signets.core.velocity import Usage as Used

cents = st.integers(0, 3000)
minutes = st.integers(0, 40)
Change = Callable[[Facts, int], Facts]


def _card(**values: Callable[[int], Any]) -> Change:
    """A change of the card: each value computed from the number."""
    return lambda facts, n: (
        facts
        if facts.card is None
        else replace(facts, card=replace(facts.card, **{k: f(n) for k, f in values.items()}))
    )


def _intent(**values: Callable[[int], Any]) -> Change:
    """A change of the intent: each value computed from the number."""
    return lambda facts, n: (
        facts
        if facts.intent is None
        else replace(facts, intent=replace(facts.intent, **{k: f(n) for k, f in values.items()}))
    )


def _facts(**values: Callable[[int], Any]) -> Change:
    """A change of the facts: each value computed from the number."""
    return lambda facts, n: replace(facts, **{k: f(n) for k, f in values.items()})


def _of(values: Sequence[Any]) -> Callable[[int], Any]:
    return lambda n: values[n % len(values)]


#: What may be different from a world in which everything is in order; a number says how much.
CHANGES: list[Change] = [
    _facts(card=lambda n: None),
    _card(state=_of([*CardState])),
    _card(frozen=lambda n: ("card",)),
    _card(spending_limit=lambda n: n + 1),
    _card(per_authorization_limit=lambda n: n + 1),
    _card(exposure=lambda n: Exposure(reserved=2 * n, held=n)),
    _card(exposure=lambda n: Exposure(reserved=n, cleared=n, refunded=n // 2)),
    _facts(match=_of([match("no_match"), match("unverified"), match(vendor="a.com"), None])),
    _facts(window=lambda n: None),
    _facts(window=lambda n: unlocked(closes=10 + n % 50)),
    _facts(window=lambda n: unlocked(used=n % 40)),
    _facts(window=lambda n: unlocked(intent="int_2")),
    _facts(intent=lambda n: None),
    _facts(intent=lambda n: single(n + 1, n + 1 + n // 10)),
    _facts(intent=lambda n: several(n + 1, n + 1)),
    _facts(intent=lambda n: several(3 * n + 3, n + 1, 1 + n % 4)),
    _intent(currency=_of(["EUR", "USD"])),
    _intent(charges=lambda n: n % 4),
    _intent(used=lambda n: n),
    _intent(reserved=lambda n: n),
    _intent(state=_of([*IntentState])),
    _facts(known=lambda n: before(n, minute=n % 40)),
    _facts(known=lambda n: before(n, minute=n % 40, intent_amount=n // 2)),
    _facts(known=lambda n: before(n, intent=_of(["int_2", None])(n))),
    _facts(known=lambda n: verified(n % 101)),
    _facts(live=lambda n: (held(n + 1), held(n + 1, intent="int_1"))),
    _facts(caps=lambda n: ((cap(count=1 + n % 3, amount=9999), Used(count=n % 4, oldest=at(0))),)),
    _facts(
        caps=lambda n: ((cap(count=9, amount=n + 1), Used(count=1, amount=n // 3, oldest=at(0))),)
    ),
    _facts(budgets=lambda n: ((budget(n + 1), Exposure(reserved=n // 2)),)),
    _facts(budgets=lambda n: ((budget(2 * n + 1), Exposure(held=n, refunded=n // 2)),)),
    _facts(tolerance=lambda n: Tolerance(basis_points=n)),
    _facts(verifications_today=lambda n: n % 7),
    _facts(verification=lambda n: Verification(per_day=n % 3, max_amounts=(("USD", n),))),
]
changes = st.lists(st.tuples(st.sampled_from(CHANGES), cents), max_size=5)


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    """A world in which everything is in order, changed a few times."""
    facts = world()
    for change, number in draw(changes):
        facts = change(facts, number)
    return facts


requests = st.builds(
    ask,
    st.one_of(cents, st.integers(0, 150)),
    currency=st.sampled_from(["USD"] * 5 + ["EUR"]),
    merchant=st.none() | st.tuples(cents, st.sampled_from(["USD", "EUR", "GBP"])),
    kind=st.sampled_from(["purchase"] * 6 + ["credit", "balance_inquiry"]),
    additional=st.booleans(),
)


@settings(max_examples=200)
@given(requests, any_facts(), minutes)
def test_one_record_of_every_check_and_one_verdict(
    request: AuthorizationRequest, facts: Facts, minute: int
):
    """Every check is recorded once, in order; the first failing names the reason, if any does."""
    made = decide(request, facts, at(minute))
    assert [check.reason for check in made.checks] == sorted(Reason, key=PRECEDENCE.__getitem__)
    fails = [check for check in made.checks if check.status is CheckStatus.FAILED]
    assert made.approved is (not fails)
    assert made.reason is (fails[0].reason if fails else None)
    assert (made.sentence, made.level) == (
        (fails[0].detail, fails[0].level) if fails else ("every check passed", "")
    )
    assert all(check.detail and check.level for check in fails)
    assert made.hold == (made.asked if made.approved else 0)
    assert bool(made.would_pass) is not made.approved
    assert made.asked >= 0 and made.intent_amount >= 0


@settings(max_examples=200)
@given(requests, any_facts(), minutes)
def test_an_approval_means_what_it_promises(
    request: AuthorizationRequest, facts: Facts, minute: int
):
    """Invariant 4: open card (or an increment in its grace), lock matched, a covering intent."""
    made = decide(request, facts, at(minute))
    if not made.approved or made.kind is DecisionKind.CREDIT:
        return
    assert facts.card is not None and facts.match is not None
    assert facts.card.state is not CardState.CLOSED and not facts.card.frozen
    assert facts.match.result is MatchResult.MATCH
    in_grace = (
        made.kind is DecisionKind.INCREMENT
        and facts.known is not None
        and at(minute) - facts.known.first_approved_at < facts.grace
    )
    if not in_grace:
        assert facts.card.state is CardState.OPEN and facts.window is not None
        assert facts.window.opens_at <= at(minute) < facts.window.closes_at
    if made.kind is DecisionKind.VERIFICATION:
        assert made.intent_id is None
        assert made.hold <= small_amount("USD", facts.verification.max_amounts)
        assert facts.verifications_today < facts.verification.per_day
        return
    assert facts.intent is not None and made.intent_id == facts.intent.intent_id
    assert facts.intent.state in (IntentState.APPROVED, IntentState.AUTHORIZED)
    assert in_grace or facts.window.intent_id == made.intent_id
    assert facts.intent.used + made.intent_amount <= max(
        facts.intent.used, facts.intent.bounds.max_total
    )


def _stricter(facts: Facts) -> list[Facts]:
    """The same facts with one restriction more, each in its own way."""
    made = [
        replace(facts, blocked_categories=("5734",)),
        replace(facts, blocked_countries=("US",)),
        replace(facts, verifications_today=facts.verifications_today + 1),
        replace(facts, live=(*facts.live, held(777, intent="int_1"))),
        replace(facts, caps=(*facts.caps, (cap(count=1, name="more"), Used(count=1)))),
        replace(facts, budgets=(*facts.budgets, (budget(5, name="more"), Exposure()))),
        replace(facts, window=None),
        replace(facts, match=match("unverified")),
        replace(
            facts,
            caps=tuple(
                (one, replace(use, count=use.count + 1, amount=use.amount + 9))
                for one, use in facts.caps
            ),
        ),
        replace(
            facts,
            caps=tuple((replace(one, max_count=one.max_count - 1), use) for one, use in facts.caps),
        ),
        replace(
            facts,
            budgets=tuple((replace(one, amount=one.amount - 1), use) for one, use in facts.budgets),
        ),
        replace(
            facts,
            budgets=tuple((one, replace(use, held=use.held + 9)) for one, use in facts.budgets),
        ),
    ]
    if facts.card is not None:
        one = facts.card
        made += [
            replace(facts, card=replace(one, frozen=("card",))),
            replace(facts, card=replace(one, state=CardState.LOCKED)),
            replace(facts, card=replace(one, spending_limit=one.spending_limit - 1)),
            replace(facts, card=replace(one, per_authorization_limit=3)),
            replace(facts, card=replace(one, exposure=one.exposure + Exposure(held=7, reserved=5))),
        ]
    if facts.intent is not None:
        intent, bounds = facts.intent, facts.intent.bounds
        made += [
            replace(facts, intent=replace(intent, used=intent.used + 1)),
            replace(facts, intent=replace(intent, charges=intent.charges + 1)),
            replace(facts, intent=replace(intent, state=IntentState.EXPIRED)),
            replace(
                facts,
                intent=replace(intent, bounds=replace(bounds, max_total=bounds.max_total - 1)),
            ),
            replace(
                facts,
                intent=replace(
                    intent, bounds=replace(bounds, max_per_charge=bounds.max_per_charge - 1)
                ),
            ),
        ]
    return made


@settings(max_examples=400)
@given(requests, any_facts(), minutes, st.integers(0, 99))
def test_one_restriction_more_never_approves(
    request: AuthorizationRequest, facts: Facts, minute: int, which: int
):
    """Lower limits, more usage, another block or freeze never turn a decline into an approval."""
    if decide(request, facts, at(minute)).approved:
        return
    stricter = _stricter(facts)
    assert not decide(request, stricter[which % len(stricter)], at(minute)).approved


@settings(max_examples=200)
@given(requests, any_facts(), minutes)
def test_the_amount_that_would_pass_passes(
    request: AuthorizationRequest, facts: Facts, minute: int
):
    """ "At most X now": the same request with X passes, and with one cent more it does not."""
    promised = re.search(r"at most \$([\d,.]+)", decide(request, facts, at(minute)).would_pass)
    if promised is None:
        return
    amount = parse_major(promised.group(1), "USD")
    assert amount < request.amount
    both = request.currency == request.merchant_currency
    for asked, passes in ((amount, True), (amount + 1, False)):
        merchant = asked if both else request.merchant_amount
        smaller = replace(request, amount=asked, merchant_amount=merchant)
        assert decide(smaller, facts, at(minute)).approved is passes


@st.composite
def charged(draw: st.DrawFn) -> tuple[list[tuple[datetime, int]], Facts]:
    """What was charged within the last hours, and a world with two caps on it."""
    seconds = st.integers(0, 4000)
    events = [
        (at(60) - timedelta(seconds=draw(seconds), microseconds=draw(st.integers(0, 9))), amount)
        for amount in draw(st.lists(st.integers(1, 900), max_size=6))
    ]
    windows = st.sampled_from([{"seconds": 600}, {"seconds": 3600}, {"period": Period.DAY}])
    caps = [
        cap(
            name=name,
            count=draw(st.integers(1, 4)),
            amount=draw(st.none() | st.integers(1, 4000)),
            **draw(windows),
        )
        for name in draw(st.sampled_from([["a"], ["a", "b"]]))
    ]
    zone = draw(st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata"]))
    facts = world(
        intent=several(9999, 9999, 99),
        card=card(spending_limit=99_999),
        window=unlocked(closes=3 * 24 * 60),
        zone=zone,
        caps=tuple((one, Used()) for one in caps),
    )
    return events, facts


def _with_usage(facts: Facts, events: list[tuple[datetime, int]], now: datetime) -> Facts:
    """The caps' usage at ``now``, added up from the events."""
    caps = []
    for one, _ in facts.caps:
        since = used_since(one.window, now, facts.zone)
        inside = [(when, amount) for when, amount in events if since < when <= now]
        oldest = min((when for when, _ in inside), default=None)
        amount = sum(amount for _, amount in inside)
        caps.append((one, Used(count=len(inside), amount=amount, oldest=oldest)))
    return replace(facts, caps=tuple(caps))


@settings(max_examples=200)
@given(charged(), st.integers(101, 3000))
def test_the_time_when_it_would_pass_is_right(
    case: tuple[list[tuple[datetime, int]], Facts], amount: int
):
    """ "After T": at T the same request passes, with the usage that is left by then."""
    events, facts = case
    made = decide(ask(amount), _with_usage(facts, events, at(60)), at(60))
    promised = re.search(r"after (.+)Z", made.would_pass)
    if promised is None:
        return
    when = datetime.fromisoformat(promised.group(1)).replace(tzinfo=UTC)
    assert when > at(60)
    assert decide(ask(amount), _with_usage(facts, events, when), when).approved


@given(charged(), st.integers(101, 3000))
def test_attempts_and_approvals_are_capped_alike(
    case: tuple[list[tuple[datetime, int]], Facts], amount: int
):
    """What a cap measures changes what is counted, never how its bound is read."""
    events, facts = case
    facts = _with_usage(facts, events, at(60))
    other = replace(
        facts,
        caps=tuple((replace(one, measure=Measure.ATTEMPTS), use) for one, use in facts.caps),
    )
    approved = decide(ask(amount), facts, at(60)).approved
    assert decide(ask(amount), other, at(60)).approved is approved
