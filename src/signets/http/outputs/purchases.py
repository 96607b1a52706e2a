"""Answers about cards and intents."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from pydantic import Field

from signets.app.ports import BillingAddress, IssuerCardState
from signets.app.records import ApprovalState, WindowRow
from signets.app.views import CardDetails, CardView, IntentView
from signets.core.approval import Vote
from signets.core.card import CardState, LimitPeriod
from signets.core.intent import IntentState, RecurringPeriod, Usage
from signets.http.outputs.base import Identified, JsonObject, Output, Time


class CardWindowOut(Output):
    """When a card is open, and for which intent."""

    intent_id: str
    opens_at: Time
    ends_at: Time


class CardOut(Identified):
    """A virtual card: locked unless an approved intent's window is open."""

    object: Literal["card"] = "card"
    agent_id: str
    state: CardState
    frozen: bool
    issuer_state: IssuerCardState = Field(description="As last confirmed; may lag behind `state`.")
    last_four: str | None
    exp_month: int | None
    exp_year: int | None
    merchant_lock: list[str]
    allow_facilitators: bool
    currency: str
    spending_limit: int
    limit_period: LimitPeriod
    per_authorization_limit: int | None
    recurring: bool
    workflow: str | None
    memo: str
    breaker_tripped_at: Time | None
    window: CardWindowOut | None
    created_at: Time
    closed_at: Time | None

    @classmethod
    def of(cls, view: CardView) -> CardOut:
        """From the view."""
        card, window = view.card, view.window
        same = {
            name: getattr(card, name)
            for name in cls.model_fields
            if name not in {"object", "frozen", "merchant_lock", "window"}
        }
        return cls(
            **same,
            frozen=card.frozen_at is not None,
            merchant_lock=list(card.merchant_lock),
            window=CardWindowOut(
                intent_id=window.intent_id, opens_at=window.opens_at, ends_at=window.ends_at
            )
            if window
            else None,
        )


class CardDetailsOut(Output):
    """What a checkout form asks for. Never cached, logged or stored."""

    number: str = Field(repr=False)
    cvc: str = Field(repr=False)
    exp_month: int
    exp_year: int
    name: str
    billing_address: JsonObject | None

    @classmethod
    def of(cls, details: CardDetails) -> CardDetailsOut:
        """From what the issuer gave."""
        found = details.credentials
        return cls(
            number=found.number,
            cvc=found.cvc,
            exp_month=found.exp_month,
            exp_year=found.exp_year,
            name=details.name,
            billing_address=_address(found.billing_address),
        )


def _address(address: BillingAddress | None) -> JsonObject | None:
    return None if address is None else asdict(address)


class VerdictOut(Output):
    """What policy said, by which version, and every step on the way."""

    version: int
    outcome: str
    reasons: list[str]
    decided_by: list[Any]
    trace: list[JsonObject]


class VoteOut(Output):
    """One member's vote."""

    member_id: str
    vote: Vote
    comment: str
    at: Time


class ApprovalOut(Output):
    """An approval request."""

    id: str
    state: ApprovalState
    required: int
    expires_at: Time
    votes: list[VoteOut]


class WindowOut(Output):
    """When the intent's card is open."""

    opens_at: Time
    ends_at: Time

    @classmethod
    def of(cls, row: WindowRow) -> WindowOut:
        """From the record."""
        return cls(opens_at=row.opens_at, ends_at=row.ends_at)


class IntentOut(Identified):
    """A declared purchase and, once approved, a reservation."""

    object: Literal["intent"] = "intent"
    agent_id: str
    card_id: str | None
    state: IntentState
    usage: Usage
    purpose: str
    expected_amount: int
    maximum: int
    currency: str
    expected_merchant: str = Field(description="The vendor's canonical domain.")
    max_total: int
    max_per_charge: int
    max_count: int
    window_seconds: int
    period: RecurringPeriod | None
    workflow: str | None
    line_items: list[JsonObject]
    quote_url: str | None
    metadata: dict[str, str]
    duplicate_of: str | None = Field(
        description="On creation: this is the earlier intent that the declaration repeats."
    )
    supersedes: str | None
    parent_id: str | None
    period_index: int | None
    charges: int
    used: int = Field(description="Held and cleared so far.")
    policy: VerdictOut
    approval: ApprovalOut | None
    window: WindowOut | None
    created_at: Time
    approved_at: Time | None
    ended_at: Time | None

    @classmethod
    def of(cls, view: IntentView) -> IntentOut:
        """From the view."""
        intent, approval = view.intent, view.approval
        other = {
            *("object", "expected_merchant", "duplicate_of", "policy", "approval", "window"),
        }
        same = {name: getattr(intent, name) for name in cls.model_fields if name not in other}
        return cls(
            **same,
            expected_merchant=intent.vendor,
            duplicate_of=view.duplicate_of,
            policy=VerdictOut(
                version=intent.policy_version,
                outcome=intent.verdict["outcome"],
                reasons=intent.verdict["reasons"],
                decided_by=intent.verdict["decided_by"],
                trace=intent.verdict["trace"],
            ),
            approval=ApprovalOut(
                id=approval.id,
                state=approval.state,
                required=approval.required,
                expires_at=approval.expires_at,
                votes=[
                    VoteOut(member_id=one.member_id, vote=one.vote, comment=one.comment, at=one.at)
                    for one in view.votes
                ],
            )
            if approval
            else None,
            window=WindowOut.of(view.window) if view.window else None,
        )
