"""Whose shop it is, as a person reads it and as the network does, and what it sells."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from signets.core.errors import invalid
from signets.core.merchant.directory import Directory, Vendor
from signets.core.merchant.domains import canonical_vendor
from signets.core.merchant.grammar import Source
from signets.core.merchant.match import match_lock
from signets.core.merchant.model import Learned, MatchResult, Merchant, MerchantLock
from signets.core.money import format_minor
from signets.issuers.countries import alpha_3

CURRENCY = "USD"
#: What the network has room for (ISO 8583 DE43).
_NAME_LETTERS, _CITY_LETTERS = 25, 13
_SOFTWARE_SHOP = "5734"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """Something to buy. ``amount`` is in minor units of :data:`CURRENCY`, taxes included."""

    id: str
    name: str
    amount: int

    @property
    def price(self) -> str:
        """For a person."""
        return format_minor(self.amount, CURRENCY)


PRODUCTS = {
    f"credits-{units}": Product(
        id=f"credits-{units}", name=f"API credits, ${units}", amount=units * 100
    )
    for units in (5, 10, 20, 50, 100)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Storefront:
    """A vendor's shop; ``country`` is ISO 3166-1 alpha-3, the rest of it as on a statement."""

    vendor: str
    brand: str
    descriptor: str
    mcc: str
    acceptor_id: str
    city: str
    country: str


def open_storefront(directory: Directory, domain: str) -> Storefront:
    """The shop of a vendor that the directory knows well enough to be recognised by.

    Raises:
        Refusal: ``vendor_unknown`` where the domain is no vendor of the directory, or none of its
            names proves it, so that no card locked to it would ever pay.
    """
    vendor = directory.vendor(canonical_vendor(domain, directory, param="vendor"))
    found = next(_recognised(vendor, directory), None) if vendor else None
    if found is None or vendor is None:
        raise invalid(
            "vendor_unknown",
            f"the directory knows no name that {domain} charges under; `signets merchants list` "
            "shows its vendors",
            param="vendor",
        )
    return Storefront(
        vendor=vendor.domain,
        brand=vendor.brand,
        descriptor=found.descriptor,
        mcc=found.mcc or _SOFTWARE_SHOP,
        acceptor_id=found.acceptor_id or "",
        city=found.city or "",
        country=alpha_3(found.country or "") or "USA",
    )


def _recognised(vendor: Vendor, directory: Directory) -> Iterator[Merchant]:
    """The vendor under each of its names that a lock on it lets through."""
    lock = MerchantLock(vendors=(vendor.domain,))
    for pattern in vendor.patterns:
        fits = len(pattern.text) <= _NAME_LETTERS and "|" not in pattern.text
        if pattern.source is Source.GUESS or not fits:
            continue
        merchant = _merchant(vendor, pattern.text)
        if match_lock(lock, merchant, directory, Learned()).result is MatchResult.MATCH:
            yield merchant


def _merchant(vendor: Vendor, name: str) -> Merchant:
    home = "US" if "US" in vendor.countries or not vendor.countries else min(vendor.countries)
    software = _SOFTWARE_SHOP in vendor.mccs or not vendor.mccs
    place = vendor.places[0] if vendor.places else "San Francisco" if home == "US" else ""
    number = int.from_bytes(hashlib.sha256(vendor.domain.encode()).digest()[:8], "big")
    return Merchant(
        descriptor=name,
        acceptor_id=f"5{number % 10**14:014d}",
        mcc=_SOFTWARE_SHOP if software else min(vendor.mccs),
        country=home,
        city=place[:_CITY_LETTERS].upper(),
    )
