"""What an organization learns about merchants: from settlements that were verified, and from its
members.

A spoof that passed by its name once must not become known. So an id or a name seen on verified
settlements is a *candidate* until it has been seen on several distinct settlements, on several
distinct days, for one vendor only, or until a member confirms it. A member's word outweighs every
count, and the last word outweighs the earlier ones. Pure: the caller keeps the rows and the time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from signets.core.errors import invalid
from signets.core.merchant.directory import Directory
from signets.core.merchant.grammar import derived_reading, normalize
from signets.core.merchant.model import ConfirmedDescriptor, Learned, Merchant, Once


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """One settlement whose verdict was ``verified``, as the matcher saw its merchant.

    Attributes:
        transaction_id: Names the purchase: several clearings of one count once.
        vendor: The vendor it matched, by canonical domain.
        day: The UTC day on which it cleared.
        facilitated: It came through a facilitator, whose id and name others share; or a member
            had allowed it once: it teaches nothing.
    """

    transaction_id: str
    vendor: str
    merchant: Merchant
    day: date
    facilitated: bool = False


class FactKind(StrEnum):
    """What a candidate is."""

    ID = "id"
    DESCRIPTOR = "descriptor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An id, or a name in normal form, seen on verified settlements of a vendor.

    ``settlements`` and ``days`` count distinct ones. ``mcc`` and ``country`` are set where every
    settlement had the same one. ``first_purchase``: a member allowed the charge once, it was
    verified, and nobody had described the vendor (:func:`confirms_vendor`).
    """

    vendor: str
    kind: FactKind
    value: str
    settlements: int
    days: int
    mcc: str | None = None
    country: str | None = None
    first_purchase: bool = False


class Verdict(StrEnum):
    """What a member said about a merchant that was observed."""

    ONCE = "once"  # this purchase may go through, nothing else follows
    FOR_GOOD = "for_good"  # this is the vendor
    ANOTHER = "another"  # this is another merchant


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberDecision:
    """A member's word on one observed merchant. ``intent_id`` belongs to ``once`` alone."""

    vendor: str
    merchant: Merchant
    verdict: Verdict
    intent_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningPolicy:
    """How often a candidate must have been seen to be known without a member.

    ``settlements`` and ``days`` are distinct ones; 0 settlements: never, only members confirm.
    """

    settlements: int = 3
    days: int = 3

    def knows(self, candidate: Candidate) -> bool:
        """Whether the candidate counts as the vendor's, where no other vendor has it too."""
        often = candidate.settlements >= self.settlements and candidate.days >= self.days
        return self.settlements > 0 and (often or candidate.first_purchase)


def candidates(settlements: Iterable[Settlement]) -> tuple[Candidate, ...]:
    """Fold verified settlements into candidates, in a stable order.

    Every id that a settlement carried is one, and its name. The order of the settlements, and
    how often one is given, change nothing.
    """
    seen: dict[tuple[str, FactKind, str], list[Settlement]] = {}
    for settlement in settlements:
        if settlement.facilitated:
            continue
        facts = [(FactKind.ID, one) for one in observed_ids(settlement.merchant)]
        name = normalize(settlement.merchant.descriptor)
        facts += [(FactKind.DESCRIPTOR, name)] if name else []
        for kind, value in facts:
            seen.setdefault((settlement.vendor, kind, value), []).append(settlement)
    return tuple(
        Candidate(
            vendor=vendor,
            kind=kind,
            value=value,
            settlements=len({one.transaction_id for one in found}),
            days=len({one.day for one in found}),
            mcc=_only({one.merchant.mcc for one in found}),
            country=_only({one.merchant.country for one in found}),
        )
        for (vendor, kind, value), found in sorted(seen.items())
    )


def learn(
    observed: Iterable[Candidate],
    decisions: Iterable[MemberDecision] = (),
    policy: LearningPolicy | None = None,
) -> Learned:
    """What follows from candidates and members' decisions (oldest first).

    - A candidate becomes known with ``policy.settlements`` settlements on ``policy.days`` days, or
      by a first purchase, unless a member denied it or it is a candidate of two vendors (then
      members decide).
    - ``for_good`` confirms the ids and the name that were observed, with MCC and country.
    - ``another`` denies the ids; the name too only where there was no id: a spoof with an id bears
      the vendor's own name, which must go on working.
    - ``once`` gives one permission for one intent and teaches nothing.
    - The last ``for_good`` or ``another`` on an id or a name stands.

    Raises:
        Refusal: ``intent_required`` for ``once`` without an intent.
    """
    rules = policy or LearningPolicy()
    ids: dict[tuple[str, str], bool] = {}
    names: dict[tuple[str, str], ConfirmedDescriptor | None] = {}
    once: list[Once] = []
    for decision in decisions:
        if decision.verdict is Verdict.ONCE:
            once.append(_once(decision))
        else:
            _take(decision, ids, names)
    for candidate in _known(observed, rules):
        key = (candidate.vendor, candidate.value)
        if candidate.kind is FactKind.ID:
            ids.setdefault(key, True)
        elif key not in names:
            names[key] = ConfirmedDescriptor(
                vendor=candidate.vendor,
                descriptor=candidate.value,
                mcc=candidate.mcc,
                country=candidate.country,
            )
    return Learned(
        confirmed_ids=tuple(sorted(key for key, yes in ids.items() if yes)),
        confirmed_descriptors=tuple(fact for _, fact in sorted(names.items()) if fact is not None),
        denied_ids=tuple(sorted(key for key, yes in ids.items() if not yes)),
        denied_descriptors=tuple(sorted(key for key, fact in names.items() if fact is None)),
        once=tuple(once),
    )


def confirms_vendor(
    vendor: str,
    merchant: Merchant,
    settled: Merchant,
    directory: Directory,
    known: Learned,
    policy: LearningPolicy,
) -> bool:
    """Whether a charge that a member allowed once, and that settled as ``verified``, tells who a
    vendor is that nobody described: the first purchase on a lock on an unknown domain.

    All of it: neither the directory nor the organization describes the vendor, and no id of it is
    confirmed yet; the name is of the derived grammar; no facilitator charged; the merchant carried
    an id, and the same one when it settled; members are not the only ones who confirm
    (``policy.settlements`` 0). A name alone never confirms anything.
    """
    ids = observed_ids(merchant)
    raw = merchant.descriptor.strip()
    return (
        policy.settlements > 0
        and directory.vendor(vendor) is None
        and all(domain != vendor for domain, _ in known.confirmed_ids)
        and all((vendor, identifier) not in known.denied_ids for identifier in ids)
        and directory.facilitator(raw) is None
        and derived_reading(vendor, normalize(raw), len(raw)) is not None
        and bool(ids)
        and set(ids) == set(observed_ids(settled))
    )


def observed_ids(merchant: Merchant) -> tuple[str, ...]:
    """The network id and the acceptor id that the merchant carried, without padding."""
    pair = (merchant.network_id, merchant.acceptor_id)
    return tuple(dict.fromkeys(i.strip() for i in pair if i is not None and i.strip()))


def same_merchant(one: Merchant, other: Merchant) -> bool:
    """Whether both carry the same ids, or, where neither has any, the same name."""
    ids = set(observed_ids(one))
    if ids or observed_ids(other):
        return ids == set(observed_ids(other))
    return normalize(one.descriptor) == normalize(other.descriptor)


def _known(observed: Iterable[Candidate], rules: LearningPolicy) -> list[Candidate]:
    found = list(observed)
    owners: dict[tuple[FactKind, str], set[str]] = {}
    for one in found:
        owners.setdefault((one.kind, one.value), set()).add(one.vendor)
    return [one for one in found if rules.knows(one) and len(owners[one.kind, one.value]) == 1]


def _take(
    decision: MemberDecision,
    ids: dict[tuple[str, str], bool],
    names: dict[tuple[str, str], ConfirmedDescriptor | None],
) -> None:
    """Note what a member confirmed or denied; the caller goes from the oldest to the newest."""
    merchant = decision.merchant
    yes = decision.verdict is Verdict.FOR_GOOD
    carried = observed_ids(merchant)
    for identifier in carried:
        ids[decision.vendor, identifier] = yes
        if yes:  # an id belongs to one vendor: the newer word takes it from another
            for vendor, other in [key for key in ids if key[1] == identifier]:
                if vendor != decision.vendor:
                    ids[vendor, other] = False
    name = normalize(merchant.descriptor)
    if not name or (not yes and carried):
        return
    names[decision.vendor, name] = (
        ConfirmedDescriptor(
            vendor=decision.vendor,
            descriptor=name,
            mcc=merchant.mcc,
            country=merchant.country,
        )
        if yes
        else None
    )


def _once(decision: MemberDecision) -> Once:
    if decision.intent_id is None:
        raise invalid(
            "intent_required",
            "allowing a merchant once is bound to an intent: name the intent it is for",
            param="intent_id",
        )
    return Once(
        intent_id=decision.intent_id,
        vendor=decision.vendor,
        descriptor=normalize(decision.merchant.descriptor),
        ids=observed_ids(decision.merchant),
    )


def _only(values: set[str | None]) -> str | None:
    return next(iter(values)) if len(values) == 1 else None
