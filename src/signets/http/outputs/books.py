"""Answers about transactions, decisions, policy, evidence and the ledger."""

from __future__ import annotations

import json
from typing import Literal

from pydantic import Field

from signets.app.records import (
    DecisionRow,
    DecisionState,
    EvidenceRow,
    PolicyVersion,
    Transaction,
)
from signets.core.authorization.decision import CheckStatus, DecisionKind
from signets.http.outputs.base import Identified, JsonObject, Output, Time


class MatchOut(Output):
    """Whether the merchant is the card's vendor."""

    result: str | None = None
    confidence: int | None = None
    rule: str | None = None


class TransactionOut(Identified):
    """One authorization and everything that followed."""

    object: Literal["transaction"] = "transaction"
    card_id: str | None
    agent_id: str | None
    intent_id: str | None
    kind: DecisionKind
    status: str
    currency: str
    authorized: int
    held: int
    unconfirmed: int = Field(description="Part of `held` that no issuer event has named yet.")
    reversed: int
    cleared: int
    refunded: int
    disputed: int
    merchant_amount: int
    merchant_currency: str
    descriptor: str
    vendor: str | None
    merchant: JsonObject
    match: MatchOut
    decided_by: str
    reason: str | None
    verdict: str
    flags: list[str]
    notes: list[str]
    explanation: list[str]
    created_at: Time
    updated_at: Time

    @classmethod
    def of(cls, row: Transaction) -> TransactionOut:
        """From the record."""
        other = {"object", "match", "flags", "notes"}
        same = {name: getattr(row, name) for name in cls.model_fields if name not in other}
        match = {name: row.match.get(name) for name in MatchOut.model_fields}
        return cls(**same, match=MatchOut(**match), flags=list(row.flags), notes=list(row.notes))


class CheckOut(Output):
    """One check of a decision."""

    reason: str
    status: str
    level: str = ""
    detail: str = ""
    room: int | None = Field(default=None, description="The most that would have passed.")
    opens_at: Time | None = None


class DecisionOut(Identified):
    """Our answer to one authorization request, with every check."""

    object: Literal["decision"] = "decision"
    request_id: str
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
    sentence: str
    level: str
    would_pass: str
    checks: list[CheckOut]
    policy_version: int | None
    decided_at: Time

    @classmethod
    def of(cls, row: DecisionRow) -> DecisionOut:
        """From the record."""
        said = {"sentence", "level", "would_pass"}
        same = {
            name: getattr(row, name)
            for name in cls.model_fields
            if name not in {*said, "object", "checks"}
        }
        checks = [
            CheckOut(
                **{"status": CheckStatus.PASSED}
                | {name: value for name, value in one.items() if name in CheckOut.model_fields}
            )
            for one in row.answer.get("checks", [])
        ]
        return cls(**same, **{name: row.answer.get(name, "") for name in said}, checks=checks)


class PolicyOut(Output):
    """One stored version of the policy."""

    object: Literal["policy"] = "policy"
    version: int
    document: JsonObject
    created_by: str
    created_at: Time

    @classmethod
    def of(cls, row: PolicyVersion) -> PolicyOut:
        """From the record."""
        return cls(
            version=row.version,
            document=row.document,
            created_by=row.created_by,
            created_at=row.created_at,
        )


class EvidenceOut(Identified):
    """One evidence entry."""

    object: Literal["evidence"] = "evidence"
    kind: str
    intent_id: str | None
    intent_seq: int | None
    card_id: str | None
    card_seq: int | None
    at: Time
    entry: JsonObject = Field(description="The canonical entry, parsed.")

    @classmethod
    def of(cls, row: EvidenceRow) -> EvidenceOut:
        """From the record."""
        other = {"object", "entry"}
        same = {name: getattr(row, name) for name in cls.model_fields if name not in other}
        return cls(**same, entry=json.loads(row.raw))


class EvidenceKeyOut(Output):
    """The public key of the organization's log, as a C2SP verifier key."""

    vkey: str


class LedgerCheckOut(Output):
    """Whether debits equal credits everywhere, and where not."""

    balanced: bool
    problems: list[str]
