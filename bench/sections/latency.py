"""How long an answer takes at a fixed rate, counted from when its request was meant to go out."""

from __future__ import annotations

from bench.figures import Spread
from bench.stage import Stage
from bench.traffic import SEED, Traffic

NAME = "latency"
#: The slow rate, requests a second, and the p99 asked for there and at half the peak, ms.
SLOW = 200
_MOST_AT_SLOW, _MOST_AT_HALF = 15.0, 50.0
#: Above this the disk decides, milliseconds.
_SLOW_FSYNC = 2.0


def run(stage: Stage) -> None:
    """Half the measured throughput (measured here where it was not yet), then the slow rate."""
    size, fsync = stage.size, stage.fsync_p99_ms
    stage.report.add(NAME, "fsync p99 of this disk", f"{fsync:.2f} ms")
    with stage.bed(NAME) as bed:
        traffic = Traffic([bed.add_world(size.cards)], SEED)
        with bed.api() as api:
            bed.warm_up(traffic, api)
            peak = stage.report.figures.get("authorize_per_s")
            if peak is None:
                peak = bed.peak(traffic, api, size.seconds / 2).per_second
            for rate, prefix, most in (
                (float(peak) / 2, "", _MOST_AT_HALF),
                (float(SLOW), "slow_", _MOST_AT_SLOW),
            ):
                stage.say(f"{NAME}: {rate:,.0f} requests/s for {size.seconds} s")
                requests = traffic.batch(int(rate * size.seconds))
                outcome = bed.send(requests, api, seconds=size.seconds, rate=rate)
                _report(stage, Spread.of(outcome.nanoseconds), rate, prefix, most, fsync)


def _report(
    stage: Stage, spread: Spread, rate: float, prefix: str, most: float, fsync: float
) -> None:
    figures = {"p50_ms": spread.p50, "p99_ms": spread.p99, "worst_ms": spread.worst}
    stage.report.figures |= {prefix + name: round(value, 2) for name, value in figures.items()}
    stage.report.figures[f"{prefix}rate_per_s"] = round(rate)
    at = f"at {rate:,.0f}/s"
    stage.report.add(NAME, f"p50 {at}", f"{spread.p50:.1f} ms")
    if fsync > _SLOW_FSYNC:
        stage.report.add(NAME, f"p99 {at}", f"{spread.p99:.1f} ms, {spread.p99 / fsync:.0f} fsyncs")
    else:
        met = spread.p99 <= most
        stage.report.add(
            NAME, f"p99 {at}", f"{spread.p99:.1f} ms", bound=f"≤ {most:.0f} ms", met=met
        )
    stage.report.add(NAME, f"worst {at}", f"{spread.worst:.1f} ms")
