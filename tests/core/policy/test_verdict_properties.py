"""What no verdict may ever do, over generated documents and intents."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.core.policy.documents import CARD, documents, facts, intents, levels, rules

from signets.core.policy.evaluate import IntentFacts, PolicyVerdict, evaluate_intent
from signets.core.policy.model import Outcome
from signets.core.policy.parse import parse_policy

RANK = {Outcome.APPROVE: 0, Outcome.ESCALATE: 1, Outcome.DENY: 2}


def assert_no_looser(before: PolicyVerdict, after: PolicyVerdict) -> None:
    """``after`` is in no respect looser than ``before``."""
    assert RANK[after.outcome] >= RANK[before.outcome]
    assert after.maximum <= before.maximum
    assert after.window_seconds <= before.window_seconds
    if after.outcome is before.outcome is Outcome.ESCALATE:
        assert after.approvals_required >= before.approvals_required
        assert set(before.approvers) <= set(after.approvers)
        assert after.approval_expiry_seconds <= before.approval_expiry_seconds


@given(documents(), levels(), st.booleans(), intents())
def test_a_level_never_loosens(
    document: dict[str, Any], level: dict[str, Any], on_card: bool, intent: IntentFacts
) -> None:
    """Whatever an agent's or card's level says, the verdict is no looser than without it."""
    key, subject = ("cards", CARD) if on_card else ("agents", "infra-agent")
    without = copy.deepcopy(document)
    without.get(key, {}).pop(subject, None)
    within = {**without, key: {**without.get(key, {}), subject: level}}
    assert_no_looser(
        evaluate_intent(parse_policy(without), intent),
        evaluate_intent(parse_policy(within), intent),
    )


@given(documents(), rules(then=("escalate", "deny")), intents())
def test_an_escalating_or_denying_rule_never_loosens(
    document: dict[str, Any], rule: dict[str, Any], intent: IntentFacts
) -> None:
    """Under `default: escalate`, one more rule that escalates or denies loosens nothing."""
    without = {**document, "default": "escalate"}
    added = {**without, "rules": [*without.get("rules", []), {**rule, "name": "added"}]}
    assert_no_looser(
        evaluate_intent(parse_policy(without), intent), evaluate_intent(parse_policy(added), intent)
    )


@given(documents(), rules(then=("deny",)), intents())
def test_a_denying_rule_never_loosens(
    document: dict[str, Any], rule: dict[str, Any], intent: IntentFacts
) -> None:
    """One more rule that denies turns no denial into anything else, even under `default: deny`.

    Where it cannot be judged it asks a person, which loosens nothing either: the default stands.
    """
    added = {**document, "rules": [*document.get("rules", []), {**rule, "name": "added"}]}
    assert_no_looser(
        evaluate_intent(parse_policy(document), intent),
        evaluate_intent(parse_policy(added), intent),
    )


@given(documents(), intents(), st.sampled_from([1, 500, 20_000]))
def test_more_recent_spending_never_loosens_an_approval(
    document: dict[str, Any], intent: IntentFacts, recent: int
) -> None:
    """Taking recent purchases into account can take an approval away and never give one."""
    policy = parse_policy(document)
    alone = replace(intent, recent_total=0)
    summed = replace(intent, recent_total=recent)
    assert_no_looser(evaluate_intent(policy, alone), evaluate_intent(policy, summed))


@given(documents(), intents())
def test_deterministic(document: dict[str, Any], intent: IntentFacts) -> None:
    """The same document, parsed again, gives the same verdict to the last letter of the trace."""
    first = evaluate_intent(parse_policy(document), intent)
    again = evaluate_intent(parse_policy(json.loads(json.dumps(document))), intent)
    assert first == again
    assert json.dumps(first.trace) == json.dumps(again.trace)


@given(documents(), intents())
def test_only_a_matching_rule_approves(document: dict[str, Any], intent: IntentFacts) -> None:
    """An approval always rests on a rule of the organization that was judged and matched."""
    got = evaluate_intent(parse_policy(document), intent)
    if got.outcome is Outcome.APPROVE:
        assert any(
            step["step"] == "rule"
            and step["level"] == "organization"
            and (step["result"], step["effect"]) == ("match", "approve")
            for step in got.trace
        )
        assert not intent.allow_duplicate
        assert not intent.limits_exceeded


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(0, 10**6))
def test_splitting_is_exact(bound: int, expected: int, recent: int) -> None:
    """Pieces are approved exactly as long as their sum is within the threshold for one piece."""
    small = {"name": "small", "when": {"up_to": bound, "currency": "USD"}, "then": "approve"}
    policy = parse_policy({"version": 1, "rules": [small]})
    got = evaluate_intent(policy, facts(expected=expected, recent_total=recent))
    assert (got.outcome is Outcome.APPROVE) is (expected + recent <= bound)
    assert ("splitting" in got.decided_by) is (recent > 0 and expected <= bound < expected + recent)
