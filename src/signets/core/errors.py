"""The one way the product refuses bad input.

A :class:`Refusal` is a person-readable "no": it names the field and the remedy, and it is raised
before anything is written, so nothing is lost or half-done. Edges map ``kind`` to their own
vocabulary (HTTP status, CLI exit code). Declined authorizations are *not* refusals: a decline is
an answer (see :mod:`signets.core.authorization`).
"""

from __future__ import annotations

from enum import StrEnum


class RefusalKind(StrEnum):
    """What sort of mistake it was; the HTTP edge maps each to one status."""

    INVALID = "invalid_request"  # 400: malformed or out of range
    UNAUTHENTICATED = "unauthenticated"  # 401: no key, expired, revoked, forged
    FORBIDDEN = "forbidden"  # 403: the caller may not do this
    NOT_FOUND = "not_found"  # 404: no such object *for this caller*
    CONFLICT = "conflict"  # 409: illegal state change, or the same key with another body
    TOO_LARGE = "too_large"  # 413
    RATE_LIMITED = "rate_limited"  # 429
    UNAVAILABLE = "unavailable"  # 503: a dependency is down; nothing was written


class Refusal(Exception):
    """A refused request.

    Args:
        kind: Which sort of refusal.
        code: Stable machine-readable code, ``snake_case`` (``currency_unknown``).
        message: One sentence in lower case that says what is wrong *and what would be right*.
        param: Dotted path of the offending input field, if one field is at fault.
        details: Plain JSON-able facts that help (never a secret, never a PAN).
    """

    def __init__(
        self,
        kind: RefusalKind,
        code: str,
        message: str,
        *,
        param: str | None = None,
        details: dict[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.code = code
        self.message = message
        self.param = param
        self.details = details or {}


def invalid(code: str, message: str, *, param: str | None = None) -> Refusal:
    """Shorthand for the commonest refusal."""
    return Refusal(RefusalKind.INVALID, code, message, param=param)
