"""The worst case: the database stands still, and every request is declined inside the deadline."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench.load import Outcome
from bench.service import process_tree
from bench.stage import Stage
from bench.traffic import SEED, Request, Traffic

NAME = "paused"
#: So slow that there is a connection for each request, however long the answers take.
_RATE = 50.0
#: Seconds. Stopped for longer than the engine trusts what it read about a connection.
_BEFORE, _STOPPED, _AFTER = 2.0, 8.0, 3.0
#: When an issuer has stopped listening (Stripe: two seconds), nanoseconds.
_CUT_OFF_NS = 2_000_000_000
#: What waits that long was waiting for the database.
_WAITED_NS = 1_000_000_000
#: Requests sent after it, to see that all is well again.
_CHECKED = 200


def run(stage: Stage) -> None:
    """A steady stream; in the middle of it all of PostgreSQL gets SIGSTOP for a while."""
    with stage.bed(NAME) as bed:
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
            after = bed.send(traffic.batch(_CHECKED), api, seconds=_CHECKED / _RATE, rate=_RATE)
    _report(stage, requests, outcome, sum(after.approved))


def _report(stage: Stage, requests: Sequence[Request], outcome: Outcome, after: int) -> None:
    report = stage.report
    worst, index = max(zip(outcome.nanoseconds, outcome.indexes, strict=True))
    waited = [
        approved
        for approved, taken in zip(outcome.approved, outcome.nanoseconds, strict=True)
        if taken > _WAITED_NS
    ]
    report.figures |= {
        "paused_worst_ms": round(worst / 1e6, 1),
        "paused_declined": waited.count(False),
        "paused_approved_late": waited.count(True),
    }
    in_time = worst < _CUT_OFF_NS
    report.add(NAME, "worst answer", f"{worst / 1e6:,.0f} ms", bound="< 2,000 ms", met=in_time)
    report.add(NAME, "declined while it stood", f"{waited.count(False)} of {len(waited)}")
    report.add(NAME, "approved again afterwards", f"{after} of {_CHECKED}")
    if not in_time:
        kind = "a forged request" if requests[index].status == 401 else "a request"
        report.problems.append(f"{NAME}: {kind} was answered after {worst / 1e6:,.0f} ms")
    if not waited or not after:
        report.problems.append(f"{NAME}: nothing waited, or nothing is approved afterwards")


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
