"""Single signs in what the network sent: letters, sites and near misses."""

from __future__ import annotations

import re
import unicodedata

_NORTH_AMERICAN = re.compile(r"(?:\+?1)?[2-9][0-9]{2}[2-9][0-9]{6}")
_LOOSE = str.maketrans("", "", " -.()")


def odd_letter(text: str) -> str | None:
    """The first character outside ASCII that is no space or punctuation mark."""
    if text.isascii():
        return None
    for character in text:
        if not character.isascii() and unicodedata.category(character)[0] not in "PZ":
            return character
    return None


def field_host(text: str) -> str:
    """A URL or host in a field that is cut and written carelessly, as a bare lower-case host."""
    host = text.strip().lower()
    for scheme in ("https", "http"):
        if host.startswith(scheme):
            host = host[len(scheme) :].lstrip(":/ ")
            break
    host = host.removeprefix("www.")
    return host.split("/", 1)[0].split(" ", 1)[0]


def is_site(host: str, domain: str) -> bool:
    """The domain, a host under it, or either cut by a narrow field."""
    if host == domain or host.endswith("." + domain):
        return True
    stub = host.rstrip(".")
    return len(stub) >= 4 and domain.startswith(stub) and len(stub) >= domain.rindex(".") - 5


def one_edit(word: str, brand: str) -> bool:
    """Whether one character was changed, added, left out or two neighbours were swapped."""
    if word == brand or len(brand) < 4 or abs(len(word) - len(brand)) > 1:
        return False
    start = 0
    while start < min(len(word), len(brand)) and word[start] == brand[start]:
        start += 1
    rest, other = word[start:], brand[start:]
    return (
        rest[1:] == other[1:]
        or rest[1:] == other
        or rest == other[1:]
        or (rest[:2] == other[1::-1] and rest[2:] == other[2:])
    )


def phone_country(city: str) -> str:
    """``US`` where the city field holds a phone number of North America; else nothing."""
    return "US" if _NORTH_AMERICAN.fullmatch(city.translate(_LOOSE)) else ""
