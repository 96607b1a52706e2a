"""Policy documents and intents for the tests of this folder: examples and generators."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema
from hypothesis import strategies as st

from signets.core.intent import Usage
from signets.core.policy.evaluate import IntentFacts
from signets.core.policy.match import Subject
from signets.core.policy.presets import default_policy_document

CARD = "card_01h455vb4pex5vsknk084sn02q"
MEMBER = "mem_01h455vb4pex5vsknk084sn02q"

#: Every key of the format at least once.
FULL: dict[str, Any] = {
    "version": 1,
    "time_zone": "Europe/Berlin",
    "default": "deny",
    "tolerance": {"percent": "7.5", "absolute": 200},
    "window": "45m",
    "grace": 300,
    "split_window": "2h",
    "reveals_per_hour": 5,
    "approvals": {"expire": "12h"},
    "duplicates": {"action": "escalate", "within": "7d"},
    "breaker": {"declines": 3, "within": "90s"},
    "verification": {"per_day": 2, "max_amounts": {"USD": 100, "JPY": 150}},
    "card_creation": {"agents_may_create": False, "max_spending_limit": 50_000},
    "learning": {"settlements": 5, "days": 4},
    "vendors": [
        {
            "domain": "acmesearch.dev",
            "brand": "Acme Search",
            "category": "developer_tools",
            "aliases": ["acme.tools"],
            "family": "acme",
            "lines": [
                {
                    "name": "api",
                    "patterns": [{"text": "ACME SEARCH LABS", "source": "observed"}],
                }
            ],
            "mcc_groups": ["digital"],
            "countries": [{"code": "US", "source": "observed"}],
            "sold_through": [{"seller": "aws.amazon.com", "source": "document", "note": "terms"}],
        }
    ],
    "flags": {"force_post": "lock", "stand_in": "note"},
    "blocked_categories": ["7995", "0742"],
    "blocked_countries": ["KP", "NO"],
    "rules": [
        {"name": "small", "when": {"up_to": 5000, "currency": "USD"}, "then": "approve"},
        {
            "name": "large",
            "when": {"above": 5000, "currency": "USD", "usage": ["single", "window"]},
            "then": "escalate",
            "approvals": 2,
            "approvers": [MEMBER, "Finance@example.com"],
            "approval_expiry": "1h",
            "reason": "large purchases need two members",
        },
        {"name": "no-marketplaces", "when": {"category": "marketplace"}, "then": "deny"},
    ],
    "budgets": [
        {
            "name": "month",
            "scope": "organization",
            "period": "month",
            "amount": 500_000,
            "currency": "USD",
        },
        {
            "name": "nightly",
            "scope": ["agent", "workflow"],
            "period": "lifetime",
            "amount": 10_000,
            "currency": "EUR",
            "refunds_restore": False,
            "when": {"workflow": "nightly build"},
        },
    ],
    "caps": [
        {"name": "burst", "scope": ["card", "vendor"], "window": "10m", "max_count": 3},
        {
            "name": "day",
            "scope": "card",
            "window": "day",
            "measure": "attempts",
            "max_count": 50,
            "max_amount": 90_000,
            "currency": "USD",
            "when": {"vendor": ["openai.com", "aws.amazon.com"]},
        },
    ],
    "agents": {
        "infra-agent": {
            "window": "10m",
            "tolerance": {"percent": 5},
            "rules": [{"name": "ask", "when": {"vendor": "OpenAI.com"}, "then": "escalate"}],
            "caps": [{"name": "hour", "window": "1h", "max_count": 4}],
        }
    },
    "cards": {CARD: {"blocked_countries": ["US"], "blocked_categories": []}},
}

EXAMPLES: dict[str, dict[str, Any]] = {
    "smallest": {"version": 1},
    "default preset": default_policy_document(),
    "default preset in yen": default_policy_document("JPY"),
    "every key": FULL,
}


def facts(**changes: Any) -> IntentFacts:
    """$20.00 at openai.com by infra-agent, with changes (subject's fields included)."""
    subject = {
        "agent_id": "agt_01h455vb4pex5vsknk084sn02q",
        "agent_handle": "infra-agent",
        "vendor": "openai.com",
        "vendor_category": "model_api",
    }
    for key in ("agent_handle", "agent_id", "card_id", "vendor", "vendor_category", "workflow"):
        if key in changes:
            subject[key] = changes.pop(key)
    return IntentFacts(
        **{"subject": Subject(**subject), "expected": 2000, "currency": "USD", **changes}
    )


def schema() -> jsonschema.Draft202012Validator:
    """The published JSON Schema, ready to validate."""
    text = files("signets.core.policy").joinpath("schema.json").read_text(encoding="utf-8")
    return jsonschema.Draft202012Validator(json.loads(text))


_amounts = st.integers(0, 10**12)
_names = st.sampled_from(["small", "large", "day", "v1.2", "7-eleven", "under_score"])
_currencies = st.sampled_from(["USD", "EUR", "JPY", "KWD"])
_durations = st.one_of(
    st.integers(10, 86_400), st.sampled_from(["10s", "90s", "30m", "24h", "1d", "86400s"])
)


def _one_or_many(words: list[str]) -> st.SearchStrategy[Any]:
    one = st.sampled_from(words)
    return st.one_of(one, st.lists(one, min_size=1, max_size=2, unique=True))


_limit_when: dict[str, st.SearchStrategy[Any]] = {
    "agent": _one_or_many(["infra-agent", "other"]),
    "vendor": _one_or_many(["openai.com", "aws.amazon.com"]),
    "category": _one_or_many(["model_api", "cloud"]),
}


@st.composite
def whens(draw: st.DrawFn) -> dict[str, Any]:
    """Conditions of a rule."""
    # Few conditions, so that a good part of the rules matches.
    words = {**_limit_when, "usage": _one_or_many(["single", "window"])}
    keys = draw(st.lists(st.sampled_from(sorted(words)), max_size=1))
    found: dict[str, Any] = {key: draw(words[key]) for key in keys}
    bounds = sorted(draw(st.lists(st.integers(1, 20_000), max_size=2, unique=True)))
    if bounds:
        found["currency"] = draw(st.sampled_from(["USD", "EUR"]))
        keys = (
            ["above", "up_to"] if len(bounds) == 2 else [draw(st.sampled_from(["above", "up_to"]))]
        )
        found.update(zip(keys, bounds, strict=True))
    return found


@st.composite
def rules(
    draw: st.DrawFn, then: tuple[str, ...] = ("approve", "approve", "approve", "escalate", "deny")
) -> Any:
    """One rule."""
    rule: dict[str, Any] = {
        "name": draw(_names),
        "when": draw(whens()),
        "then": draw(st.sampled_from(then)),
    }
    if rule["then"] == "escalate":
        approvers = draw(st.lists(st.sampled_from(["a@x.io", "b@x.io", MEMBER]), unique=True))
        if approvers:
            rule["approvers"] = approvers
        rule["approvals"] = draw(st.integers(1, len(approvers) or 3))
        if draw(st.booleans()):
            rule["approval_expiry"] = draw(_durations)
    return rule


def _limits(own: bool) -> tuple[st.SearchStrategy[Any], st.SearchStrategy[Any]]:
    words = ["card", "vendor", "agent"]
    scope = _one_or_many(words) if own else st.one_of(_one_or_many(words), st.just("organization"))
    money = st.fixed_dictionaries({"max_amount": _amounts, "currency": _currencies})
    count = st.fixed_dictionaries({"max_count": st.integers(0, 1000)})
    cap = st.builds(
        lambda base, bound: {**base, **bound},
        st.fixed_dictionaries(
            {
                "name": _names,
                "scope": scope,
                "window": st.one_of(_durations, st.sampled_from(["day", "week", "month"])),
            },
            optional={
                "measure": st.sampled_from(["approved", "attempts"]),
                "when": st.fixed_dictionaries({}, optional=_limit_when),
            },
        ),
        st.one_of(money, count, st.builds(lambda a, b: {**a, **b}, money, count)),
    )
    budget = st.fixed_dictionaries(
        {
            "name": _names,
            "scope": scope,
            "period": st.sampled_from(["day", "week", "month", "year", "lifetime"]),
            "amount": _amounts,
            "currency": _currencies,
        },
        optional={"refunds_restore": st.booleans()},
    )
    return cap, budget


_percents = st.one_of(
    st.integers(0, 100),
    st.integers(0, 10_000).map(lambda points: f"{points // 100}.{points % 100:02d}"),
)


def _name_of(item: Any) -> str:
    return str(item["name"])


def _unique(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(items, max_size=2, unique_by=_name_of)


def levels(own: bool = True) -> st.SearchStrategy[dict[str, Any]]:
    """The keys of one level; ``own`` for an agent's or card's."""
    cap, budget = _limits(own)
    tolerance = st.fixed_dictionaries({"percent": _percents, "absolute": st.integers(0, 10_000)})
    return st.fixed_dictionaries(
        {},
        optional={
            "rules": _unique(rules()),
            "caps": _unique(cap),
            "budgets": _unique(budget),
            "tolerance": tolerance,
            "window": _durations,
            "blocked_categories": st.lists(st.sampled_from(["7995", "0742"]), unique=True),
            "blocked_countries": st.lists(st.sampled_from(["KP", "DE"]), unique=True),
        },
    )


def documents() -> st.SearchStrategy[dict[str, Any]]:
    """Whole, valid documents."""
    top = st.fixed_dictionaries(
        {"version": st.just(1)},
        optional={
            "time_zone": st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
            "default": st.sampled_from(["escalate", "deny"]),
            "grace": _durations,
            "split_window": _durations,
            "approvals": st.fixed_dictionaries({}, optional={"expire": _durations}),
            "duplicates": st.fixed_dictionaries(
                {}, optional={"action": st.sampled_from(["return", "escalate"])}
            ),
            "learning": st.fixed_dictionaries({"settlements": st.sampled_from([0, 2, 3, 50])}),
            "flags": st.fixed_dictionaries(
                {}, optional={"force_post": st.sampled_from(["note", "alert", "lock"])}
            ),
            "agents": st.dictionaries(
                st.sampled_from(["infra-agent", "other"]), levels(), max_size=2
            ),
            "cards": st.dictionaries(st.just(CARD), levels(), max_size=1),
        },
    )
    stated = st.fixed_dictionaries(
        {"rules": st.lists(rules(), min_size=1, max_size=3, unique_by=_name_of)}
    )
    return st.builds(lambda a, b, c: {**a, **b, **c}, top, levels(own=False), stated)


def intents() -> st.SearchStrategy[IntentFacts]:
    """Intents that the generated documents have something to say about."""
    return st.builds(
        facts,
        expected=st.integers(1, 25_000),
        currency=st.sampled_from(["USD", "EUR"]),
        usage=st.sampled_from(Usage),
        vendor=st.sampled_from(["openai.com", "aws.amazon.com"]),
        vendor_category=st.sampled_from([None, "model_api", "cloud"]),
        card_id=st.sampled_from([None, CARD]),
        recent_total=st.sampled_from([0, 500, 20_000]),
        allow_duplicate=st.sampled_from([False] * 7 + [True]),
        limits_exceeded=st.sampled_from([()] * 7 + [("a limit",)]),
    )
