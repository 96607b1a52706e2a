"""An escalated intent becomes a question to the members."""

from __future__ import annotations

from datetime import timedelta

from signets.app.records import Approval, ApprovalState, Intent
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.core.ids import Prefix
from signets.core.policy.evaluate import PolicyVerdict


async def ask_members(
    services: Services,
    uow: UnitOfWork,
    intent: Intent,
    verdict: PolicyVerdict,
    *,
    requested_by: str,
) -> None:
    """Open the approval request. ``requested_by`` can never approve it."""
    await uow.intents.add_approval(
        Approval(
            id=services.new_id(Prefix.APPROVAL),
            intent_id=intent.id,
            state=ApprovalState.WAITING,
            required=verdict.approvals_required,
            approvers=[list(named) for named in verdict.approvers],
            requested_by=requested_by,
            expires_at=uow.now + timedelta(seconds=verdict.approval_expiry_seconds),
            created_at=uow.now,
            decided_at=None,
        )
    )
