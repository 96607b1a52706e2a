"""Stage 6: a transaction held against the intent that should explain it. Pure.

A verdict is computed from the state as it stands and may change with the next message; it is
never final, because no transaction is. Amounts compare in the intent's currency
(:mod:`signets.core.fx`); bounds are inclusive, windows half-open.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from signets.core.fx import Rate, comparable
from signets.core.intent import Usage
from signets.core.merchant.model import MatchResult, MerchantMatch
from signets.core.money import EXPONENTS, format_minor
from signets.core.policy.model import Flag, FlagAction, Policy
from signets.core.settlement.model import DecidedBy
from signets.core.settlement.state import TransactionState, TransactionStatus


class VerdictStatus(StrEnum):
    """Where a transaction stands against its intent."""

    PENDING = "pending"  # nothing cleared yet, nothing wrong so far
    VERIFIED = "verified"
    FLAGGED = "flagged"


class Note(StrEnum):
    """What is worth knowing and is not wrong."""

    OVER_CAPTURED = "over_captured"  # cleared above its authorization, within the maximum
    PARTIAL = "partial"  # cleared less than was authorized
    VERIFICATION = "verification"  # an account check that spends nothing
    FX_DRIFT = "fx_drift"  # the rate moved between authorization and clearing
    LATE_CLEARING = "late_clearing"
    REFUNDED = "refunded"
    CREDIT = "credit"  # an unlinked refund: a credit on the card
    NOTHING_CHARGED = "nothing_charged"  # declined, reversed or expired in full
    DISPUTED = "disputed"
    MERCHANT_UNVERIFIED = "merchant_unverified"  # let through once by a member
    UNKNOWN_EVENT = "unknown_event"
    TOTALS_DIFFER = "totals_differ"


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentTerms:
    """What was agreed, in minor units of the intent's ``currency``.

    ``maximum`` is expected + tolerance. ``max_total`` and ``max_per_charge`` are the bounds of a
    window or recurring intent; ``None`` means ``maximum``. The window is
    ``window_start <= t < min(window_end, grace_end)``: ``grace_end`` is set once a single intent
    is consumed. ``vendors`` are canonical domains.
    """

    usage: Usage
    expected: int
    maximum: int
    currency: str
    vendors: tuple[str, ...]
    window_start: datetime
    window_end: datetime
    grace_end: datetime | None = None
    max_total: int | None = None
    max_per_charge: int | None = None

    def total(self) -> int:
        """The most that all its charges together may come to."""
        return self.maximum if self.max_total is None else self.max_total

    def per_charge(self) -> int:
        """The most that one charge may come to."""
        return self.total() if self.max_per_charge is None else self.max_per_charge


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Why what cleared is not what was expected, told apart.

    Attributes:
        price: In minor units of the *intent's* currency; ``None`` for an intent of several
            charges (its expected amount is their sum) or where nothing compares.
        fx: In minor units of the *billing* currency, against the reference rate; 0 where there
            is only one currency.
        fees: In minor units of the *billing* currency.
    """

    price: int | None
    fx: int
    fees: int

    def booked(self) -> int:
        """What the ledger keeps on fees and FX, apart from the price."""
        return self.fx + self.fees


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer. ``actions`` gives each flag its action; ``action`` is the strictest of them.

    ``charged`` is held + cleared in the intent's currency (``None``: not comparable, or no
    intent). ``lines`` explain every flag and note to a person, flags first.
    """

    status: VerdictStatus
    flags: tuple[Flag, ...]
    notes: tuple[Note, ...]
    actions: tuple[tuple[Flag, FlagAction], ...]
    action: FlagAction | None
    charged: int | None
    drift: Drift | None
    lines: tuple[str, ...]


def verify(
    *,
    intent: IntentTerms | None,
    transaction: TransactionState,
    match: MerchantMatch,
    policy: Policy,
    others: int = 0,
    verification: bool = False,
    single_use_card: bool = False,
    rate: Rate | None = None,
    fees: int = 0,
) -> Verdict:
    """Hold ``transaction`` against ``intent``.

    Args:
        intent: The terms of the intent it was matched to; ``None`` if there is none.
        transaction: The fold.
        match: The merchant against the card's lock.
        policy: Says what each flag does.
        others: Held + cleared of the intent's other transactions, in the intent's currency.
        verification: Whether our decision let it through as an account verification.
        single_use_card: Whether the card serves single purchases only, where no intent says so.
        rate: Reference rate, merchant's to billing currency (the one the intent reserved by).
            Without it, the rate of the authorization.
        fees: Fees inside what cleared, where the issuer tells them; billing minor units.
    """
    charged = _charged(intent, transaction)
    findings: list[tuple[Flag, str]] = []
    passed = verification and transaction.status is not TransactionStatus.DECLINED
    if transaction.use() > 0 or passed:
        findings += _merchant_finding(intent, transaction, match)
    if transaction.use() > 0 and not (verification and transaction.cleared == 0):
        if intent is None:
            findings.append((Flag.NO_INTENT, "no approved intent covers this charge"))
        else:
            findings += _amount_findings(intent, transaction, charged, others)
            findings += _window_finding(intent, transaction)
    findings += _origin_findings(transaction)
    flagged = dict(findings)
    flags = tuple(flag for flag in Flag if flag in flagged)
    drift = _drift(intent, transaction, rate, fees)
    notes = _notes(transaction, match, flags, drift, verification=verification)
    single = single_use_card if intent is None else intent.usage is Usage.SINGLE
    actions = tuple((flag, policy.action_for(flag, single_use=single)) for flag in flags)
    return Verdict(
        status=_status(transaction, flags),
        flags=flags,
        notes=tuple(notes),
        actions=actions,
        action=max((a for _, a in actions), key=list(FlagAction).index, default=None),
        charged=charged,
        drift=drift,
        lines=(*(flagged[flag] for flag in flags), *notes.values()),
    )


def _charged(intent: IntentTerms | None, state: TransactionState) -> int | None:
    if intent is None:
        return None
    side = state.merchant
    return comparable(
        intent.currency,
        state.use(),
        state.currency,
        None if side is None else side.held + side.cleared,
        None if side is None else side.currency,
    )


def _status(state: TransactionState, flags: tuple[Flag, ...]) -> VerdictStatus:
    if flags:
        return VerdictStatus.FLAGGED
    waiting = state.held > 0 and state.cleared == 0
    return VerdictStatus.PENDING if waiting else VerdictStatus.VERIFIED


def _merchant_finding(
    intent: IntentTerms | None, state: TransactionState, match: MerchantMatch
) -> list[tuple[Flag, str]]:
    if match.result is MatchResult.MATCH:
        if intent is None or match.vendor in intent.vendors:
            return []
        return [
            (
                Flag.WRONG_MERCHANT,
                f"the merchant is {match.vendor}; the intent is for {', '.join(intent.vendors)}",
            )
        ]
    if match.result is MatchResult.UNVERIFIED and _ours(state):
        return []
    what = "is not" if match.result is MatchResult.NO_MATCH else "cannot be shown to be"
    return [(Flag.WRONG_MERCHANT, f"the merchant {what} the card's vendor: {match.rule}")]


def _amount_findings(
    intent: IntentTerms, state: TransactionState, charged: int | None, others: int
) -> list[tuple[Flag, str]]:
    if charged is None:
        if not state.events:
            return []  # only our approval so far; the issuer's message brings its amounts
        theirs = "" if state.merchant is None else f" or {state.merchant.currency}"
        return [
            (
                Flag.CURRENCY,
                f"charged in {state.currency}{theirs}; the intent is in {intent.currency}",
            )
        ]
    for amount, bound, what in (
        (charged, intent.per_charge(), "this charge"),
        (charged + others, intent.total(), "all charges of the intent"),
    ):
        if amount > bound:
            come, over = _show(amount, intent.currency), _show(amount - bound, intent.currency)
            return [
                (
                    Flag.AMOUNT_ABOVE_MAXIMUM,
                    f"{what} came to {come}, {over} above the maximum of "
                    f"{_show(bound, intent.currency)}",
                )
            ]
    return []


def _window_finding(intent: IntentTerms, state: TransactionState) -> list[tuple[Flag, str]]:
    """When it was authorized counts; a clearing comes days later and that is normal."""
    at = state.authorized_at
    end = intent.window_end
    if intent.grace_end is not None:
        end = min(end, intent.grace_end)
    if at is None or intent.window_start <= at < end:
        return []
    return [
        (
            Flag.OUTSIDE_WINDOW,
            f"authorized at {_clock(at)}, outside the window {_clock(intent.window_start)} to "
            f"{_clock(end)}",
        )
    ]


def _origin_findings(state: TransactionState) -> list[tuple[Flag, str]]:
    findings = []
    if state.force_post:
        findings.append((Flag.FORCE_POST, "money cleared that nobody had authorized"))
    if state.stand_in:
        findings.append((Flag.STAND_IN, "money was held or taken on an answer that was not ours"))
    return findings


def _ours(state: TransactionState) -> bool:
    return state.decided_by is DecidedBy.US and not state.stand_in and not state.force_post


def _drift(
    intent: IntentTerms | None, state: TransactionState, rate: Rate | None, fees: int
) -> Drift | None:
    if intent is None or state.cleared == 0:
        return None
    side = state.merchant
    fx = 0
    if side is not None and side.currency != state.currency:
        if rate is None and state.authorized > 0 and side.authorized > 0:
            rate = Rate(state.authorized, side.authorized)
        if rate is not None:
            fx = state.cleared - fees - rate.convert(side.cleared)
    price: int | None = None
    if intent.usage is Usage.SINGLE:
        if side is not None and side.currency == intent.currency:
            price = side.cleared - intent.expected
        elif state.currency == intent.currency:
            price = state.cleared - fees - fx - intent.expected
    return Drift(price=price, fx=fx, fees=fees)


def _notes(
    state: TransactionState,
    match: MerchantMatch,
    flags: tuple[Flag, ...],
    drift: Drift | None,
    *,
    verification: bool,
) -> dict[Note, str]:
    """Each note that applies, with its line."""
    notes: dict[Note, str] = {}
    if verification and state.cleared == 0:
        notes[Note.VERIFICATION] = "an account verification; it spends nothing"
    elif state.cleared > 0:
        notes.update(_capture_note(state, flags))
    elif state.held == 0:
        if state.refunded > 0:
            notes[Note.CREDIT] = (
                f"{_show(state.refunded, state.currency)} came back without a purchase here; it "
                "is a credit on the card"
            )
        elif state.status is not TransactionStatus.UNKNOWN:
            notes[Note.NOTHING_CHARGED] = f"nothing was charged ({state.status.value})"
    if drift is not None and drift.fx != 0:
        notes[Note.FX_DRIFT] = (
            f"the exchange rate made {_show(drift.fx, state.currency)} of the amount"
        )
    if state.late_clearing:
        notes[Note.LATE_CLEARING] = "it cleared after its hold had been given back"
    if state.cleared > 0 and state.refunded > 0:
        notes[Note.REFUNDED] = f"{_show(state.refunded, state.currency)} was refunded"
    if 0 < state.cleared < state.refunded:
        beyond = _show(state.refunded - state.cleared, state.currency)
        notes[Note.CREDIT] = f"{beyond} more came back than was taken; it is a credit on the card"
    if state.disputed > 0:
        notes[Note.DISPUTED] = f"{_show(state.disputed, state.currency)} is disputed"
    if match.result is MatchResult.UNVERIFIED and Flag.WRONG_MERCHANT not in flags:
        notes[Note.MERCHANT_UNVERIFIED] = f"the merchant is not verified: {match.rule}"
    if state.unknown_events:
        kinds = ", ".join(sorted({e.raw_kind or e.kind.value for e in state.unknown_events}))
        notes[Note.UNKNOWN_EVENT] = f"the issuer sent what we cannot read: {kinds}"
    if state.totals_differ:
        notes[Note.TOTALS_DIFFER] = "the issuer's totals are not the sum of its events; they won"
    return notes


def _capture_note(state: TransactionState, flags: tuple[Flag, ...]) -> dict[Note, str]:
    """Cleared against authorized, in the merchant's currency where that is known."""
    side = state.merchant
    cleared = state.cleared if side is None else side.cleared
    authorized = (
        state.authorized - state.reversed if side is None else side.authorized - side.reversed
    )
    currency = state.currency if side is None else side.currency
    words = f"cleared {_show(cleared, currency)} of {_show(authorized, currency)} authorized"
    if cleared > authorized > 0 and _BEYOND.isdisjoint(flags):
        return {Note.OVER_CAPTURED: f"{words}, within the maximum"}
    if cleared < authorized:
        return {Note.PARTIAL: words}
    return {}


#: With any of these, "within the maximum" cannot be said.
_BEYOND = frozenset({Flag.AMOUNT_ABOVE_MAXIMUM, Flag.CURRENCY, Flag.NO_INTENT})


def _show(minor: int, currency: str) -> str:
    """For people; an issuer's currency that we do not know is shown in minor units."""
    known = currency in EXPONENTS
    return format_minor(minor, currency) if known else f"{minor} minor units of {currency}"


def _clock(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
