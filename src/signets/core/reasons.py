"""The closed, ordered catalogue of decline reasons.

The order *is* the precedence: of all failing checks, the first in this list names the reason.
Each reason says how it reads to a person, whether the same purchase can pass later without
anybody changing anything (``retryable``), and what would make it pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why an authorization was declined, in order of precedence."""

    CARD_UNKNOWN = "card_unknown"
    CARD_CLOSED = "card_closed"
    FROZEN = "frozen"
    CARD_LOCKED = "card_locked"
    MERCHANT_MISMATCH = "merchant_mismatch"
    MERCHANT_UNVERIFIED = "merchant_unverified"
    CATEGORY_BLOCKED = "category_blocked"
    COUNTRY_BLOCKED = "country_blocked"
    CURRENCY_MISMATCH = "currency_mismatch"
    DUPLICATE_CHARGE = "duplicate_charge"
    NO_OPEN_INTENT = "no_open_intent"
    AMOUNT_EXCEEDS_INTENT = "amount_exceeds_intent"
    SPENDING_LIMIT_EXCEEDED = "spending_limit_exceeded"
    VELOCITY_EXCEEDED = "velocity_exceeded"
    BUDGET_EXCEEDED = "budget_exceeded"


PRECEDENCE: dict[Reason, int] = {reason: rank for rank, reason in enumerate(Reason)}


@dataclass(frozen=True, slots=True)
class Entry:
    """What the catalogue says about one reason."""

    sentence: str
    retryable: bool
    remedy: str


CATALOGUE: dict[Reason, Entry] = {
    Reason.CARD_UNKNOWN: Entry(
        "no card of this organization has that issuer token",
        False,
        "check that the card was created through Signets on this issuer connection",
    ),
    Reason.CARD_CLOSED: Entry("the card is closed for good", False, "create another card"),
    Reason.FROZEN: Entry(
        "the card, its agent or the organization is frozen",
        False,
        "a member must unfreeze it",
    ),
    Reason.CARD_LOCKED: Entry(
        "the card is locked: no unlock window is open",
        True,
        "declare an intent; once approved it opens the card",
    ),
    Reason.MERCHANT_MISMATCH: Entry(
        "the merchant is not the vendor this card is locked to",
        False,
        "use a card that is locked to this merchant",
    ),
    Reason.MERCHANT_UNVERIFIED: Entry(
        "the merchant may be the locked vendor, but nothing proves it",
        False,
        "a member can confirm the merchant",
    ),
    Reason.CATEGORY_BLOCKED: Entry(
        "policy blocks this merchant category", False, "a member must change the policy"
    ),
    Reason.COUNTRY_BLOCKED: Entry(
        "policy blocks this merchant's country", False, "a member must change the policy"
    ),
    Reason.CURRENCY_MISMATCH: Entry(
        "neither the merchant's nor the billing currency is the intent's",
        False,
        "declare an intent in the currency that is charged",
    ),
    Reason.DUPLICATE_CHARGE: Entry(
        "the same purchase is already authorized on this card",
        False,
        "wait until the first one settles or is reversed",
    ),
    Reason.NO_OPEN_INTENT: Entry(
        "no approved intent is left to pay for this",
        True,
        "declare another intent",
    ),
    Reason.AMOUNT_EXCEEDS_INTENT: Entry(
        "the amount is above what the intent allows",
        True,
        "amend the intent, or charge at most what is left",
    ),
    Reason.SPENDING_LIMIT_EXCEEDED: Entry(
        "the amount is above what is left of the card's spending limit",
        True,
        "raise the limit, or charge at most what is left",
    ),
    Reason.VELOCITY_EXCEEDED: Entry(
        "a velocity cap is reached", True, "wait until the cap opens again"
    ),
    Reason.BUDGET_EXCEEDED: Entry(
        "a budget is used up", True, "wait for the next period, or raise the budget"
    ),
}
