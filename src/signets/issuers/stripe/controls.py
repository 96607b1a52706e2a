"""Spending controls of a card: its backstop, and merchant categories that Stripe can block.

A category is blocked only where Stripe's name stands for exactly one MCC. Left out on purpose:
``miscellaneous_…``, under which Stripe also files codes that have no name of their own, and the
lines of business that have ranges of codes (airlines, hotels, car rental). Blocking one of those
would decline more than the policy does. Names: the official SDK's ``blocked_categories``; codes:
docs.stripe.com/issuing/categories, ISO 18245.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, cast

from stripe.params.issuing import CardUpdateParamsSpendingControls

from signets.app.ports import ControlsChange
from signets.issuers.fields import Json, find

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "4829": "wires_money_orders",
        "5813": "drinking_places",
        "5921": "package_stores_beer_wine_and_liquor",
        "5933": "pawn_shops",
        "5967": "direct_marketing_inbound_telemarketing",
        "5993": "cigar_stores_and_stands",
        "6010": "manual_cash_disburse",
        "6011": "automated_cash_disburse",
        "6051": "non_fi_money_orders",
        "7273": "dating_escort_services",
        "7297": "massage_parlors",
        "7800": "government_owned_lotteries_us_region_only",
        "7801": "government_licensed_online_casions_online_gambling_us_region_only",
        "7802": "government_licensed_horse_dog_racing_us_region_only",
        "7995": "betting_casino_gambling",
        "9223": "bail_and_bond_payments",
        "9406": "government_owned_lotteries_non_us_region",
    }
)
_CODES = {name: code for code, name in NAMES.items()}


def nameable(codes: Iterable[str]) -> tuple[str, ...]:
    """The codes that Stripe has a name of their own for, in order."""
    return tuple(code for code in codes if code in NAMES)


def spending_controls(change: ControlsChange) -> CardUpdateParamsSpendingControls:
    """As Stripe takes them, whole: whether it keeps what is left out is in no document.

    A limit of ours also takes the place of Stripe's default for cards that have none.

    Raises:
        ValueError: A backstop below one minor unit.
    """
    controls: dict[str, Any] = {}
    backstop, codes = change.after.backstop, change.after.blocked_categories
    if backstop is not None:
        if backstop < 1:
            raise ValueError("a backstop must be at least one minor unit")
        controls["spending_limits"] = [{"amount": backstop, "interval": "all_time"}]
    if codes or change.before.blocked_categories:
        # Stripe unsets a list by an empty text; the SDK sends nothing for an empty list.
        controls["blocked_categories"] = [NAMES[code] for code in codes] or ""
    return cast(CardUpdateParamsSpendingControls, controls)


def blocked_on(card: Json) -> tuple[str, ...]:
    """The codes that a card object blocks, sorted; names that we never set are left out."""
    listed = find(card, "spending_controls.blocked_categories")
    found = listed if isinstance(listed, list) else []
    return tuple(sorted(_CODES[one] for one in found if isinstance(one, str) and one in _CODES))
