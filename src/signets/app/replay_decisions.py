"""Run stored decisions again, through the policy version and on the inputs that they recorded.

Newest first and a page at a time: any number of decisions needs the memory of one page, and those
made meanwhile are left to the next run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from signets.app.decision_inputs import Inputs, decode_inputs
from signets.app.records import DecisionRow
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.core.authorization.replay import (
    Difference,
    Recorded,
    differences_in_decision,
    differences_in_policy,
)
from signets.core.errors import Refusal
from signets.core.merchant.model import MatchResult
from signets.core.policy.match import Subject

PAGE = 200
#: Ids carry the clocks of the machines that made them; those are never this far apart.
_CLOCKS_AGREE = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which decisions. Each bound may be left out."""

    since: datetime | None = None
    card_id: str | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One decision, and where it differs (nowhere, it should be)."""

    decision_id: str
    decided_at: datetime
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Context:
    """What a page's decisions were made among that is not in their inputs."""

    handles: dict[str, str]  # of agents, by id
    workflows: dict[str, str | None]  # of intents, by id


async def replay_decisions(
    services: Services, org_id: str, wanted: Wanted
) -> AsyncIterator[Replayed]:
    """Each decision of the organization that is ``wanted``, newest first, run again."""
    after: str | None = None
    left = wanted.limit
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        async with services.store.unlocked(org_id) as uow:
            page = await uow.replay.page(card_id=wanted.card_id, after=after, limit=size)
            chosen = [
                one for one in page if wanted.since is None or one[0].decided_at >= wanted.since
            ]
            done = await _replay_page(services, uow, chosen)
        for one in done:
            yield one
        if len(page) < size or _all_long_before(page, wanted.since):
            return
        after = page[-1][0].id
        left = None if left is None else left - len(done)


def _all_long_before(
    page: Sequence[tuple[DecisionRow, str | None]], since: datetime | None
) -> bool:
    return since is not None and all(row.decided_at < since - _CLOCKS_AGREE for row, _ in page)


async def _replay_page(
    services: Services, uow: UnitOfWork, page: Sequence[tuple[DecisionRow, str | None]]
) -> list[Replayed]:
    read = [(row, category, _inputs(row)) for row, category in page]
    intents = {
        inputs.facts.window.intent_id
        for _, _, inputs in read
        if isinstance(inputs, Inputs) and inputs.facts.window is not None
    }
    context = _Context(
        handles={agent.id: agent.handle for agent in await uow.identity.agents()},
        workflows=await uow.replay.workflows(sorted(intents)),
    )
    return [
        Replayed(
            decision_id=row.id,
            decided_at=row.decided_at,
            differences=(
                await _replay(services, uow, row, inputs, category, context)
                if isinstance(inputs, Inputs)
                else (inputs,)
            ),
        )
        for row, category, inputs in read
    ]


def _inputs(row: DecisionRow) -> Inputs | Difference:
    """What it was made on; what is stored may have been tampered with."""
    try:
        return decode_inputs(row.inputs)
    except msgspec.MsgspecError as error:
        return Difference(field="inputs", recorded=f"not readable: {error}", replayed="readable")


async def _replay(
    services: Services,
    uow: UnitOfWork,
    row: DecisionRow,
    inputs: Inputs,
    category: str | None,
    context: _Context,
) -> tuple[Difference, ...]:
    request, facts = inputs.request, inputs.facts
    found: list[Difference] = []
    if facts.card is not None:
        try:
            _, policy = await services.policies.version(uow, row.policy_version or 0)
        except Refusal:
            found.append(
                Difference(
                    field="policy_version", recorded=str(row.policy_version), replayed="not stored"
                )
            )
        else:
            subject = _subject(inputs, category, context)
            found += differences_in_policy(policy, subject, request, facts)
    try:
        found += differences_in_decision(_recorded(row), request, facts, inputs.at)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        # Only inputs that no decision could have been made on get here: a changed time zone,
        # a currency without decimals. One such row must not end the audit.
        reason = f"cannot be decided on: {type(error).__name__}: {error}"
        found.append(Difference(field="inputs", recorded=reason, replayed="can be decided on"))
    return tuple(found)


def _subject(inputs: Inputs, category: str | None, context: _Context) -> Subject:
    """Who bought where: policy speaks about that."""
    facts = inputs.facts
    card, match, window = facts.card, facts.match, facts.window
    assert card is not None  # noqa: S101 - asked for cards of ours only
    vendor = match.vendor if match and match.result is MatchResult.MATCH else None
    return Subject(
        agent_id=card.agent_id,
        agent_handle=context.handles.get(card.agent_id, ""),
        card_id=card.card_id,
        vendor=vendor,
        vendor_category=category,
        workflow=context.workflows.get(window.intent_id) if window else None,
    )


def _recorded(row: DecisionRow) -> Recorded:
    return Recorded(
        request_id=row.request_id,
        fingerprint=row.fingerprint,
        card_id=row.card_id,
        intent_id=row.intent_id,
        kind=row.kind,
        approved=row.approved,
        reason=row.reason,
        amount=row.amount,
        currency=row.currency,
        hold=row.hold,
        intent_amount=row.intent_amount,
        level=str(row.answer.get("level", "")),
        checks=row.answer.get("checks", []),
        decided_at=row.decided_at,
    )
