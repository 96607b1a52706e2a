"""Expected errors as one line and an exit code; anything else is a bug and keeps its traceback."""

from __future__ import annotations

import sys

from signets.cli.output import REFUSED, UNREACHABLE, USAGE, CommandError
from signets.core.errors import Refusal, RefusalKind


def explain(error: Exception) -> tuple[str, int] | None:
    """The line and the exit code of an expected error; None for a bug.

    Error classes of libraries are looked at only where the library has been loaded, so that
    explaining costs no start-up time.
    """
    if isinstance(error, CommandError):
        return str(error), error.code
    if isinstance(error, Refusal):
        where = f" (field: {error.param})" if error.param else ""
        code = UNREACHABLE if error.kind is RefusalKind.UNAVAILABLE else REFUSED
        return f"{error.message}{where}", code
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}", REFUSED
    for module, look in (
        ("signets.client.errors", _explain_client),
        ("signets.cli.sandbox_driver", _explain_sandbox),
        ("signets.app.ports", _explain_issuer),
    ):
        found = look(error) if module in sys.modules else None
        if found is not None:
            return found
    return None


def _explain_client(error: Exception) -> tuple[str, int] | None:
    from signets.client import errors

    if isinstance(error, errors.APIStatusError):
        facts = [f"field: {error.param}"] if error.param else []
        facts += [f"request: {error.request_id}"] if error.request_id else []
        return error.message + (f" ({', '.join(facts)})" if facts else ""), REFUSED
    if isinstance(error, errors.APIConnectionError):
        return str(error), UNREACHABLE
    if isinstance(error, errors.APIResponseError | errors.StillPendingError):
        return str(error), REFUSED
    if isinstance(error, errors.SignetsError):
        return str(error), USAGE
    return None


def _explain_sandbox(error: Exception) -> tuple[str, int] | None:
    from signets.cli.sandbox_driver import SandboxError, SandboxUnreachable

    if isinstance(error, SandboxUnreachable):
        return f"{error}; is `signets serve` running?", UNREACHABLE
    if isinstance(error, SandboxError):
        return f"the sandbox refused: {error}", REFUSED
    return None


def _explain_issuer(error: Exception) -> tuple[str, int] | None:
    from signets.app.ports import IssuerRefused, IssuerUnavailable

    if isinstance(error, IssuerUnavailable):
        return f"the issuer cannot be reached: {error}", UNREACHABLE
    if isinstance(error, IssuerRefused):
        return f"the issuer refused: {error}", REFUSED
    return None
