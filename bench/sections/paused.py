"""The worst case: the database stands still, and every request is declined inside the deadline."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench.service import process_tree
from bench.stage import Stage
from bench.traffic import SEED, Traffic

NAME = "paused"
#: So slow that there is a connection for each request, however long the answers take.
_RATE = 50.0
#: Seconds. Stopped for longer than the engine trusts what it read about a connection.
_BEFORE, _STOPPED, _AFTER = 2.0, 8.0, 3.0
#: What an issuer of ours cuts off at, milliseconds (Stripe's two seconds), and our own deadline.
_CUT_OFF_MS = 2_000.0


def run(stage: Stage) -> None:
    """A steady stream; in the middle of it all of PostgreSQL gets SIGSTOP for a while."""
    with stage.bed(NAME) as bed:
        bed.answers.may_be_late = True
        traffic = Traffic([bed.add_world(stage.size.cards)], SEED)
        with bed.api() as api:
            bed.warm_up(traffic, api)
            seconds = _BEFORE + _STOPPED + _AFTER
            requests = traffic.batch(int(seconds * _RATE))
            stage.say(f"{NAME}: PostgreSQL gets SIGSTOP for {_STOPPED:.0f} s")
            postmaster = int(
                (stage.data_dir / "postgres" / "cluster" / "postmaster.pid").read_text().split()[0]
            )
            with _stopping(postmaster):
                outcome = bed.send(requests, api, seconds=seconds, rate=_RATE)
            after = bed.send(traffic.batch(200), api, seconds=2, rate=_RATE)
    worst = max(outcome.nanoseconds) / 1e6
    late = sum(taken > 1e9 for taken in outcome.nanoseconds)
    waited = [
        approved
        for approved, taken in zip(outcome.approved, outcome.nanoseconds, strict=True)
        if taken > 1e9
    ]
    stage.report.figures |= {
        "paused_worst_ms": round(worst, 1),
        "paused_declined": waited.count(False),
        "paused_approved_late": waited.count(True),
    }
    met = worst < _CUT_OFF_MS and late > 0
    stage.report.add(NAME, "worst answer", f"{worst:,.0f} ms", bound="< 2,000 ms", met=met)
    stage.report.add(NAME, "declined by the deadline", f"{waited.count(False)} of {late}")
    stage.report.add(NAME, "approved again afterwards", f"{sum(after.approved)} of 200")
    if worst >= _CUT_OFF_MS:
        stage.report.problems.append(f"{NAME}: an answer took {worst:,.0f} ms")
    if not sum(after.approved):
        stage.report.problems.append(f"{NAME}: nothing is approved after the pause")


@contextmanager
def _stopping(postmaster: int) -> Iterator[None]:
    """Stop the server's processes after a while, and let them go on after another."""
    done = threading.Event()

    def pause() -> None:
        if done.wait(_BEFORE):
            return
        pids = process_tree(postmaster)
        _signal(pids, signal.SIGSTOP)
        done.wait(_STOPPED)
        _signal(pids, signal.SIGCONT)

    thread = threading.Thread(target=pause)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue  # a backend that left meanwhile
