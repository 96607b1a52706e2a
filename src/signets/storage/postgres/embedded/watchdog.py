"""The detached process that stops the server after its last user, however that user ended.

``python -m signets.storage.postgres.embedded.watchdog ROOT LOCK_DESCRIPTOR``: the descriptor
carries the exclusive ``watchdog.lock``, which says that this process lives. It also starts the
server again if it died (a kill -9, the out-of-memory killer) while somebody still uses it.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from signets.core.errors import Refusal
from signets.storage.postgres.embedded import locks
from signets.storage.postgres.embedded.account import account_for
from signets.storage.postgres.embedded.cluster import Cluster

POLL_SECONDS = 0.5
# A starter killed at the wrong moment leaves a server that is about to appear: look a few times.
IDLE_POLLS = 4
LONGEST_PAUSE_SECONDS = 60.0


def watch(root: Path, watchdog_lock: int) -> None:
    """Return once the server is stopped and nobody uses it, or its folder is gone."""
    try:
        _watch(root, watchdog_lock)
    except FileNotFoundError:
        if root.joinpath("start.lock").exists():
            raise


def _watch(root: Path, watchdog_lock: int) -> None:
    idle_polls = 0
    pause = POLL_SECONDS
    while True:
        time.sleep(pause)
        if not locks.is_unheld(root / "users.lock"):
            idle_polls = 0
            pause = _revive(root, pause)
            continue
        with locks.exclusive(root / "start.lock"):
            if not locks.is_unheld(root / "users.lock"):
                continue
            cluster = _cluster(root)
            if cluster.process_runs():
                cluster.stop()
                idle_polls = 0
            idle_polls += 1
            if idle_polls == IDLE_POLLS:
                os.close(watchdog_lock)  # under start.lock, so the next start sees us gone
                return


def _revive(root: Path, pause: float) -> float:
    """Start a dead server again for its users; returns how long to pause before the next look."""
    if _cluster(root).process_runs():
        return POLL_SECONDS
    try:
        with locks.exclusive(root / "start.lock"):
            if not locks.is_unheld(root / "users.lock"):
                _cluster(root).ensure_running()
    except Refusal as problem:
        print(problem.message, file=sys.stderr, flush=True)
        return min(pause * 2, LONGEST_PAUSE_SECONDS)
    return POLL_SECONDS


def _cluster(root: Path) -> Cluster:
    return Cluster(root=root, account=account_for(root / "cluster"))


if __name__ == "__main__":
    watch(Path(sys.argv[1]), int(sys.argv[2]))
