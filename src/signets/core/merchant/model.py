"""Words for who is charging: the merchant as the network sent it, the lock, and the match."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchant:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantMatch:
    """The answer of the matcher.

    Attributes:
        result: The three-valued answer.
        confidence: How likely, 0 to 100, it is that the merchant is the locked vendor: 80 and more
            on ``match``, 20 to 70 on ``unverified``, 5 and less on ``no_match``.
        vendor: Domain of the vendor recognised in the merchant: the lock's on ``match``, another
            vendor's where it is known to be that one, else ``None``.
        rule: The rule that decided, in words a person can read.
    """

    result: MatchResult
    confidence: int
    vendor: str | None
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantLock:
    """The vendor(s) a card works at, by canonical domain (``openai.com``).

    ``allow_facilitators`` lets a charge through PayPal, Square and the like be looked at at all:
    without it such a charge is ``no_match``; with it, it is ``unverified`` until the organization
    has confirmed an id of the vendor that the charge carries.
    """

    vendors: tuple[str, ...]
    allow_facilitators: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What an organization has confirmed beyond the directory: acceptor or network ids by vendor.

    Once ids of a vendor are confirmed, a new id under a good name is ``unverified`` (id drift).
    The matcher needs the ids of the lock's vendors and whoever owns an id that the merchant
    carries; an organization with thousands of ids passes just those.
    """

    confirmed_ids: tuple[tuple[str, str], ...] = ()  # (vendor domain, id)
