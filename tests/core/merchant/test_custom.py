"""An organization's own vendors over the directory."""

from __future__ import annotations

from typing import Any

import pytest

from signets.core.errors import Refusal
from signets.core.merchant.custom import with_custom
from signets.core.merchant.domains import canonical_vendor
from signets.core.merchant.match import match_lock
from signets.core.merchant.model import Learned, MatchResult, Merchant, MerchantLock
from signets.vendors import load_directory

DIRECTORY = load_directory()


def document(**more: Any) -> dict[str, Any]:
    """A small vendor document."""
    return {
        "domain": "acme.dev",
        "brand": "Acme Cloud",
        "category": "saas",
        "aliases": ["acmecloud.io"],
        "lines": [
            {"name": "main", "patterns": [{"text": "ACME CLOUD HOSTING", "source": "observed"}]}
        ],
        "network_ids": [{"id": "ACMEID000000001", "source": "observed", "note": "own statement"}],
        "mcc_groups": ["digital"],
        "countries": [{"code": "US", "source": "observed"}],
        **more,
    }


def ask(lock: str, directory: Any, **merchant: str) -> MatchResult:
    """Hold a merchant against a lock on one vendor."""
    answer = match_lock(MerchantLock(vendors=(lock,)), Merchant(**merchant), directory, Learned())
    return answer.result


def test_a_custom_vendor_matches_and_the_directory_stays_as_it_is() -> None:
    """The organization's directory knows it; everybody else's does not."""
    mine = with_custom(DIRECTORY, [document()])
    assert ask("acme.dev", mine, descriptor="Acme *Cloud Hosting") is MatchResult.MATCH
    assert ask("acme.dev", DIRECTORY, descriptor="Acme *Cloud Hosting") is not MatchResult.MATCH
    assert canonical_vendor("billing.acmecloud.io", mine) == "acme.dev"
    assert ask("openai.com", mine, descriptor="OPENAI *API") is MatchResult.MATCH
    assert ask("openai.com", mine, descriptor="OPENAI", acceptor_id="ACMEID000000001") is (
        MatchResult.NO_MATCH
    )
    assert "acme.dev" not in DIRECTORY.vendors


def test_no_custom_vendor_is_the_directory_itself() -> None:
    """Organizations without vendors of their own share one directory."""
    assert with_custom(DIRECTORY, []) is DIRECTORY


def form(text: str, **more: Any) -> list[dict[str, Any]]:
    """One product line with one form."""
    return [{"name": "m", "patterns": [{"text": text, "source": "observed", **more}]}]


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"domain": "openai.com"}, "vendor_collision", "domain"),
        ({"aliases": ["a.dev", "chatgpt.com"]}, "vendor_collision", "aliases[1]"),
        ({"brand": "OpenAI"}, "vendor_collision", "brand"),
        (
            {"legal_names": [{"name": "OpenAI, LLC", "source": "document"}]},
            "vendor_collision",
            "legal_names[0].name",
        ),
        (
            {"network_ids": [{"id": "SXONGQUGQWWJUTM", "source": "observed", "note": "x"}]},
            "vendor_collision",
            "network_ids[0].id",
        ),
        ({"lines": form("OPENAI API")}, "vendor_collision", "lines"),
        ({"lines": form("OPENAI CHATGPT SUBMARINES")}, "vendor_collision", "lines"),
        ({"lines": form("a")}, "vendor_file_invalid", "lines[0].patterns[0].text"),
        ({"lines": form("ACME {x}")}, "vendor_file_invalid", "lines[0].patterns[0].text"),
        ({"mcc_groups": ["nothing"]}, "vendor_file_invalid", "mcc_groups[0]"),
        ({"places": ["Paris", "Paris"]}, "vendor_file_invalid", "places[1]"),
        ({"sold_through": [{"seller": "x.dev"}]}, "vendor_file_invalid", "sold_through[0].source"),
        ({"family": "Acme Family"}, "vendor_file_invalid", "family"),
        ({"logo": "x.png"}, "vendor_file_invalid", "logo"),
        ({"domain": "shop.acme.dev"}, "vendor_invalid", "domain"),
        ({"aliases": ["vercel.app"]}, "vendor_invalid", "aliases[0]"),
    ],
)
def test_what_is_anothers_or_wrong_is_refused_with_its_field(
    change: dict[str, Any], code: str, param: str
) -> None:
    """Domain, alias, brand, id, descriptor and what a cut leaves of it, and mistakes of shape."""
    with pytest.raises(Refusal) as refused:
        with_custom(DIRECTORY, [document(**change)])
    assert (refused.value.code, refused.value.param) == (code, f"vendors[0].{param}")
    with pytest.raises(Refusal) as alone:
        with_custom(DIRECTORY, [document(**change)], path="")
    assert alone.value.param == param


def test_a_family_and_sellers_of_ones_own_are_kept() -> None:
    """The whole document counts: a sibling's name is refused, and a seller's charge says so."""
    sibling = document(
        domain="acme.shop",
        aliases=[],
        brand="Acme Shop",
        family="acme",
        network_ids=[],
        lines=form("ACME SHOP"),
    )
    sold = [{"seller": "acme.shop", "source": "observed"}]
    mine = with_custom(DIRECTORY, [document(family="acme", sold_through=sold), sibling])
    lock = MerchantLock(vendors=("acme.dev",))
    answer = match_lock(lock, Merchant(descriptor="ACME SHOP"), mine, Learned())
    assert answer.result is MatchResult.NO_MATCH
    assert (answer.vendor, "also sells acme.dev" in answer.rule) == ("acme.shop", True)


def test_two_custom_vendors_may_not_be_the_same() -> None:
    """The second document with one domain is refused."""
    with pytest.raises(Refusal) as refused:
        with_custom(DIRECTORY, [document(), document()])
    assert refused.value.code == "vendor_collision"
