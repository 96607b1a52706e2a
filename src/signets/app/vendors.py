"""The vendors that an organization may lock cards to: the directory's, and its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from signets.app.caller import Caller, not_found
from signets.app.journal import record
from signets.app.known_merchants import KnownMerchants
from signets.app.merchant_records import CustomVendor
from signets.app.services import Services
from signets.core.access import Scope
from signets.core.errors import invalid
from signets.core.merchant.custom import with_custom
from signets.core.merchant.directory import Vendor
from signets.core.merchant.domains import canonical_vendor
from signets.core.merchant.model import Learned, Merchant, MerchantLock, MerchantMatch
from signets.core.pan import refuse_pan

MOST_CUSTOM = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorView:
    """A vendor, whose it is, and what the organization learned of it."""

    vendor: Vendor
    custom: bool
    learned: Learned


async def list_vendors(
    services: Services,
    caller: Caller,
    *,
    category: str | None,
    custom: bool | None,
    after: str | None,
    limit: int,
) -> list[VendorView]:
    """Ordered by domain; ``after`` is the last domain of the page before."""
    caller.require(Scope.CARDS_READ)
    async with services.store.unlocked(caller.org_id) as uow:
        known = await services.merchants.of(uow)
    views = (
        _view(services, known, domain)
        for domain in sorted(known.directory.vendors)
        if after is None or domain > after
    )
    fitting = (
        one
        for one in views
        if custom in (None, one.custom) and category in (None, one.vendor.category)
    )
    return list(islice(fitting, limit))


async def get_vendor(services: Services, caller: Caller, domain: str) -> VendorView:
    """One vendor, by its domain or an alias.

    Raises:
        Refusal: ``merchant_not_found``.
    """
    caller.require(Scope.CARDS_READ)
    async with services.store.unlocked(caller.org_id) as uow:
        known = await services.merchants.of(uow)
    found = known.directory.domain_of_host(domain.strip().lower())
    if found is None:
        raise not_found("merchant", domain[:80])
    return _view(services, known, found)


async def put_vendor(
    services: Services, caller: Caller, domain: str, document: dict[str, Any]
) -> VendorView:
    """Add an organization's own vendor, or its next version.

    ``document`` is like a file of the directory, without its domain.

    Raises:
        Refusal: ``vendor_invalid``, ``vendor_file_invalid`` or ``vendor_collision`` where the
            directory knows the domain, an id, a name or a form already; ``pan_refused``.
    """
    caller.require(Scope.POLICY_WRITE)
    refuse_pan(document, param="body")
    if canonical_vendor(domain, services.merchants.shipped, param="domain") != domain:
        raise invalid(
            "vendor_invalid",
            "a vendor of your own has a registrable domain that the directory does not hold",
            param="domain",
        )
    async with services.store.transaction(caller.org_id) as uow:
        kept = {one.domain: one for one in await uow.merchants.vendors()}
        if len(kept) >= MOST_CUSTOM and domain not in kept:
            raise invalid("vendors_full", f"an organization has at most {MOST_CUSTOM} vendors")
        before = kept.pop(domain, None)
        made = CustomVendor(
            domain=domain,
            version=before.version + 1 if before else 1,
            document={**document, "domain": domain},
            put_by=caller.actor,
            at=uow.now,
        )
        documents = [*(one.document for one in kept.values()), made.document]
        merged = with_custom(services.merchants.shipped, documents)
        await uow.merchants.put_vendor(made)
        await uow.merchants.changed(vendors=True)
        await record(
            services,
            uow,
            "merchant.vendor_put",
            actor=caller.actor,
            subject=domain,
            data={"version": made.version, "document": made.document},
        )
        learned = (await services.merchants.of(uow)).learned
        return _view(services, KnownMerchants(merged, learned), domain)


async def match_merchants(
    services: Services, caller: Caller, rows: Sequence[tuple[str, Merchant]]
) -> list[tuple[str, MerchantMatch]]:
    """Hold merchants against locks, by all that the organization knows: vendor and answer of each.

    Permissions for one intent do not count.

    Raises:
        Refusal: naming the row whose lock is no domain.
    """
    caller.require(Scope.CARDS_READ)
    async with services.store.unlocked(caller.org_id) as uow:
        known = await services.merchants.of(uow)
    vendors: dict[str, str] = {}
    answers = []
    for index, (lock, merchant) in enumerate(rows):
        if lock not in vendors:
            vendors[lock] = canonical_vendor(lock, known.directory, param=f"rows[{index}].lock")
        vendor = vendors[lock]
        answers.append((vendor, known.match(MerchantLock(vendors=(vendor,)), merchant)))
    return answers


def _view(services: Services, known: KnownMerchants, domain: str) -> VendorView:
    learned = known.learned
    return VendorView(
        vendor=known.directory.vendors[domain],
        custom=services.merchants.shipped.vendor(domain) is None,
        learned=Learned(
            confirmed_ids=tuple(one for one in learned.confirmed_ids if one[0] == domain),
            confirmed_descriptors=tuple(
                one for one in learned.confirmed_descriptors if one.vendor == domain
            ),
            denied_ids=tuple(one for one in learned.denied_ids if one[0] == domain),
            denied_descriptors=tuple(one for one in learned.denied_descriptors if one[0] == domain),
        ),
    )
