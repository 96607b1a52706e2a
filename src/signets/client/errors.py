"""What can go wrong, as types: everything the SDK raises by itself is a :class:`SignetsError`.

Wrong argument *names* or *kinds* are the caller's programming mistake and stay what Python calls
them: ``TypeError`` and ``ValueError``. No message or attribute here ever holds a card number, a
CVC or an API key.
"""

from __future__ import annotations

from typing import Any


class SignetsError(Exception):
    """Base of every error of this SDK, and itself the error for a client that cannot be set up."""


class APIConnectionError(SignetsError):
    """The server could not be reached, or the connection broke before its answer was whole.

    If the connection broke late, the request may have been carried out; sending it again with the
    same ``idempotency_key`` is safe.
    """


class APITimeoutError(APIConnectionError):
    """No answer within the client's ``timeout``. The request may have been carried out."""


class APIResponseError(SignetsError):
    """The server answered success with something this SDK does not understand."""

    def __init__(self, message: str, *, request_id: str | None = None) -> None:
        super().__init__(message if request_id is None else f"{message} (request {request_id})")
        self.request_id = request_id


class StillPendingError(SignetsError):
    """``intents.wait`` ran out of time; the intent is as it was and may be waited for again."""

    def __init__(self, intent_id: str, seconds: float) -> None:
        super().__init__(f"intent {intent_id} was still pending after {seconds:g} s")
        self.intent_id = intent_id


class APIStatusError(SignetsError):
    """The server refused the request, or failed.

    Attributes:
        status_code: The HTTP status.
        code: Stable machine-readable code (``currency_unknown``); ``http_502`` and the like when
            the answer is not from Signets but from something in between.
        message: One sentence that says what is wrong and what would be right.
        param: Dotted path of the offending field, if one field is at fault.
        request_id: What to quote when asking the operator; it is in the server's log.
        details: Further facts, as the server sent them.
        retry_after: Seconds after which the server asks to try again, if it says so.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int,
        code: str,
        param: str | None = None,
        request_id: str | None = None,
        details: dict[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        facts = [code]
        if param is not None:
            facts.append(f"field `{param}`")
        if request_id is not None:
            facts.append(f"request {request_id}")
        super().__init__(f"{message} ({', '.join(facts)})")
        self.message = message
        self.status_code = status_code
        self.code = code
        self.param = param
        self.request_id = request_id
        self.details = details or {}
        self.retry_after = retry_after


class InvalidRequestError(APIStatusError):
    """400: malformed or out of range; ``param`` names the field."""


class AuthenticationError(APIStatusError):
    """401: no key, or one that is unknown, expired or revoked."""


class PermissionDeniedError(APIStatusError):
    """403: this key may not do that."""


class NotFoundError(APIStatusError):
    """404: no such object for this key."""


class ConflictError(APIStatusError):
    """409: an illegal change of state, or an idempotency key used with another body."""


class TooLargeError(APIStatusError):
    """413: the body is too large."""


class RateLimitError(APIStatusError):
    """429: too often; ``retry_after`` says when again."""


class ServerError(APIStatusError):
    """5xx: the server or something it depends on failed. 503 from Signets: nothing was written."""


_BY_STATUS: dict[int, type[APIStatusError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    413: TooLargeError,
    429: RateLimitError,
}


def class_for(status_code: int) -> type[APIStatusError]:
    """The error class of an HTTP status; :class:`APIStatusError` itself for any other."""
    if status_code >= 500:
        return ServerError
    return _BY_STATUS.get(status_code, APIStatusError)
