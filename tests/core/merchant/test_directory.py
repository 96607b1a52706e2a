"""The directory's data: every file is well-formed, sourced, and collides with no other vendor."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from signets.core.errors import Refusal
from signets.core.merchant.collisions import collisions
from signets.core.merchant.directory import parse_directory
from signets.core.merchant.domains import registrable
from signets.core.merchant.grammar import Source
from signets.vendors import (
    load_directory,
    read_facilitators,
    read_schema,
    read_suffixes,
    read_vendor_files,
)

FILES = read_vendor_files()
DIRECTORY = load_directory()
OPENAI = next(data for data in FILES if data["domain"] == "openai.com")
REFERENCE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "merchants.md"
# The address comes first; what kind of a text it is may follow.
_DOCUMENT = re.compile(r"https?://[^ /]+\.[^ /]+(?:/[^ ]*)?(?:$|[ ,;])")


def test_every_vendor_file_follows_the_schema() -> None:
    """A vendor file has the schema's shape, so that a person can review it."""
    schema = read_schema()
    checker = jsonschema.validators.validator_for(schema)
    checker.check_schema(schema)
    wrong = [
        f"{data['domain']}: {error.json_path}: {error.message}"
        for data in FILES
        for error in checker(schema).iter_errors(data)
    ]
    assert not wrong, "\n".join(wrong)


def test_every_document_is_named() -> None:
    """A name that is called documented carries the address of the document that shows it."""
    unnamed = [
        f"{data['domain']}: {fact}"
        for data in FILES
        for fact in (*data.get("legal_names", []), *forms(data))
        if fact["source"] == "document" and not _DOCUMENT.match(fact.get("note", ""))
    ]
    assert not unnamed, "\n".join(unnamed)


def test_the_reference_counts_the_facts_as_they_are() -> None:
    """How many names are observed, documented and guessed stands in the documentation."""
    legal = [fact["source"] for data in FILES for fact in data.get("legal_names", [])]
    others = [form["source"] for data in FILES for form in forms(data)]
    text = REFERENCE.read_text(encoding="utf-8")
    for title, found in (("legal names", legal), ("other forms of the name", others)):
        counts = [f"{found.count(source):,}" for source in ("observed", "document", "guess")]
        assert f"| {title} | {' | '.join(counts)} |" in text


def test_no_two_vendors_claim_one_descriptor() -> None:
    """The linter finds no descriptor that two vendors explain equally well."""
    assert collisions(DIRECTORY) == []


def test_the_linter_finds_a_collision() -> None:
    """A vendor that claims another's descriptor is named by the linter."""
    clash = vendor("evil.example", "OPENAI CHATGPT SUBSCRIPTION")
    assert any("evil.example" in line for line in collisions(parse_directory([OPENAI, clash])))


def test_the_linter_finds_a_collision_of_cut_names() -> None:
    """Two names that only differ behind a cut are named too."""
    clash = vendor("evil.example", "OPENAI CHATGPT SUBMARINES")
    assert any("evil.example" in line for line in collisions(parse_directory([OPENAI, clash])))


def test_aliases_and_sellers_are_unique_and_known() -> None:
    """Sellers are vendors of the directory, and each family has more than one member."""
    families: dict[str, int] = {}
    for entry in DIRECTORY.vendors.values():
        assert all(seller in DIRECTORY.vendors for seller in entry.sold_through)
        if entry.family:
            families[entry.family] = families.get(entry.family, 0) + 1
    assert {name for name, members in families.items() if members < 2} == set()


def test_no_alias_is_a_domain_where_customers_get_names() -> None:
    """A public suffix as an alias would make every customer of the platform the vendor."""
    suffixes = read_suffixes()
    shared = {
        domain
        for entry in DIRECTORY.vendors.values()
        for domain in entry.domains
        if registrable(domain, suffixes) is None
    }
    assert shared == {"pythonanywhere.com"}  # itself a vendor: matched exactly, never below it


def test_the_directory_holds_what_agents_buy() -> None:
    """At least 150 vendors, in every category, and none with a guess alone."""
    assert len(DIRECTORY.vendors) >= 150
    assert len({entry.category for entry in DIRECTORY.vendors.values()}) == 12
    for entry in DIRECTORY.vendors.values():
        assert any(pattern.source is not Source.GUESS for pattern in entry.patterns), entry.domain


def test_facilitators_name_vendors_of_the_directory() -> None:
    """A facilitator's own vendor, where it is given, is in the directory."""
    named = [f["vendor"] for f in read_facilitators() if "vendor" in f]
    assert named
    assert all(domain in DIRECTORY.vendors for domain in named)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (
            {"lines": [{"name": "main", "patterns": [{"text": "acme", "source": "guess"}]}]},
            "lines[0].patterns[0].text",
        ),
        (
            {"lines": [{"name": "main", "patterns": [{"text": "A {x}", "source": "guess"}]}]},
            "place",
        ),
        (
            {"lines": [{"name": "main", "patterns": [{"text": "ACME", "source": "hearsay"}]}]},
            "hear",
        ),
        (
            {"lines": [{"name": "main", "patterns": [{"text": "AC", "source": "guess"}]}]},
            "shorter",
        ),
        ({"aliases": ["openai.com"]}, "openai.com"),
        ({"mcc_groups": ["everything"]}, "everything"),
        (
            {"network_ids": [{"id": "SXONGQUGQWWJUTM", "source": "observed", "note": "x"}]},
            "SXONGQUGQWWJUTM",
        ),
    ],
)
def test_a_broken_vendor_file_is_refused_by_name(change: dict[str, Any], word: str) -> None:
    """A file that cannot be read, or claims what is another's, is refused and says why."""
    broken = {**vendor("acme.example", "ACME"), **change}
    with pytest.raises(Refusal, match=re.escape(word)) as refused:
        parse_directory([OPENAI, broken])
    assert refused.value.code == "vendor_file_invalid"


def forms(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Every form of a vendor's name in its file, apart from its legal names."""
    return [form for line in data["lines"] for form in line["patterns"]]


def vendor(domain: str, text: str, source: str = "observed", **more: Any) -> dict[str, Any]:
    """The smallest vendor file."""
    return {
        "domain": domain,
        "brand": domain,
        "category": "saas",
        "lines": [{"name": "main", "patterns": [{"text": text, "source": source}]}],
        "mcc_groups": ["digital"],
        "countries": [],
        **more,
    }
