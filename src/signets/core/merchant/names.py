"""Every form of a vendor's name that follows from its document: those that it lists, its legal
names as banks and processors write them, the account's name before the product's, its own domains.

What a guess gave rise to is a guess; nothing follows from an unknown name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from signets.core.merchant.document import Form, LegalName, VendorDocument
from signets.core.merchant.grammar import LEGAL_NAME, Pattern, Source, bare, begins_with, normalize
from signets.core.merchant.words import ANYBODYS_FORMS, OTHERS_WORDS, without_form

_LEGAL_FORMS = frozenset(
    ("INC", "LLC", "LTD", "LIMITED", "CORP", "GMBH", "SAS", "SA", "AG", "BV", "PBC", "OY")
)
_FORM_ENDS = tuple(f" {form}" for form in sorted(_LEGAL_FORMS))
_WRITTEN_OUT = (("LTD", "LIMITED"), ("CORP", "CORPORATION"), ("INC", "INCORPORATED"))
_COUNTRIES = (" IRELAND", " US", " USA", " UK", " EMEA", " EUROPE", " INTERNATIONAL", " AMERICA")
COINED = 6  # letters; a shorter word is somebody else's, too
_CAPITAL = re.compile("(?<=[a-z])(?=[A-Z])")


def names_of(document: VendorDocument) -> tuple[Pattern, ...]:
    """Every form of the vendor's names: those written down, and what follows from them."""
    found: dict[str, Pattern] = {}

    def add(patterns: Iterable[Pattern]) -> None:
        for pattern in patterns:
            known = found.get(pattern.text)
            if known is None or (known.source is Source.GUESS is not pattern.source):
                found[pattern.text] = pattern

    brand = normalize(document.brand)
    add(_pattern(line.name, form) for line in document.lines for form in line.patterns)
    add(_parted(document.brand, found.get(brand)))
    common = frozenset(pattern.text for pattern in found.values() if pattern.ambiguous)
    for fact in document.legal_names:
        text = normalize(fact.name)
        whole = (text, *_spelled(text))
        add(_legal(f, fact, ambiguous=f.rpartition(" ")[0] in common) for f in whole)
        add(_legal(form, fact, ambiguous=False) for form in _shortened(text, brand))
    add(_doubled(list(found.values()), brand))
    for fact in document.legal_names:
        add(_between(list(found.values()), normalize(fact.name), fact.source, brand))
    add(_label(document.domain, found.get(brand)))
    for fact in document.legal_names:
        add(_formless(normalize(fact.name), brand, fact, list(found.values())))
    add(_own_domain(normalize(domain)) for domain in (document.domain, *document.aliases))
    return tuple(found.values())


def _parted(brand: str, written: Pattern | None) -> Iterator[Pattern]:
    """A brand of one word with a space where a capital begins its second (``ELEVEN LABS``)."""
    parts = _CAPITAL.split(brand)
    if written is not None and len(parts) > 1 and all(len(part) > 1 for part in parts):
        yield replace(written, text=normalize(" ".join(parts)), parted=True)


def _pattern(line: str, form: Form) -> Pattern:
    return Pattern(
        text=form.text, source=form.source, line=line, ambiguous=form.ambiguous, note=form.note
    )


def _legal(text: str, fact: LegalName, *, ambiguous: bool) -> Pattern:
    """A legal name as a pattern; ambiguous where it only adds a legal form to an ambiguous name
    (``NEON LLC``)."""
    return Pattern(
        text=text, source=fact.source, line=LEGAL_NAME, ambiguous=ambiguous, note=fact.note
    )


def _spelled(text: str) -> Iterator[str]:
    """A legal name with its form written out, or short; without the dots inside its words."""
    if "." in text and text.endswith(_FORM_ENDS):
        yield text.replace(".", "")
    for short, long in _WRITTEN_OUT:
        for one, other in ((short, long), (long, short)):
            if text.endswith(f" {one}"):
                yield text.removesuffix(one) + other


def _shortened(text: str, brand: str) -> Iterator[str]:
    """A legal name as banks and processors write it: without its legal form, and without the
    country before that, where what is left still has the brand in it and a word more (``ZOOM VIDEO
    COMMUNICATIONS``); beside the brand, where it has not (``RAINTANK DBA GRAFANA``)."""
    rest, _, form = text.rpartition(" ")
    if form not in _LEGAL_FORMS:
        return
    name = brand.replace(" ", "")
    if name in text.replace(" ", ""):
        for short in (rest, rest.rpartition(" ")[0] if rest.endswith(_COUNTRIES) else rest):
            if name in short.replace(" ", "") and name != short.replace(" ", ""):
                yield short
        return
    for legal in (text, rest):
        yield f"{legal} DBA {brand}"
        yield f"{legal} {brand}"
        yield f"{brand} {legal}"


def _formless(text: str, brand: str, fact: LegalName, others: list[Pattern]) -> Iterator[Pattern]:
    """A known legal name that is not the brand, without its form (``EXAFUNCTION``): as little by
    itself as a domain cut short. Not where it begins with a name that is known by itself."""
    name = without_form(text)
    known = (p.text.replace("|", "") for p in others if p.source is not Source.GUESS)
    if (
        fact.source is not Source.GUESS
        and name != text
        and len(bare(name)) >= COINED
        and bare(brand) not in bare(name)
        and not any(begins_with(name, other) for other in known)
    ):
        yield replace(_legal(name, fact, ambiguous=False), shortened=True)


def _doubled(patterns: list[Pattern], brand: str) -> list[Pattern]:
    """The brand before a form that begins with it (``ZOHO* ZOHO-ONE``): processors put the name of
    the account before what the vendor writes."""
    return [
        replace(pattern, text=f"{brand} {pattern.text}")
        for pattern in patterns
        if pattern.line != LEGAL_NAME
        and begins_with(pattern.text, brand)
        and not {"{any}", "{word}"}.intersection(pattern.text.split())
        and pattern.source is not Source.GUESS
    ]


def _between(patterns: list[Pattern], legal: str, source: Source, brand: str) -> Iterator[Pattern]:
    """A product behind the legal name that is the brand and a legal form (``LANGCHAIN, INC.
    LANGSMITH``): the name of the account before what the vendor writes. Behind a known brand,
    ``INC`` and ``LLC`` need not be known."""
    name, _, form = legal.rpartition(" ")
    if name != brand or (source is Source.GUESS and form not in ANYBODYS_FORMS.split()):
        return
    for pattern in patterns:
        product = pattern.text.removeprefix(f"{brand} ")
        if (
            product not in (pattern.text, *_LEGAL_FORMS)
            and OTHERS_WORDS.isdisjoint(product.split())
            and not begins_with(product, brand)
            and "{" not in product
            and pattern.line != LEGAL_NAME
            and pattern.source is not Source.GUESS
        ):
            yield replace(pattern, text=f"{legal} {product}")


def _label(domain: str, written: Pattern | None) -> Iterator[Pattern]:
    """The first label of the vendor's own domain, where it is the brand, a coined word that only
    the domain shows (``BUGSNAG``): the domain shortened. MCC and country must both bear it out."""
    text = normalize(domain.partition(".")[0])
    if (
        written is not None
        and written.text == text
        and written.source is Source.GUESS
        and not written.ambiguous
        and " " not in text
        and len(text) >= COINED
    ):
        yield replace(_own_domain(text), line="own domain, shortened", shortened=True)


def _own_domain(text: str) -> Pattern:
    """The vendor's domain as its name: networks and processors accept a site as the name."""
    return Pattern(
        text=text,
        source=Source.DOCUMENT,
        line="own domain",
        note="https://docs.stripe.com/get-started/account/statement-descriptors",
    )
