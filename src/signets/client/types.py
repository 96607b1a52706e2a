"""What the API answers with, as frozen values.

Amounts are integer minor units of ``currency`` (2000 = $20.00), times are aware datetimes. Fields
that a newer server adds are kept as attributes. Closed sets (``state``, ``verdict``, …) are plain
``str`` so that a value this SDK has never heard of is not an error; docs/reference lists them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NotRequired, TypedDict

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

JsonObject = dict[str, Any]


class LineItem(TypedDict):
    """One line of a purchase, as sent. ``amount``: minor units of the intent's currency."""

    description: str
    quantity: NotRequired[int]
    amount: NotRequired[int]


class Value(BaseModel):
    """Base of all answers."""

    # Inputs stay out of validation errors: an answer may hold a card number.
    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)


class Organization(Value):
    """The tenant."""

    id: str
    name: str
    currency: str
    frozen: bool = False
    created_at: AwareDatetime | None = None


class Member(Value):
    """A human. ``role``: admin, approver or viewer."""

    id: str
    email: str
    name: str
    role: str
    disabled: bool
    created_at: AwareDatetime


class Agent(Value):
    """A machine identity. ``handle`` is the name people use (``infra-agent``)."""

    id: str
    handle: str
    name: str
    frozen: bool
    created_at: AwareDatetime


class ApiKey(Value):
    """An API key. ``secret`` is there only in the answer that creates it; its repr hides it."""

    id: str
    owner: str
    member_id: str | None = None
    agent_id: str | None = None
    name: str
    scopes: tuple[str, ...]
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    revoked_at: AwareDatetime | None = None
    last_used_at: AwareDatetime | None = None
    secret: str | None = Field(default=None, repr=False)


class Window(Value):
    """When a card is open. ``intent_id`` is told on a card, not on the intent itself."""

    intent_id: str | None = None
    opens_at: AwareDatetime
    ends_at: AwareDatetime


class Card(Value):
    """A virtual card. ``state``: locked, open or closed; ``frozen`` is a switch of its own."""

    id: str
    agent_id: str
    agent_handle: str | None = None
    state: str
    frozen: bool
    issuer_state: str
    last_four: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    merchant_lock: tuple[str, ...]
    allow_facilitators: bool
    currency: str
    spending_limit: int
    limit_period: str
    per_authorization_limit: int | None = None
    recurring: bool
    workflow: str | None = None
    memo: str | None = None
    breaker_tripped_at: AwareDatetime | None = None
    window: Window | None = None
    created_at: AwareDatetime
    closed_at: AwareDatetime | None = None


class CardDetails(Value):
    """What a checkout needs. Its repr and str show nothing but the expiry: never log the rest."""

    number: str
    cvc: str
    exp_month: int
    exp_year: int
    name: str | None = None
    billing_address: JsonObject | None = None

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Named fields only, so that a field a newer server adds cannot leak either."""
        return [("exp_month", self.exp_month), ("exp_year", self.exp_year)]


class PolicyVerdict(Value):
    """What policy made of an intent: ``outcome`` with reasons and the trace of every rule."""

    version: int | None = None
    outcome: str
    reasons: tuple[str, ...] = ()
    decided_by: tuple[Any, ...] = ()
    trace: tuple[JsonObject, ...] = ()


class Vote(Value):
    """One member's vote: approve or deny."""

    member_id: str
    vote: str
    comment: str | None = None
    at: AwareDatetime


class Approval(Value):
    """An approval request. ``state``: waiting, approved, denied, expired or canceled."""

    id: str
    state: str
    required: int
    expires_at: AwareDatetime
    votes: tuple[Vote, ...] = ()


class Intent(Value):
    """A declared purchase; ``maximum`` is the expected amount plus the policy's tolerance."""

    id: str
    agent_id: str
    card_id: str | None = None
    state: str
    usage: str
    purpose: str
    expected_amount: int
    maximum: int
    currency: str
    expected_merchant: str
    max_total: int | None = None
    max_per_charge: int | None = None
    max_count: int | None = None
    window_seconds: int | None = None
    period: str | None = None
    workflow: str | None = None
    line_items: tuple[JsonObject, ...] = ()
    quote_url: str | None = None
    metadata: dict[str, str] = Field(default_factory=dict)
    duplicate_of: str | None = None
    supersedes: str | None = None
    parent_id: str | None = None
    period_index: int | None = None
    charges: int = 0
    used: int = 0
    policy: PolicyVerdict | None = None
    approval: Approval | None = None
    window: Window | None = None
    created_at: AwareDatetime
    approved_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None

    @property
    def pending(self) -> bool:
        """Whether policy or a member still has to decide."""
        return self.state in {"declared", "pending_approval"}


class MerchantMatch(Value):
    """Whether the merchant is the card's vendor: ``result`` match, no_match or unverified."""

    result: str | None = None
    confidence: int | None = None
    rule: str | None = None


class Transaction(Value):
    """One authorization and everything that followed. ``verdict``: pending, verified, flagged."""

    id: str
    card_id: str | None = None
    agent_id: str | None = None
    intent_id: str | None = None
    kind: str
    status: str
    currency: str
    authorized: int
    held: int
    unconfirmed: int = 0
    reversed: int
    cleared: int
    refunded: int
    disputed: int
    merchant_amount: int | None = None
    merchant_currency: str | None = None
    descriptor: str
    vendor: str | None = None
    merchant: JsonObject | None = None
    match: MerchantMatch | None = None
    decided_by: str | None = None
    reason: str | None = None
    verdict: str
    flags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    explanation: tuple[str, ...] = ()
    created_at: AwareDatetime
    updated_at: AwareDatetime


class Check(Value):
    """One check of one decision. ``room``: minor units that would still have passed."""

    reason: str
    status: str
    level: str | None = None
    detail: str | None = None
    room: int | None = None
    opens_at: AwareDatetime | None = None


class Decision(Value):
    """One answer to one authorization request, with every check's result."""

    id: str
    request_id: str
    card_id: str | None = None
    intent_id: str | None = None
    transaction_id: str | None = None
    kind: str
    approved: bool
    reason: str | None = None
    state: str
    amount: int
    currency: str
    hold: int
    sentence: str | None = None
    level: str | None = None
    would_pass: str | None = None
    checks: tuple[Check, ...] = ()
    policy_version: int | None = None
    decided_at: AwareDatetime


class Policy(Value):
    """One stored version of the policy document."""

    version: int
    document: JsonObject
    created_by: str | None = None
    created_at: AwareDatetime | None = None


class EvidenceEntry(Value):
    """One evidence entry; ``entry`` is its canonical JSON, parsed."""

    id: str
    kind: str
    intent_id: str | None = None
    intent_seq: int | None = None
    card_id: str | None = None
    card_seq: int | None = None
    at: AwareDatetime
    entry: JsonObject


class EvidenceKey(Value):
    """The public key of the organization's log, as a C2SP verifier key."""

    vkey: str


class Alert(Value):
    """Something a person should look at."""

    id: str
    kind: str
    subject_id: str | None = None
    message: str
    at: AwareDatetime


class LedgerCheck(Value):
    """Whether debits equal credits everywhere, and where not."""

    balanced: bool
    problems: tuple[str, ...] = ()


class Finding(Value):
    """One thing that a set-up check has to say. ``severity``: critical, warning or notice."""

    code: str
    severity: str
    sentence: str
    remedy: str


class EventCounts(Value):
    """How many received events came to what."""

    waiting: int = 0
    folded: int = 0
    unknown_kind: int = 0
    problem: int = 0


class Issuer(Value):
    """An issuer connection. ``held_at``: since when nothing passes on its cards."""

    id: str
    issuer: str
    mode: str
    base_url: str
    public_url: str | None = None
    enrolled_at: AwareDatetime | None = None
    checked_at: AwareDatetime | None = None
    findings: tuple[Finding, ...] = ()
    held_at: AwareDatetime | None = None
    held_because: str | None = None
    pulled_until: AwareDatetime | None = None
    events: EventCounts | None = None
    created_at: AwareDatetime


class IssuerList(Value):
    """All connections."""

    data: tuple[Issuer, ...]


class IssuerCheck(Value):
    """What a check found is in ``issuer.findings``."""

    healthy: bool
    issuer: Issuer


class IssuerEvent(Value):
    """An event that an issuer sent. ``outcome``: folded, unknown_kind, problem; None: waits."""

    id: str
    connection_id: str
    event_id: str
    event_type: str
    body_sha256: str
    body_kept: bool
    received_at: AwareDatetime
    processed_at: AwareDatetime | None = None
    outcome: str | None = None
    attempts: int = 0
    next_attempt_at: AwareDatetime | None = None
    problem: str | None = None


class Dispute(Value):
    """A claim. ``state``: opened, submitted, won, lost or withdrawn."""

    id: str
    transaction_id: str
    issuer_token: str | None = None
    state: str
    reason: str
    note: str = ""
    evidence: JsonObject = Field(default_factory=dict)
    amount: int
    currency: str
    recovered: int = 0
    problem: str | None = None
    opened_by: str
    opened_at: AwareDatetime
    submitted_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
