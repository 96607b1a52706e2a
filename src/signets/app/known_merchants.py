"""What an organization knows about merchants, kept in memory until one of its versions rises.

The versions stand in the organization's row, which every transaction reads first: as long as
nothing changed, deciding an authorization needs no further query.
"""

from __future__ import annotations

import msgspec

from signets.app.merchant_records import CustomVendor, MerchantRuling, Ruling
from signets.app.records import Card
from signets.app.store import UnitOfWork
from signets.core.errors import Refusal
from signets.core.merchant.custom import with_custom
from signets.core.merchant.directory import Directory
from signets.core.merchant.learning import (
    LearningPolicy,
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

#: How often an id or name must have been seen to be known without a member.
LEARNING = LearningPolicy()
_MOST = 256  # organizations held in memory
_MOST_MATCHES = 4_096  # answers held in memory for one organization, about a kilobyte each
_VERDICTS = {
    Ruling.ONCE: Verdict.ONCE,
    Ruling.ALWAYS: Verdict.FOR_GOOD,
    Ruling.OTHER: Verdict.ANOTHER,
}


class KnownMerchants:
    """The directory with an organization's own vendors, and what it learned."""

    def __init__(self, directory: Directory, learned: Learned) -> None:
        self.directory = directory
        self.learned = learned
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

    def match(
        self, lock: MerchantLock, merchant: Merchant, intent_id: str | None = None
    ) -> MerchantMatch:
        """Whether the merchant is one of the lock's vendors, by all that is known here.

        ``intent_id``: the intent that a charge would be under; a permission for another one does
        not count.
        """
        if intent_id in self._once:
            # A permission for one charge; nothing that could be asked again and again.
            return self._judged(lock, merchant, intent_id)
        asked = (lock, merchant)
        known = self._matches.get(asked)
        if known is None:
            if len(self._matches) >= _MOST_MATCHES:
                self._matches.clear()
            known = self._matches[asked] = self._judged(lock, merchant, None)
        return known

    def _judged(
        self, lock: MerchantLock, merchant: Merchant, intent_id: str | None
    ) -> MerchantMatch:
        learned = self.about(lock.vendors, merchant, intent_id)
        return match_lock(lock, merchant, self.directory, learned)


def lock_of(card: Card) -> MerchantLock:
    """Where the card works."""
    return MerchantLock(vendors=card.merchant_lock, allow_facilitators=card.allow_facilitators)


class MerchantCache:
    """What each organization knows, by its versions."""

    def __init__(self, directory: Directory) -> None:
        self._shipped = directory
        self._directories: dict[str, tuple[int, Directory]] = {}
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
        directory = await self._directory(uow)
        learned = Learned() if row.merchants_version == 0 else await _learned(uow)
        known = KnownMerchants(directory, learned)
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[uow.org_id] = (versions, known)
        return known

    async def _directory(self, uow: UnitOfWork) -> Directory:
        version = uow.organization.vendors_version
        if version == 0:
            return self._shipped
        held = self._directories.get(uow.org_id)
        if held is not None and held[0] == version:
            return held[1]
        directory = _merged(self._shipped, await uow.merchants.vendors())
        if len(self._directories) >= _MOST:
            self._directories.clear()
        self._directories[uow.org_id] = (version, directory)
        return directory


async def _learned(uow: UnitOfWork) -> Learned:
    observed = await uow.merchants.sightings(LEARNING.settlements, LEARNING.days)
    return learn(observed, map(_decision, await uow.merchants.rulings()), LEARNING)


def _decision(row: MerchantRuling) -> MemberDecision:
    return MemberDecision(
        vendor=row.vendor,
        merchant=msgspec.convert(row.merchant, type=Merchant),
        verdict=_VERDICTS[row.ruling],
        intent_id=row.intent_id,
    )


def _merged(shipped: Directory, vendors: list[CustomVendor]) -> Directory:
    """The shipped directory with these vendors.

    Each was checked when it was put. A later version of the shipped directory may hold one of
    them itself: then the organization's is left out, so that its other cards go on working.
    """
    documents = [one.document for one in vendors]
    try:
        return with_custom(shipped, documents)
    except Refusal:
        fitting: list[dict[str, object]] = []
        for document in documents:
            try:
                with_custom(shipped, [*fitting, document])
            except Refusal:
                continue
            fitting.append(document)
        return with_custom(shipped, fitting)
