"""Lines that say how far a long run is."""

from __future__ import annotations

import sys
import time


class Progress:
    """Lines with the time since the start, on standard error."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def __call__(self, text: str) -> None:
        print(f"[{time.monotonic() - self._begun:6.1f} s] {text}", file=sys.stderr, flush=True)
