"""What an agent typed as the vendor, read as a domain: exactly, never as a substring."""

from __future__ import annotations

import re
from collections.abc import Iterator

from signets.core.errors import invalid
from signets.core.merchant.directory import Directory
from signets.core.merchant.suffixes import Suffixes

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_SCHEME = re.compile(r"^https?://", re.IGNORECASE)


def registrable(host: str, suffixes: Suffixes) -> str | None:
    """The name somebody registered: one label below the public suffix (``api.acme.dev`` →
    ``acme.dev``); None where the host is itself a suffix (``co.uk``, ``vercel.app``)."""
    labels = host.split(".")
    size = suffixes.length(labels) + 1
    return ".".join(labels[-size:]) if len(labels) >= size else None


def parents(host: str, bottom: str) -> Iterator[str]:
    """The host and the names above it, down to the registrable one."""
    while True:
        yield host
        if host == bottom or "." not in host:
            return
        host = host.split(".", 1)[1]


def canonical_vendor(text: str, directory: Directory, *, param: str = "expected_merchant") -> str:
    """The canonical domain of the vendor that ``text`` names.

    A URL, host or domain is taken; a host below a vendor's domain is that vendor, and a valid
    domain that the directory does not hold becomes a custom vendor by its registrable name.

    Raises:
        Refusal: ``vendor_unknown`` for a bare name (``OpenAI``), ``vendor_invalid`` for what
            cannot be a domain. ``param`` names the field it came from.
    """
    written = directory.domain_of_host(text.strip().lower())
    if written is not None:  # before brands: `fly.io` is both
        return written
    known = directory.domain_of_brand(text)
    host = text.strip() if known else _host(text, param)
    if known or "." not in host:
        hint = f"; did you mean `{known}`?" if known else ", such as `openai.com`"
        raise invalid(
            "vendor_unknown",
            f"`{host}` is a name, not a domain: give the vendor's domain{hint}",
            param=param,
        )
    known = directory.domain_of_host(host)
    if known is not None:
        return known
    labels = host.split(".")
    bottom = registrable(host, directory.suffixes)
    if (
        bottom is None
        or len(host) > 253
        or not all(_LABEL.fullmatch(label) for label in labels)
        or re.fullmatch(r"[a-z]{2,}|xn--[a-z0-9-]+", labels[-1]) is None
    ):
        raise invalid(
            "vendor_invalid",
            f"`{host[:80]}` is not a vendor's domain: give one such as `openai.com`",
            param=param,
        )
    for name in parents(host, bottom):
        known = directory.domain_of_host(name)
        if known is not None:
            return known
    return bottom


def _host(text: str, param: str) -> str:
    host = _SCHEME.sub("", text.strip())
    host = re.split(r"[/?#]", host, maxsplit=1)[0]
    host = re.sub(r":[0-9]{1,5}$", "", host).rstrip(".").lower()
    if (
        not host
        or len(text) > 2048
        or "@" in host
        or "\\" in text
        or any(c.isspace() for c in host)
    ):
        raise invalid(
            "vendor_invalid",
            f"`{param}` is not a domain: give one such as `openai.com`",
            param=param,
        )
    if not host.isascii():
        raise invalid(
            "vendor_invalid",
            f"`{param}` has letters outside ASCII, which can imitate another name: write "
            "the domain in its ASCII form (`xn--…`)",
            param=param,
        )
    return host
