"""The rows that use cases work with: frozen values, one per table, field for column.

They carry no rules; those are in :mod:`signets.core`. Amounts are minor units, times are
timezone-aware UTC. Structs and not dataclasses: the hot path makes a dozen of them for each
decision, and a frozen dataclass costs several times as much to make and to copy.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from signets.app.ports import DisputeReason, IssuerCardState
from signets.core.approval import Role, Vote
from signets.core.authorization.decision import DecisionKind
from signets.core.card import CardState, LimitPeriod
from signets.core.intent import IntentState, RecurringPeriod, Usage
from signets.core.settlement.dispute import DisputeState

JsonObject = dict[str, Any]


class Organization(msgspec.Struct, frozen=True, kw_only=True):
    """The tenant."""

    org_id: str
    name: str
    currency: str
    frozen_at: datetime | None
    created_at: datetime
    merchants_version: int = 0  # of what it knows about merchants
    vendors_version: int = 0  # of its own vendors


class LastMove(NamedTuple):
    """What the last writing transaction of an organization left in its row."""

    mark: str
    at: datetime | None
    followed: str | None  # the mark before
    touched: list[str] | None  # a connection and its cards, by issuer token; ``None``: anything


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A human."""

    id: str
    email: str
    name: str
    role: Role
    disabled_at: datetime | None
    created_at: datetime


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """A machine identity."""

    id: str
    handle: str
    name: str
    frozen_at: datetime | None
    created_at: datetime


class KeyOwner(StrEnum):
    """Whose key it is."""

    ORGANIZATION = "organization"
    MEMBER = "member"
    AGENT = "agent"


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """An API key without its secret."""

    id: str
    owner: KeyOwner
    member_id: str | None
    agent_id: str | None
    name: str
    secret_sha256: bytes
    scopes: tuple[str, ...]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """An issuer connection; its key, options and secrets are sealed (encrypted) bytes.

    Attributes:
        public_url: Where the issuer was told to reach us; None: before that was kept.
        findings: Of the last check, each with ``times``, how many checks in a row found it.
        held_at: Since when nothing passes on its cards, because the check found it unsafe.
    """

    org_id: str
    id: str
    issuer: str
    mode: str
    base_url: str
    api_key_sealed: bytes
    options_sealed: bytes | None = None
    secrets_sealed: bytes | None
    public_url: str | None = None
    enrolled_at: datetime | None
    checked_at: datetime | None = None
    findings: list[JsonObject] = msgspec.field(default_factory=list)
    held_at: datetime | None = None
    held_because: str | None = None
    pulled_until: datetime | None = None
    pulled_deep_at: datetime | None = None
    created_at: datetime


class PolicyVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One stored policy document."""

    version: int
    document: JsonObject
    created_by: str
    created_at: datetime


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A virtual card.

    Attributes:
        issuer_token: None until the issuer has made it.
        issuer_counted: The most that the issuer may have counted against it.
        backstop, blocked_categories: What the issuer is to hold it to (None: not unlocked yet).
        issuer_backstop, issuer_blocked_categories: What it was told, as last confirmed.
    """

    id: str
    agent_id: str
    connection_id: str
    issuer_token: str | None
    last_four: str | None
    exp_month: int | None
    exp_year: int | None
    state: CardState
    issuer_state: IssuerCardState
    frozen_at: datetime | None
    breaker_tripped_at: datetime | None
    breaker_reset_at: datetime | None
    merchant_lock: tuple[str, ...]
    allow_facilitators: bool
    currency: str
    spending_limit: int
    limit_period: LimitPeriod
    per_authorization_limit: int | None
    recurring: bool
    workflow: str | None
    memo: str
    created_by: str
    evidence_seq: int
    created_at: datetime
    closed_at: datetime | None
    issuer_counted: int = 0
    backstop: int | None = None
    blocked_categories: tuple[str, ...] = ()
    issuer_backstop: int | None = None
    issuer_blocked_categories: tuple[str, ...] = ()


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """A declared purchase."""

    id: str
    agent_id: str
    card_id: str | None
    parent_id: str | None
    period_index: int | None
    state: IntentState
    usage: Usage
    purpose: str
    expected_amount: int
    maximum: int
    currency: str
    vendor: str
    category: str | None
    max_total: int
    max_per_charge: int
    max_count: int
    reserve: int
    window_seconds: int
    period: RecurringPeriod | None
    workflow: str | None
    line_items: list[JsonObject]
    quote_url: str | None
    metadata: dict[str, str]
    declared_by: str
    allow_duplicate_reason: str | None
    supersedes: str | None
    policy_version: int
    verdict: JsonObject
    charges: int
    used: int
    reopens: int
    evidence_seq: int
    created_at: datetime
    approved_at: datetime | None
    next_period_at: datetime | None
    ended_at: datetime | None


class ApprovalState(StrEnum):
    """Where an approval request stands; everything but waiting is final."""

    WAITING = "waiting"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELED = "canceled"


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """An approval request."""

    id: str
    intent_id: str
    state: ApprovalState
    required: int
    approvers: list[list[str]]
    requested_by: str
    expires_at: datetime
    created_at: datetime
    decided_at: datetime | None


class ApprovalVote(msgspec.Struct, frozen=True, kw_only=True):
    """One member's vote."""

    request_id: str
    member_id: str
    vote: Vote
    comment: str
    at: datetime


class WindowRow(msgspec.Struct, frozen=True, kw_only=True):
    """An unlock window."""

    id: str
    card_id: str
    intent_id: str
    opens_at: datetime
    closes_at: datetime
    consumed_at: datetime | None
    ends_at: datetime
    ended_at: datetime | None


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """The fold of one authorization and everything that followed."""

    id: str
    connection_id: str
    issuer_token: str
    card_id: str | None
    agent_id: str | None
    intent_id: str | None
    kind: DecisionKind
    status: str
    currency: str
    authorized: int
    held: int
    unconfirmed: int
    reversed: int
    cleared: int
    refunded: int
    disputed: int
    recovered: int
    provisional: int = 0
    fees: int
    intent_use: int
    merchant_amount: int
    merchant_currency: str
    descriptor: str
    merchant: JsonObject
    match: JsonObject
    vendor: str | None
    decided_by: str
    reason: str | None
    verdict: str
    flags: tuple[str, ...]
    notes: tuple[str, ...]
    explanation: list[str]
    totals: JsonObject | None
    created_at: datetime
    updated_at: datetime


class DecisionState(StrEnum):
    """What became of our answer."""

    SENT = "sent"
    UNKNOWN = "unknown"  # we cannot tell whether the issuer got it
    VOID = "void"  # it cannot have counted; a repeat gets the decline


class DecisionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One stored answer to one authorization request."""

    id: str
    connection_id: str
    request_id: str
    fingerprint: str
    card_id: str | None
    intent_id: str | None
    transaction_id: str | None
    kind: DecisionKind
    approved: bool
    reason: str | None
    state: DecisionState
    amount: int
    currency: str
    hold: int
    intent_amount: int
    policy_version: int | None
    answer: JsonObject
    inputs: bytes
    decided_at: datetime


class VelocityRow(msgspec.Struct, frozen=True, kw_only=True):
    """What caps count: one event."""

    at: datetime
    id: str
    transaction_id: str | None
    card_id: str
    agent_id: str
    vendor: str | None
    category: str | None
    approved: bool
    counts: int
    amount: int
    currency: str
    verification: bool
    capped_by: tuple[str, ...]


class ExposureRow(msgspec.Struct, frozen=True, kw_only=True):
    """Money at stake under one intent, or under one transaction that no intent covers."""

    subject_id: str
    card_id: str
    agent_id: str
    vendor: str | None
    category: str | None
    workflow: str | None
    currency: str
    counts_at: datetime
    reserved: int
    held: int
    cleared: int
    refunded: int


class InboxOutcome(StrEnum):
    """What became of a received event."""

    FOLDED = "folded"
    UNKNOWN_KIND = "unknown_kind"  # kept and counted, not acted upon
    PROBLEM = "problem"  # a person has to look, and can replay it


class InboxRow(msgspec.Struct, frozen=True, kw_only=True):
    """A raw issuer event as received, its body sealed. ``outcome`` None: it waits."""

    id: str
    connection_id: str
    event_id: str
    event_type: str
    body_sha256: bytes
    body_sealed: bytes | None
    received_at: datetime
    processed_at: datetime | None
    outcome: InboxOutcome | None = None
    attempts: int = 0
    next_attempt_at: datetime | None = None
    problem: str | None


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """A claim on one transaction. Amounts in minor units of the billing currency."""

    id: str
    transaction_id: str
    connection_id: str
    issuer_token: str | None
    state: DisputeState
    reason: DisputeReason
    note: str
    evidence: JsonObject
    amount: int
    currency: str
    recovered: int
    problem: str | None
    opened_by: str
    opened_at: datetime
    submitted_at: datetime | None
    ended_at: datetime | None


class PostingRow(msgspec.Struct, frozen=True, kw_only=True):
    """One ledger line: one debit, one credit, one positive amount."""

    id: str
    line: int
    kind: str
    debit: str
    credit: str
    amount: int
    currency: str
    card_id: str | None
    intent_id: str | None
    transaction_id: str | None
    at: datetime


class EvidenceRow(msgspec.Struct, frozen=True, kw_only=True):
    """One evidence entry: its canonical raw bytes and what it is linked to."""

    id: str
    kind: str
    card_id: str | None
    card_seq: int | None
    intent_id: str | None
    intent_seq: int | None
    raw: bytes
    at: datetime


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """Something a person should look at."""

    id: str
    kind: str
    subject_id: str
    message: str
    at: datetime


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A signed tree head."""

    size: int
    root: bytes
    peaks: tuple[bytes, ...]
    note: bytes
    at: datetime
