"""Which key belongs to which address: what is said to an issuer goes to it alone."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

#: Every key of our sandbox starts so: nobody can take it for an issuer, or send it a live key.
LOCAL_KEY_PREFIX = "sandbox_"


def is_loopback(host: str) -> bool:
    """Whether the host is this machine, which no proxy set for the internet can reach."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def checked_host(api_key: str, base_url: str, *, issuer: str, domain: str) -> str:
    """The host of ``base_url``, where key and address belong together.

    Raises:
        ValueError: A real key over plain HTTP, or a local sandbox's key to the issuer at
            ``domain``.
    """
    address = urlsplit(base_url)
    host = address.hostname or ""
    is_local_key = api_key.startswith(LOCAL_KEY_PREFIX)
    if address.scheme != "https" and not is_local_key:
        raise ValueError("an issuer's key is sent over https only")
    if is_local_key and (host == domain or host.endswith(f".{domain}")):
        raise ValueError(f"this key belongs to a local sandbox, and the address to {issuer}")
    return host
