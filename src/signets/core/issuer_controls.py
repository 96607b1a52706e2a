"""What an issuer may be told to hold a card to: a second line, never tighter than the first.

The issuer declines before it asks us. So its limit must let everything pass that ours lets pass,
whatever of a card's past the issuer counts against it. What that is no issuer says to the cent
(Lithic: "authorized and settled volume"; Stripe: "best effort"), so the worst is taken:
:func:`issuer_count`. The one limit used is over the card's whole life: a month here is a calendar
month in the policy's time zone, at the issuers a trailing one or one in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass

#: How often a new backstop leaves the card's spending limit beyond what the issuer may count.
HEADROOM = 5
#: How often it leaves it at least; below that a new one is set. Between two looks at the card
#: (each unlocking, each event of its transactions) we approve at most the limit once, or twice
#: where a month ends in between. The third is for what has happened and is not told yet.
LEAST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CardControls:
    """What the issuer declines by itself.

    Attributes:
        backstop: The most that the card may spend in its life, minor units; ``None``: no limit.
        blocked_categories: MCCs, sorted.
    """

    backstop: int | None = None
    blocked_categories: tuple[str, ...] = ()


def issuer_count(*, authorized: int, held: int, reversed_: int, cleared: int) -> int:
    """The most that an issuer can count of one transaction against the card, minor units.

    Holds that were given back stay counted, a clearing above its hold or after its end counts on
    top, and refunds give nothing back.
    """
    return max(authorized, held + reversed_ + cleared)


def backstop_for(spending_limit: int, *, counted: int, current: int | None) -> int:
    """The backstop of a card, minor units; ``current`` where that is still wide enough.

    Args:
        spending_limit: The card's, over its life or a month.
        counted: Of all its transactions, by :func:`issuer_count`.
        current: The one it has.
    """
    widest = counted + HEADROOM * spending_limit
    if current is not None and counted + LEAST * spending_limit <= current <= widest:
        return current
    return widest
