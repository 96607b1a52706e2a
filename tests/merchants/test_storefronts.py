"""Whose shop the sandbox can play: a vendor is charged under a name that proves it."""

from __future__ import annotations

import pytest

from signets.core.errors import Refusal
from signets.core.merchant.directory import Directory
from signets.core.merchant.match import match_lock
from signets.core.merchant.model import Learned, MatchResult, Merchant, MerchantLock
from signets.issuers.countries import alpha_2, alpha_3
from signets.issuers.sandbox.shop import Storefront, open_storefront


def merchant_of(front: Storefront) -> Merchant:
    """As the network shows it to Signets."""
    return Merchant(
        descriptor=front.descriptor,
        acceptor_id=front.acceptor_id,
        mcc=front.mcc,
        country=alpha_2(front.country),
        city=front.city,
    )


def test_a_shop_pays_with_its_own_vendors_cards_only(directory: Directory) -> None:
    """Each vendor of the directory has a shop: its own lock lets it through, others do not.

    Names, ids and cities fit the network's fields.
    """
    for domain in directory.vendors:
        front = open_storefront(directory, domain)
        assert len(front.descriptor) <= 25 and len(front.acceptor_id) == 15
        assert len(front.city) <= 13 and len(front.country) == 3
        for lock in {domain, "openai.com", "aws.amazon.com"}:
            found = match_lock(
                MerchantLock(vendors=(lock,)), merchant_of(front), directory, Learned()
            )
            assert (found.result is MatchResult.MATCH) == (lock == domain), (lock, front)


def test_other_spellings_and_strangers(directory: Directory) -> None:
    """An alias opens its vendor's shop; a domain that the directory does not know opens none."""
    assert open_storefront(directory, "platform.openai.com").vendor == "openai.com"
    for stranger in ("pizza.example.com", "not a domain"):
        with pytest.raises(Refusal) as caught:
            open_storefront(directory, stranger)
        assert caught.value.param == "vendor"


def test_countries_there_and_back() -> None:
    """Two letters to three and back; what is no country has none."""
    for code in ("US", "IE", "GB", "XK"):
        assert alpha_2(alpha_3(code) or "") == code
    assert (alpha_3("us"), alpha_3("UU"), alpha_3("")) == ("USA", None, None)
