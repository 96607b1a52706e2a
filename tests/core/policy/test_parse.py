"""Reading and writing policy documents."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.core.policy.documents import CARD, EXAMPLES, FULL, documents, schema

from signets.core.errors import Refusal
from signets.core.money import EXPONENTS
from signets.core.policy.model import (
    Flag,
    FlagAction,
    Outcome,
    Period,
    Scope,
    Tolerance,
    Window,
)
from signets.core.policy.parse import parse_policy
from signets.core.policy.presets import default_policy_document
from signets.core.policy.render import render_policy

REMOVE = object()
FORM = "vendors/0/lines/0/patterns/0/text"


def _changed(path: str, value: object) -> dict[str, Any]:
    """``FULL`` with the value at ``path`` (keys and indexes, separated by ``/``) replaced."""
    document = copy.deepcopy(FULL)
    *parents, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    at: Any = document
    for part in parents:
        at = at[part]
    if value is REMOVE:
        del at[last]
    elif isinstance(at, list) and last == len(at):
        at.append(value)
    else:
        at[last] = value
    return document


#: path in FULL, new value, `param` of the refusal, a word of the remedy, whether the schema sees it
INVALID: list[tuple[str, object, str, str, bool]] = [
    ("version", REMOVE, "version", "missing", True),
    ("version", 2, "version", "`1`", True),
    ("version", "1", "version", "`1`", True),
    ("version", True, "version", "`1`", True),
    ("rulez", [], "rulez", "known are", True),
    ("time_zone", "Mars/Olympus", "time_zone", "Europe/Berlin", False),
    ("time_zone", "localtime", "time_zone", "Europe/Berlin", False),
    ("time_zone", "right/Europe/Berlin", "time_zone", "Europe/Berlin", False),
    ("time_zone", "../../etc/passwd", "time_zone", "Europe/Berlin", False),
    ("time_zone", None, "time_zone", "empty", True),
    ("default", "approve", "default", "`escalate`, `deny`", True),
    ("tolerance", 10, "tolerance", "mapping", True),
    ("tolerance/percent", -1, "tolerance.percent", "0 to 100", True),
    ("tolerance/percent", 101, "tolerance.percent", "0 to 100", True),
    ("tolerance/percent", "100.01", "tolerance.percent", "0 to 100", False),
    ("tolerance/percent", 7.555, "tolerance.percent", "two decimals", False),
    ("tolerance/percent", float("nan"), "tolerance.percent", "two decimals", False),
    ("tolerance/percent", float("inf"), "tolerance.percent", "two decimals", True),
    ("tolerance/percent", True, "tolerance.percent", "0 to 100", True),
    ("tolerance/percent", REMOVE, "tolerance.percent", "missing", True),
    ("tolerance/absolute", 2.5, "tolerance.absolute", "integer of minor units", True),
    ("window", "25h", "window", "between 10s and 24h", False),
    ("window", "soon", "window", "`30m`", True),
    ("window", 1.5, "window", "integer of seconds", True),
    ("grace", -1, "grace", "between 0s", True),
    ("approvals/expire", "5s", "approvals.expire", "between 10s", False),
    ("approvals/after", "1h", "approvals.after", "known are `expire`", True),
    ("reveals_per_hour", 1001, "reveals_per_hour", "whole number", True),
    ("duplicates/action", "ignore", "duplicates.action", "`return`, `escalate`", True),
    ("breaker/declines", 0, "breaker.declines", "from 1", True),
    ("verification/max_amounts/usd", 1, "verification.max_amounts.usd", "ISO 4217", True),
    ("verification/max_amounts/USD", "1", "verification.max_amounts.USD", "minor units", True),
    ("card_creation/agents_may_create", "yes", "card_creation.agents_may_create", "`true`", True),
    ("learning/settlements", 1, "learning.settlements", "one purchase proves nothing", True),
    ("learning/settlements", 51, "learning.settlements", "from 0 to 50", True),
    ("learning/days", 1, "learning.days", "from 2", True),
    ("learning/days", 6, "learning.days", "at most `settlements`", False),
    ("vendors/0", "acme.dev", "vendors[0]", "mapping", True),
    ("vendors/0/brand", REMOVE, "vendors[0].brand", "missing", True),
    ("vendors/0/logo", "x.png", "vendors[0].logo", "no field", True),
    ("vendors/0/category", "shoes", "vendors[0].category", "shoes", True),
    (FORM, "acme", "vendors[0].lines[0].patterns[0].text", "form", True),
    (FORM, "AC", "vendors[0].lines[0].patterns[0].text", "shorter", False),
    ("vendors/0/sold_through/0/seller", 7, "vendors[0].sold_through[0].seller", "str", True),
    ("vendors/1", FULL["vendors"][0], "vendors[1].domain", "repeats", False),
    ("flags/force_post", "ignore", "flags.force_post", "`lock`", True),
    ("flags/fraud", "lock", "flags.fraud", "known are", True),
    ("blocked_categories/0", "799", "blocked_categories[0]", "four digits", True),
    ("blocked_categories/0", 7995, "blocked_categories[0]", "in quotes", True),
    ("blocked_categories/1", "7995", "blocked_categories[1]", "repeats", True),
    ("blocked_countries/0", "kp", "blocked_countries[0]", "capitals", True),
    ("blocked_countries/0", "USA", "blocked_countries[0]", "alpha-2", True),
    ("blocked_countries/0", "UK", "blocked_countries[0]", "alpha-2", False),
    ("blocked_countries/0", False, "blocked_countries[0]", '"NO"', True),
    ("rules", {"name": "x"}, "rules", "list", True),
    ("rules", None, "rules", "empty", True),
    ("rules/0", "approve", "rules[0]", "mapping", True),
    ("rules/0/name", "Small Ones", "rules[0].name", "small letters", True),
    ("rules/1/name", "small", "rules[1].name", "repeats `small`", False),
    ("rules/0/then", REMOVE, "rules[0].then", "missing", True),
    ("rules/0/then", "allow", "rules[0].then", "`approve`, `escalate`, `deny`", True),
    ("rules/0/approvals", 1, "rules[0].approvals", "then: escalate", True),
    ("rules/1/approvals", 3, "rules[1].approvals", "name more", False),
    ("rules/1/approvals", 0, "rules[1].approvals", "whole number", True),
    ("rules/1/approvers/0", "mem_1", "rules[1].approvers[0]", "e-mail", True),
    ("rules/1/approvers", [], "rules[1].approvers", "empty list", True),
    ("rules/1/reason", "two\nlines", "rules[1].reason", "one line", False),
    ("rules/0/when/amount", 1, "rules[0].when.amount", "known are", True),
    ("rules/0/when/currency", REMOVE, "rules[0].when.currency", "missing", True),
    ("rules/0/when/currency", "usd", "rules[0].when.currency", "capitals", True),
    ("rules/0/when/currency", "XXX", "rules[0].when.currency", "ISO 4217", False),
    ("rules/0/when/up_to", 50.0, "rules[0].when.up_to", "minor units", False),
    ("rules/0/when/up_to", -5, "rules[0].when.up_to", "minor units", True),
    ("rules/0/when/up_to", 10**13, "rules[0].when.up_to", "minor units", True),
    ("rules/0/when/above", 5000, "rules[0].when.up_to", "larger than", False),
    ("rules/0/when/vendor", "open ai", "rules[0].when.vendor", "domain", True),
    ("rules/0/when/vendor", "openai", "rules[0].when.vendor", "domain", True),
    ("rules/0/when/vendor", 5, "rules[0].when.vendor", "list", True),
    ("rules/1/when/usage/0", "weekly", "rules[1].when.usage[0]", "`recurring`", True),
    ("caps/0/window", "9s", "caps[0].window", "between 10s and 90d", False),
    ("caps/0/window", 9, "caps[0].window", "between 10s and 90d", True),
    ("caps/1/window", "91d", "caps[1].window", "between 10s and 90d", False),
    ("caps/1/window", "year", "caps[1].window", "`day`, `week`, `month`", True),
    ("caps/0/max_count", REMOVE, "caps[0].max_count", "missing", True),
    ("caps/0/max_count", -1, "caps[0].max_count", "whole number", True),
    ("caps/1/currency", REMOVE, "caps[1].currency", "needs a currency", True),
    ("caps/0/currency", "USD", "caps[0].currency", "leave it out", True),
    ("caps/0/scope", REMOVE, "caps[0].scope", "missing", True),
    ("caps/0/scope", "workflow", "caps[0].scope", "`card`", True),
    ("caps/0/scope", ["card", "card"], "caps[0].scope[1]", "once", True),
    ("caps/0/scope", ["organization", "card"], "caps[0].scope", "leave `organization` out", False),
    ("caps/0/when", {"usage": "single"}, "caps[0].when.usage", "known are", True),
    ("caps/1/name", "burst", "caps[1].name", "repeats", False),
    ("budgets/0/amount", REMOVE, "budgets[0].amount", "missing", True),
    ("budgets/0/period", "quarter", "budgets[0].period", "`month`", True),
    ("budgets/0/currency", REMOVE, "budgets[0].currency", "missing", True),
    ("budgets/0/window", "1d", "budgets[0].window", "known are", True),
    ("agents", ["infra-agent"], "agents", "mapping", True),
    ("agents/infra agent", {}, "agents.infra agent", "handle", True),
    ("agents/infra-agent/breaker", {}, "agents.infra-agent.breaker", "known are", True),
    ("agents/infra-agent/rules/0/then", "ok", "agents.infra-agent.rules[0].then", "`deny`", True),
    ("agents/infra-agent/caps/0/scope", "organization", "agents.infra-agent.caps[0].scope",
     "move it to the top", True),
    ("cards/card_1", {}, "cards.card_1", "card's id", True),
    (f"cards/{CARD}/window", "0s", f"cards.{CARD}.window", "between 10s", False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value", "param", "remedy", "schema_sees"),
    INVALID,
    ids=[f"{path}={'absent' if value is REMOVE else value!r}" for path, value, *_ in INVALID],
)
def test_bad_document_is_refused_by_field(
    path: str, value: object, param: str, remedy: str, schema_sees: bool
) -> None:
    """Each mistake is refused with the dotted path of its field and what would be right."""
    document = _changed(path, value)
    with pytest.raises(Refusal) as refused:
        parse_policy(document)
    assert refused.value.code == "policy_invalid"
    assert refused.value.param == param
    assert remedy in refused.value.message
    assert schema().is_valid(document) is not schema_sees


@pytest.mark.parametrize("document", [None, [], "version: 1", 1, {1: 2}, {"version": 1, True: 2}])
def test_not_a_document(document: Any) -> None:
    """Anything but a mapping with text keys is refused as a whole."""
    with pytest.raises(Refusal) as refused:
        parse_policy(document)
    assert refused.value.code == "policy_invalid"
    assert refused.value.param is None


def test_bounds_on_size() -> None:
    """A document with more rules than the bound is refused before they are read."""
    rules = [{"name": f"r{number}", "then": "deny"} for number in range(201)]
    with pytest.raises(Refusal, match="at most 200"):
        parse_policy({"version": 1, "rules": rules})


@pytest.mark.parametrize("document", EXAMPLES.values(), ids=EXAMPLES)
def test_examples_pass_schema_and_parse(document: dict[str, Any]) -> None:
    """The presets and examples satisfy the published schema, and so does what is rendered."""
    schema().validate(document)
    policy = parse_policy(document)
    rendered = render_policy(policy)
    schema().validate(rendered)
    assert parse_policy(json.loads(json.dumps(rendered))) == policy


def test_documented_example_holds() -> None:
    """The example that the reference page shows is read as it stands there."""
    page = Path(__file__).parents[3] / "docs" / "reference" / "policy.md"
    text = page.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    document = yaml.safe_load(text)
    schema().validate(document)
    policy = parse_policy(document)
    assert [rule.name for rule in policy.organization.rules] == [
        "small",
        "large",
        "no-marketplaces",
    ]
    assert policy.agents[0].caps[0].scope == (Scope.AGENT,)


def test_schema_is_a_schema() -> None:
    """The published file is itself valid JSON Schema, draft 2020-12."""
    validator = schema()
    validator.check_schema(validator.schema)


@given(documents())
def test_round_trip_and_schema_agreement(document: dict[str, Any]) -> None:
    """Any document that parses satisfies the schema, and survives rendering unchanged."""
    policy = parse_policy(document)
    rendered = render_policy(policy)
    assert parse_policy(rendered) == policy
    assert render_policy(parse_policy(rendered)) == rendered
    assert schema().is_valid(document)
    assert schema().is_valid(rendered)


def test_every_key_is_read() -> None:
    """The full example arrives in the policy value by value."""
    policy = parse_policy(FULL)
    top = policy.organization
    assert (policy.time_zone, policy.default) == ("Europe/Berlin", Outcome.DENY)
    assert top.tolerance == Tolerance(basis_points=750, absolute=200)
    assert (policy.window_seconds, policy.grace_seconds) == (2_700, 300)
    assert (policy.split_window_seconds, policy.approval_expiry_seconds) == (7_200, 43_200)
    assert (policy.breaker.declines, policy.breaker.seconds) == (3, 90)
    assert policy.verification.max_amounts == (("JPY", 150), ("USD", 100))
    assert policy.duplicate_window_seconds == 604_800
    assert not policy.card_rules.agents_may_create
    assert top.rules[1].approvers == ("mem_01h455vb4pex5vsknk084sn02q", "finance@example.com")
    assert [cap.window for cap in top.caps] == [Window(seconds=600), Window(period=Period.DAY)]
    assert top.budgets[1].scope == (Scope.AGENT, Scope.WORKFLOW)
    assert policy.agents[0].rules[0].when.vendors == ("openai.com",)
    assert policy.cards[0].subject == CARD


def test_a_level_always_counts_its_own_subject() -> None:
    """A cap of one agent's level holds the agent in its scope, stated or not."""
    caps: list[dict[str, object]] = [
        {"name": "all", "window": "1h", "max_count": 1},
        {"name": "vendor", "scope": "vendor", "window": "1h", "max_count": 1},
    ]
    policy = parse_policy(
        {"version": 1, "agents": {"a": {"caps": caps}}, "cards": {CARD: {"caps": caps}}}
    )
    assert [cap.scope for cap in policy.agents[0].caps] == [
        (Scope.AGENT,),
        (Scope.VENDOR, Scope.AGENT),
    ]
    assert [cap.scope for cap in policy.cards[0].caps] == [
        (Scope.CARD,),
        (Scope.CARD, Scope.VENDOR),
    ]


def test_smallest_document_is_safe() -> None:
    """With nothing stated, everything escalates and the written defaults hold."""
    policy = parse_policy({"version": 1})
    assert policy.default is Outcome.ESCALATE
    assert policy.organization.rules == ()
    assert policy.organization.tolerance == Tolerance(basis_points=1000, absolute=0)
    assert (policy.window_seconds, policy.grace_seconds) == (1_800, 600)
    assert (policy.approval_expiry_seconds, policy.reveals_per_hour) == (86_400, 10)


@given(st.integers(0, 10_000))
def test_percent_is_exact(basis_points: int) -> None:
    """A percentage arrives to the basis point, as YAML float, text or integer."""
    text = f"{basis_points // 100}.{basis_points % 100:02d}"
    for percent in (text, float(text)):
        policy = parse_policy({"version": 1, "tolerance": {"percent": percent}})
        assert policy.organization.tolerance == Tolerance(basis_points=basis_points)


def test_schema_repeats_the_closed_sets() -> None:
    """The words that the schema lists are those of the code, no more and no fewer."""
    published: Any = schema().schema
    properties, defs = published["properties"], published["$defs"]
    assert set(properties["flags"]["properties"]) == {flag.value for flag in Flag}
    for one in properties["flags"]["properties"].values():
        assert set(one["enum"]) == {action.value for action in FlagAction}
    assert defs["rule"]["properties"]["then"]["enum"] == [outcome.value for outcome in Outcome]
    assert defs["budget"]["properties"]["period"]["enum"] == [period.value for period in Period]
    budget_scope = defs["budget"]["properties"]["scope"]["oneOf"][0]["enum"]
    assert budget_scope == [scope.value for scope in Scope]


@pytest.mark.parametrize("currency", sorted(EXPONENTS))
def test_preset_works_in_every_currency(currency: str) -> None:
    """A new organization gets a valid policy whatever its currency."""
    policy = parse_policy(default_policy_document(currency))
    assert {rule.when.currency for rule in policy.organization.rules} == {currency}


@pytest.mark.parametrize(
    ("flag", "single_use", "action"),
    [
        (Flag.FORCE_POST, False, FlagAction.LOCK),
        (Flag.NO_INTENT, False, FlagAction.LOCK),
        (Flag.WRONG_MERCHANT, False, FlagAction.LOCK),
        (Flag.AMOUNT_ABOVE_MAXIMUM, True, FlagAction.LOCK),
        (Flag.AMOUNT_ABOVE_MAXIMUM, False, FlagAction.ALERT),
        (Flag.CURRENCY, True, FlagAction.ALERT),
    ],
)
def test_flag_defaults(flag: Flag, single_use: bool, action: FlagAction) -> None:
    """Unless the document says otherwise, flags act as the contract lists."""
    assert parse_policy({"version": 1}).action_for(flag, single_use=single_use) is action


def test_flag_action_is_stated() -> None:
    """A stated action replaces the default of that flag and of no other."""
    policy = parse_policy({"version": 1, "flags": {"force_post": "note"}})
    assert policy.action_for(Flag.FORCE_POST, single_use=True) is FlagAction.NOTE
    assert policy.action_for(Flag.NO_INTENT, single_use=True) is FlagAction.LOCK
