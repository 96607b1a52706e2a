"""Whether the load generator is to be believed: wrk, where it is installed, in turn with ours.

Ours drives every other section because it keeps each answer beside its request, which the check
for exactness needs; wrk only counts. Both cost about the same.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import msgspec

from bench.bed import Api, Bed
from bench.figures import median_ratio
from bench.stage import CONNECTIONS, Stage
from bench.traffic import SEED, Request, Traffic

NAME = "generator"
_SCRIPT = Path(__file__).parent.parent / "wrk.lua"


class Counted(msgspec.Struct, frozen=True):
    """What wrk says; ``odd`` answers are neither 200 nor 401."""

    answered: int
    seconds: float
    sent: int
    approved: int
    odd: int
    p50_ms: float
    p99_ms: float
    processor_seconds: float = 0.0


def run(stage: Stage) -> None:
    """The same load from both; nothing where wrk is not there."""
    program = shutil.which("wrk")
    if program is None:
        stage.report.add(NAME, "wrk", "not installed")
        return
    size, ours, theirs = stage.size, list[float](), list[Counted]()
    with stage.bed(NAME) as bed:
        traffic = Traffic([bed.add_world(size.cards)], SEED)
        with bed.api() as api:
            bed.warm_up(traffic, api)
            for number in range(1, size.rounds + 1):
                ours.append(bed.peak(traffic, api, size.seconds / 2).per_second)
                ahead = int(ours[-1] * 1.6 * size.seconds / 2) + 1_000
                theirs.append(_drive(program, bed, api, traffic.batch(ahead), size.seconds / 2))
                stage.say(
                    f"{NAME}: round {number} of {size.rounds}: ours {ours[-1]:,.0f}/s,"
                    f" wrk {theirs[-1].answered / theirs[-1].seconds:,.0f}/s"
                )
    rates = [one.answered / one.seconds for one in theirs]
    cost = median(one.processor_seconds / one.answered * 1e6 for one in theirs)
    ratio = median_ratio(rates, ours)
    stage.report.figures |= {
        "wrk_per_s": round(median(rates)),
        "wrk_ratio": round(ratio, 3),
        "wrk_us": round(cost, 1),
    }
    stage.report.add(NAME, "ours", f"{median(ours):,.0f}/s")
    stage.report.add(NAME, "wrk", f"{median(rates):,.0f}/s, ratio {ratio:.2f}")
    stage.report.add(NAME, "wrk's own cost", f"{cost:.0f} µs a request")
    if odd := sum(one.odd for one in theirs):
        stage.report.problems.append(f"{NAME}: wrk got {odd} answers that are neither 200 nor 401")


def _drive(
    program: str, bed: Bed, api: Api, requests: Sequence[Request], seconds: float
) -> Counted:
    path = bed.folder / "requests"
    with path.open("wb") as file:
        for request in requests:
            file.write(b"%d\n" % len(request.content) + request.content)
    before = _used()
    said = subprocess.run(
        [
            *(program, "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s"),
            *("-s", str(_SCRIPT), f"http://127.0.0.1:{api.ports[0]}", "--", str(path)),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    counted = msgspec.json.decode(said.strip().splitlines()[-1], type=Counted)
    bed.answers.sent_unheard(requests[: counted.sent])
    return msgspec.structs.replace(counted, processor_seconds=_used() - before)


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
