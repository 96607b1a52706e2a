"""Two API processes on the same cores, against one; exact in both."""

from __future__ import annotations

from statistics import median

from bench.bed import Api
from bench.figures import median_ratio
from bench.stage import Stage
from bench.traffic import SEED, Traffic

NAME = "processes"


def run(stage: Stage) -> None:
    """Both run all the time; in turn one gets everything, and both get half."""
    size, one, two = stage.size, list[float](), list[float]()
    with stage.bed(NAME) as bed:
        traffic = Traffic([bed.add_world(size.cards)], SEED)
        with bed.api(2) as api:
            bed.warm_up(traffic, api)
            alone = Api(pids=api.pids[:1], ports=api.ports[:1])
            for number in range(1, size.rounds + 1):
                one.append(bed.peak(traffic, alone, size.seconds / 2).per_second)
                two.append(bed.peak(traffic, api, size.seconds / 2).per_second)
                stage.say(
                    f"{NAME}: round {number} of {size.rounds}: one {one[-1]:,.0f}/s,"
                    f" two {two[-1]:,.0f}/s"
                )
    ratio = median_ratio(two, one)
    stage.report.figures["two_process_ratio"] = round(ratio, 3)
    stage.report.figures["two_process_per_s"] = round(median(two))
    stage.report.add(NAME, "one API process", f"{median(one):,.0f}/s")
    stage.report.add(NAME, "two API processes", f"{median(two):,.0f}/s")
    stage.report.add(NAME, "ratio", f"{ratio:.2f}", bound="≥ 0.8", met=ratio >= 0.8)
