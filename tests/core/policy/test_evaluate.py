"""Verdicts on intents: scenario tables, boundaries, and what can never happen."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.policy.documents import CARD, MEMBER, facts

from signets.core.intent import Usage
from signets.core.policy.evaluate import (
    PolicyVerdict,
    approver_may,
    evaluate_intent,
    intent_maximum,
)
from signets.core.policy.model import Outcome, Tolerance
from signets.core.policy.parse import parse_policy

SMALL = {"name": "small", "when": {"up_to": 5000, "currency": "USD"}, "then": "approve"}
LARGE = {"name": "large", "when": {"above": 5000, "currency": "USD"}, "then": "escalate"}
HUGE = {
    "name": "huge",
    "when": {"above": 100_000, "currency": "USD"},
    "then": "escalate",
    "approvals": 2,
    "approvers": ["cfo@example.com", "ceo@example.com"],
    "approval_expiry": "1h",
}
OVER = {"name": "over", "when": {"above": 500_000, "currency": "USD"}, "then": "deny"}
MARKET = {"name": "no-marketplaces", "when": {"category": "marketplace"}, "then": "deny"}
EURO_DENY = {"name": "euro", "when": {"above": 1, "currency": "EUR"}, "then": "deny"}
EURO_YES = {"name": "euro", "when": {"up_to": 9_000, "currency": "EUR"}, "then": "approve"}
ONLY_EURO = {"name": "euro", "when": {"currency": "EUR"}, "then": "deny"}
MODELS = {"name": "models", "when": {"category": "model_api"}, "then": "approve"}
TIERS = [SMALL, LARGE, HUGE, OVER]


def verdict(document: dict[str, Any], **changes: Any) -> PolicyVerdict:
    """The verdict of a document on :func:`facts`."""
    return evaluate_intent(parse_policy({"version": 1, **document}), facts(**changes))


#: document, intent, outcome, what decided, approvals
SCENARIOS: list[tuple[str, dict[str, Any], dict[str, Any], str, list[str], int]] = [
    ("nothing stated", {}, {}, "escalate", ["organization/default"], 1),
    ("default deny", {"default": "deny"}, {}, "deny", ["organization/default"], 0),
    ("small", {"rules": TIERS}, {}, "approve", ["organization/small"], 0),
    ("at up_to", {"rules": TIERS}, {"expected": 5000}, "approve", ["organization/small"], 0),
    ("one above", {"rules": TIERS}, {"expected": 5001}, "escalate", ["organization/large"], 1),
    ("at the second tier", {"rules": TIERS}, {"expected": 100_000}, "escalate",
     ["organization/large"], 1),
    ("above it: two members", {"rules": TIERS}, {"expected": 100_001}, "escalate",
     ["organization/large", "organization/huge"], 2),
    ("above the last", {"rules": TIERS}, {"expected": 500_001}, "deny", ["organization/over"], 0),
    ("gap: up to", {"rules": [SMALL]}, {"expected": 5001}, "escalate",
     ["organization/default"], 1),
    ("escalate lifts default deny", {"default": "deny", "rules": [LARGE]}, {"expected": 5001},
     "escalate", ["organization/large"], 1),
    ("category denied", {"rules": [SMALL, MARKET]}, {"vendor_category": "marketplace"}, "deny",
     ["organization/no-marketplaces"], 0),
    ("category is another", {"rules": [SMALL, MARKET]}, {}, "approve", ["organization/small"], 0),
    ("category unknown: deny asks", {"rules": [SMALL, MARKET]}, {"vendor_category": None},
     "escalate", ["organization/no-marketplaces"], 1),
    ("category unknown: approve is silent", {"rules": [MODELS]}, {"vendor_category": None},
     "escalate", ["organization/default"], 1),
    ("category unknown but other part says no",
     {"rules": [SMALL, {**MARKET, "when": {"category": "x", "vendor": "amazon.com"}}]},
     {"vendor_category": None}, "approve", ["organization/small"], 0),
    ("category unknown but the amount says no",
     {"rules": [SMALL, {**MARKET, "when": {"category": "x", "above": 9000, "currency": "USD"}}]},
     {"vendor_category": None}, "approve", ["organization/small"], 0),
    ("category unknown and the amount in range",
     {"rules": [SMALL, {**MARKET, "when": {"category": "x", "above": 90, "currency": "USD"}}]},
     {"vendor_category": None}, "escalate", ["organization/no-marketplaces"], 1),
    ("other currency: approve is silent", {"rules": [EURO_YES]}, {}, "escalate",
     ["organization/default"], 1),
    ("other currency: deny asks", {"rules": [SMALL, EURO_DENY]}, {}, "escalate",
     ["organization/euro"], 1),
    ("other currency: default deny stays", {"default": "deny", "rules": [EURO_DENY]}, {}, "deny",
     ["organization/default"], 0),
    ("currency alone is decidable", {"rules": [SMALL, ONLY_EURO]}, {}, "approve",
     ["organization/small"], 0),
    ("agent's level restricts", {"rules": [SMALL], "agents": {"infra-agent": {
        "rules": [{"name": "ask", "then": "escalate", "approvals": 3}]}}}, {}, "escalate",
     ["agent infra-agent/ask"], 3),
    ("agent's level by id", {"rules": [SMALL], "agents": {"agt_01h455vb4pex5vsknk084sn02q": {
        "rules": [{"name": "no", "then": "deny"}]}}}, {}, "deny",
     ["agent agt_01h455vb4pex5vsknk084sn02q/no"], 0),
    ("another agent's level is silent", {"rules": [SMALL], "agents": {"other": {
        "rules": [{"name": "no", "then": "deny"}]}}}, {}, "approve", ["organization/small"], 0),
    ("agent's approval lifts nothing", {"agents": {"infra-agent": {
        "rules": [{"name": "yes", "then": "approve"}]}}}, {}, "escalate",
     ["organization/default"], 1),
    ("card's level restricts", {"rules": [SMALL], "cards": {CARD: {
        "rules": [{"name": "no", "then": "deny"}]}}}, {"card_id": CARD}, "deny",
     [f"card {CARD}/no"], 0),
    ("card's level without that card", {"rules": [SMALL], "cards": {CARD: {
        "rules": [{"name": "no", "then": "deny"}]}}}, {}, "approve", ["organization/small"], 0),
    ("rule by vendor", {"rules": [SMALL, {"name": "v", "when": {"vendor": "openai.com"},
     "then": "deny"}]}, {}, "deny", ["organization/v"], 0),
    ("vendor is not a substring", {"rules": [SMALL, {"name": "v", "when": {"vendor": "openai.com"},
     "then": "deny"}]}, {"vendor": "notopenai.com"}, "approve", ["organization/small"], 0),
    ("rule by usage", {"rules": [SMALL, {"name": "u", "when": {"usage": "recurring"},
     "then": "escalate"}]}, {"usage": Usage.RECURRING}, "escalate", ["organization/u"], 1),
    ("rule by workflow", {"rules": [SMALL, {"name": "w", "when": {"workflow": "ci"},
     "then": "deny"}]}, {"workflow": "ci"}, "deny", ["organization/w"], 0),
    ("no workflow", {"rules": [SMALL, {"name": "w", "when": {"workflow": "ci"},
     "then": "deny"}]}, {}, "approve", ["organization/small"], 0),
    ("limit exceeded", {"rules": [SMALL]}, {"limits_exceeded": ("budget `month` is used up",)},
     "deny", ["limit"], 0),
    ("insisted duplicate", {"rules": [SMALL]}, {"allow_duplicate": True}, "escalate",
     ["duplicate"], 1),
    ("likely duplicate escalates", {"rules": [SMALL], "duplicates": {"action": "escalate"}},
     {"likely_duplicate_of": "int_1"}, "escalate", ["duplicate"], 1),
    ("likely duplicate, policy returns it", {"rules": [SMALL]}, {"likely_duplicate_of": "int_1"},
     "approve", ["organization/small"], 0),
    ("denied duplicate stays denied", {"rules": [OVER]},
     {"expected": 600_000, "allow_duplicate": True}, "deny", ["organization/over"], 0),
    ("sum at the threshold", {"rules": TIERS}, {"recent_total": 3000}, "approve",
     ["organization/small"], 0),
    ("splitting, one above", {"rules": TIERS}, {"recent_total": 3001}, "escalate",
     ["splitting"], 1),
    ("splitting past default", {"rules": [SMALL]}, {"recent_total": 3001}, "escalate",
     ["splitting"], 1),
    ("splitting past two members", {"rules": TIERS}, {"recent_total": 99_000}, "escalate",
     ["splitting"], 2),
    ("splitting past a denial only asks", {"rules": [SMALL, OVER]}, {"recent_total": 500_000},
     "escalate", ["splitting"], 1),
    ("no splitting over what escalates anyway", {"rules": TIERS},
     {"expected": 6000, "recent_total": 6000}, "escalate", ["organization/large"], 1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("document", "intent", "outcome", "decided_by", "approvals"),
    [row[1:] for row in SCENARIOS],
    ids=[row[0] for row in SCENARIOS],
)
def test_scenario(
    document: dict[str, Any],
    intent: dict[str, Any],
    outcome: str,
    decided_by: list[str],
    approvals: int,
) -> None:
    """Each document gives each intent the listed outcome, decided by the listed voices."""
    got = verdict(document, **intent)
    assert (got.outcome, list(got.decided_by), got.approvals_required) == (
        outcome,
        decided_by,
        approvals,
    )
    assert got.reasons


@pytest.mark.parametrize("usage", Usage)
@given(bound=st.integers(1, 10**9), distance=st.integers(-2, 2))
def test_boundaries_meet(usage: Usage, bound: int, distance: int) -> None:
    """`up_to` holds the bound itself and `above` begins one minor unit later, with no gap."""
    document = {
        "rules": [
            {"name": "low", "when": {"up_to": bound, "currency": "USD"}, "then": "approve"},
            {"name": "high", "when": {"above": bound, "currency": "USD"}, "then": "deny"},
        ]
    }
    amount = max(1, bound + distance)
    got = verdict(document, expected=amount, usage=usage)
    assert got.outcome is (Outcome.APPROVE if amount <= bound else Outcome.DENY)
    assert len(got.decided_by) == 1


def test_approvers_must_please_every_rule() -> None:
    """Who approves must be on every list that a rule names; the larger count is needed."""
    ours = {"name": "a", "then": "escalate", "approvers": ["a@x.io", "b@x.io"], "approvals": 2}
    theirs = {"name": "b", "then": "escalate", "approvers": ["B@x.io", MEMBER]}
    open_to_all = {"name": "c", "then": "escalate", "approval_expiry": "30m"}
    got = verdict({"rules": [ours, theirs, open_to_all], "approvals": {"expire": "2h"}})
    assert got.approvals_required == 2
    assert got.approval_expiry_seconds == 1_800
    assert got.approvers == (("a@x.io", "b@x.io"), ("b@x.io", MEMBER))
    assert approver_may(got.approvers, member_id="mem_x", email="b@X.io")
    assert not approver_may(got.approvers, member_id="mem_x", email="a@x.io")
    assert approver_may(got.approvers, member_id=MEMBER, email="a@x.io")
    assert not approver_may(got.approvers, member_id=MEMBER, email="c@x.io")
    assert approver_may((), member_id="mem_x", email="anyone@x.io")


def test_an_undecidable_rule_keeps_its_approvers() -> None:
    """A rule that cannot be judged asks the people whom it names, as if it had matched."""
    got = verdict({"rules": [SMALL, {**HUGE, "when": {"above": 1, "currency": "EUR"}}]})
    assert got.outcome is Outcome.ESCALATE
    assert got.approvals_required == 2
    assert got.approvers == (("cfo@example.com", "ceo@example.com"),)
    assert "cannot be judged" in got.reasons[0]
    assert "EUR" in got.reasons[0]


def test_splitting_asks_whom_the_sum_would_ask() -> None:
    """A purchase cut in pieces needs the approvers, count and expiry of the whole."""
    got = verdict({"rules": TIERS}, recent_total=99_000)
    assert got.approvers == (("cfo@example.com", "ceo@example.com"),)
    assert got.approval_expiry_seconds == 3_600
    assert "splitting" in got.reasons[0]
    assert "$1,010.00" in got.reasons[0]


def test_reasons_are_the_rules_own_words() -> None:
    """A rule's stated reason, a limit's sentence and the agent's reason reach people unchanged."""
    rule = {"name": "no", "then": "deny", "reason": "ask procurement first"}
    got = verdict({"rules": [rule]}, limits_exceeded=("cap `day` is used up",))
    assert got.reasons == ("ask procurement first", "cap `day` is used up")
    again = verdict({"rules": [SMALL]}, allow_duplicate=True, allow_duplicate_reason="second seat")
    assert again.reasons == ("the agent insists on a second purchase: second seat",)


@pytest.mark.parametrize(
    ("levels_", "expected", "maximum"),
    [
        ({}, 2000, 2200),
        ({"tolerance": {"percent": 0}}, 2000, 2000),
        ({"tolerance": {"percent": 10, "absolute": 200}}, 1000, 1200),
        ({"tolerance": {"percent": 10, "absolute": 200}}, 2010, 2211),
        ({"tolerance": {"percent": 10}}, 9, 9),
        ({"tolerance": {"percent": "7.5"}}, 1999, 2148),
        ({"agents": {"infra-agent": {"tolerance": {"percent": 50}}}}, 2000, 2200),
        ({"agents": {"infra-agent": {"tolerance": {"percent": 5}}}}, 2000, 2100),
        ({"cards": {CARD: {"tolerance": {"percent": 1}}}}, 2000, 2020),
        # Which level is tightest depends on the amount.
        ({"agents": {"infra-agent": {"tolerance": {"percent": 0, "absolute": 150}}}}, 1000, 1100),
        ({"agents": {"infra-agent": {"tolerance": {"percent": 0, "absolute": 150}}}}, 9000, 9150),
    ],
)
def test_maximum(levels_: dict[str, Any], expected: int, maximum: int) -> None:
    """The maximum is the smallest of all levels that state a tolerance, rounded down."""
    assert verdict(levels_, expected=expected, card_id=CARD).maximum == maximum


@given(st.integers(0, 10**12), st.integers(0, 10_000), st.integers(0, 10**6))
def test_tolerance_is_integer_arithmetic(expected: int, points: int, absolute: int) -> None:
    """The larger of percentage (rounded down, never up) and absolute amount is added, exactly."""
    maximum = Tolerance(basis_points=points, absolute=absolute).maximum(expected)
    extra = maximum - expected
    assert isinstance(maximum, int)
    assert extra >= absolute
    if extra != absolute:
        assert extra * 10_000 <= expected * points < (extra + 1) * 10_000


def test_an_intents_own_maximum_only_lowers() -> None:
    """A maximum stated by the intent lowers the policy's and never raises it."""
    policy = parse_policy({"version": 1})
    assert intent_maximum(policy, facts(maximum=2100)) == 2100
    assert intent_maximum(policy, facts(maximum=99_999)) == 2200


def test_window_is_the_shortest() -> None:
    """The unlock window is the shortest that any applicable level states."""
    document = {
        "window": "30m",
        "agents": {"infra-agent": {"window": "2h"}},
        "cards": {CARD: {"window": "5m"}},
    }
    assert verdict(document).window_seconds == 1_800
    assert verdict(document, card_id=CARD).window_seconds == 300


def test_trace_explains_itself() -> None:
    """The trace names each level and rule in order, whether it matched, why, and its effect."""
    document = {
        "rules": [SMALL, LARGE, EURO_DENY],
        "agents": {"infra-agent": {"rules": [MODELS]}},
    }
    got = verdict(document, recent_total=100, limits_exceeded=("too much",))
    steps = [
        (step["step"], step.get("rule"), step.get("result"), step.get("effect"))
        for step in got.trace
    ]
    assert steps == [
        ("rule", "small", "match", "approve"),
        ("rule", "large", "no_match", None),
        ("rule", "euro", "undecidable", "escalate"),
        ("rule", "models", "match", "approve"),
        ("default", None, None, None),
        ("splitting", None, None, None),
        ("limit", None, None, "deny"),
        ("bounds", None, None, None),
    ]
    assert got.trace[1]["why"] == "$20.00 is not above $50.00"
    assert got.trace[3]["level"] == "agent infra-agent"
    assert json.loads(json.dumps(got.trace)) == list(got.trace)
