"""A member's decision on an escalated intent: who may, how many, until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from signets.core.errors import Refusal, RefusalKind


class Role(StrEnum):
    """What a member may do: a viewer reads, an approver decides, an admin also administers."""

    ADMIN = "admin"
    APPROVER = "approver"
    VIEWER = "viewer"


class Vote(StrEnum):
    """One member's decision."""

    APPROVE = "approve"
    DENY = "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class Voter:
    """Who votes, and whether policy names them among the approvers (empty list: anyone)."""

    member_id: str
    role: Role
    named: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRequest:
    """An open question to the members.

    Attributes:
        requested_by: Who declared the intent: they can never approve it.
        votes: Votes so far, member id to vote.
    """

    required: int
    requested_by: str
    expires_at: datetime
    votes: tuple[tuple[str, Vote], ...]


class ApprovalOutcome(StrEnum):
    """What the request has come to."""

    WAITING = "waiting"
    APPROVED = "approved"
    DENIED = "denied"


def cast(request: ApprovalRequest, voter: Voter, vote: Vote, now: datetime) -> ApprovalOutcome:
    """What one more vote makes of the request. One denial denies.

    Raises:
        Refusal: who asked, viewers, unnamed members, second votes, an expired request.
    """
    if now >= request.expires_at:
        raise Refusal(
            RefusalKind.CONFLICT,
            "approval_expired",
            "this approval request has expired; the agent must declare the intent again",
        )
    if voter.role is Role.VIEWER:
        raise Refusal(
            RefusalKind.FORBIDDEN,
            "approver_required",
            "a viewer cannot approve or deny; ask an approver or an admin",
        )
    if voter.member_id == request.requested_by:
        raise Refusal(
            RefusalKind.FORBIDDEN,
            "self_approval",
            "who asked can never approve; ask another member",
        )
    if not voter.named:
        raise Refusal(
            RefusalKind.FORBIDDEN,
            "approver_not_named",
            "policy names other approvers for this intent",
        )
    if any(member == voter.member_id for member, _ in request.votes):
        raise Refusal(
            RefusalKind.CONFLICT, "already_voted", "you have already decided on this intent"
        )
    if vote is Vote.DENY:
        return ApprovalOutcome.DENIED
    approvals = 1 + sum(1 for _, given in request.votes if given is Vote.APPROVE)
    return ApprovalOutcome.APPROVED if approvals >= request.required else ApprovalOutcome.WAITING
