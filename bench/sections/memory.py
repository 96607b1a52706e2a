"""What the API process holds after many decisions, and whether it grows."""

from __future__ import annotations

from bench.service import resident_mb
from bench.stage import Stage
from bench.traffic import SEED, Traffic

NAME = "memory"
_MOST_MB = 250.0
#: From the middle to the end of the run; less is the noise of the allocator.
_GROWTH_MB = 10.0
_STEPS = 8


def run(stage: Stage) -> None:
    """Decide in steps and look after each."""
    wanted, sizes = stage.size.decisions, list[float]()
    with stage.bed(NAME) as bed:
        traffic = Traffic([bed.add_world(stage.size.cards)], SEED)
        with bed.api() as api:
            bed.warm_up(traffic, api)
            for step in range(1, _STEPS + 1):
                # What repeats is answered and not decided again.
                bed.send(traffic.batch(wanted * 21 // 20 // _STEPS), api, seconds=600)
                held = resident_mb(api.pids[0])
                sizes.append(held[0])
                done = wanted * step // _STEPS
                stage.say(f"{NAME}: {done:,} of {wanted:,} decisions, {held[0]:.0f} MB")
    growth = sizes[-1] - sizes[_STEPS // 2 - 1]
    stage.report.figures |= {
        "rss_mb": round(sizes[-1]),
        "rss_all_mb": round(sum(held)),
        "rss_growth_mb": round(growth, 1),
        "rss_steps_mb": [round(one) for one in sizes],
    }
    stage.report.add(
        NAME,
        f"API process after {wanted:,} decisions",
        f"{sizes[-1]:.0f} MB",
        bound=f"< {_MOST_MB:.0f} MB",
        met=sizes[-1] < _MOST_MB,
    )
    stage.report.add(NAME, "with its supervisor", f"{sum(held):.0f} MB")
    stage.report.add(
        NAME,
        "grown in the second half",
        f"{growth:.1f} MB",
        bound=f"≤ {_GROWTH_MB:.0f} MB",
        met=growth <= _GROWTH_MB,
    )
