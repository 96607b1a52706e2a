"""The policy of the bench's organizations, and the parts their cards play under it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from signets.core.policy.presets import default_policy_document

CURRENCY = "USD"
#: What the bench's policy blocks though the vendors' other facts agree: an MCC and a country
#: (ISO 3166, as the directory and as the network write it).
BLOCKED_MCC = "4816"
BLOCKED_COUNTRY = ("IE", "IRL")
#: Approvals that the cap of :attr:`Role.HASTY` leaves in ten minutes.
HASTY_COUNT = 10
#: What caps and budgets allow that are counted and not meant to bite.
_PLENTY_COUNT = 1_000_000
_PLENTY = 1_000_000_000_000


class Role(StrEnum):
    """What a card of the bench is there for."""

    BUYS = "buys"  # open, under a `window` intent
    HOT = "hot"  # the same; one card with room for everything
    BUYS_ONCE = "buys_once"  # open, under a `single` intent
    THRIFTY = "thrifty"  # open, with a low limit for each authorization
    HASTY = "hasty"  # open, of an agent with a tight cap
    POOR = "poor"  # open, of an agent whose budget was lowered after the approvals
    LOCKED = "locked"
    FROZEN = "frozen"
    CLOSED = "closed"


def policy_document() -> dict[str, Any]:
    """The default policy with four caps and a budget: all of them count, few of them bite.

    A bench sends a card in ten minutes what it gets in months; so the default's own caps, meant
    for the months, are replaced by one on each level, and the breaker waits longer.
    """
    document: dict[str, Any] = default_policy_document(CURRENCY)
    document["budgets"] = [_budget("month", "organization", _PLENTY)]
    document["budgets"].append({**_budget("pocket", "agent", 1), "when": {"agent": Role.POOR}})
    hasty = {"name": "hasty", "scope": "agent", "window": "10m", "max_count": HASTY_COUNT}
    document["caps"] = [
        {**_cap("card", "day"), "measure": "attempts"},
        _cap("vendor", "10m"),
        _cap("agent", "1h"),
        _cap("organization", "1h"),
        {**hasty, "when": {"agent": Role.HASTY}},
    ]
    document["breaker"] = {"declines": 1_000, "within": "10m"}
    document["blocked_categories"] = [*document["blocked_categories"], BLOCKED_MCC]
    document["blocked_countries"] = [*document["blocked_countries"], BLOCKED_COUNTRY[0]]
    return document


def _budget(name: str, scope: str, amount: int) -> dict[str, Any]:
    return {
        "name": name,
        "scope": scope,
        "period": "month",
        "amount": amount,
        "currency": CURRENCY,
    }


def _cap(scope: str, window: str) -> dict[str, Any]:
    return {
        "name": f"{scope}-flow",
        "scope": scope,
        "window": window,
        "max_count": _PLENTY_COUNT,
        "max_amount": _PLENTY,
        "currency": CURRENCY,
    }
