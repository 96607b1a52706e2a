"""How the SDK reaches Stripe, and its objects and errors in our words."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx
import stripe

from signets.app.ports import IssuerRefused, IssuerUnavailable
from signets.issuers.fields import Json


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


def is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def plain(found: stripe.StripeObject) -> Json:
    """An object of the SDK as the plain data that it came as."""
    return found.to_dict(for_json=True)


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
