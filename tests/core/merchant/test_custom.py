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


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"domain": "openai.com"}, "vendor_collision"),
        ({"aliases": ["chatgpt.com"]}, "vendor_collision"),
        ({"brand": "OpenAI"}, "vendor_file_invalid"),
        (
            {"network_ids": [{"id": "SXONGQUGQWWJUTM", "source": "observed", "note": "x"}]},
            "vendor_file_invalid",
        ),
        (
            {"lines": [{"name": "m", "patterns": [{"text": "OPENAI API", "source": "observed"}]}]},
            "vendor_collision",
        ),
        (
            {
                "lines": [
                    {
                        "name": "m",
                        "patterns": [{"text": "OPENAI CHATGPT SUBMARINES", "source": "observed"}],
                    }
                ]
            },
            "vendor_collision",
        ),
        ({"lines": [{"name": "m", "patterns": [{"text": "a", "source": "x"}]}]}, None),
        ({"mcc_groups": ["nothing"]}, None),
    ],
)
def test_what_is_anothers_cannot_be_claimed(change: dict[str, Any], code: str | None) -> None:
    """Domain, alias, brand, id, descriptor and what a cut leaves of it: all refused by name."""
    with pytest.raises(Refusal) as refused:
        with_custom(DIRECTORY, [document(**change)])
    assert refused.value.code == (code or "vendor_file_invalid")


def test_two_custom_vendors_may_not_be_the_same() -> None:
    """The second document with one domain is refused."""
    with pytest.raises(Refusal) as refused:
        with_custom(DIRECTORY, [document(), document()])
    assert refused.value.code == "vendor_collision"
