"""Flat cost: throughput over millions of stored authorizations, against over ten thousand.

A history that was loaded in half an hour lies on the disk; one that grew up has its newest pages in
memory. So the indexes are read after the load, and each database serves some rounds before those
that count: every card is charged a few times, and its pages are written whole to the log once, as
after every checkpoint.
"""

from __future__ import annotations

from statistics import median

from bench.figures import median_ratio
from bench.history import Loaded
from bench.stage import Stage
from bench.traffic import SEED, Traffic

NAME = "flat"
FEW = 10_000
_SETTLING = 3


def run(stage: Stage) -> None:
    """Two databases on one server, an API on each, rounds in turn."""
    size, few, many = stage.size, list[float](), list[float]()
    with stage.bed("flat_few") as small, stage.bed("flat_many") as large:
        world = small.add_world(size.cards)
        small.load_history(world, FEW, SEED)
        traffic = [Traffic([world], SEED)]
        world = large.add_world(size.cards)
        loaded = large.load_history(world, size.history, SEED)
        traffic.append(Traffic([world], SEED))
        with small.api() as small_api, large.api() as large_api:
            small.warm_up(traffic[0], small_api)
            large.warm_up(traffic[1], large_api)
            for bed, requests, api in zip(
                (small, large), traffic, (small_api, large_api), strict=True
            ):
                for number in range(1, _SETTLING + 1):
                    stage.say(f"{bed.name}: round {number} of {_SETTLING} that are not counted")
                    bed.peak(requests, api, size.seconds)
            for number in range(1, size.rounds + 1):
                few.append(small.peak(traffic[0], small_api, size.seconds).per_second)
                many.append(large.peak(traffic[1], large_api, size.seconds).per_second)
                stage.say(
                    f"{NAME}: round {number} of {size.rounds}: {few[-1]:,.0f}/s over {FEW:,},"
                    f" {many[-1]:,.0f}/s over {size.history:,}"
                )
    _report(stage, loaded, few, many)


def _report(stage: Stage, loaded: Loaded, few: list[float], many: list[float]) -> None:
    ratio, gigabytes = median_ratio(many, few), loaded.bytes / 2**30
    stage.report.figures |= {
        "history_rows": loaded.authorizations,
        "history_seconds": round(loaded.seconds),
        "history_gb": round(gigabytes, 1),
        "flat_ratio": round(ratio, 3),
        "flat_few_per_s": round(median(few)),
        "flat_many_per_s": round(median(many)),
    }
    stored = f"{loaded.authorizations:,}"
    stage.report.add(NAME, f"{stored} loaded", f"{loaded.seconds / 60:.1f} min, {gigabytes:.1f} GB")
    stage.report.add(NAME, f"over {FEW:,}", f"{median(few):,.0f}/s")
    stage.report.add(NAME, f"over {stored}", f"{median(many):,.0f}/s")
    stage.report.add(NAME, "ratio", f"{ratio:.2f}", bound="≥ 0.9", met=ratio >= 0.9)
