"""Answers about issuer connections, their events, and disputes. Never a key, secret or raw body."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from signets.app.check_issuer import Checked
from signets.app.manage_issuers import ConnectionView
from signets.app.ports import DisputeReason, Severity
from signets.app.records import Connection, Dispute, InboxOutcome, InboxRow
from signets.core.settlement.dispute import DisputeState
from signets.http.outputs.base import Identified, JsonObject, Output, Time


class FindingOut(Output):
    """One thing that a set-up check has to say."""

    code: str
    severity: Severity
    sentence: str
    remedy: str


class EventCountsOut(Output):
    """How many received events came to what."""

    waiting: int = 0
    folded: int = 0
    unknown_kind: int = 0
    problem: int = 0


class IssuerOut(Identified):
    """An issuer connection."""

    object: Literal["issuer"] = "issuer"
    issuer: str
    mode: str
    base_url: str
    public_url: str | None
    enrolled_at: Time | None
    checked_at: Time | None
    findings: list[FindingOut]
    held_at: Time | None = Field(description="Since when nothing passes on its cards.")
    held_because: str | None
    pulled_until: Time | None = Field(description="Up to when missed events were looked for.")
    created_at: Time

    @classmethod
    def of(cls, row: Connection) -> IssuerOut:
        """From the record."""
        return cls(**_connection(row))


class CountedIssuerOut(IssuerOut):
    """An issuer connection with its events."""

    events: EventCountsOut

    @classmethod
    def counted(cls, view: ConnectionView) -> CountedIssuerOut:
        """From the view."""
        return cls(**_connection(view.connection), events=EventCountsOut(**view.events))


def _connection(row: Connection) -> dict[str, object]:
    other = {"object", "findings", "events"}
    same = {name: getattr(row, name) for name in IssuerOut.model_fields if name not in other}
    names = FindingOut.model_fields
    found = [{name: one[name] for name in names} for one in row.findings]
    return {**same, "findings": found}


class IssuerListOut(Output):
    """All connections: an organization has a handful."""

    data: list[CountedIssuerOut]


class IssuerCheckOut(Output):
    """What a check found, and the connection after it."""

    healthy: bool = Field(description="Nothing but notices.")
    issuer: IssuerOut

    @classmethod
    def of(cls, checked: Checked) -> IssuerCheckOut:
        """From the use case."""
        return cls(healthy=checked.healthy, issuer=IssuerOut.of(checked.connection))


class IssuerEventOut(Identified):
    """An event that an issuer sent. Its raw body stays sealed; the digest is of those bytes."""

    object: Literal["issuer_event"] = "issuer_event"
    connection_id: str
    event_id: str
    event_type: str
    body_sha256: str
    body_kept: bool
    received_at: Time
    processed_at: Time | None
    outcome: InboxOutcome | None = Field(description="`null`: it waits.")
    attempts: int
    next_attempt_at: Time | None
    problem: str | None

    @classmethod
    def of(cls, row: InboxRow) -> IssuerEventOut:
        """From the record."""
        other = {"object", "body_sha256", "body_kept"}
        same = {name: getattr(row, name) for name in cls.model_fields if name not in other}
        return cls(**same, body_sha256=row.body_sha256.hex(), body_kept=row.body_sealed is not None)


class DisputeOut(Identified):
    """A claim on one transaction. Amounts in minor units of the billing currency."""

    object: Literal["dispute"] = "dispute"
    transaction_id: str
    issuer_token: str | None
    state: DisputeState
    reason: DisputeReason
    note: str
    evidence: JsonObject = Field(description="What was given besides, for the issuer.")
    amount: int
    currency: str
    recovered: int = Field(description="What a won claim brought back.")
    problem: str | None
    opened_by: str
    opened_at: Time
    submitted_at: Time | None
    ended_at: Time | None

    @classmethod
    def of(cls, row: Dispute) -> DisputeOut:
        """From the record."""
        return cls(**{name: getattr(row, name) for name in cls.model_fields if name != "object"})
