"""What an intent sets aside on its card: its maximum, in the card's currency.

A foreign-currency intent reserves by the rate that policy names, plus policy's tolerance for the
rate's moving before the charge clears.
"""

from __future__ import annotations

from dataclasses import dataclass

from signets.app.records import Intent
from signets.core.errors import invalid
from signets.core.fx import Rate, billing_maximum, parse_rate
from signets.core.intent import Bounds
from signets.core.policy.model import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """``total`` and ``per_charge`` in minor units of ``currency``, the card's."""

    currency: str
    total: int
    per_charge: int


def bounds_of(intent: Intent) -> Bounds:
    """What a stored intent allows."""
    return Bounds(
        usage=intent.usage,
        max_total=intent.max_total,
        max_per_charge=intent.max_per_charge,
        max_count=intent.max_count,
    )


def rate_for(policy: Policy, source: str, target: str) -> Rate | None:
    """Policy's rate from an intent's currency to the organization's; ``None`` where it has none."""
    for currency, text in policy.fx_rates:
        if currency == source:
            return parse_rate(text, source, target)
    return None


def reserve_for(
    policy: Policy, bounds: Bounds, *, currency: str, card_currency: str | None, own: str
) -> Reserve:
    """What to set aside for these bounds.

    Args:
        currency: The intent's.
        card_currency: Of the card that is named; ``None`` where Signets chooses one.
        own: The organization's currency, which policy's rates lead to.

    Raises:
        Refusal: ``fx_rate_missing`` where policy has no rate between the two currencies.
    """
    target = card_currency or own
    if currency == target:
        return Reserve(currency=target, total=bounds.max_total, per_charge=bounds.max_per_charge)
    rate = rate_for(policy, currency, target) if target == own else None
    if rate is None:
        raise invalid(
            "fx_rate_missing",
            f"policy has no exchange rate from {currency} to {target}: add `fx.rates.{currency}`, "
            f"or declare the intent in {target}",
            param="currency",
        )
    tolerance = policy.fx_tolerance_basis_points
    return Reserve(
        currency=target,
        total=billing_maximum(bounds.max_total, rate, tolerance_basis_points=tolerance),
        per_charge=billing_maximum(bounds.max_per_charge, rate, tolerance_basis_points=tolerance),
    )
