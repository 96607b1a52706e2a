"""Who is told of what the engine answers."""

from __future__ import annotations

from typing import Protocol


class Observer(Protocol):
    """Told of every answered request, for metrics and logs."""

    def decided(self, outcome: str, reason: str, seconds: float) -> None: ...

    def failed(self, what: str, error: BaseException) -> None: ...
