"""What an agent typed as the vendor, read as a domain: exactly, never as a substring."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from signets.core.errors import invalid
from signets.core.merchant.directory import Directory

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_SCHEME = re.compile(r"^https?://", re.IGNORECASE)

# Names under these belong to different owners. The suffixes of countries that matter to card
# merchants, and of platforms where anybody gets a name (an app there is never the platform).
_SHARED_SUFFIXES = (
    "co.uk org.uk me.uk ltd.uk com.au net.au org.au com.br com.mx com.ar com.co com.tr com.sg "
    "com.hk com.tw com.cn com.my com.ua com.pl co.jp or.jp ne.jp co.kr co.in net.in org.in co.nz "
    "co.za co.il co.id co.th com.ph com.vn com.pe com.eg com.sa com.ng co.ke "
    "vercel.app netlify.app herokuapp.com github.io gitlab.io fly.dev onrender.com pages.dev "
    "workers.dev up.railway.app replit.app repl.co supabase.co azurewebsites.net web.app "
    "firebaseapp.com hf.space cloudfront.net ondigitalocean.app notion.site "
    "myshopify.com blogspot.com run.app appspot.com amazonaws.com"
)


@cache
def _shared_suffixes() -> frozenset[str]:
    return frozenset(_SHARED_SUFFIXES.split())


def registrable(host: str) -> str:
    """The name somebody registered: one label below the public suffix (``api.acme.dev`` →
    ``acme.dev``). Suffixes: the list above, else the last label."""
    labels = host.split(".")
    suffixes = _shared_suffixes()
    for start in range(len(labels)):
        if ".".join(labels[start:]) in suffixes:
            return ".".join(labels[max(start - 1, 0) :])
    return ".".join(labels[-2:])


def parents(host: str) -> Iterator[str]:
    """The host and the names above it, down to the registrable one."""
    bottom = registrable(host)
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
    known = directory.domain_of_brand(text)
    host = text.strip() if known else _host(text, param)
    if known or "." not in host:
        hint = f"; did you mean `{known}`?" if known else ", such as `openai.com`"
        raise invalid(
            "vendor_unknown",
            f"`{host}` is a name, not a domain: give the vendor's domain{hint}",
            param=param,
        )
    labels = host.split(".")
    if (
        len(host) > 253
        or not all(_LABEL.fullmatch(label) for label in labels)
        or re.fullmatch(r"[a-z]{2,}|xn--[a-z0-9-]+", labels[-1]) is None
        or host in _shared_suffixes()
    ):
        raise invalid(
            "vendor_invalid",
            f"`{host[:80]}` is not a vendor's domain: give one such as `openai.com`",
            param=param,
        )
    for name in parents(host):
        known = directory.domain_of_host(name)
        if known is not None:
            return known
    return registrable(host)


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
