"""The policy document that a new organization starts with."""

from __future__ import annotations

#: MCCs that no agent's purchase needs: money transfer, cash, quasi-cash, lotteries, betting.
#: Source: ISO 18245.
CASH_LIKE = ("4829", "6010", "6011", "6051", "7800", "7801", "7802", "7995")


def default_policy_document(currency: str = "USD") -> dict[str, object]:
    """Plain data for :func:`signets.core.policy.parse.parse_policy`.

    Amounts are the same count of minor units in every currency ($50.00, or 5,000 yen): a start to
    edit, on the strict side for currencies with three decimals.
    """
    return {
        "version": 1,
        "time_zone": "UTC",
        "default": "escalate",
        "tolerance": {"percent": 10, "absolute": 200},
        "window": "30m",
        "grace": "10m",
        "split_window": "1h",
        "reveals_per_hour": 10,
        "approvals": {"expire": "24h"},
        "duplicates": {"action": "return", "within": "24h"},
        "breaker": {"declines": 5, "within": "10m"},
        "verification": {"per_day": 5},
        "card_creation": {"agents_may_create": True, "max_spending_limit": 50_000},
        "rules": [
            {"name": "small", "when": {"up_to": 5_000, "currency": currency}, "then": "approve"},
            {
                "name": "large",
                "when": {"above": 5_000, "currency": currency},
                "then": "escalate",
                "approvals": 1,
            },
        ],
        "budgets": [
            {
                "name": "month",
                "scope": "organization",
                "period": "month",
                "amount": 500_000,
                "currency": currency,
            }
        ],
        "caps": [
            {"name": "burst", "scope": ["card", "vendor"], "window": "10m", "max_count": 5},
            {
                "name": "attempts",
                "scope": "card",
                "window": "day",
                "measure": "attempts",
                "max_count": 50,
            },
        ],
        "blocked_categories": list(CASH_LIKE),
        "blocked_countries": ["KP"],
    }
