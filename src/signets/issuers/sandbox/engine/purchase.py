"""One purchase as the network keeps it: a head, and moves in the network's order.

Everything a face shows (hold, settlement, status) is a fold of the moves. Amounts are magnitudes
in minor units; ``credit`` gives the direction. The kinds are the messages of a card network; a
face names them its own way.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from signets.core.money import EXPONENTS
from signets.issuers.sandbox.engine.base import Json


class Kind(StrEnum):
    """What happened."""

    AUTHORIZATION = "authorization"
    BALANCE_INQUIRY = "balance_inquiry"
    FINANCIAL_AUTHORIZATION = "financial_authorization"
    CREDIT_AUTHORIZATION = "credit_authorization"
    FINANCIAL_CREDIT_AUTHORIZATION = "financial_credit_authorization"
    AUTHORIZATION_ADVICE = "authorization_advice"
    CREDIT_AUTHORIZATION_ADVICE = "credit_authorization_advice"
    AUTHORIZATION_REVERSAL = "authorization_reversal"
    AUTHORIZATION_EXPIRY = "authorization_expiry"
    CLEARING = "clearing"
    RETURN = "return"
    RETURN_REVERSAL = "return_reversal"
    CORRECTION_DEBIT = "correction_debit"
    CORRECTION_CREDIT = "correction_credit"


CREDITS = frozenset(
    {
        Kind.CREDIT_AUTHORIZATION,
        Kind.CREDIT_AUTHORIZATION_ADVICE,
        Kind.FINANCIAL_CREDIT_AUTHORIZATION,
        Kind.RETURN,
        Kind.CORRECTION_CREDIT,
        Kind.AUTHORIZATION_REVERSAL,
        Kind.AUTHORIZATION_EXPIRY,
    }
)
#: Kinds that somebody is asked about.
ASKED = frozenset(
    {
        Kind.AUTHORIZATION,
        Kind.BALANCE_INQUIRY,
        Kind.FINANCIAL_AUTHORIZATION,
        Kind.CREDIT_AUTHORIZATION,
        Kind.FINANCIAL_CREDIT_AUTHORIZATION,
    }
)
_HOLDS = frozenset(
    {Kind.AUTHORIZATION, Kind.CREDIT_AUTHORIZATION, Kind.CREDIT_AUTHORIZATION_ADVICE}
)
#: Kinds that move money.
MONEY = frozenset(
    {
        Kind.CLEARING,
        Kind.FINANCIAL_AUTHORIZATION,
        Kind.FINANCIAL_CREDIT_AUTHORIZATION,
        Kind.RETURN,
        Kind.RETURN_REVERSAL,
        Kind.CORRECTION_DEBIT,
        Kind.CORRECTION_CREDIT,
    }
)


class Cause(StrEnum):
    """Who decided, and why."""

    ANSWERED = "answered"
    UNASKED = "unasked"
    CARD_CLOSED = "card_closed"
    SINGLE_USE_CARD = "single_use_card"
    CARD_PAUSED = "card_paused"
    MERCHANT_LOCK = "merchant_lock"
    SPEND_LIMIT = "spend_limit"
    RULE = "rule"
    CARDHOLDER = "cardholder"
    CARD_EXPIRED = "card_expired"
    EXPIRY_MISMATCH = "expiry_mismatch"
    CVC_MISMATCH = "cvc_mismatch"
    MALFORMED = "malformed"
    TIMEOUT = "timeout"
    STAND_IN = "stand_in"
    UNDONE = "undone"
    ORIGINAL_NOT_FOUND = "original_not_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The decision on one request.

    Attributes:
        words: The responder's own words, where it answered.
        approved_amount: Less than was asked for, where only that was approved.
        rules: The issuer's rules that refused, in its face's form.
    """

    approved: bool
    cause: Cause
    words: str = ""
    approved_amount: int | None = None
    rules: tuple[Json, ...] = ()


UNASKED = Verdict(approved=True, cause=Cause.UNASKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What one merchant amount costs in the billing currency; both in minor units."""

    billing: int
    billing_currency: str
    merchant: int
    merchant_currency: str

    def merchant_of(self, billing: int) -> int:
        """``billing`` in the merchant's currency, half up."""
        if self.billing == 0:
            return billing
        return (2 * billing * self.merchant + self.billing) // (2 * self.billing)

    @property
    def conversion(self) -> str:
        """Billing units per merchant unit, six decimals."""
        if self.billing == 0 or self.merchant == 0:
            return "1.000000"
        billing = Decimal(self.billing).scaleb(-EXPONENTS[self.billing_currency])
        merchant = Decimal(self.merchant).scaleb(-EXPONENTS[self.merchant_currency])
        return f"{billing / merchant:.6f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchant:
    """Where a card is used. ``country`` is written as the card's face writes it."""

    name: str
    network_id: str
    mcc: str
    city: str
    state: str
    country: str
    postal_code: str | None = None
    terminal_id: str | None = None
    url: str | None = None


class Check(StrEnum):
    """What came of comparing something typed with what is on file."""

    MATCH = "match"
    MISMATCH = "mismatch"
    NOT_PROVIDED = "not_provided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a checkout gave besides the number, held against the card; left out: a plain terminal.

    Attributes:
        expired: Whether the card's last month is over.
        line1, postal_code: As given. The number, the security code and the expiry are not kept.
    """

    cvc: Check = Check.MATCH
    expiry: Check = Check.MATCH
    expired: bool = False
    address_line1: Check = Check.NOT_PROVIDED
    address_postal_code: Check = Check.NOT_PROVIDED
    line1: str = ""
    postal_code: str = ""


PLAIN = Verification()


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One message of the network.

    Attributes:
        token: A UUID.
        rate: Amount and currency at the card and at the merchant; ``rate.billing`` is the amount.
        final: Whether a clearing is the last one and releases what is left of the hold.
        original_network_id: The earlier authorization that this one adds to.
    """

    token: str
    kind: Kind
    rate: Rate
    at: datetime
    credit: bool
    verdict: Verdict
    final: bool = False
    original_network_id: str | None = None

    @property
    def amount(self) -> int:
        """Magnitude in the card's currency."""
        return self.rate.billing


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """A purchase; ``moves`` is empty only while its first request is being decided."""

    token: str
    face: str
    card_token: str
    created: datetime
    updated: datetime
    merchant: Merchant
    network_id: str
    authorization_code: str
    partial_approval: bool = False
    verification: Verification = PLAIN
    metadata: dict[str, str] = field(default_factory=dict)
    moves: tuple[Move, ...] = ()

    @property
    def rate(self) -> Rate:
        """The rate of the first move: what follows keeps it unless it brings its own."""
        return self.moves[0].rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the moves amount to; a debit is positive.

    Attributes:
        authorized: What is approved and not given back, cleared or not.
        approved: Whether an approval stands.
        released: How a hold ended without money, where it did.
        closed: Whether a final clearing released the rest.
        money: The kinds of money moves there are.
    """

    held: int = 0
    settled: int = 0
    merchant_held: int = 0
    merchant_settled: int = 0
    authorized: int = 0
    merchant_authorized: int = 0
    approved: bool = False
    released: Kind | None = None
    closed: bool = False
    money: frozenset[Kind] = frozenset()


class _Fold:
    """Adds one move after the other."""

    def __init__(self) -> None:
        self.held = self.settled = self.authorized = 0
        self.merchant_held = self.merchant_settled = self.merchant_authorized = 0
        self.approved = self.closed = False
        self.released: Kind | None = None
        self.money: set[Kind] = set()

    def add(self, move: Move) -> None:
        kind, amount, merchant = move.kind, move.rate.billing, move.rate.merchant
        if not move.verdict.approved:
            if kind is Kind.AUTHORIZATION_ADVICE:
                self.approved, self.held, self.merchant_held = False, 0, 0
            return
        self.approved = True
        sign = -1 if move.credit else 1
        if kind in _HOLDS:
            self.held += sign * amount
            self.merchant_held += sign * merchant
            self.authorized += sign * amount
            self.merchant_authorized += sign * merchant
        elif kind is Kind.AUTHORIZATION_ADVICE:
            self.held, self.merchant_held = amount, merchant
            self.authorized, self.merchant_authorized = amount, merchant
        elif kind is Kind.AUTHORIZATION_REVERSAL:
            self._release(amount, merchant)
            self.authorized = toward_zero(self.authorized, amount)
            self.merchant_authorized = toward_zero(self.merchant_authorized, merchant)
            self.released = kind
        elif kind is Kind.AUTHORIZATION_EXPIRY:
            self.held = self.merchant_held = 0
            self.released = kind
        elif kind in MONEY:
            self._settle(move, sign)

    def _settle(self, move: Move, sign: int) -> None:
        amount, merchant = move.rate.billing, move.rate.merchant
        if move.kind is Kind.CLEARING:
            self._release(amount, merchant)
        if move.kind in (Kind.FINANCIAL_AUTHORIZATION, Kind.FINANCIAL_CREDIT_AUTHORIZATION):
            self.authorized += sign * amount
            self.merchant_authorized += sign * merchant
        if move.final:
            self.held, self.merchant_held, self.closed = 0, 0, True
        self.settled += sign * amount
        self.merchant_settled += sign * merchant
        self.money.add(move.kind)

    def _release(self, amount: int, merchant: int) -> None:
        self.held = toward_zero(self.held, amount)
        self.merchant_held = 0 if self.held == 0 else toward_zero(self.merchant_held, merchant)


def toward_zero(value: int, amount: int) -> int:
    """``value`` brought nearer to zero by ``amount``, never beyond."""
    return max(0, value - amount) if value >= 0 else min(0, value + amount)


def standing(moves: Sequence[Move]) -> Standing:
    """Fold ``moves`` in the network's order."""
    fold = _Fold()
    for move in moves:
        fold.add(move)
    return Standing(
        held=fold.held,
        settled=fold.settled,
        merchant_held=fold.merchant_held,
        merchant_settled=fold.merchant_settled,
        authorized=fold.authorized,
        merchant_authorized=fold.merchant_authorized,
        approved=fold.approved,
        released=fold.released,
        closed=fold.closed,
        money=frozenset(fold.money),
    )


def new_move(
    kind: Kind,
    amount: int,
    rate: Rate,
    now: datetime,
    *,
    verdict: Verdict = UNASKED,
    credit: bool | None = None,
    final: bool = False,
    original_network_id: str | None = None,
) -> Move:
    """A move of ``amount`` at ``rate``."""
    return Move(
        token=str(uuid.uuid4()),
        kind=kind,
        rate=Rate(
            billing=amount,
            billing_currency=rate.billing_currency,
            merchant=rate.merchant_of(amount),
            merchant_currency=rate.merchant_currency,
        ),
        at=now,
        credit=kind in CREDITS if credit is None else credit,
        verdict=verdict,
        final=final,
        original_network_id=original_network_id,
    )


def new_purchase(
    *,
    face: str,
    card_token: str,
    merchant: Merchant,
    now: datetime,
    partial_approval: bool = False,
    verification: Verification = PLAIN,
) -> Purchase:
    """A purchase without moves."""
    return Purchase(
        token=str(uuid.uuid4()),
        face=face,
        card_token=card_token,
        created=now,
        updated=now,
        merchant=merchant,
        network_id=f"{secrets.randbelow(10**15):015d}",
        authorization_code=f"{secrets.randbelow(10**6):06d}",
        partial_approval=partial_approval,
        verification=verification,
    )
