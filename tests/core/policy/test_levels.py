"""Which levels, caps, budgets and blocks apply to whom."""

from __future__ import annotations

from typing import Any

import pytest
from tests.core.policy.documents import CARD

from signets.core.policy.levels import (
    applicable_budgets,
    applicable_caps,
    applicable_levels,
    blocked,
)
from signets.core.policy.match import Subject
from signets.core.policy.parse import parse_policy


def _cap(name: str, scope: Any = "card", **when: Any) -> dict[str, Any]:
    return {"name": name, "scope": scope, "window": "1h", "max_count": 1, "when": when}


def _budget(name: str, scope: str, **when: Any) -> dict[str, Any]:
    bound = {"period": "month", "amount": 1, "currency": "USD"}
    return {"name": name, "scope": scope, **bound, "when": when}


POLICY = parse_policy(
    {
        "version": 1,
        "caps": [
            _cap("card"),
            _cap("vendor", ["card", "vendor"]),
            _cap("openai", vendor="openai.com"),
            _cap("models", category="model_api"),
            _cap("other-agent", agent="other"),
        ],
        "budgets": [
            _budget("all", "organization"),
            _budget("flow", "workflow"),
            _budget("ci", "organization", workflow="ci"),
        ],
        "blocked_categories": ["7995"],
        "blocked_countries": ["KP"],
        "agents": {
            "infra-agent": {"caps": [_cap("card", "agent")], "blocked_categories": ["4829"]},
            "agt_1": {"budgets": [_budget("own", "agent")]},
            "other": {"caps": [_cap("never", "agent")], "blocked_countries": ["US"]},
        },
        "cards": {CARD: {"blocked_categories": ["7995", "6011"], "caps": [_cap("one")]}},
    }
)


def _subject(**changes: Any) -> Subject:
    base = {"agent_id": "agt_1", "agent_handle": "infra-agent", "vendor": "openai.com"}
    return Subject(**{**base, "vendor_category": "model_api", **changes})


def test_levels_in_order() -> None:
    """Organization first, then the agent by handle and by id, then the card."""
    titles = [level.title for level in applicable_levels(POLICY, _subject(card_id=CARD))]
    assert titles == ["organization", "agent infra-agent", "agent agt_1", f"card {CARD}"]


@pytest.mark.parametrize(
    ("changes", "caps"),
    [
        ({}, ["card", "vendor", "openai", "models", "infra-agent/card"]),
        ({"vendor": "x.io", "vendor_category": "saas"}, ["card", "vendor", "infra-agent/card"]),
        # What cannot be judged applies; an unmatched merchant never counts on a vendor.
        ({"vendor_category": None}, ["card", "vendor", "openai", "models", "infra-agent/card"]),
        ({"vendor": None, "vendor_category": None}, ["card", "models", "infra-agent/card"]),
        (
            {"card_id": CARD},
            ["card", "vendor", "openai", "models", "infra-agent/card", f"{CARD}/one"],
        ),
        (
            {"agent_id": "agt_2", "agent_handle": "other"},
            ["card", "vendor", "openai", "models", "other-agent", "other/never"],
        ),
    ],
)
def test_caps(changes: dict[str, Any], caps: list[str]) -> None:
    """A cap applies where its level and its conditions do, under a name that is unique."""
    names = [cap.name for cap in applicable_caps(POLICY, _subject(**changes))]
    assert names == caps


@pytest.mark.parametrize(
    ("changes", "budgets"),
    [
        ({}, ["all", "agt_1/own"]),
        ({"workflow": "ci"}, ["all", "flow", "ci", "agt_1/own"]),
        ({"workflow": "other"}, ["all", "flow", "agt_1/own"]),
    ],
)
def test_budgets(changes: dict[str, Any], budgets: list[str]) -> None:
    """A budget per workflow applies only to purchases that name one."""
    assert [one.name for one in applicable_budgets(POLICY, _subject(**changes))] == budgets


def test_blocks_add_up() -> None:
    """What any applicable level blocks is blocked; another agent's block is not."""
    both = blocked(POLICY, _subject(card_id=CARD))
    assert both.categories == ("4829", "6011", "7995")
    assert both.countries == ("KP",)
    assert blocked(POLICY, _subject(agent_handle="nobody", agent_id="agt_9")).categories == (
        "7995",
    )
