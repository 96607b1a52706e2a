"""How the database layer says that it cannot serve."""

from __future__ import annotations

from signets.core.errors import Refusal, RefusalKind


def unavailable(code: str, message: str) -> Refusal:
    """A refusal to serve: nothing was written; ``message`` says what is wrong and the remedy."""
    return Refusal(RefusalKind.UNAVAILABLE, code, message)
