"""Words for who is charging: the merchant as the network sent it, the lock, and the match."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import msgspec


class Merchant(msgspec.Struct, frozen=True, kw_only=True):
    """The merchant as the network sent it, in our normal form. Nothing here is verified.

    Attributes:
        descriptor: Card acceptor name (ISO 8583 DE43), as received.
        acceptor_id: Card acceptor identification code (DE42, the MID).
        network_id: The card network's own id for the merchant, where the issuer passes it on.
        mcc: ISO 18245 merchant category code, four digits.
        country: ISO 3166-1 alpha-2 (adapters convert alpha-3).
        city: Whatever stood in the city field: a city, a phone number or a URL.
    """

    descriptor: str
    acceptor_id: str | None = None
    network_id: str | None = None
    mcc: str | None = None
    country: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    phone: str | None = None
    url: str | None = None
    facilitator_id: str | None = None
    sub_merchant_id: str | None = None


class MatchResult(StrEnum):
    """Three-valued: only ``MATCH`` lets a charge through by default."""

    MATCH = "match"
    NO_MATCH = "no_match"
    UNVERIFIED = "unverified"


class MerchantMatch(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of the matcher.

    Attributes:
        result: The three-valued answer.
        confidence: How likely, 0 to 100, it is that the merchant is the locked vendor: 80 and more
            on ``match``, 20 to 70 on ``unverified``, 5 and less on ``no_match``.
        vendor: Domain of the vendor recognised in the merchant: the lock's on ``match``, another
            vendor's where it is known to be that one, else ``None``.
        rule: The rule that decided, in words a person can read.
        intent_id: Set where a member's permission for one intent decided: the charge may be
            authorized under that intent only.
    """

    result: MatchResult
    confidence: int
    vendor: str | None
    rule: str
    intent_id: str | None = None


class MerchantLock(msgspec.Struct, frozen=True, kw_only=True):
    """The vendor(s) a card works at, by canonical domain (``openai.com``).

    ``allow_facilitators`` lets a charge through PayPal, Square and the like be looked at at all:
    without it such a charge is ``no_match``; with it, it is ``unverified`` until the organization
    has confirmed an id of the vendor that the charge carries.
    """

    vendors: tuple[str, ...]
    allow_facilitators: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmedDescriptor:
    """A name that an organization knows to be a vendor's, with what stood beside it.

    ``descriptor`` is in normal form (:func:`signets.core.merchant.grammar.normalize`). It holds
    only under the same MCC and country, where they were seen.
    """

    vendor: str
    descriptor: str
    mcc: str | None = None
    country: str | None = None

    def fits(self, merchant: Merchant) -> bool:
        """Whether the merchant comes with the MCC and country that were confirmed."""
        same_mcc = self.mcc is None or merchant.mcc in (None, self.mcc)
        return same_mcc and (self.country is None or merchant.country in (None, self.country))


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """A member's permission: this merchant, seen and judged, may be charged under one intent.

    ``descriptor`` is in normal form; ``ids`` are all the acceptor and network ids it carried.
    """

    intent_id: str
    vendor: str
    descriptor: str
    ids: tuple[str, ...] = ()

    def covers(self, descriptor: str, ids: tuple[str, ...]) -> bool:
        """Whether the merchant is the very one that was allowed."""
        return descriptor == self.descriptor and frozenset(ids) == frozenset(self.ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What an organization knows beyond the directory.

    Once ids of a vendor are confirmed, a new id under a good name is ``unverified`` (id drift).
    The matcher needs the facts on the lock's vendors and whoever owns an id that the merchant
    carries; an organization with thousands of ids passes just those. Made by
    :func:`signets.core.merchant.learning.learn`.

    Attributes:
        confirmed_ids: Acceptor or network ids, as (vendor domain, id).
        denied_ids: Ids that a member said are another merchant, as (vendor domain, id).
        denied_descriptors: Names, in normal form, that a member said are another merchant.
        once: Permissions bound to an intent; pass those of the card's open intents.
    """

    confirmed_ids: tuple[tuple[str, str], ...] = ()
    confirmed_descriptors: tuple[ConfirmedDescriptor, ...] = ()
    denied_ids: tuple[tuple[str, str], ...] = ()
    denied_descriptors: tuple[tuple[str, str], ...] = ()
    once: tuple[Once, ...] = ()
