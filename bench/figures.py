"""Arithmetic on measured times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


def percentile(values: Sequence[int], share: float) -> int:
    """The smallest value that at least ``share`` of all values do not exceed (nearest rank).

    Raises:
        ValueError: There are no values, or the share is not above 0 and at most 1.
    """
    if not values or not 0 < share <= 1:
        raise ValueError("a percentile needs values, and a share above 0 and at most 1")
    ordered = sorted(values)
    return ordered[math.ceil(share * len(ordered)) - 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How a set of times lies, milliseconds."""

    p50: float
    p99: float
    worst: float

    @classmethod
    def of(cls, nanoseconds: Sequence[int]) -> Spread:
        """The spread of times given in nanoseconds."""
        return cls(
            p50=percentile(nanoseconds, 0.5) / 1e6,
            p99=percentile(nanoseconds, 0.99) / 1e6,
            worst=max(nanoseconds) / 1e6,
        )


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the pairs' ratios: what drifts between rounds is in both of a pair."""
    return median(one / other for one, other in zip(ours, theirs, strict=True))
