"""One call from first attempt to result: repeats, waits and errors. Knows nothing of sync or async.

A runner sends :attr:`Exchange.request` and tells what came of it; the exchange answers how long to
wait before the next attempt, or is done.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypedDict, TypeVar

import httpx
from pydantic import ValidationError

from signets.client.call import Call, Repeat, encode
from signets.client.errors import (
    APIConnectionError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    SignetsError,
    class_for,
)

T = TypeVar("T")

FIRST_PAUSE = 0.25  # seconds; doubles with each attempt
LONGEST_PAUSE = 4.0
LONGEST_RETRY_AFTER = 60.0  # a server that asks for more gets no repeat; the caller decides

# Nothing of the request has left before a connection exists.
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Outgoing(TypedDict):
    """Arguments of ``httpx.Client.request``."""

    method: str
    url: str
    params: dict[str, str]
    content: bytes | None
    headers: dict[str, str]
    timeout: httpx.Timeout
    follow_redirects: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where and how to ask. The headers hold the key."""

    base_url: str
    headers: dict[str, str] = field(repr=False)
    timeout: httpx.Timeout
    max_retries: int


class Exchange(Generic[T]):
    """One call under way."""

    def __init__(self, connection: Connection, call: Call[T]) -> None:
        self._call = call
        self._left = connection.max_retries
        self._pause = FIRST_PAUSE
        headers = dict(connection.headers)
        if call.idempotency_key is not None:
            headers["Idempotency-Key"] = call.idempotency_key
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        self.request = Outgoing(
            method=call.method,
            url=connection.base_url + call.path,
            params=dict(call.params),
            content=None if call.body is None else encode(call.body),
            headers=headers,
            timeout=connection.timeout,
            # A redirect would carry the key to an address nobody configured.
            follow_redirects=False,
        )

    def failed(self, error: httpx.RequestError) -> float:
        """Seconds to wait before the next attempt, after one without an answer.

        Raises:
            APITimeoutError, APIConnectionError: no further attempt is due.
        """
        repeatable = self._call.repeat is Repeat.SAFE or isinstance(error, _UNSENT)
        if repeatable and self._left > 0:
            return self._next_pause()
        what = f"{self._call.method} {self._call.path}"
        if isinstance(error, httpx.TimeoutException):
            raise APITimeoutError(f"{what}: no answer in time") from error
        raise APIConnectionError(f"{what}: {type(error).__name__}: {error}") from error

    def answered(self, response: httpx.Response) -> float | None:
        """Seconds to wait before the next attempt, or None when this answer is the last."""
        if self._left <= 0 or not self._passing(response):
            return None
        asked = _retry_after(response)
        if asked is None:
            return self._next_pause()
        if asked > LONGEST_RETRY_AFTER:
            return None
        self._left -= 1
        return asked

    def result(self, response: httpx.Response) -> T:
        """What the last answer says.

        Raises:
            APIStatusError: it is not a success.
            APIResponseError: it is one, but not in a form this SDK understands.
        """
        if not response.is_success:
            raise _status_error(response)
        try:
            return self._call.read(response.content)
        except ValidationError as error:
            wrong = _wrong_fields(error)
        # Raised outside the handler: the original holds the answer, which may be a card's number.
        raise APIResponseError(
            f"{self._call.method} {self._call.path}: the answer is not understood at {wrong}",
            request_id=response.headers.get("x-request-id"),
        )

    def _passing(self, response: httpx.Response) -> bool:
        """Whether the refusal may pass, and the call may be sent again after it."""
        status = response.status_code
        if status == 429:
            return True
        if self._call.repeat is Repeat.SAFE:
            return status == 408 or status >= 500
        # Signets itself promises that nothing was written; anything in between does not.
        return status == 503 and _error_body(response).get("type") == "unavailable"

    def _next_pause(self) -> float:
        self._left -= 1
        pause = self._pause
        self._pause = min(pause * 2, LONGEST_PAUSE)
        return pause * random.uniform(0.5, 1.0)  # noqa: S311 (spreads load, guards nothing)


def connection(
    *, api_key: str | None, base_url: str, timeout: float | httpx.Timeout, max_retries: int
) -> Connection:
    """Checked settings.

    Raises:
        SignetsError: no key, a key or an address that cannot be one; the message never quotes
            the key.
    """
    key = (api_key or "").strip()
    if not key:
        raise SignetsError("no API key: pass `api_key` or set SIGNETS_API_KEY")
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise SignetsError("the API key holds characters that no key has; copy it again")
    url = base_url.rstrip("/")
    if httpx.URL(url).scheme not in {"http", "https"} or not httpx.URL(url).host:
        raise SignetsError("`base_url` must be like http://127.0.0.1:8420 or https://host")
    if max_retries < 0:
        raise SignetsError("`max_retries` must be 0 or more")
    return Connection(
        base_url=url,
        headers={"Authorization": f"Bearer {key}", "Accept": "application/json"},
        timeout=httpx.Timeout(timeout),
        max_retries=max_retries,
    )


def is_loopback(base_url: str) -> bool:
    """Whether the server is on this machine, where no proxy belongs in between."""
    return httpx.URL(base_url).host in {"127.0.0.1", "::1", "localhost"}


def _wrong_fields(error: ValidationError) -> str:
    """Where an answer is wrong, never what it says there."""
    problems = error.errors(include_input=False, include_context=False, include_url=False)
    return ", ".join(sorted({".".join(map(str, each["loc"])) or "body" for each in problems}))


def _status_error(response: httpx.Response) -> APIStatusError:
    body = _error_body(response)
    status = response.status_code
    details = body.get("details")
    return class_for(status)(
        _text(body, "message") or response.reason_phrase or f"HTTP status {status}",
        status_code=status,
        code=_text(body, "code") or f"http_{status}",
        param=_text(body, "param"),
        request_id=_text(body, "request_id") or response.headers.get("x-request-id"),
        details=details if isinstance(details, dict) else None,
        retry_after=_retry_after(response),
    )


def _error_body(response: httpx.Response) -> dict[str, Any]:
    try:
        error = response.json()["error"]
    except (ValueError, LookupError, TypeError):
        return {}  # not ours: something in between answered
    return error if isinstance(error, dict) else {}


def _text(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) else None


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds the server asks to wait: RFC 9110 §10.2.3, a number or a date."""
    value: str = response.headers.get("retry-after", "")
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None  # absent or unreadable
