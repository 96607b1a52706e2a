"""What is known about vendors, parsed from plain data and compiled once into an index.

Plain data comes from the edge (:mod:`signets.vendors`); nothing here reads a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from signets.core.errors import Refusal, RefusalKind
from signets.core.merchant.banks import without_suffix
from signets.core.merchant.document import (
    VendorDocument,
    field_with,
    invalid_field,
    join,
    read_document,
)
from signets.core.merchant.grammar import (
    NO_STAR,
    SHORTEST,
    Compiled,
    Pattern,
    PatternError,
    Reading,
    Source,
    Tails,
    bare,
    compile_patterns,
    is_tail,
    normalize,
    read,
    tidy,
)
from signets.core.merchant.lookup import (
    Alike,
    Heads,
    by_letters,
    heads_of,
    patterns_near,
    start_of,
)
from signets.core.merchant.mcc import codes
from signets.core.merchant.names import names_of
from signets.core.merchant.suffixes import Suffixes
from signets.core.merchant.words import without_form

_REMEMBERED = 4096  # names
_SHORTEST_COMPANY = 4  # letters of a name that may stand behind another
_PREFIX_KEY = 2  # the same for facilitators

#: Of a name in fields run together: Mastercard 22, TSYS 23, Visa 25, and issuers cut to fewer.
FIELD_WIDTHS = tuple(range(16, 26))
#: Where acquirers and vendors' entities for other continents sit: whoever sells software may be
#: billed from there, wherever it is at home.
HUBS = frozenset(("GB", "IE", "LU", "NL", "SG", "US"))


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownId:
    """An acceptor or network id seen for a vendor. What is not listed says nothing."""

    id: str
    source: Source
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """A vendor as the directory knows it.

    Attributes:
        domain: Canonical domain, the vendor's key everywhere.
        aliases: Other domains that are this very vendor (never a sibling, never a domain under
            which customers get names).
        category: One of the directory's categories (``model_api``); policies match on it.
        family: The group it belongs to. Members of a family never match for one another.
        countries: ISO 3166-1 alpha-2 codes it is billed from; empty: not known, any.
        mccs: Every code it may be billed under; empty: not known, any.
        sold_through: Who also sells it, by canonical domain; such a charge is the seller's.
    """

    domain: str
    aliases: tuple[str, ...]
    brand: str
    category: str
    family: str | None
    legal_names: tuple[str, ...]
    patterns: tuple[Pattern, ...]
    network_ids: tuple[KnownId, ...]
    mccs: frozenset[str]
    countries: frozenset[str]
    places: tuple[str, ...]
    sold_through: tuple[str, ...]

    @property
    def domains(self) -> tuple[str, ...]:
        """The canonical domain and its aliases."""
        return (self.domain, *self.aliases)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facilitator:
    """Somebody who charges for others; the text after its prefix is chosen by the seller.

    ``vendor`` is its own domain, where the directory has it. ``separated``: the raw prefix needs
    its ``*`` or ``/`` (``FS *``), else a space does (``SP ``).
    """

    name: str
    prefix: str
    separated: bool
    vendor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """All vendors and the indexes over them. Build with :func:`parse_directory`."""

    vendors: Mapping[str, Vendor]
    facilitators: tuple[Facilitator, ...]
    suffixes: Suffixes
    compiled: Mapping[str, tuple[Compiled, ...]]  # by canonical domain
    by_start: Mapping[str, tuple[Compiled, ...]]  # by :func:`start_of` their heads
    _by_letters: Mapping[str, Alike]
    _by_id: Mapping[str, str]
    _by_host: Mapping[str, str]
    _by_brand: Mapping[str, str]
    _by_prefix: Mapping[str, tuple[tuple[re.Pattern[str], Facilitator], ...]]
    _heads: dict[str, Heads] = field(default_factory=dict, compare=False, repr=False)
    _read: dict[str, list[Reading]] = field(default_factory=dict, compare=False, repr=False)

    def vendor(self, domain: str) -> Vendor | None:
        """The vendor with this canonical domain, or None (a custom vendor)."""
        return self.vendors.get(domain)

    def domain_of_id(self, identifier: str) -> str | None:
        """The vendor that an acceptor or network id was seen for."""
        return self._by_id.get(identifier)

    def domain_of_host(self, host: str) -> str | None:
        """The vendor whose domain or alias is exactly this host."""
        return self._by_host.get(host)

    def domain_of_brand(self, name: str) -> str | None:
        """The vendor with exactly this brand or legal name, for "did you mean"."""
        return self._by_brand.get(normalize(name))

    def readings(self, name: str, width: int) -> list[Reading]:
        """Every pattern that explains the whole normalised name, the most specific first."""
        return _explaining(patterns_near(self._by_letters, name), name, width)

    def alone(self, domain: str, name: str) -> bool:
        """Whether no vendor but this one can explain the normalised name: no pattern of another
        begins as it does."""
        return all(c.domain == domain for c in patterns_near(self._by_letters, name))

    def read_raw(self, raw: str) -> list[Reading]:
        """The same of a name as the network sent it.

        Where nothing explains it in one piece, it is taken for fields of fixed width run together:
        the name full to its last character, and so perhaps cut, and the city field behind it.
        Names come again and again: what was read last is remembered.
        """
        held = self._read.get(raw)
        if held is None:
            if len(self._read) >= _REMEMBERED:
                self._read.clear()
            held = self._read[raw] = self._read_raw(raw)
        return held

    def _read_raw(self, raw: str) -> list[Reading]:
        name = normalize(raw)
        near = patterns_near(self._by_letters, name)
        if not near:
            return []
        star = _before_star(raw)
        prefix = len(tidy(raw)) - len(name)
        whole = _explaining(near, name, len(raw) - prefix, star)
        if whole and not whole[0].compiled.open:
            return whole
        for other in _without_marks(name):
            read = _explaining(near, other, len(other), star)
            if read and not read[0].compiled.open:
                return read
        longest = max((len(c.pattern.text) for c in near), default=0)
        vendors = {c.domain: c for c in near}
        text = name if prefix else raw
        for width in FIELD_WIDTHS:
            if width < min(len(text), longest) and text[width - 1] != " ":
                beside, tails = f" {tidy(text[width:])}", Tails()
                fitting = {c.domain for c in vendors.values() if is_tail(c, beside, tails)}
                if not fitting:
                    continue
                theirs = (c for c in near if c.domain in fitting)
                read = _explaining(theirs, normalize(text[:width]), width, star)
                if read:
                    return read
        return whole

    def heads(self, domain: str) -> Heads:
        """What the vendor's patterns begin with."""
        found = self._heads.get(domain)
        if found is None:
            found = self._heads[domain] = heads_of(self.compiled[domain])
        return found

    def shared(self, one: Compiled, other: Compiled) -> bool:
        """Whether two vendors of a family bill in the same form, which says of neither that it is
        the one (``MSFT {ref}``): each is judged by what stands beside the name."""
        return (
            one.pattern.text == other.pattern.text
            and one.pattern.ambiguous
            and other.pattern.ambiguous
            and self._family(one) is not None
            and self._family(one) == self._family(other)
        )

    def is_shared(self, one: Compiled) -> bool:
        """Whether another vendor of the family bills in this form."""
        return one.pattern.ambiguous and any(
            other.domain != one.domain and self.shared(one, other)
            for other in self.by_start[start_of(one.head)]
        )

    def _family(self, one: Compiled) -> str | None:
        vendor = self.vendors.get(one.domain)
        return vendor.family if vendor else None

    def facilitator(self, raw: str) -> tuple[Facilitator, str] | None:
        """The facilitator whose prefix the raw descriptor bears, and the rest of it."""
        text = raw.lstrip().upper()
        for regex, facilitator in self._by_prefix.get(text[:_PREFIX_KEY], ()):
            found = regex.match(text)
            if found is not None:
                return facilitator, text[found.end() :]
        return None


def _before_star(raw: str) -> int:
    """How many letters and digits of the name stand before its first ``*``."""
    before, star, _ = raw.partition("*")
    return len(bare(normalize(before))) if star else NO_STAR


def _without_marks(name: str) -> Iterator[str]:
    """The name without what a bank wrote behind it; with spaces where it wrote slashes between its
    fields (``DROPBOX*123/DUBLIN/IRL``)."""
    shorter = without_suffix(name)
    if shorter != name:
        yield shorter
    if "/" in shorter:
        spaced = without_suffix(shorter.replace("/", " "))
        yield spaced


def _explaining(
    near: Iterable[Compiled], name: str, width: int, star: int = NO_STAR
) -> list[Reading]:
    """Which of these patterns explain the whole normalised name, the most specific first."""
    tails: Tails = {}
    found = []
    for compiled in near:
        reading = read(compiled, name, width, star, tails)
        if reading is not None:
            found.append(reading)
    if len(found) > 1:
        found.sort(key=_specificity)
    return found


def _specificity(reading: Reading) -> tuple[bool, int, bool]:
    return (reading.compiled.open, -reading.compiled.weight, reading.cut)


def parse_directory(
    vendors: Iterable[Mapping[str, Any]],
    facilitators: Iterable[Mapping[str, Any]] = (),
    suffixes: Suffixes | None = None,
) -> Directory:
    """Read vendor files (see ``vendor.schema.json``) and compile them.

    Raises:
        Refusal: ``vendor_file_invalid`` with what is wrong, or where two vendors claim the same
            domain, id or brand.
    """
    parsed: dict[str, Vendor] = {}
    compiled: dict[str, tuple[Compiled, ...]] = {}
    for data in vendors:
        vendor, patterns = parse_vendor(data, str(data.get("domain", "?")))
        if vendor.domain in parsed:
            raise broken(f"vendor `{vendor.domain}` stands twice")
        parsed[vendor.domain] = vendor
        compiled[vendor.domain] = patterns
    helpers = tuple(_facilitator(data) for data in facilitators)
    return assemble(parsed, compiled, helpers, suffixes or Suffixes())


def assemble(
    vendors: Mapping[str, Vendor],
    compiled: Mapping[str, tuple[Compiled, ...]],
    helpers: tuple[Facilitator, ...],
    suffixes: Suffixes,
) -> Directory:
    """Index vendors that are already compiled.

    Raises:
        Refusal: ``vendor_file_invalid`` where two claim the same domain, id or brand.
    """
    starts: dict[str, list[Compiled]] = {}
    for patterns in compiled.values():
        for pattern in patterns:
            starts.setdefault(start_of(pattern.head), []).append(pattern)
    every = vendors.values()
    return Directory(
        vendors=vendors,
        facilitators=helpers,
        suffixes=suffixes,
        compiled=compiled,
        by_start={start: tuple(found) for start, found in starts.items()},
        _by_letters=by_letters(starts),
        _by_id=_unique(
            "id",
            (
                (i.id, v.domain)
                for v in every
                for i in v.network_ids
                if i.source is not Source.GUESS
            ),
        ),
        _by_host=_unique("domain", ((d, v.domain) for v in every for d in v.domains)),
        _by_brand=_unique(
            "name", ((normalize(n), v.domain) for v in every for n in (v.brand, *v.legal_names))
        ),
        _by_prefix=_prefixes(helpers),
    )


def parse_vendor(data: Mapping[str, Any], path: str = "") -> tuple[Vendor, tuple[Compiled, ...]]:
    """Read one vendor's document, with its patterns ready. ``path`` stands before its fields.

    Raises:
        Refusal: ``vendor_file_invalid`` with the field, the vendor and what is wrong.
    """
    document = read_document(data, path)
    vendor = _vendor(document)
    try:
        return vendor, compile_vendor(vendor)
    except PatternError as error:
        at = field_with(document, error.text)
        raise invalid_field(join(path, at), f"of `{vendor.domain}`: {error}") from error


def compile_vendor(vendor: Vendor) -> tuple[Compiled, ...]:
    """A vendor's patterns, with its legal names as patterns of their own."""
    compiled = compile_patterns(
        vendor.domain,
        vendor.patterns,
        domains=vendor.domains,
        companies=_companies(vendor),
        places=tuple(normalize(place) for place in vendor.places),
        countries=tuple(sorted(vendor.countries | HUBS)),
    )
    for one in compiled:
        if len(start_of(one.head)) < SHORTEST:
            text = one.pattern.text
            raise PatternError(text, f"pattern `{text}` is shorter than {SHORTEST} characters")
    return compiled


def _companies(vendor: Vendor) -> tuple[str, ...]:
    """What may stand behind ``BY``: the brand and the legal names that are known, with or without
    their legal form."""
    known = {pattern.text for pattern in vendor.patterns if pattern.source is not Source.GUESS}
    names = {normalize(vendor.brand)}
    for name in known.intersection(map(normalize, vendor.legal_names)):
        names.update((name, without_form(name)))
    return tuple(sorted(name for name in names if len(bare(name)) >= _SHORTEST_COMPANY))


def _vendor(document: VendorDocument) -> Vendor:
    mccs = {fact.mcc for fact in document.mccs}
    for group in document.mcc_groups:
        mccs |= codes(group)
    return Vendor(
        domain=document.domain,
        aliases=document.aliases,
        brand=document.brand,
        category=document.category.value,
        family=document.family,
        legal_names=tuple(fact.name for fact in document.legal_names),
        patterns=names_of(document),
        network_ids=tuple(
            KnownId(id=fact.id, source=Source(fact.source.value), note=fact.note)
            for fact in document.network_ids
        ),
        mccs=frozenset(mccs),
        countries=frozenset(fact.code for fact in document.countries),
        places=document.places,
        sold_through=tuple(fact.seller for fact in document.sold_through),
    )


def _facilitator(data: Mapping[str, Any]) -> Facilitator:
    return Facilitator(
        name=data["name"],
        prefix=data["prefix"].upper(),
        separated=data.get("separated", True),
        vendor=data.get("vendor"),
    )


def _prefixes(
    helpers: tuple[Facilitator, ...],
) -> dict[str, tuple[tuple[re.Pattern[str], Facilitator], ...]]:
    index: dict[str, list[tuple[re.Pattern[str], Facilitator]]] = {}
    for helper in sorted(helpers, key=lambda h: -len(h.prefix)):
        ending = r"\s*[*/_]\s*" if helper.separated else r"[\s*]\s*"
        regex = re.compile(re.escape(helper.prefix) + ending)
        index.setdefault(helper.prefix[:_PREFIX_KEY], []).append((regex, helper))
    return {key: tuple(found) for key, found in index.items()}


def _unique(kind: str, pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    index: dict[str, str] = {}
    for key, domain in pairs:
        if index.setdefault(key, domain) != domain:
            raise broken(f"the {kind} `{key}` belongs to both `{index[key]}` and `{domain}`")
    return index


def broken(message: str) -> Refusal:
    """The refusal of a vendor's document."""
    return Refusal(RefusalKind.INVALID, "vendor_file_invalid", message)
