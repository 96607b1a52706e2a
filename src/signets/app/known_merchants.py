"""What an organization knows about merchants, kept in memory until one of its versions rises.

The versions stand in the organization's row, which every transaction reads first: as long as
nothing changed, deciding an authorization needs no further query.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from signets.app.merchant_records import CustomVendor, MerchantRuling, Ruling, VendorOrigin
from signets.app.policy_in_force import PolicyCache
from signets.app.records import Card
from signets.app.store import UnitOfWork
from signets.core.errors import Refusal
from signets.core.merchant.custom import with_custom
from signets.core.merchant.directory import Directory
from signets.core.merchant.document import VendorDocument, render_document
from signets.core.merchant.learning import (
    MemberDecision,
    Verdict,
    learn,
    observed_ids,
)
from signets.core.merchant.match import match_lock
from signets.core.merchant.model import (
    ConfirmedDescriptor,
    Learned,
    Merchant,
    MerchantLock,
    MerchantMatch,
    Once,
)

_MOST = 256  # organizations held in memory
_MOST_MATCHES = 4_096  # answers held in memory for one organization, about a kilobyte each
_VERDICTS = {
    Ruling.ONCE: Verdict.ONCE,
    Ruling.ALWAYS: Verdict.FOR_GOOD,
    Ruling.OTHER: Verdict.ANOTHER,
}


class KnownMerchants:
    """The directory with an organization's own vendors, and what it learned."""

    def __init__(
        self,
        directory: Directory,
        learned: Learned,
        origins: Mapping[str, VendorOrigin] | None = None,
    ) -> None:
        """``origins``: of the vendors that the shipped directory does not hold."""
        self.directory = directory
        self.learned = learned
        self._origins = origins or {}
        self._nothing = learned == Learned()
        self._ids: dict[str, dict[str, None]] = {}
        self._owners: dict[str, str] = {}
        for vendor, identifier in learned.confirmed_ids:
            self._ids.setdefault(vendor, {})[identifier] = None
            self._owners[identifier] = vendor
        self._names: dict[str, list[ConfirmedDescriptor]] = {}
        for fact in learned.confirmed_descriptors:
            self._names.setdefault(fact.vendor, []).append(fact)
        self._denied = frozenset(learned.denied_ids)
        self._once: dict[str | None, list[Once]] = {}
        # What is known here does not change (this object is made anew), so neither do answers;
        # a card is charged by the same merchant again and again.
        self._matches: dict[tuple[MerchantLock, Merchant], MerchantMatch] = {}
        for permission in learned.once:
            self._once.setdefault(permission.intent_id, []).append(permission)

    def about(self, vendors: tuple[str, ...], merchant: Merchant, intent_id: str | None) -> Learned:
        """The part that bears on this merchant at these vendors, under that open intent alone."""
        if self._nothing:
            return self.learned
        carried = observed_ids(merchant)
        confirmed = {(self._owners[i], i) for i in carried if i in self._owners}
        for vendor in vendors:
            # One is enough to tell that ids of the vendor are confirmed.
            confirmed |= {(vendor, i) for i in list(self._ids.get(vendor, ()))[:1]}
        return Learned(
            confirmed_ids=tuple(sorted(confirmed)),
            confirmed_descriptors=tuple(
                fact for vendor in vendors for fact in self._names.get(vendor, ())
            ),
            denied_ids=tuple(
                (vendor, i) for vendor in vendors for i in carried if (vendor, i) in self._denied
            ),
            denied_descriptors=self.learned.denied_descriptors,
            once=tuple(self._once.get(intent_id, ())) if intent_id else (),
        )

    def origin(self, domain: str) -> VendorOrigin:
        """Whose word the vendor's description is."""
        return self._origins.get(domain, VendorOrigin.DIRECTORY)

    def match(
        self, lock: MerchantLock, merchant: Merchant, intent_id: str | None = None
    ) -> MerchantMatch:
        """Whether the merchant is one of the lock's vendors, by all that is known here.

        ``intent_id``: the intent that a charge would be under; a permission for another one does
        not count.
        """
        if intent_id in self._once:
            # A permission for one charge; nothing that could be asked again and again.
            return self.judge(lock, merchant, intent_id)
        asked = (lock, merchant)
        known = self._matches.get(asked)
        if known is None:
            if len(self._matches) >= _MOST_MATCHES:
                self._matches.clear()
            known = self._matches[asked] = self.judge(lock, merchant, None)
        return known

    def judge(
        self, lock: MerchantLock, merchant: Merchant, intent_id: str | None = None
    ) -> MerchantMatch:
        """The same as :meth:`match`, thought through anew: for who remembers answers itself."""
        learned = self.about(lock.vendors, merchant, intent_id)
        return match_lock(lock, merchant, self.directory, learned)


def lock_of(card: Card) -> MerchantLock:
    """Where the card works."""
    return MerchantLock(vendors=card.merchant_lock, allow_facilitators=card.allow_facilitators)


class MerchantCache:
    """What each organization knows, by its versions."""

    def __init__(self, directory: Directory, policies: PolicyCache) -> None:
        self._shipped = directory
        self._policies = policies
        self._vendors: dict[str, tuple[int, OwnVendors]] = {}
        self._known: dict[str, tuple[tuple[int, int], KnownMerchants]] = {}

    @property
    def shipped(self) -> Directory:
        """The directory as it comes, which no organization changes."""
        return self._shipped

    async def of(self, uow: UnitOfWork) -> KnownMerchants:
        """What the organization of this transaction knows."""
        row = uow.organization
        versions = (row.merchants_version, row.vendors_version)
        held = self._known.get(uow.org_id)
        if held is not None and held[0] == versions:
            return held[1]
        own = await self._own(uow)
        learned = Learned() if row.merchants_version == 0 else await self._learned(uow)
        known = KnownMerchants(own.directory, learned, own.origins)
        if not uow.merchants.touched:  # else it may yet be rolled back
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[uow.org_id] = (versions, known)
        return known

    async def afresh(self, uow: UnitOfWork) -> KnownMerchants:
        """The same with what this very transaction has written of rulings; kept nowhere."""
        own = await self._own(uow)
        return KnownMerchants(own.directory, await self._learned(uow), own.origins)

    async def _own(self, uow: UnitOfWork) -> OwnVendors:
        version = uow.organization.vendors_version
        if version == 0:
            return OwnVendors(self._shipped, {})
        held = self._vendors.get(uow.org_id)
        if held is not None and held[0] == version:
            return held[1]
        policy = await self._policies.in_force(uow)
        own = own_vendors(self._shipped, policy[1].vendors, await uow.merchants.vendors())
        if not uow.merchants.touched:
            if len(self._vendors) >= _MOST:
                self._vendors.clear()
            self._vendors[uow.org_id] = (version, own)
        return own

    async def _learned(self, uow: UnitOfWork) -> Learned:
        _, policy = await self._policies.in_force(uow)
        observed = await uow.merchants.sightings(policy.learning)
        return learn(observed, map(_decision, await uow.merchants.rulings()), policy.learning)


@dataclass(frozen=True, slots=True)
class OwnVendors:
    """The directory with an organization's vendors, and whose word each of those is."""

    directory: Directory
    origins: Mapping[str, VendorOrigin]


def own_vendors(
    shipped: Directory, stated: Iterable[VendorDocument], put: Iterable[CustomVendor]
) -> OwnVendors:
    """The shipped directory with the vendors of a policy, and those put by API.

    Where both describe one domain, the policy's document is in force. Each was checked when it was
    set. A later version of the shipped directory may hold one of them itself: then the
    organization's is left out, so that its other cards go on working.
    """
    documents = {one.domain: one.document for one in put}
    origins = dict.fromkeys(documents, VendorOrigin.ORGANIZATION)
    for one in stated:
        documents[one.domain] = render_document(one)
        origins[one.domain] = VendorOrigin.POLICY
    try:
        return OwnVendors(with_custom(shipped, documents.values()), origins)
    except Refusal:
        fitting: dict[str, dict[str, Any]] = {}
        for domain, document in documents.items():
            try:
                with_custom(shipped, [*fitting.values(), document])
            except Refusal:
                continue
            fitting[domain] = document
        merged = with_custom(shipped, fitting.values())
        return OwnVendors(merged, {domain: origins[domain] for domain in fitting})


def _decision(row: MerchantRuling) -> MemberDecision:
    return MemberDecision(
        vendor=row.vendor,
        merchant=msgspec.convert(row.merchant, type=Merchant),
        verdict=_VERDICTS[row.ruling],
        intent_id=row.intent_id,
    )
