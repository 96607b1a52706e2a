"""The SDK's objects and errors in our words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import lithic

from signets.app.ports import BodyUnreadable, IssuerRefused, IssuerUnavailable
from signets.issuers.fields import Json

#: How many objects are asked for at once: as many as Lithic gives.
PAGE = 100

_Read = TypeVar("_Read")


def plainly(read: Callable[[Json], _Read], found: lithic.BaseModel) -> _Read:
    """An answer of the API, read as a webhook would be.

    Raises:
        IssuerUnavailable: Where it cannot be read: what it means is unknown.
    """
    try:
        return read(found.to_dict(mode="json", warnings=False))
    except BodyUnreadable as error:
        raise IssuerUnavailable(f"the issuer's answer cannot be read: {error.message}") from error


@contextmanager
def translated() -> Iterator[None]:
    """SDK errors as the port's. The text holds status and message, no request, no key."""
    try:
        yield
    except lithic.APIStatusError as error:
        said = error.body.get("message") if isinstance(error.body, dict) else None
        message = f"the issuer answered {error.status_code}: {said or 'no message'}"
        if error.status_code >= 500 or error.status_code in (408, 409, 429):
            raise IssuerUnavailable(message) from None
        raise IssuerRefused(message) from None
    except lithic.APIError as error:
        raise IssuerUnavailable(f"the issuer did not answer: {type(error).__name__}") from None
