"""How the database layer says that it cannot serve."""

from __future__ import annotations

import psycopg

from signets.core.errors import Refusal, RefusalKind

#: What the driver raises when the database is down, restarting, or out of connections. The
#: transaction it interrupts was not committed, or its outcome is found by asking again.
UNAVAILABLE_ERRORS: tuple[type[Exception], ...] = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
)


def unavailable(code: str, message: str) -> Refusal:
    """A refusal to serve: nothing was written; ``message`` says what is wrong and the remedy."""
    return Refusal(RefusalKind.UNAVAILABLE, code, message)
