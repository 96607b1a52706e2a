"""One card, one vendor, one organization that gets everything, each against the ordinary load."""

from __future__ import annotations

from statistics import median

from bench.figures import median_ratio
from bench.policy import Role
from bench.stage import Stage
from bench.traffic import SEED, Traffic

NAME = "hot"
ORGANIZATIONS = 8


def run(stage: Stage) -> None:
    """Rounds in turn on the same database: ordinary, then each kind of heat."""
    size = stage.size
    with stage.bed(NAME) as bed:
        world = bed.add_world(size.cards)
        many = [bed.add_world(size.cards // ORGANIZATIONS) for _ in range(ORGANIZATIONS)]
        buying = world.cards[Role.BUYS]
        shop = world.shops[0]
        streams = {
            "ordinary": Traffic([world], SEED),
            "card": Traffic([world], SEED + 1, buyers=world.cards[Role.HOT]),
            "vendor": Traffic([world], SEED + 2, buyers=[c for c in buying if c.shop == shop]),
            "spread": Traffic(many, SEED + 3),
        }
        rates: dict[str, list[float]] = {name: [] for name in streams}
        with bed.api() as api:
            for traffic in streams.values():
                bed.warm_up(traffic, api)
            for number in range(1, size.rounds + 1):
                for name, traffic in streams.items():
                    rates[name].append(bed.peak(traffic, api, size.seconds / 2).per_second)
                said = ", ".join(f"{name} {found[-1]:,.0f}/s" for name, found in rates.items())
                stage.say(f"{NAME}: round {number} of {size.rounds}: {said}")
    _report(stage, rates)


def _report(stage: Stage, rates: dict[str, list[float]]) -> None:
    report, ordinary = stage.report, rates["ordinary"]
    report.add(NAME, "ordinary", f"{median(ordinary):,.0f}/s")
    for name in ("card", "vendor"):
        ratio = median_ratio(rates[name], ordinary)
        report.figures[f"hot_{name}_per_s"] = round(median(rates[name]))
        report.figures[f"hot_{name}_ratio"] = round(ratio, 3)
        report.add(NAME, f"one {name} buys", f"{median(rates[name]):,.0f}/s, ratio {ratio:.2f}")
    ratio = median_ratio(ordinary, rates["spread"])
    report.figures["hot_organization_ratio"] = round(ratio, 3)
    report.figures["spread_organizations_per_s"] = round(median(rates["spread"]))
    report.add(
        NAME,
        f"one organization against {ORGANIZATIONS}",
        f"{median(rates['spread']):,.0f}/s for {ORGANIZATIONS}, ratio {ratio:.2f}",
    )
