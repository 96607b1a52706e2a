"""How the SDK reaches Stripe, and its objects and errors in our words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import httpx
import stripe

from signets.app.ports import BodyUnreadable, IssuerRefused, IssuerUnavailable
from signets.issuers.fields import Json

#: How many objects are asked for at once: as many as Stripe gives.
PAGE = 100

_Read = TypeVar("_Read")


class Transport(stripe.HTTPXClient):
    """The SDK's asynchronous client, past proxies to this machine's own ports.

    Args:
        timeout: For each request, in seconds.
        is_local: Whether Stripe is a double on this machine.
    """

    def __init__(self, *, timeout: float, is_local: bool) -> None:
        super().__init__(timeout=timeout)
        if is_local:
            # A proxy set for the internet cannot reach this machine's own ports, and the SDK's
            # client takes no such option.
            self._client_async = httpx.AsyncClient(trust_env=False)

    def _get_request_args_kwargs(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | None
    ) -> tuple[list[str], dict[str, object]]:
        """As the SDK's, but a form is sent as ``content``: httpx deprecates text as ``data``."""
        args, sent = super()._get_request_args_kwargs(method, url, headers, post_data)
        return args, {**sent, "data": None, "content": post_data}

    async def close(self) -> None:
        """Close the connections."""
        await self._client_async.aclose()


def plain(found: stripe.StripeObject) -> Json:
    """An object of the SDK as the plain data that it came as."""
    return found.to_dict(for_json=True)


def plainly(read: Callable[[Json], _Read], found: stripe.StripeObject) -> _Read:
    """An answer of the API, read as a webhook would be.

    Raises:
        IssuerUnavailable: Where it cannot be read: what it means is unknown.
    """
    try:
        return read(plain(found))
    except BodyUnreadable as error:
        raise IssuerUnavailable(f"the issuer's answer cannot be read: {error.message}") from error


@contextmanager
def translated() -> Iterator[None]:
    """SDK errors as the port's. The text holds status and message, no request, no key."""
    try:
        yield
    except stripe.APIConnectionError as error:
        raise IssuerUnavailable(f"the issuer did not answer: {type(error).__name__}") from None
    except stripe.StripeError as error:
        status = error.http_status or 0
        said = error.error.message if error.error is not None else None
        message = f"the issuer answered {status}: {said or 'no message'}"
        if status >= 500 or status in (0, 408, 409, 429):
            raise IssuerUnavailable(message) from None
        raise IssuerRefused(message) from None
