"""How the SDK reaches Stripe: asynchronously, and past proxies to this machine's own ports."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

import httpx
import stripe


class Transport(stripe.HTTPXClient):
    """The SDK's asynchronous client.

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
