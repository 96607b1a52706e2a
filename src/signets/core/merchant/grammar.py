"""The grammar of descriptors: token patterns, anchored at the start of the name.

A pattern is words separated by spaces. A space stands for "any separator, or none", because
issuers drop ``*``, pad prefixes and glue fields; inside a word nothing may be added. Besides words:

==============  ==============================================================================
``.``           a dot or a slash (issuers rewrite ``.`` as ``/``)
``|``           what follows may be cut off, where the whole is 13 or more characters long; a
                pattern of words alone has it after its 11th character without saying so
``{ref}``       one reference of letters and digits, the first digit among its first six
                characters: 6 to 16 characters after a separator, 8 to 16 where it is glued on
``{code6}``     six letters or digits
``{code7}``     seven after a separator, with a digit among them or no vowel
``{token6}``    six after a separator, with a digit among them or no vowel but ``U`` (and no ``Y``)
``{month}``     an English month in three letters
``{num}``       a number of three digits or more
``{hexid}``     an id of hexadecimal groups (``01DF0B-DCC``)
``{site}``      the buyer's own domain: after ``_`` (it may be cut), else whole with its dot
``{word}``      one word of the buyer's own, none that a shop or an application is named with
``{any}``       anything: an *open* prefix, which names a vendor but never proves one
==============  ==============================================================================

After a pattern only *neutral tails* may follow: the vendor's own domain or URL, a phone number,
one of its places, one of its countries or a large city there (:mod:`signets.core.merchant.places`).
Anything else is another name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from signets.core.merchant.banks import without_prefix
from signets.core.merchant.tails import (
    CUT_MIN,
    GLUE,
    SEPARATORS,
    beginnings,
    cities_behind,
    common_tail_of,
    cut,
    literal,
    marks_of,
    site_as_name,
    tail_of,
)
from signets.core.merchant.words import LEGAL_FORMS, NOT_BUYERS, OTHERS_WORDS, Behind, behind_name

_PLACEHOLDERS = {
    "{ref}": r"(?=[A-Z]{0,5}[0-9])(?:(?<![A-Z0-9])[A-Z0-9]{6,16}|[A-Z0-9]{8,16})",
    "{code6}": r"[A-Z0-9]{6}",
    "{code7}": r"(?<![A-Z0-9])(?:[B-DF-HJ-NP-TV-Z0-9]{7}|(?=[A-Z]{0,6}[0-9])[A-Z0-9]{7})",
    "{token6}": r"(?<![A-Z0-9])(?:[B-DF-HJ-NP-XZ0-9]{6}|(?=[A-Z]{0,5}[0-9])[A-Z0-9]{6})",
    "{month}": "(?:JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)",
    "{num}": r"[0-9]{3,}",
    "{hexid}": r"(?=[A-F]*[0-9])[0-9A-F]{6}(?: [0-9A-F]{1,6}){0,2}",
    "{site}": r"(?:_[A-Z0-9][A-Z0-9./]*(?: [A-Z0-9./]+)?| [A-Z0-9]+[./][A-Z]{2,})",
    "{any}": r".+",
    "{word}": (
        rf"(?<![A-Z0-9_])(?!(?:{'|'.join(sorted(OTHERS_WORDS | NOT_BUYERS))})S?(?![A-Z0-9]))"
        "[A-Z0-9]{2,16}"
    ),
}
_JUNK = re.compile(r"[^A-Z0-9./_]+")
_LOOSE_MARK = re.compile(r"(?<![A-Z0-9])[./_]+|[./_]+(?![A-Z0-9])")
_DOTTED = re.compile(r"(?<![A-Z0-9./])(?:[A-Z]\.){1,3}[A-Z](?![A-Z0-9./])")  # `S.R.O`, `B.V`
#: Of a name cut to 13 characters, what may be left of it where ` * ` became one space.
CUT_LETTERS = CUT_MIN - 2
#: The line of a pattern that is a legal name.
LEGAL_NAME = "legal name"
_FORM_ENDS = tuple(f" {form}" for form in LEGAL_FORMS)
#: No ``*`` in the name.
NO_STAR = -1
#: Characters that choose the candidate patterns; no name is shorter.
SHORTEST = 3
_HEAD = 6  # characters with two letters among them
#: Past the end of any name: descriptors have at most some 40 letters.
_END = 1 << 16
#: By vendor and letter of one name, which neutral tails begin there, if any.
Tails = dict[tuple[str, int], re.Match[str] | None]
_NOTHING_BEHIND = re.compile("").match("")


class Source(StrEnum):
    """Where a fact is known from."""

    OBSERVED = "observed"  # seen on a card, a statement or a public map of them
    DOCUMENT = "document"  # of the vendor, its processor or the network
    GUESS = "guess"  # never yields ``match``


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One form of a vendor's descriptor.

    Attributes:
        ambiguous: Other merchants bear the same name (a common word, a shared product): the
            vendor's own domain or place must stand beside it, or an id must be known.
        shortened: The first label of the vendor's own domain: an MCC of software and its own
            country must have been sent, or its site stand beside it.
        parted: A space stands where the name has none: MCC or country must have been sent.
        note: Where the form is known from, for the person who reviews it.
    """

    text: str
    source: Source
    line: str
    ambiguous: bool = False
    parted: bool = False
    shortened: bool = False
    note: str = ""


class PatternError(ValueError):
    """A pattern that cannot be read; ``text`` is the pattern."""

    def __init__(self, text: str, message: str) -> None:
        super().__init__(message)
        self.text = text


class LazyRegex:
    """A regular expression written and compiled when it is first needed: a directory of hundreds of
    vendors is read in a moment, and a card asks about few of them."""

    __slots__ = ("_made", "_text")

    def __init__(self, text: Callable[[], str]) -> None:
        self._text = text
        self._made: re.Pattern[str] | None = None

    def match(self, name: str, start: int = 0, end: int = _END) -> re.Match[str] | None:
        """As :meth:`re.Pattern.match`."""
        if self._made is None:
            self._made = re.compile(self._text())
        return self._made.match(name, start, end)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A pattern made ready. ``weight`` is its number of literal characters: the longest wins.

    ``tail`` is the vendor's neutral tails, which must explain what ``body`` leaves. Behind a
    ``plain`` name a legal form, plan words and a reference may come first
    (:mod:`signets.core.merchant.words`); ``formed``: it ends with a legal form. Every name that it
    explains begins with ``start``, both without separators (:func:`bare`); every tail with a digit
    or one of ``beginnings``, and what is its own in one holds some of ``marks``.
    """

    domain: str
    pattern: Pattern
    body: LazyRegex
    tail: LazyRegex
    plain: bool
    formed: bool
    head: str
    start: str
    beginnings: frozenset[str]
    marks: tuple[str, ...]
    weight: int
    open: bool
    countries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """A pattern that explains a whole name.

    ``more``: the legal form, plan or reference that stood behind the pattern, if any; ``own_url``:
    the vendor's domain was part of it, or its name behind ``BY``; ``own_place``: one of its places;
    ``beside``: the neutral tails.
    """

    compiled: Compiled
    cut: bool
    own_url: bool
    own_place: bool
    more: Behind | None = None
    beside: str = ""


@lru_cache(maxsize=4096)
def tidy(text: str) -> str:
    """Upper case, one space for any separator; dots, slashes and underscores only inside, and no
    dots in a legal form's letters (``S.R.O.`` → ``SRO``)."""
    name = _JUNK.sub(" ", text.upper())
    if "." in name or "/" in name or "_" in name:
        name = " ".join(_LOOSE_MARK.sub(" ", name).split())
        return _DOTTED.sub(lambda found: found.group().replace(".", ""), name)
    return name.strip()


@lru_cache(maxsize=4096)
def normalize(text: str) -> str:
    """The name tidied (:func:`tidy`), without what a bank or the vendor's host wrote before it.

    A bank's or wallet's prefix (``POS``, ``APLPAY``, ``CHECKCARD 0501``), a scheme and what a
    vendor's own host begins with (``WWW.``, ``BILLING.``) are dropped.
    """
    return without_prefix(tidy(text))


def bare(text: str) -> str:
    """The letters and digits of a name in normal form."""
    return text.translate(SEPARATORS)


def compile_patterns(
    domain: str,
    patterns: tuple[Pattern, ...],
    *,
    domains: tuple[str, ...],
    companies: tuple[str, ...] = (),
    places: tuple[str, ...],
    countries: tuple[str, ...],
) -> tuple[Compiled, ...]:
    """Make a vendor's patterns ready; ``companies`` are its names that stand behind ``BY``. Raises
    PatternError for a pattern that cannot be read."""
    normal = tuple(normalize(domain) for domain in domains)
    tail = LazyRegex(lambda: tail_of(normal, companies, places, countries))
    first = beginnings(normal, companies, places, countries)
    marks = marks_of(normal, companies, places)
    sites = {site: site_as_name(site, countries) for site in normal}
    return tuple(
        _compile(domain, pattern, tail, (first, marks), sites, countries) for pattern in patterns
    )


def _compile(
    domain: str,
    pattern: Pattern,
    tail: LazyRegex,
    letters: tuple[frozenset[str], tuple[str, ...]],
    sites: dict[str, str],
    countries: tuple[str, ...],
) -> Compiled:
    text = pattern.text
    if "|" not in text and "{" not in text and text not in sites:
        keep = max(CUT_LETTERS, len(text.split(" ", 1)[0]) + 2)
        text = text if keep >= len(text) else f"{text[:keep]}|{text[keep:]}"
    fixed, bar, loose = text.partition("|")
    if normalize(re.sub(r"\{\w+\}", "", pattern.text.replace("|", ""))) == "":
        raise PatternError(pattern.text, f"pattern `{pattern.text}` has no word")
    body = ""
    weight = 0
    for index, word in enumerate(fixed.split()):
        glue = GLUE if index else ""
        if word.startswith("{"):
            if word not in _PLACEHOLDERS:
                raise PatternError(
                    pattern.text, f"pattern `{pattern.text}` has the unknown placeholder `{word}`"
                )
            body += ("" if word == "{site}" else glue) + _PLACEHOLDERS[word]
        elif word != word.upper() or re.fullmatch(r"[A-Z0-9.]+", word) is None:
            raise PatternError(
                pattern.text, f"pattern `{pattern.text}`: `{word}` is not in normal form"
            )
        else:
            alone = text == word
            body += sites[word] if alone and word in sites else glue + literal(word)
            weight += len(word)
    if bar:
        glue = GLUE if fixed.endswith(" ") else ""
        weight += len(loose.replace(" ", ""))
        body += rf"(?:{glue}{literal(loose)}|(?P<cutname>{glue}{cut(loose, 1)}|$))"
    head = fixed.split("{")[0]
    if bar and not fixed.endswith(" ") and not loose.startswith(" "):
        words = head.rpartition(" ")[0]
        head = words if len(bare(words)) >= SHORTEST else head
    return Compiled(
        domain=domain,
        pattern=pattern,
        body=LazyRegex(lambda: body),
        tail=tail,
        plain="{" not in pattern.text and pattern.source is not Source.GUESS,
        formed=pattern.line == LEGAL_NAME and pattern.text.endswith(_FORM_ENDS),
        head=head.strip(),
        start=bare(text.rpartition(".")[0] if text in sites else fixed.split("{")[0]),
        beginnings=letters[0],
        marks=letters[1],
        weight=weight,
        open="{any}" in pattern.text,
        countries=countries,
    )


def read(
    compiled: Compiled, name: str, width: int, star: int = NO_STAR, tails: Tails | None = None
) -> Reading | None:
    """Whether the pattern explains the whole normalised name; ``width`` is its raw length, ``star``
    how many letters and digits stand before its first ``*``; ``tails`` is what was found out about
    this name by other patterns."""
    body = compiled.body.match(name)
    if body is None:
        return None
    tails = {} if tails is None else tails
    tail = _tail_behind(compiled, name, body.end(), tails)
    if tail is None and "{" in compiled.pattern.text:
        # A placeholder took too much (`{site} CC@GOOGLE.COM`): give it less, word by word.
        for found in reversed(list(re.finditer(" ", name[: body.end()]))):
            shorter = compiled.body.match(name, 0, found.start())
            if shorter is not None and shorter.end() == found.start():
                body, tail = shorter, _tail_behind(compiled, name, found.start(), tails)
            if tail is not None:
                break
    more = None
    if tail is None and compiled.plain:
        starred = len(bare(name[: body.end()])) == star or compiled.formed
        behind = behind_name(name, body.end(), width, starred=starred)
        more, tail = _words_and_tail(compiled, name, behind, tails)
    if tail is None:
        return None
    groups = tail.groupdict()
    cut = (
        groups.get("cut") is not None
        or groups.get("cutplace") is not None
        or (more is not None and more.cut)
        or body.groupdict().get("cutname") is not None
    )
    if cut and width < CUT_MIN:
        return None
    own_place = groups.get("place") is not None
    own_url = any(groups.get(group) is not None for group in ("url", "field", "by"))
    beside = tail.string[tail.start() :]
    return Reading(compiled, cut, own_url, own_place, more, beside.strip())


def _words_and_tail(
    compiled: Compiled, name: str, behind: Iterable[Behind], tails: Tails
) -> tuple[Behind | None, re.Match[str] | None]:
    """Plan words and such, then neutral tails."""
    for more in behind:
        tail = _tail_behind(compiled, name, more.end, tails)
        if tail is not None:
            return more, tail
    return None, None


def _tail_behind(compiled: Compiled, name: str, start: int, tails: Tails) -> re.Match[str] | None:
    """The neutral tails that explain the rest of the name, a large city at its end included. A
    vendor's patterns have the same tails, and many end at the same letter."""
    if start == len(name):
        return _NOTHING_BEHIND
    at = (compiled.domain, start)
    if at not in tails:
        begins = may_be_tail(compiled, name[start:])
        tails[at] = _find_tail(compiled, name, start) if begins else None
    return tails[at]


def may_be_tail(compiled: Compiled, text: str) -> bool:
    """Whether the text may begin with a tail of the vendor, by its first letters; never false where
    it does. A host below the vendor's site begins with any, and has a dot or slash."""
    letters = text[:_HEAD].translate(SEPARATORS)
    first = letters[:1]
    known = compiled.beginnings
    if letters[:2] in known or first in known or first.isdigit():
        return True
    return "." in text or "/" in text


def _find_tail(compiled: Compiled, name: str, start: int) -> re.Match[str] | None:
    letters = name[start:].translate(SEPARATORS)
    regex: re.Pattern[str] | LazyRegex = common_tail_of(compiled.countries)
    for mark in compiled.marks:
        if mark in letters:
            regex = compiled.tail
            break
    tail = regex.match(name, start)
    if tail is not None:
        return tail
    for city in cities_behind(compiled.countries, name, start):
        tail = regex.match(name, start, city)
        if tail is not None:
            return tail
    return None


def is_tail(compiled: Compiled, text: str, tails: Tails) -> bool:
    """Whether the text is nothing but what may stand behind the vendor's names; ``tails`` is what
    was found out about this text by other patterns."""
    return _tail_behind(compiled, text, 0, tails) is not None


def derived_reading(domain: str, name: str, width: int) -> Reading | None:
    """How the grammar derived from a domain that nobody described explains the name, if it does."""
    found = (read(compiled, name, width) for compiled in _derived(domain))
    return next((one for one in found if one is not None), None)


@lru_cache(maxsize=1024)
def _derived(domain: str) -> tuple[Compiled, ...]:
    """A cautious grammar: the domain whole, or its first label, alone or with a legal form."""
    site = normalize(domain)
    label = normalize(domain.partition(".")[0])
    texts = (site, label, *(f"{label} {form}" for form in ("INC", "LLC", "LTD", "GMBH")))
    patterns = tuple(Pattern(text=t, source=Source.GUESS, line="custom vendor") for t in texts)
    return compile_patterns(domain, patterns, domains=(domain,), places=(), countries=())


def begins_with(name: str, head: str) -> bool:
    """Whether the name begins with these words (and goes on as another word, if at all)."""
    return name.startswith(head) and not name[len(head) : len(head) + 1].isalnum()
