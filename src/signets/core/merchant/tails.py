"""What may follow a name without changing it: sites, phone numbers, places, countries.

The city field stands behind the name, glued to it or not, and holds 13 characters: a site or a
city in it is cut there, and a state or country may be glued on (``SQUARESPACE.CNY``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from signets.core.merchant.places import cities

CUT_MIN = 13  # the narrowest field that acquirers and issuers cut a name or city to

GLUE = "[ /_]?"
#: What is no letter or digit of a name in normal form.
SEPARATORS = str.maketrans("", "", " _./")
# Six digits or more, in groups: `415 555 0100`, `415.555.0100`, `353 1 234 5678`, `800 5550`.
_PHONE = r"(?=(?:[ ./]?[0-9]){6,15}(?![0-9]))[0-9]{1,15}(?:[ ./][0-9]{1,9}){0,5}"
# A country behind a slash alone: `FLY.IO.CO` is another domain, `APPLE.COM/US` is not.
# `HELP` and `PAY` are top-level domains, too, and what others add: only behind a slash.
_PATH = r"(?:(?:[./ ](?:BILL|BILLING|CHARGE)|/(?:HELP|PAY)|BILL|/[A-Z]{2})(?![A-Z0-9./]))?"
# ISO 3166-1 alpha-3 of the countries that vendors bill from; issuers write either form.
_ALPHA3 = {
    "AU": "AUS", "BG": "BGR", "BR": "BRA", "CA": "CAN", "AT": "AUT", "BE": "BEL", "EE": "EST",
    "HK": "HKG", "HR": "HRV", "LV": "LVA", "PT": "PRT",
    "CH": "CHE", "CN": "CHN", "CY": "CYP",
    "CZ": "CZE", "DE": "DEU", "DK": "DNK", "ES": "ESP", "FI": "FIN", "FR": "FRA", "GB": "GBR",
    "HU": "HUN", "IE": "IRL", "IL": "ISR", "IN": "IND", "IT": "ITA", "JP": "JPN", "KY": "CYM",
    "LT": "LTU", "LU": "LUX", "MT": "MLT", "NL": "NLD", "NO": "NOR", "NZ": "NZL", "PL": "POL",
    "SE": "SWE", "SG": "SGP", "SI": "SVN", "US": "USA", "VG": "VGB",
}  # fmt: skip
_STATES = {
    "US": (
        "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH "
        "NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC"
    ),
    "CA": "AB BC MB NB NS ON QC SK",
    "AU": "ACT NSW QLD SA TAS VIC WA",
}
# What a bank writes behind it all: the day, the card, the amount, that it comes again.
_STATEMENT = (
    r" (?:RECURRING|RECUR|[0-9]{2}[/.][0-9]{2}(?:[/.](?:20)?[0-9]{2})?|(?:CARD )?X*[0-9]{4}"
    r"|(?:USD|EUR|GBP|CAD|AUD) [0-9]+(?:[./][0-9]{2})?)"
)
_CURRENCY = "USD|EUR|GBP|CAD|AUD"
# States that stand behind a name by themselves; other codes are words, too (`CO`, `IN`, `ME`).
_CLEAR_STATES = "CA|NY|TX|WA|FL|IL|NJ|VA|UT|GA|AZ|NC|NV"
# How a site begins in a city field, in normal form, and how much of the field that leaves it.
_BEFORE_SITE = (
    ("", 13), ("HTTPS ", 5), ("HTTP ", 6), ("HTTPS", 8), ("HTTPS WWW.", 1), ("HTTPSWWW.", 4),
    ("WWW.", 9),
)  # fmt: skip
_LONG_STUB = 6  # a city cut shorter than this could be another word; 8 where it has a space there
# A domain's last dot may be dropped or become a space where what is behind it is no word by itself.
_LOOSE_DOT = frozenset(("COM", "NET", "ORG", "IO", "AI", "SH"))
#: No top-level domain is one of these with a state's two letters behind it: `POSTHOG.COMCA`.
_BEFORE_STATE = frozenset(("COM", "NET", "ORG", "IO", "AI", "DEV", "APP", "CLOUD"))
_SHORT_LABEL = 3
_SHORT_NAME = 4
# Between two names of one company.
_BY = "BY|DBA|D[/ ]B[/ ]A|T[/ ]A|TRADING AS"
_LABEL = 8  # letters of a site's first label: no more of a longer one may be in the city field
_PLACE_STUB = 5  # characters
_SHORT_CODE = 2
_NAMES = {
    "AT": "AUSTRIA", "AU": "AUSTRALIA", "BE": "BELGIUM", "BG": "BULGARIA", "BR": "BRAZIL",
    "CA": "CANADA", "CH": "SWITZERLAND", "CN": "CHINA", "CY": "CYPRUS",
    "CZ": "CZECH REPUBLIC|CZECHIA", "DE": "GERMANY", "DK": "DENMARK", "EE": "ESTONIA",
    "ES": "SPAIN", "FI": "FINLAND", "FR": "FRANCE", "GB": "UNITED KINGDOM|GREAT BRITAIN|UK",
    "HK": "HONG KONG", "HR": "CROATIA", "HU": "HUNGARY", "IE": "IRELAND", "IL": "ISRAEL",
    "IN": "INDIA", "IT": "ITALY", "JP": "JAPAN", "LT": "LITHUANIA", "LU": "LUXEMBOURG",
    "LV": "LATVIA", "MT": "MALTA", "NL": "THE NETHERLANDS|NETHERLANDS|HOLLAND", "NO": "NORWAY",
    "NZ": "NEW ZEALAND", "PL": "POLAND", "PT": "PORTUGAL", "SE": "SWEDEN", "SG": "SINGAPORE",
    "SI": "SLOVENIA", "US": "UNITED STATES OF AMERICA|UNITED STATES|U S A",
}  # fmt: skip


def literal(text: str) -> str:
    """A regex for words of a name: a space is any separator or none, a dot may be a slash."""
    return re.escape(text).replace(r"\.", "[./]").replace(r"\ ", GLUE)


def stems(text: str, keep: int) -> str:
    """A regex for every beginning of ``text`` of ``keep`` characters or more, the longest first,
    but not the whole."""
    keep = max(keep, 1)
    if len(text) <= keep:
        return "(?!)"
    keep = len(text[:keep].rstrip(" ."))
    nested = ""
    for character in reversed(text[keep:-1]):
        nested = f"(?:{literal(character)}{nested})?"
    return f"(?:{literal(text[:keep])}{nested})"


def cut(text: str, keep: int) -> str:
    """The same, at the very end of the name."""
    return stems(text, keep) + "$"


_GRAM = 4  # letters of a city that tell that one may be there


@dataclass(frozen=True, slots=True)
class CitySearch:
    """The large cities of some countries: ``regex`` finds one that ends the name, and none is there
    where the name holds none of ``grams``, their first letters."""

    regex: re.Pattern[str]
    grams: frozenset[str]
    shorter: tuple[str, ...]

    def begin(self, name: str, start: int) -> int | None:
        """Where the city begins, if one ends the name."""
        letters = name[start:].translate(SEPARATORS)
        grams = [letters[at : at + _GRAM] for at in range(len(letters) - _GRAM + 1)]
        if self.grams.isdisjoint(grams) and not any(city in letters for city in self.shorter):
            return None
        found = self.regex.search(name, start)
        return found.start() if found is not None else None


#: Countries whose cities are looked for together: those that every vendor has.
_TOGETHER = ("GB", "IE", "LU", "NL", "SG", "US")


def cities_behind(countries: tuple[str, ...], name: str, start: int) -> Iterator[int]:
    """Where a large city of these countries begins, whole or cut, that ends the name."""
    if name[-3:].isdigit():  # a district has two digits at most
        return
    for cities_of_some in city_searches(countries):
        begin = cities_of_some.begin(name, start)
        if begin is not None:
            yield begin


@lru_cache(maxsize=256)
def city_searches(countries: tuple[str, ...]) -> tuple[CitySearch, ...]:
    """Who looks for the large cities of these countries."""
    together = tuple(code for code in _TOGETHER if code in countries)
    others = tuple(code for code in countries if code not in together and cities((code,)))
    return tuple(_city_behind(group) for group in (together, others) if group)


@lru_cache(maxsize=64)
def _city_behind(countries: tuple[str, ...]) -> CitySearch:
    large = cities(countries)
    cut_ones = "|".join(stems(city, _shortest(city)) for city in large) or "(?!)"
    letters = {city.translate(SEPARATORS) for city in large}
    return CitySearch(
        re.compile(rf"[ .]?(?:(?:{_any_of(large)}){_behind(countries, countries)}|{cut_ones})$"),
        frozenset(city[:_GRAM] for city in letters if len(city) >= _GRAM),
        tuple(sorted(city for city in letters if len(city) < _GRAM)),
    )


def beginnings(
    sites: tuple[str, ...],
    companies: tuple[str, ...],
    places: tuple[str, ...],
    countries: tuple[str, ...],
) -> frozenset[str]:
    """The first two letters of every neutral tail of a vendor that does not begin with a digit: all
    that :func:`tail_of` and :func:`cities_behind` explain; the first alone where it may be one."""
    own = (text.translate(SEPARATORS)[:2] for text in (*companies, *places, *sites))
    single = (site[0] for site in sites if site[1:2] == ".")
    return _anybodys_beginnings(countries).union(own, single)


@lru_cache(maxsize=1024)
def _anybodys_beginnings(countries: tuple[str, ...]) -> frozenset[str]:
    texts = [
        "X", "HTTP", "WWW", "BY", "DBA", "TA", "TRADING AS", "RECUR", "CARD",
        *_CURRENCY.split("|"), *_CLEAR_STATES.split("|"), *cities(countries),
    ]  # fmt: skip
    for code in countries:
        texts += [code, _ALPHA3.get(code, code), *_NAMES.get(code, code).split("|")]
    return frozenset(text.translate(SEPARATORS)[:2] for text in texts)


def _shortest(city: str) -> int:
    """``SANTA`` could be many a city or word, ``PHOENI`` just one."""
    return _LONG_STUB if " " not in city[:_LONG_STUB] else _LONG_STUB + 2


def site_as_name(site: str, countries: tuple[str, ...]) -> str:
    """The vendor's domain standing as its name: whole, with a path or country, or cut."""
    label, _, last = site.rpartition(".")
    ends = "|".join([*(last[:size] for size in range(1, len(last))), ""])
    region = _region(countries)
    dot = "[./ ]?" if last in _LOOSE_DOT and len(label) > _SHORT_LABEL else "[./]"
    stub = stems(label, CUT_MIN)
    whole = rf"{literal(label)}{dot}{last}{_PATH}(?:{region}(?![A-Z0-9./]))?"
    fills = len(site) > CUT_MIN and "." not in site[CUT_MIN - 1 : CUT_MIN + 1]
    full = rf"{literal(site[:CUT_MIN])}(?= )" if fills else "(?!)"
    short = rf"(?P<cutname>(?:{literal(label)}(?:[./]?(?:{ends}))|{stub})$|{full})"
    glued = rf"{whole}(?=[0-9]{{3}}|[A-Z]{{3}})"  # a city, a phone number: the tails tell
    return rf"(?:{whole}(?![A-Z0-9])|{_glued((site,), region)}|{short}|{glued})"


def tail_of(
    sites: tuple[str, ...],
    companies: tuple[str, ...],
    places: tuple[str, ...],
    countries: tuple[str, ...],
) -> str:
    """The regex of neutral tails of one vendor; sites, companies and places are in normal form."""
    site = "|".join(map(literal, sites))
    stub = "|".join(stems(s, 1) for s in sites)
    scheme = r"(?:HTTPS? ?)?(?:WWW[./])?"
    marked = r"(?:HTTPS? ?(?:WWW[./])?|WWW[./])"
    whole = "|".join(cut(s, s.rindex(".")) for s in sites)
    state, country, region = _state(countries), _country(countries), _region(countries)
    below = rf" {scheme}[A-Z0-9]+[./](?:{site})(?=[A-Z]{{0,3}}(?![A-Z0-9./]))"
    pieces = [
        rf"(?:[ .]?(?P<url>{scheme}(?:{site}){_PATH})|{below})(?:{region}(?![A-Z0-9./]))?",
        rf"[ .]?{scheme}(?:{_glued(sites, region)})",
        rf" ?(?:(?P<field>{_full_field(sites, whole=True)})|{_full_field(sites, whole=False)})"
        rf"(?: ?(?:{state}|{country}))?(?: ?(?:USA?|{country}))?(?:{_STATEMENT})?$",
        # A cut site needs its scheme, or its name whole: `SHOP` alone is not `SHOPIFY.COM` cut.
        # Behind a scheme any beginning of it will do: nothing is said by `HTTPSWWW.D` but that.
        rf"(?P<cut> ?{marked}(?:{stub}){region}?$| (?:{marked}|WWW|HTTPS?)$| ?(?:{whole}))",
        *_anybodys(countries),
    ]
    if companies:
        named = _any_of(companies)
        pieces.append(rf" (?:(?:{_BY}) (?P<by>{named})|(?:{named}))(?![A-Z0-9])")
    if places:
        named = _any_of((*places, *(p[:CUT_MIN].rstrip() for p in places if len(p) > CUT_MIN)))
        pieces.append(rf"[ .]?{scheme}(?P<place>{named}){_behind(countries, ())}(?![A-Z0-9])")
        ends = "|".join(stems(place, _PLACE_STUB) for place in places)
        pieces.append(rf"(?P<cutplace> ?(?:{ends})(?:{country})?)$")
    return rf"(?:(?:{'|'.join(pieces)})*)$"


def marks_of(
    sites: tuple[str, ...], companies: tuple[str, ...], places: tuple[str, ...]
) -> tuple[str, ...]:
    """Letters of which a neutral tail that is the vendor's own holds some: where it holds none,
    :func:`common_tail_of` explains it or nothing does."""
    labels = (site.partition(".")[0].translate(SEPARATORS)[:_LABEL] for site in sites)
    begun = (place[:_PLACE_STUB].translate(SEPARATORS) for place in places)
    names = (name.translate(SEPARATORS)[:_LABEL] for name in companies)
    return tuple(dict.fromkeys(("HTTP", "WWW", *labels, *begun, *names)))


@lru_cache(maxsize=1024)
def common_tail_of(countries: tuple[str, ...]) -> re.Pattern[str]:
    """The neutral tails that any vendor billing from these countries may have."""
    return re.compile(rf"(?:(?:{'|'.join(_anybodys(countries))})*)$")


def _anybodys(countries: tuple[str, ...]) -> list[str]:
    country = _country(countries)
    return [
        rf"(?: (?:{_PHONE})|[ .]?(?:[0-9]{{10,12}}|[0-9]{{3}}[ .]?[0-9]{{3}}[ .]?[0-9]{{4}}))"
        rf"(?: ?(?:{country})| ?(?:{_state(countries)})(?: ?USA?)?|{_CURRENCY})?(?![A-Z0-9])",
        rf" (?:{country})$",
        _written(countries),
        rf" (?:{_CLEAR_STATES})$",
        f"{_STATEMENT}$",
    ]


def _full_field(sites: tuple[str, ...], *, whole: bool) -> str:
    """Every form of a site that fills a city field: what is behind it is the next field; ``whole``:
    those that show its first label to the end."""
    forms = {
        f"{before}{site[:room]}".rstrip(".")
        for site in sites
        for before, room in _BEFORE_SITE
        if len(site) >= room and (room >= site.index(".")) == whole
    }
    return _any_of(tuple(forms)) or "(?!)"


def _behind(countries: tuple[str, ...], named: tuple[str, ...]) -> str:
    """What stands behind a city: a district; state and country, in either order; or nothing.
    ``named``: the countries that may stand there by their names."""
    state = f"(?: ?(?:{_state(countries)}))"
    country = f"(?: ?(?:{_country(countries)}|{_any_of(tuple(_names(named)))}))"
    return rf"(?: [0-9]{{1,2}})?(?:{state}(?:{country})?|{country}(?:{state})?)?"


def _state(countries: tuple[str, ...]) -> str:
    codes = " ".join(_STATES[code] for code in ("US", *countries) if code in _STATES)
    return _any_code(codes.split())


def _any_code(codes: Iterable[str]) -> str:
    """Codes of two letters by their first, ``A[KLRZ]``, which is read and matched faster; others
    as they are."""
    seconds: dict[str, str] = {}
    longer = []
    for code in dict.fromkeys(codes):
        if len(code) == _SHORT_CODE:
            seconds[code[0]] = seconds.get(code[0], "") + code[1]
        else:
            longer.append(code)
    return "|".join([*longer, *(f"{first}[{rest}]" for first, rest in seconds.items())])


def _any_of(texts: tuple[str, ...]) -> str:
    ordered = sorted(dict.fromkeys(texts), key=lambda text: (-len(text), text))
    return "|".join(map(literal, ordered)) or "(?!)"


def _country(countries: tuple[str, ...]) -> str:
    """A country's codes, of two letters and of three."""
    alpha3 = [_ALPHA3[code] for code in countries if code in _ALPHA3]
    return "|".join([*alpha3, _any_code(countries) or "(?!)"])


def _names(countries: tuple[str, ...]) -> list[str]:
    return [name for code in countries for name in _NAMES.get(code, "").split("|") if name]


def _written(countries: tuple[str, ...]) -> str:
    """A country's names, which are glued on only where they are no word's end (``UK``)."""
    names = _names(countries)
    long = [name for name in names if len(name) > _SHORT_NAME]
    short = [name for name in names if len(name) <= _SHORT_NAME]
    return rf" ?(?:{_any_of(tuple(long))})$| (?:{_any_of(tuple(short))})$"


def _region(countries: tuple[str, ...]) -> str:
    """A country, which may be glued on, or a state, which may not (``….COMO`` is no ``….CO MO``),
    where the vendor bills from a country that has them."""
    states = f"| (?:{_state(countries)})(?: ?USA?)?" if set(countries) & set(_STATES) else ""
    return f"(?: ?(?:{_country(countries)}){states})"


def _glued(sites: tuple[str, ...], region: str) -> str:
    """A domain cut in its last label, with country or state behind it (``CLOUDFLARE.COUS``)."""
    cut_ones, whole = [], []
    for site in sites:
        label, _, last = site.rpartition(".")
        shortest = max(CUT_MIN - len(label) - 1, 1)
        ends = "|".join(last[:size] for size in range(min(shortest, len(last)), len(last) + 1))
        cut_ones.append(rf"{literal(label)}[./](?:{ends})")
        if last in _BEFORE_STATE:
            whole.append(literal(site))
    states = rf"|(?:{'|'.join(whole)})(?:{_state(())})(?:USA?)?" if whole else ""
    return rf"(?:(?:{'|'.join(cut_ones)}){region}{states})$"
