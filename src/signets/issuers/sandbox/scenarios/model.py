"""What a scenario is: steps as data, amounts as percentages of an amount that the seed chooses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal


class Reach(StrEnum):
    """Whether every issuer must show the same."""

    COMMON = "common"
    ISSUER_SPECIFIC = "issuer-specific"


class Do(StrEnum):
    """What a step does."""

    AUTHORIZE = "authorize"
    SINGLE_MESSAGE = "single message"
    INCREMENT = "increment"
    CLEAR = "clear"
    REVERSE = "reverse"
    EXPIRE = "expire"
    ADVISE = "advise"
    REFUND = "refund"
    REFUND_UNLINKED = "refund, unlinked"
    TAKE_BACK_REFUND = "take the refund back"
    CORRECT_CREDIT = "correct in our favour"
    CORRECT_DEBIT = "correct against us"
    FORCE_POST = "force post"
    OFFLINE_ADVICE = "advise offline"
    CLEAR_ANYWAY = "clear all the same"
    UNDO = "undo the approval"
    REFUND_DECLINED = "refund, refused by the network"
    REFUND_MISPLACED = "refund, told of this purchase"
    INCREMENT_ANEW = "increment under a new token"
    DISPUTE = "dispute"
    DRAFT_DISPUTE = "save a dispute at the issuer"
    WITHDRAW_DISPUTE = "withdraw the dispute"
    CREDIT_DISPUTE = "credit the dispute"
    CLAW_BACK = "take the dispute's credit back"
    DECIDE_DISPUTE = "decide the dispute:"
    PAUSE_AT_ISSUER = "pause the card at the issuer"
    OPEN_AT_ISSUER = "open the card at the issuer"
    CLOSE_AT_ISSUER = "close the card at the issuer"
    BLOCK_CARDHOLDER = "block the cardholder"
    ACTIVATE_CARDHOLDER = "activate the cardholder"
    LET_ARRIVE = "let every event arrive"
    MAKE_CARD = "make a card"
    FAULT = "fault"
    ADVANCE_CLOCK = "advance the clock"
    RESET_CLOCK = "reset the clock"


#: Steps that ask; their outcome is ``approved`` or ``declined``.
ASKING = frozenset(
    {Do.AUTHORIZE, Do.SINGLE_MESSAGE, Do.INCREMENT, Do.INCREMENT_ANEW, Do.WITHDRAW_DISPUTE}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step.

    Attributes:
        purchase: Which purchase of the scenario it is about.
        percent: Its amount, in percent of the scenario's amount; ``None`` is all that is left.
        merchant_percent: The merchant's amount, where its currency is another.
        intent: The maximum that must be approved at Signets before it, in percent.
        expect: What the network must say of a step that asks.
        final: Whether a clearing is the last one, where the issuer knows that.
        fault: Name, count, delay and part of a fault.
        seconds: How far the clock moves.
        of: The purchase that this one belongs to, where it gets a token of its own.
        outcome: What a dispute is decided to be.
    """

    do: Do
    purchase: str = "a"
    percent: int | None = None
    merchant_percent: int | None = None
    intent: int | None = None
    expect: Literal["approved", "declined"] = "approved"
    final: bool = True
    fault: str = ""
    count: int = 1
    delay_ms: int = 0
    part: Literal["request", "answer"] = "answer"
    seconds: int = 0
    of: str = "a"
    outcome: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What a purchase comes to, in minor units of the card's currency (or in percent).

    Attributes:
        held: Still reserved by the network.
        cleared: Taken, refunds not subtracted.
        refunded: Given back, less what was taken back again.
    """

    held: int = 0
    cleared: int = 0
    refunded: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A named life cycle.

    Attributes:
        says: One sentence: what happens, and what must survive it.
        expected: Per purchase, in percent of the amount; what every issuer in ``issuers`` shows.
        per_issuer: Instead of ``expected`` where an issuer shows something else.
        flags: Per purchase, every flag of Signets' verdict; without any it must be verified.
        notes: Per purchase, what the verdict must also say.
        alerts: Kinds of alerts that a person must get besides that of a flag.
        disputes: Per purchase, how its dispute ends at Signets.
        card: What Signets has made of the card: ``closed``, ``frozen``, or nothing.
    """

    name: str
    says: str
    reach: Reach
    steps: tuple[Step, ...]
    expected: Mapping[str, Books] = field(default_factory=dict)
    per_issuer: Mapping[str, Mapping[str, Books]] = field(default_factory=dict)
    issuers: frozenset[str] = frozenset({"lithic", "stripe"})
    flags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    alerts: tuple[str, ...] = ()
    disputes: Mapping[str, str] = field(default_factory=dict)
    card: str = ""

    def expected_any(self) -> bool:
        """Whether there is any purchase at the end."""
        return bool(self.expected or self.per_issuer)

    def expected_at(self, issuer: str) -> Mapping[str, Books]:
        """The books that ``issuer`` must show at the end, in percent."""
        return self.per_issuer.get(issuer, self.expected)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the card is used: a small online shop in California unless said otherwise."""

    name: str = "OPENAI *CHATGPT SUBSCR"
    mcc: str = "5734"
    network_id: str = "527021000213371"
    city: str = "SAN FRANCISCO"
    state: str = "CA"
    country: str = "US"
    country_alpha3: str = "USA"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTrace:
    """What came of one step. ``outcome`` is ``approved``, ``declined`` or ``done``."""

    do: Do
    purchase: str
    amount: int | None
    outcome: str
    as_expected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseTrace:
    """One purchase at the end: the issuer's token, what it shows and what it should."""

    token: str
    books: Books
    expected: Books


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioTrace:
    """One run of a scenario."""

    scenario: str
    issuer: str
    seed: int
    amount: int
    steps: tuple[StepTrace, ...]
    purchases: Mapping[str, PurchaseTrace]

    @property
    def as_expected(self) -> bool:
        """Whether the network did what the scenario says."""
        return all(step.as_expected for step in self.steps) and all(
            one.books == one.expected for one in self.purchases.values()
        )
