"""Intents, approval requests and votes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from signets.app.records import Approval, ApprovalState, ApprovalVote, Intent
from signets.core.intent import IntentState
from signets.storage.postgres.rows import Table

INTENT = Table("intent", Intent)
APPROVAL = Table("approval_request", Approval)
VOTE = Table("approval_vote", ApprovalVote)

_ENDED = "('settled', 'voided', 'denied', 'expired', 'canceled', 'superseded')"


class Intents:
    """What agents want to buy."""

    def __init__(self, connection: AsyncConnection[DictRow], org_id: str) -> None:
        self._db = connection
        self._org = org_id

    async def add(self, intent: Intent) -> None:
        await self._db.execute(INTENT.insert, INTENT.params(self._org, intent))

    async def get(self, intent_id: str) -> Intent | None:
        cursor = await self._db.execute(
            INTENT.select + "WHERE org_id = %s AND id = %s", (self._org, intent_id)
        )
        row = await cursor.fetchone()
        return INTENT.read(row) if row else None

    async def page(
        self,
        *,
        agent_id: str | None,
        card_id: str | None = None,
        state: IntentState | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> list[Intent]:
        """Newest first; ``after`` is the last id of the page before."""
        cursor = await self._db.execute(
            INTENT.select + "WHERE org_id = %(org)s"
            " AND (%(agent)s::text IS NULL OR agent_id = %(agent)s)"
            " AND (%(card)s::text IS NULL OR card_id = %(card)s)"
            " AND (%(state)s::text IS NULL OR state = %(state)s::text::intent_state)"
            " AND (%(after)s::text IS NULL OR id < %(after)s)"
            " ORDER BY id DESC LIMIT %(limit)s",
            {
                "org": self._org,
                "agent": agent_id,
                "card": card_id,
                "state": state,
                "after": after,
                "limit": limit,
            },
        )
        return [INTENT.read(row) for row in await cursor.fetchall()]

    async def recent(self, agent_id: str, vendor: str, since: datetime) -> list[Intent]:
        """Intents of one agent at one vendor that are live, or ended or declared since then.

        Periods of recurring intents are left out: their parent stands for them.
        """
        cursor = await self._db.execute(
            INTENT.select
            + "WHERE org_id = %s AND agent_id = %s AND vendor = %s AND parent_id IS NULL"
            " AND (state IN ('pending_approval', 'approved', 'authorized')"
            "      OR ended_at >= %s OR created_at >= %s) ORDER BY id",
            (self._org, agent_id, vendor, since, since),
        )
        return [INTENT.read(row) for row in await cursor.fetchall()]

    async def set_state(self, intent_id: str, state: IntentState, at: datetime) -> None:
        """Move the intent; the database refuses a move that the table does not list."""
        await self._db.execute(
            "UPDATE intent SET state = %(state)s::text::intent_state,"
            f" ended_at = CASE WHEN %(state)s::text IN {_ENDED} THEN %(at)s::timestamptz END,"
            " approved_at = CASE WHEN %(state)s::text = 'approved'"
            "   THEN coalesce(approved_at, %(at)s::timestamptz) ELSE approved_at END"
            " WHERE org_id = %(org)s AND id = %(id)s",
            {"state": state, "at": at, "org": self._org, "id": intent_id},
        )

    async def set_card(self, intent_id: str, card_id: str) -> None:
        await self._db.execute(
            "UPDATE intent SET card_id = %s WHERE org_id = %s AND id = %s",
            (card_id, self._org, intent_id),
        )

    async def set_verdict(
        self, intent_id: str, policy_version: int, verdict: dict[str, Any]
    ) -> None:
        """Keep what policy said when it was evaluated again."""
        await self._db.execute(
            "UPDATE intent SET policy_version = %s, verdict = %s WHERE org_id = %s AND id = %s",
            (policy_version, Jsonb(verdict), self._org, intent_id),
        )

    async def set_use(self, intent_id: str, *, charges: int, used: int, reopens: int) -> None:
        """What the intent's transactions come to now (``used`` in the intent's currency)."""
        await self._db.execute(
            "UPDATE intent SET charges = %s, used = %s, reopens = %s WHERE org_id = %s AND id = %s",
            (charges, used, reopens, self._org, intent_id),
        )

    async def set_next_period(self, intent_id: str, at: datetime | None) -> None:
        await self._db.execute(
            "UPDATE intent SET next_period_at = %s WHERE org_id = %s AND id = %s",
            (at, self._org, intent_id),
        )

    async def periods_due(self, now: datetime, limit: int) -> list[Intent]:
        """Recurring intents whose next window should open by now."""
        cursor = await self._db.execute(
            INTENT.select + "WHERE org_id = %s AND next_period_at <= %s AND state = 'approved'"
            " ORDER BY next_period_at LIMIT %s",
            (self._org, now, limit),
        )
        return [INTENT.read(row) for row in await cursor.fetchall()]

    async def last_period(self, parent_id: str) -> int:
        """The highest period index opened so far (-1: none)."""
        cursor = await self._db.execute(
            "SELECT coalesce(max(period_index), -1) AS last FROM intent"
            " WHERE org_id = %s AND parent_id = %s",
            (self._org, parent_id),
        )
        row = await cursor.fetchone()
        return int(row["last"]) if row else -1

    async def add_approval(self, approval: Approval) -> None:
        await self._db.execute(APPROVAL.insert, APPROVAL.params(self._org, approval))

    async def approval_of(self, intent_id: str) -> Approval | None:
        """The intent's latest approval request."""
        cursor = await self._db.execute(
            APPROVAL.select + "WHERE org_id = %s AND intent_id = %s ORDER BY id DESC LIMIT 1",
            (self._org, intent_id),
        )
        row = await cursor.fetchone()
        return APPROVAL.read(row) if row else None

    async def approvals_due(self, now: datetime, limit: int) -> list[Approval]:
        """Waiting requests that have expired."""
        cursor = await self._db.execute(
            APPROVAL.select + "WHERE org_id = %s AND state = 'waiting' AND expires_at <= %s"
            " ORDER BY expires_at LIMIT %s",
            (self._org, now, limit),
        )
        return [APPROVAL.read(row) for row in await cursor.fetchall()]

    async def decide_approval(self, approval_id: str, state: ApprovalState, at: datetime) -> None:
        await self._db.execute(
            "UPDATE approval_request SET state = %s, decided_at = %s WHERE org_id = %s AND id = %s",
            (state, at, self._org, approval_id),
        )

    async def tighten_approval(
        self, approval_id: str, required: int, approvers: list[list[str]]
    ) -> None:
        """Ask for what policy has come to ask."""
        await self._db.execute(
            "UPDATE approval_request SET required = %s, approvers = %s"
            " WHERE org_id = %s AND id = %s",
            (required, Jsonb(approvers), self._org, approval_id),
        )

    async def add_vote(self, vote: ApprovalVote) -> None:
        await self._db.execute(VOTE.insert, VOTE.params(self._org, vote))

    async def votes(self, approval_id: str) -> list[ApprovalVote]:
        cursor = await self._db.execute(
            VOTE.select + "WHERE org_id = %s AND request_id = %s ORDER BY at",
            (self._org, approval_id),
        )
        return [VOTE.read(row) for row in await cursor.fetchall()]
