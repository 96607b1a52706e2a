"""The vendors that an organization may lock cards to: the directory's, and its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from signets.app.caller import Caller, not_found
from signets.app.journal import record
from signets.app.known_merchants import KnownMerchants, own_vendors
from signets.app.merchant_records import CustomVendor, VendorOrigin
from signets.app.services import Services
from signets.core.access import Scope
from signets.core.errors import Refusal, RefusalKind, invalid
from signets.core.merchant.custom import with_custom
from signets.core.merchant.directory import Vendor
from signets.core.merchant.document import read_document, render_document
from signets.core.merchant.domains import canonical_vendor
from signets.core.merchant.grammar import normalize
from signets.core.merchant.match import identify
from signets.core.merchant.model import Learned, Merchant, MerchantLock, MerchantMatch
from signets.core.pan import refuse_pan

MOST_CUSTOM = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorView:
    """A vendor, whose word its description is, and what the organization learned of it."""

    vendor: Vendor
    origin: VendorOrigin
    learned: Learned

    @property
    def custom(self) -> bool:
        """Whether it is the organization's own."""
        return self.origin is not VendorOrigin.DIRECTORY


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """All that the organization knows beside the shipped directory.

    ``vendors``: its own in force, each with its origin, as documents.
    """

    vendors: tuple[tuple[VendorOrigin, dict[str, Any]], ...]
    learned: Learned


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Why a merchant is, may be or is not a vendor.

    Attributes:
        read_as: The name in normal form, as the grammar sees it.
        looks_like: The vendor that the merchant looks like, whatever the lock.
        origin: Whose word the description of the lock's vendor is; None: nobody's.
    """

    vendor: str
    match: MerchantMatch
    read_as: str
    looks_like: str | None
    origin: VendorOrigin | None


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
        _view(known, domain)
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
    return _view(known, found)


async def put_vendor(
    services: Services, caller: Caller, domain: str, document: dict[str, Any]
) -> VendorView:
    """Add an organization's own vendor, or its next version.

    ``document`` is like a file of the directory; its domain may be left out.

    Raises:
        Refusal: ``vendor_invalid``, ``vendor_file_invalid`` or ``vendor_collision`` where the
            directory knows the domain, an id, a name or a form already; ``vendor_in_policy`` where
            the policy describes it; ``pan_in_text``. ``param`` is the field.
    """
    caller.require(Scope.POLICY_WRITE)
    refuse_pan(document, param="body")
    if document.get("domain", domain) != domain:
        raise invalid("vendor_invalid", "is not the domain of the address", param="domain")
    fresh = render_document(read_document({**document, "domain": domain}))
    async with services.store.transaction(caller.org_id) as uow:
        known = await services.merchants.of(uow)
        _, policy = await services.policies.in_force(uow)
        if any(one.domain == domain for one in policy.vendors):
            raise Refusal(
                RefusalKind.CONFLICT,
                "vendor_in_policy",
                f"the policy in force describes `{domain}`: change it there",
                param="domain",
            )
        kept = {one.domain: one for one in await uow.merchants.vendors()}
        if len(kept) >= MOST_CUSTOM and domain not in kept:
            raise invalid("vendors_full", f"an organization has at most {MOST_CUSTOM} vendors")
        before = kept.pop(domain, None)
        made = CustomVendor(
            domain=domain,
            version=before.version + 1 if before else 1,
            document=fresh,
            put_by=caller.actor,
            at=uow.now,
        )
        others = own_vendors(services.merchants.shipped, policy.vendors, kept.values())
        merged = with_custom(others.directory, [fresh], path="")
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
        origins = {domain: VendorOrigin.ORGANIZATION}
        return _view(KnownMerchants(merged, known.learned, origins), domain)


async def read_knowledge(services: Services, caller: Caller) -> Knowledge:
    """What the organization knows, whole: for matching many merchants somewhere else.

    Permissions for one intent are left out.
    """
    caller.require(Scope.CARDS_READ)
    async with services.store.unlocked(caller.org_id) as uow:
        known = await services.merchants.of(uow)
        _, policy = await services.policies.in_force(uow)
        documents = {one.domain: one.document for one in await uow.merchants.vendors()}
    documents |= {one.domain: render_document(one) for one in policy.vendors}
    in_force = {domain: known.origin(domain) for domain in documents}
    return Knowledge(
        vendors=tuple(
            (origin, documents[domain])
            for domain, origin in sorted(in_force.items())
            if origin is not VendorOrigin.DIRECTORY
        ),
        learned=replace(known.learned, once=()),
    )


async def explain_merchant(
    services: Services, caller: Caller, lock: str, merchant: Merchant
) -> Explained:
    """Why the merchant is, may be or is not the lock's vendor, by all that is known.

    Raises:
        Refusal: ``vendor_unknown`` or ``vendor_invalid`` where the lock is no domain.
    """
    caller.require(Scope.CARDS_READ)
    async with services.store.unlocked(caller.org_id) as uow:
        known = await services.merchants.of(uow)
    return explain(known, canonical_vendor(lock, known.directory, param="lock"), merchant)


def explain(known: KnownMerchants, vendor: str, merchant: Merchant) -> Explained:
    """The same of what is known here already."""
    described = known.directory.vendor(vendor) is not None
    return Explained(
        vendor=vendor,
        match=known.match(MerchantLock(vendors=(vendor,)), merchant),
        read_as=normalize(merchant.descriptor),
        looks_like=identify(merchant, known.directory, known.learned),
        origin=known.origin(vendor) if described else None,
    )


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


def _view(known: KnownMerchants, domain: str) -> VendorView:
    learned = known.learned
    return VendorView(
        vendor=known.directory.vendors[domain],
        origin=known.origin(domain),
        learned=Learned(
            confirmed_ids=tuple(one for one in learned.confirmed_ids if one[0] == domain),
            confirmed_descriptors=tuple(
                one for one in learned.confirmed_descriptors if one.vendor == domain
            ),
            denied_ids=tuple(one for one in learned.denied_ids if one[0] == domain),
            denied_descriptors=tuple(one for one in learned.denied_descriptors if one[0] == domain),
        ),
    )
