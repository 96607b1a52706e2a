"""What use cases need of the store: one organization's tables inside one transaction.

The PostgreSQL adapter (:mod:`signets.storage.postgres`) satisfies these protocols and documents
each method; they are here so that use cases depend on the need and never on the database.
"""

from __future__ import annotations

from asyncio import TaskGroup
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Protocol

from signets.app.authorization_records import Gathered, LiveSearch, Writes
from signets.app.merchant_records import MerchantFacts
from signets.app.ports import IssuerCard, IssuerCardState
from signets.app.records import (
    Agent,
    Alert,
    ApiKey,
    Approval,
    ApprovalState,
    ApprovalVote,
    Card,
    Checkpoint,
    Connection,
    DecisionRow,
    DecisionState,
    Dispute,
    EvidenceRow,
    ExposureRow,
    InboxOutcome,
    InboxRow,
    Intent,
    JsonObject,
    Member,
    Organization,
    PolicyVersion,
    PostingRow,
    Transaction,
    VelocityRow,
    WindowRow,
)
from signets.app.replay_records import ReplayRecords
from signets.core.authorization.facts import LiveAuthorization
from signets.core.card import CardState
from signets.core.evidence.merkle import Node
from signets.core.intent import IntentState
from signets.core.policy.model import Match, Measure
from signets.core.settlement.dispute import DisputeState
from signets.core.settlement.model import LifecycleEvent
from signets.core.velocity import Exposure, Usage

#: Values of the columns of one scope, in the scope's order.
Key = tuple[str, ...]


class Identity(Protocol):
    """Who may do what in one organization."""

    async def freeze_organization(self, at: datetime | None) -> None: ...

    async def add_member(self, member: Member) -> None: ...

    async def member(self, member_id: str) -> Member | None: ...

    async def member_by_email(self, email: str) -> Member | None: ...

    async def members(
        self, *, after: str | None = None, limit: int | None = None
    ) -> list[Member]: ...

    async def disable_member(self, member_id: str, at: datetime) -> None: ...

    async def add_agent(self, agent: Agent) -> None: ...

    async def agent(self, id_or_handle: str) -> Agent | None: ...

    async def agents(
        self, *, after: str | None = None, limit: int | None = None
    ) -> list[Agent]: ...

    async def freeze_agent(self, agent_id: str, at: datetime | None) -> None: ...

    async def add_key(self, key: ApiKey) -> None: ...

    async def key(self, key_id: str) -> ApiKey | None: ...

    async def keys(self, *, after: str | None = None, limit: int | None = None) -> list[ApiKey]: ...

    async def revoke_key(self, key_id: str, at: datetime) -> None: ...

    async def touch_key(self, key_id: str, at: datetime) -> None: ...

    async def connection(self, connection_id: str) -> Connection | None: ...

    async def connections(self) -> list[Connection]: ...


class Issuers(Protocol):
    """Issuer connections as they are set up and watched, their events for people, and disputes."""

    async def save_connection(self, connection: Connection) -> None: ...

    async def set_secrets(self, connection_id: str, secrets_sealed: bytes) -> None: ...

    async def set_checked(
        self, connection_id: str, at: datetime, findings: list[JsonObject]
    ) -> None: ...

    async def hold(self, connection_id: str, at: datetime | None, because: str | None) -> None: ...

    async def set_pulled(
        self, connection_id: str, until: datetime, deep_at: datetime | None
    ) -> None: ...

    async def cards_open_at(self, connection_id: str) -> list[str]: ...

    async def events(
        self, *, outcome: InboxOutcome | None, waiting: bool, after: str | None, limit: int
    ) -> list[InboxRow]: ...

    async def event(self, inbox_id: str) -> InboxRow | None: ...

    async def retry_event(self, inbox_id: str) -> None: ...

    async def event_failed(
        self, inbox_id: str, attempts: int, next_attempt_at: datetime
    ) -> None: ...

    async def event_counts(self) -> dict[str, dict[str, int]]: ...

    async def add_dispute(self, dispute: Dispute) -> None: ...

    async def dispute(self, dispute_id: str) -> Dispute | None: ...

    async def dispute_by_token(self, connection_id: str, issuer_token: str) -> Dispute | None: ...

    async def disputes(
        self, *, transaction_id: str | None, after: str | None, limit: int
    ) -> list[Dispute]: ...

    async def disputes_in(self, state: DisputeState, limit: int) -> list[Dispute]: ...

    async def update_dispute(self, dispute: Dispute) -> None: ...


class Policies(Protocol):
    """Stored documents; the highest version is in force."""

    async def current_version(self) -> int: ...

    async def get(self, version: int) -> PolicyVersion | None: ...

    async def add(self, version: PolicyVersion) -> None: ...

    async def versions(self) -> list[PolicyVersion]: ...


class Cards(Protocol):
    """Virtual cards of one organization."""

    async def add(self, card: Card) -> None: ...

    async def get(self, card_id: str) -> Card | None: ...

    async def by_token(self, connection_id: str, issuer_token: str) -> Card | None: ...

    async def page(
        self,
        *,
        agent_id: str | None,
        vendor: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> list[Card]: ...

    async def open_cards(self, agent_id: str | None) -> list[Card]: ...

    async def set_state(self, card_id: str, state: CardState, at: datetime) -> None: ...

    async def set_frozen(self, card_id: str, at: datetime | None) -> None: ...

    async def set_spending_limit(self, card_id: str, spending_limit: int) -> None: ...

    async def trip_breaker(self, card_id: str, at: datetime) -> None: ...

    async def reset_breaker(self, card_id: str, at: datetime) -> None: ...

    async def set_issued(self, card_id: str, made: IssuerCard) -> None: ...

    async def set_issuer_state(self, card_id: str, state: IssuerCardState) -> None: ...

    async def lagging(self, limit: int) -> list[str]: ...

    async def add_window(self, window: WindowRow) -> None: ...

    async def window_of_card(self, card_id: str) -> WindowRow | None: ...

    async def windows_of_intent(self, intent_id: str) -> list[WindowRow]: ...

    async def windows_due(self, now: datetime, limit: int) -> list[WindowRow]: ...

    async def consume_window(
        self, window_id: str, consumed_at: datetime | None, ends_at: datetime
    ) -> None: ...

    async def end_window(self, window_id: str, at: datetime) -> None: ...

    async def add_reveal(self, card_id: str, at: datetime, revealed_by: str) -> None: ...

    async def reveals_since(self, card_id: str, since: datetime) -> int: ...


class Intents(Protocol):
    """What agents want to buy."""

    async def add(self, intent: Intent) -> None: ...

    async def get(self, intent_id: str) -> Intent | None: ...

    async def page(
        self,
        *,
        agent_id: str | None,
        card_id: str | None = None,
        state: IntentState | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> list[Intent]: ...

    async def recent(self, agent_id: str, vendor: str, since: datetime) -> list[Intent]: ...

    async def set_state(self, intent_id: str, state: IntentState, at: datetime) -> None: ...

    async def set_card(self, intent_id: str, card_id: str) -> None: ...

    async def set_verdict(
        self, intent_id: str, policy_version: int, verdict: dict[str, Any]
    ) -> None: ...

    async def set_use(self, intent_id: str, *, charges: int, used: int, reopens: int) -> None: ...

    async def set_next_period(self, intent_id: str, at: datetime | None) -> None: ...

    async def periods_due(self, now: datetime, limit: int) -> list[Intent]: ...

    async def last_period(self, parent_id: str) -> int: ...

    async def add_approval(self, approval: Approval) -> None: ...

    async def approval_of(self, intent_id: str) -> Approval | None: ...

    async def tighten_approval(
        self, approval_id: str, required: int, approvers: list[list[str]]
    ) -> None: ...

    async def approvals_due(self, now: datetime, limit: int) -> list[Approval]: ...

    async def decide_approval(
        self, approval_id: str, state: ApprovalState, at: datetime
    ) -> None: ...

    async def add_vote(self, vote: ApprovalVote) -> None: ...

    async def votes(self, approval_id: str) -> list[ApprovalVote]: ...


class Authorizations(Protocol):
    """Gathers for, and writes, a batch of decisions."""

    async def gather(
        self, connection_id: str, tokens: Sequence[str], request_ids: Sequence[str]
    ) -> Gathered: ...

    async def live(
        self, sought: Sequence[LiveSearch], intent_ids: Sequence[str], but: Sequence[str]
    ) -> list[tuple[str, LiveAuthorization]]: ...

    async def write(self, writes: Writes) -> None: ...


class Transactions(Protocol):
    """What happened at the issuer, as we know it."""

    async def put(self, transactions: Sequence[Transaction]) -> None: ...

    async def get(self, transaction_id: str) -> Transaction | None: ...

    async def by_token(self, connection_id: str, issuer_token: str) -> Transaction | None: ...

    async def of_intent(self, intent_id: str) -> list[Transaction]: ...

    async def page(
        self,
        *,
        agent_id: str | None,
        card_id: str | None = None,
        intent_id: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> list[Transaction]: ...

    async def unconfirmed_before(self, before: datetime, limit: int) -> list[Transaction]: ...

    async def add_events(
        self, transaction_id: str, events: Sequence[LifecycleEvent], at: datetime
    ) -> None: ...

    async def events(self, transaction_id: str) -> list[LifecycleEvent]: ...

    async def decisions_of(self, connection_id: str, request_id: str) -> list[DecisionRow]: ...

    async def decision(self, decision_id: str) -> DecisionRow | None: ...

    async def decisions_page(self, *, after: str | None, limit: int) -> list[DecisionRow]: ...

    async def set_decision_state(
        self, decision_ids: Sequence[str], state: DecisionState
    ) -> None: ...

    async def receive(self, row: InboxRow) -> bool: ...

    async def inbox_waiting(self, now: datetime, limit: int) -> list[InboxRow]: ...

    async def inbox_done(
        self, inbox_id: str, at: datetime, outcome: InboxOutcome, problem: str | None = None
    ) -> None: ...

    async def erase_bodies(self, before: datetime) -> int: ...

    async def summary(self) -> dict[str, Any]: ...


class Ledger(Protocol):
    """Append postings and velocity events; keep exposures; add them up."""

    async def add_up(self, read: Any = None) -> None: ...

    async def post(self, postings: Sequence[PostingRow]) -> None: ...

    async def add_velocity(self, events: Sequence[VelocityRow]) -> None: ...

    async def put_exposures(self, rows: Sequence[ExposureRow]) -> None: ...

    async def exposures(self, subject_ids: Sequence[str]) -> dict[str, ExposureRow]: ...

    async def exposed(
        self,
        scope: Sequence[str],
        keys: Sequence[Key],
        *,
        since: datetime | None,
        until: datetime | None,
        currency: str,
        when: Match = ...,
    ) -> list[Exposure]: ...

    async def used(
        self,
        scope: Sequence[str],
        keys: Sequence[Key],
        *,
        since: datetime,
        measure: Measure,
        cap: str,
        currency: str | None,
        when: Match = ...,
    ) -> list[Usage]: ...

    async def velocity_of(
        self, card_id: str, transaction_id: str, since: datetime
    ) -> list[VelocityRow]: ...

    async def declines(self, keys: Sequence[tuple[str, str | None, datetime]]) -> list[int]: ...

    async def verifications(self, card_ids: Sequence[str], since: datetime) -> dict[str, int]: ...

    async def imbalance(self) -> list[str]: ...


class Evidence(Protocol):
    """Append-only; only the sequencer touches the tree."""

    async def next_card_seq(self, card_id: str, count: int = 1) -> int: ...

    async def next_intent_seq(self, intent_id: str, count: int = 1) -> int: ...

    async def append(self, entries: Sequence[EvidenceRow]) -> None: ...

    async def unsequenced(self, limit: int) -> list[tuple[int, EvidenceRow]]: ...

    async def of_intent(self, intent_id: str) -> list[tuple[int | None, EvidenceRow]]: ...

    async def log(self) -> list[EvidenceRow]: ...

    async def page(
        self, *, card_id: str | None, intent_id: str | None, after: str | None, limit: int
    ) -> list[EvidenceRow]: ...

    async def add_leaves(self, first: int, entries: Sequence[tuple[int, str]]) -> None: ...

    async def add_nodes(self, nodes: Sequence[Node]) -> None: ...

    async def nodes(self, positions: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bytes]: ...

    async def checkpoint(self) -> Checkpoint | None: ...

    async def add_checkpoint(self, checkpoint: Checkpoint) -> None: ...


class Housekeeping(Protocol):
    """What is not the product's story but needs a place."""

    async def remembered(
        self, principal: str, key: str, now: datetime
    ) -> tuple[bytes, str, datetime] | None: ...

    async def remember(
        self, principal: str, key: str, body_sha256: bytes, result_id: str, now: datetime
    ) -> None: ...

    async def add_alert(self, alert: Alert) -> None: ...

    async def alerts(self, *, after: str | None, limit: int) -> list[Alert]: ...


class UnitOfWork(Protocol):
    """One transaction. ``now`` is the database's clock, read after the lock was taken."""

    @property
    def org_id(self) -> str: ...
    @property
    def organization(self) -> Organization: ...
    @property
    def now(self) -> datetime: ...
    @property
    def identity(self) -> Identity: ...
    @property
    def policies(self) -> Policies: ...
    @property
    def cards(self) -> Cards: ...
    @property
    def intents(self) -> Intents: ...
    @property
    def authorizations(self) -> Authorizations: ...
    @property
    def transactions(self) -> Transactions: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def evidence(self) -> Evidence: ...
    @property
    def issuers(self) -> Issuers: ...
    @property
    def merchants(self) -> MerchantFacts: ...
    @property
    def replay(self) -> ReplayRecords: ...
    @property
    def housekeeping(self) -> Housekeeping: ...

    async def commit(self) -> None:
        """End the transaction with what travels, before the unit's block ends."""
        ...

    def together(self) -> AbstractAsyncContextManager[TaskGroup]:
        """Statements started in the group travel to the database together, in that order."""
        ...


class MovedOn(Exception):
    """The organization is not where it was when the facts were read."""


class Store(Protocol):
    """Opens units of work."""

    def transaction(
        self, org_id: str, *, same_plans: bool = False
    ) -> AbstractAsyncContextManager[UnitOfWork]:
        """Writing, under the organization's lock: everything that moves money or state."""
        ...

    def deciding(
        self, org_id: str, connection_id: str, tokens: Sequence[str], request_ids: Sequence[str]
    ) -> AbstractAsyncContextManager[tuple[UnitOfWork, Gathered]]:
        """Writing, under the lock, with the rows that a batch of requests names."""
        ...

    def unlocked(self, org_id: str) -> AbstractAsyncContextManager[UnitOfWork]:
        """Looking, and writing what moves neither."""
        ...

    def view(self, org_id: str, not_before: datetime) -> AbstractAsyncContextManager[UnitOfWork]:
        """All of one moment, without the lock; nothing can be written."""
        ...

    def transaction_from(
        self, org_id: str, moves: int, now: datetime
    ) -> AbstractAsyncContextManager[UnitOfWork]:
        """Writing at ``now``, if the organization still stands at ``moves``; else ``MovedOn``."""
        ...

    def exclusive(self, name: str) -> AbstractAsyncContextManager[None]:
        """One holder of ``name`` at a time, in all processes."""
        ...

    async def create_organization(self, organization: Organization) -> None: ...
    async def now(self) -> datetime: ...
    async def organization_ids(self) -> list[str]: ...
    async def find_connection(self, connection_id: str | None) -> Connection | None: ...
    async def reject_webhook(
        self, *, id: str, connection_id: str, path: str, problem: str, body_sha256: bytes
    ) -> None: ...
    async def ping(self) -> None: ...
