"""Votes on an escalated intent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from signets.core.approval import ApprovalOutcome, ApprovalRequest, Role, Vote, Voter, cast
from signets.core.errors import Refusal

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
YES, NO = Vote.APPROVE, Vote.DENY


def _request(*votes: tuple[str, Vote], required: int = 1, ends: datetime = NOW + TICK):
    return ApprovalRequest(
        required=required, requested_by="mem_asker", expires_at=ends, votes=votes
    )


def _voter(member: str = "mem_1", role: Role = Role.APPROVER, named: bool = True) -> Voter:
    return Voter(member_id=member, role=role, named=named)


@pytest.mark.parametrize(
    ("votes", "required", "vote", "outcome"),
    [
        ([], 1, YES, ApprovalOutcome.APPROVED),
        ([], 1, NO, ApprovalOutcome.DENIED),
        ([], 2, YES, ApprovalOutcome.WAITING),
        ([("mem_2", YES)], 2, YES, ApprovalOutcome.APPROVED),
        ([("mem_2", YES)], 3, YES, ApprovalOutcome.WAITING),
        ([("mem_2", YES), ("mem_3", YES)], 3, YES, ApprovalOutcome.APPROVED),
        ([("mem_2", NO)], 2, YES, ApprovalOutcome.WAITING),
        ([("mem_2", YES)], 2, NO, ApprovalOutcome.DENIED),
    ],
)
def test_how_many_must_agree(
    votes: list[tuple[str, Vote]], required: int, vote: Vote, outcome: ApprovalOutcome
):
    """The required number of approvals approves, one denial denies, else it waits."""
    assert cast(_request(*votes, required=required), _voter(), vote, NOW) is outcome


def test_an_admin_decides_as_well():
    """Admins may what approvers may."""
    assert cast(_request(), _voter(role=Role.ADMIN), YES, NOW) is ApprovalOutcome.APPROVED


@pytest.mark.parametrize("vote", list(Vote))
@pytest.mark.parametrize(
    ("request_", "voter", "code"),
    [
        (_request(ends=NOW), _voter(), "approval_expired"),
        (_request(ends=NOW), _voter(role=Role.VIEWER), "approval_expired"),
        (_request(), _voter(role=Role.VIEWER), "approver_required"),
        (_request(), _voter("mem_asker"), "self_approval"),
        (_request(), _voter("mem_asker", Role.ADMIN), "self_approval"),
        (_request(), _voter(named=False), "approver_not_named"),
        (_request(("mem_1", YES), required=2), _voter(), "already_voted"),
    ],
)
def test_who_may_not(request_: ApprovalRequest, voter: Voter, code: str, vote: Vote):
    """Too late, a viewer, who asked, who is not named, and who has voted: all refused."""
    with pytest.raises(Refusal) as refused:
        cast(request_, voter, vote, NOW)
    assert refused.value.code == code
