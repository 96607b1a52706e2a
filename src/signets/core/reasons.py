"""The closed, ordered catalogue of decline reasons.

The order *is* the precedence: of all failing checks, the first in this list names the reason.
Each reason says how it reads to a person, whether it can pass later without a member changing
anything (``retryable``), what would make it pass, and an example.
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


#: What a decline at the issuer is called that no check of ours comes near: a wrong PIN or CVC, its
#: own fraud rules, its own outage, silence. Never a decision of ours; the issuer's own word is
#: kept beside it.
ISSUER_DECLINED = "issuer_declined"

PRECEDENCE: dict[Reason, int] = {reason: rank for rank, reason in enumerate(Reason)}


@dataclass(frozen=True, slots=True)
class Entry:
    """What the catalogue says about one reason.

    Attributes:
        sentence: How it reads to a person.
        retryable: Whether a purchase like it can pass later without a member changing anything.
        remedy: What would make it pass.
        example: A case of it.
    """

    sentence: str
    retryable: bool
    remedy: str
    example: str


CATALOGUE: dict[Reason, Entry] = {
    Reason.CARD_UNKNOWN: Entry(
        "no card of this organization has that issuer token",
        False,
        "check that the card was created through Signets on this issuer connection",
        "a card that somebody made in the issuer's own dashboard is charged",
    ),
    Reason.CARD_CLOSED: Entry(
        "the card is closed for good",
        False,
        "create another card",
        "a subscription charges the card of a workflow that was shut down",
    ),
    Reason.FROZEN: Entry(
        "the card, its agent or the organization is frozen",
        False,
        "a member must unfreeze it",
        "a member froze the agent; its open card is charged for $20.00",
    ),
    Reason.CARD_LOCKED: Entry(
        "the card is locked: no unlock window is open",
        True,
        "declare an intent; once approved it opens the card",
        "the window ended at 12:30 and the merchant charges at 12:31",
    ),
    Reason.MERCHANT_MISMATCH: Entry(
        "the merchant is not the vendor this card is locked to",
        False,
        "use a card that is locked to this merchant",
        "a card locked to openai.com is charged by `AMZN Mktp US`",
    ),
    Reason.MERCHANT_UNVERIFIED: Entry(
        "the merchant may be the locked vendor, but nothing proves it",
        False,
        "a member can confirm the merchant",
        "`OPENAI` under an MCC that OpenAI has never used",
    ),
    Reason.CATEGORY_BLOCKED: Entry(
        "policy blocks this merchant category",
        False,
        "a member must change the policy",
        "MCC 6011 (cash) where policy blocks it",
    ),
    Reason.COUNTRY_BLOCKED: Entry(
        "policy blocks this merchant's country",
        False,
        "a member must change the policy",
        "a merchant in KP where policy blocks it",
    ),
    Reason.CURRENCY_MISMATCH: Entry(
        "neither the merchant's nor the billing currency is the intent's",
        False,
        "declare an intent in the currency that is charged",
        "an intent in EUR; the merchant charges GBP and the card is billed in USD",
    ),
    Reason.DUPLICATE_CHARGE: Entry(
        "the same purchase is already authorized on this card",
        False,
        "wait until the first one settles or is reversed",
        "$20.00 is authorized for an intent, and $20.00 is charged again",
    ),
    Reason.NO_OPEN_INTENT: Entry(
        "no approved intent is left to pay for this",
        True,
        "declare another intent",
        "the intent was for one purchase, and a second one of $5.00 comes",
    ),
    Reason.AMOUNT_EXCEEDS_INTENT: Entry(
        "the amount is above what the intent allows",
        True,
        "amend the intent, or charge at most what is left",
        "an intent of at most $22.00 is charged $22.01",
    ),
    Reason.SPENDING_LIMIT_EXCEEDED: Entry(
        "the amount is above what is left of the card's spending limit",
        True,
        "raise the limit, or charge at most what is left",
        "the limit was lowered to $15.00 after an intent of $20.00",
    ),
    Reason.VELOCITY_EXCEEDED: Entry(
        "a velocity cap is reached",
        True,
        "wait until the cap opens again",
        "policy allows 5 charges in 10 minutes, and a sixth comes",
    ),
    Reason.BUDGET_EXCEEDED: Entry(
        "a budget is used up",
        True,
        "wait for the next period, or raise the budget",
        "the month's budget was lowered after the intent was approved",
    ),
}
