"""The yardstick: authorizations a second for each of pgbench's transactions, in the same run."""

from __future__ import annotations

from statistics import median

from bench.figures import Spread, median_ratio
from bench.load import Outcome
from bench.service import resident_mb
from bench.stage import CONNECTIONS, Stage
from bench.traffic import SEED, Traffic

NAME = "throughput"


def run(stage: Stage) -> None:
    """Rounds of ours and of pgbench in turn; the median of their ratios."""
    size, outcomes, tps = stage.size, list[Outcome](), list[float]()
    rival = stage.rival
    with stage.bed(NAME) as bed:
        traffic = Traffic([bed.add_world(size.cards)], SEED)
        with bed.api() as api:
            bed.warm_up(traffic, api)
            for number in range(1, size.rounds + 1):
                outcomes.append(bed.peak(traffic, api, size.seconds))
                tps.append(rival.transactions_per_second(size.seconds, CONNECTIONS))
                stage.say(
                    f"{NAME}: round {number} of {size.rounds}: {outcomes[-1].per_second:,.0f}"
                    f" authorizations/s, pgbench {tps[-1]:,.0f}/s,"
                    f" ratio {outcomes[-1].per_second / tps[-1]:.2f}"
                )
            stage.report.figures["api_rss_mb"] = round(resident_mb(api.pids[0])[0])
    _report(stage, outcomes, tps)


def _report(stage: Stage, outcomes: list[Outcome], tps: list[float]) -> None:
    report = stage.report
    rates = [one.per_second for one in outcomes]
    approvals = [sum(one.approved) / one.seconds for one in outcomes]
    share = sum(sum(one.approved) for one in outcomes) / sum(len(one.indexes) for one in outcomes)
    ratio, approvals_ratio = median_ratio(rates, tps), median_ratio(approvals, tps)
    spread = Spread.of([taken for one in outcomes for taken in one.nanoseconds])
    load = median(one.load_microseconds for one in outcomes)
    report.figures |= {
        "authorize_per_s": round(median(rates)),
        "pgbench_per_s": round(median(tps)),
        "ratio": round(ratio, 3),
        "round_ratios": [round(one / two, 3) for one, two in zip(rates, tps, strict=True)],
        "approved_per_s": round(median(approvals)),
        "approvals_ratio": round(approvals_ratio, 3),
        "approved_share": round(share, 3),
        "load_generator_us": round(load, 1),
        "peak_p50_ms": round(spread.p50, 1),
        "peak_p99_ms": round(spread.p99, 1),
    }
    for number, (ours, theirs) in enumerate(zip(rates, tps, strict=True), 1):
        report.add(NAME, f"round {number}", f"{ours:,.0f}/s against {theirs:,.0f}/s")
    report.add(NAME, "ratio, median", f"{ratio:.2f}", bound="≥ 1.0", met=ratio >= 1)
    report.add(NAME, "of approvals alone", f"{approvals_ratio:.2f}")
    report.add(NAME, "approved", f"{share:.1%}", bound="≥ 70 %", met=share >= 0.7)
    report.add(NAME, "p50, p99 at the peak", f"{spread.p50:.1f}, {spread.p99:.1f} ms")
    report.add(NAME, "load generator", f"{load:.0f} µs a request")
