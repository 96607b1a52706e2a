"""Does a rule, cap or budget speak about this purchase? Three-valued, with the reason why.

A part that cannot be judged (an amount in another currency, a category of a vendor that the
directory does not know) makes the whole undecidable, unless another part already says no.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from signets.core.intent import Usage
from signets.core.money import format_minor
from signets.core.policy.model import Match


class Answer(StrEnum):
    """Whether the conditions hold."""

    MATCH = "match"
    NO_MATCH = "no_match"
    UNDECIDABLE = "undecidable"


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Who buys, where, with which card.

    Attributes:
        card_id: ``None`` where no card is chosen yet.
        vendor: Canonical domain; ``None`` for a charge whose merchant matched no vendor.
        vendor_category: The directory's category; ``None`` where it knows none.
    """

    agent_id: str
    agent_handle: str
    card_id: str | None = None
    vendor: str | None = None
    vendor_category: str | None = None
    workflow: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What the purchase is expected to cost, in minor units, and how it is charged."""

    amount: int
    currency: str
    usage: Usage


def match_subject(when: Match, subject: Subject) -> tuple[Answer, str]:
    """Whether ``when`` speaks about ``subject``, and why (not)."""
    if when.agents and not {subject.agent_id, subject.agent_handle} & set(when.agents):
        return Answer.NO_MATCH, f"agent `{subject.agent_handle}` is not among those named"
    if when.vendors and subject.vendor not in when.vendors:
        return Answer.NO_MATCH, f"vendor `{subject.vendor or 'unknown'}` is not among those named"
    if when.workflows and subject.workflow not in when.workflows:
        return Answer.NO_MATCH, f"workflow `{subject.workflow or 'none'}` is not among those named"
    if not when.categories:
        return Answer.MATCH, "who and where match"
    if subject.vendor_category is None:
        return (
            Answer.UNDECIDABLE,
            f"the category of vendor `{subject.vendor or 'unknown'}` is not known",
        )
    if subject.vendor_category not in when.categories:
        return Answer.NO_MATCH, f"category `{subject.vendor_category}` is not among those named"
    return Answer.MATCH, "who, where and category match"


def match_rule(when: Match, subject: Subject, price: Price) -> tuple[Answer, str]:
    """Whether ``when`` speaks about this purchase, and why (not)."""
    answer, why = match_subject(when, subject)
    if answer is Answer.NO_MATCH:
        return answer, why
    if when.usages and price.usage not in when.usages:
        return Answer.NO_MATCH, f"usage `{price.usage}` is not among those named"
    if when.currency is None:
        return answer, why
    if when.currency != price.currency:
        if when.above is None and when.up_to is None:
            return Answer.NO_MATCH, f"currency {price.currency} is not {when.currency}"
        return (
            Answer.UNDECIDABLE,
            f"the rule counts in {when.currency} and the intent is in {price.currency}",
        )
    amount = format_minor(price.amount, price.currency)
    if when.above is not None and price.amount <= when.above:
        return Answer.NO_MATCH, f"{amount} is not above {format_minor(when.above, when.currency)}"
    if when.up_to is not None and price.amount > when.up_to:
        return Answer.NO_MATCH, f"{amount} is more than {format_minor(when.up_to, when.currency)}"
    if answer is Answer.MATCH and (when.above is not None or when.up_to is not None):
        why = f"{amount} is in the rule's range"
    return answer, why
