"""The real-time decision of a batch: gather → decide → commit, in one database transaction.

There are two ways to the same answers:

*Under the lock* (:func:`decide_batch`): everything happens while the organization's lock is held.
Nothing can go wrong, and the database stands still while the decisions are made.

*Ahead* (:func:`decide_ahead`, then :func:`write_ahead`): while one batch is being written, the next
is gathered without the lock, what the one before it changes is laid over, and it is decided. Then
the lock is taken, and if nobody else has written meanwhile, these are the very facts that would be
read now: the batch is written as it is. If somebody has, nothing was written, and the batch is
decided again under the lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from signets.app.authorization_batch import Batch
from signets.app.authorization_records import Writes
from signets.app.batch_before import BatchBefore
from signets.app.decide_authorization import Answered, answer_one
from signets.app.gather_authorizations import gather, named
from signets.app.records import DecisionState
from signets.app.review_merchants import open_reviews
from signets.app.services import Services
from signets.app.store import Ledger, UnitOfWork
from signets.app.trip_breaker import trip_breaker
from signets.core.authorization.request import AuthorizationRequest

#: Requests of a batch that are written at once, under the lock. Writing has a cost of its own for
#: each statement.
_PART = 16
#: Decisions made ahead before others may use the process.
_BREATH = 8
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


async def decide_batch(
    services: Services,
    org_id: str,
    connection_id: str,
    requests: Sequence[AuthorizationRequest],
) -> list[Answered]:
    """Answer all requests, in order, in one transaction under the lock.

    A repeat gets its stored answer and changes nothing.
    """
    answers: list[Answered] = []
    async with services.store.deciding(org_id, connection_id, *named(requests)) as (uow, rows):
        while len(answers) < len(requests):
            rest = requests[len(answers) :]
            if answers:  # a breaker tripped
                rows = await uow.authorizations.gather(connection_id, *named(rest))
            batch = await gather(services, uow, rest, rows)
            async with uow.together() as group:
                group.create_task(uow.ledger.add_up())
                for begin in range(0, len(rest), _PART):
                    part, writes = rest[begin : begin + _PART], Writes()
                    for request in part:
                        answers.append(
                            answer_one(services, uow, batch, writes, connection_id, request)
                        )
                        if batch.tripped:
                            break
                    # The database writes this part while the next one is decided.
                    group.create_task(uow.authorizations.write(writes))
                    await asyncio.sleep(0)
                    if batch.tripped:
                        break
                if not batch.needs_follow_up:
                    group.create_task(uow.commit())
            await _follow_up(services, uow, batch)
    return answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """A batch that is decided and not yet written.

    Attributes:
        answers: For the first requests of those that were asked; fewer where a breaker tripped.
            That ends a window and its intent: whoever comes next needs new facts.
        stood_at: The organization's moves that it was decided at.
        read: What was read of the ledger, so that long reads leave subtotals.
    """

    org_id: str
    batch: Batch
    answers: list[Answered]
    writes: Writes
    stood_at: int
    read: Ledger

    @property
    def leads(self) -> bool:
        """Whether a next batch can be decided before this one is written."""
        return not self.batch.tripped

    def disturbed(self, cards: frozenset[str]) -> bool:
        """Whether one of these cards is among its own."""
        return any(book.card.id in cards for book in self.batch.cards.values())


async def decide_ahead(
    services: Services,
    org_id: str,
    connection_id: str,
    requests: Sequence[AuthorizationRequest],
    *,
    before: Ahead | None,
) -> Ahead | None:
    """Decide without the lock, on top of ``before`` where that is still being written.

    ``None`` where somebody else has written since ``before`` was decided.
    """
    not_before = before.batch.now if before else _LONG_AGO
    async with services.store.view(org_id, not_before) as view:
        stands_at, under = view.organization.moves, None
        if before is not None and stands_at == before.stood_at:
            under, stands_at = BatchBefore(before.batch, before.writes), stands_at + 1
        elif before is not None and stands_at != before.stood_at + 1:
            return None
        rows = await view.authorizations.gather(connection_id, *named(requests))
        batch = await gather(services, view, requests, rows, under)
    answers: list[Answered] = []
    writes = Writes()
    for n, request in enumerate(requests, 1):
        answers.append(answer_one(services, view, batch, writes, connection_id, request))
        if batch.tripped:
            break
        if n % _BREATH == 0:
            await asyncio.sleep(0)
    return Ahead(
        org_id=org_id,
        batch=batch,
        answers=answers,
        writes=writes,
        stood_at=stands_at,
        read=view.ledger,
    )


async def write_ahead(services: Services, ahead: Ahead) -> frozenset[str]:
    """Write what was decided ahead. Returns the cards that changed beyond what was decided.

    Raises:
        MovedOn: Somebody else has written meanwhile; nothing is written.
    """
    async with services.store.transaction_from(
        ahead.org_id, ahead.stood_at, ahead.batch.now
    ) as uow:
        async with uow.together() as group:
            group.create_task(uow.ledger.add_up(ahead.read))
            group.create_task(uow.authorizations.write(ahead.writes))
        return await _follow_up(services, uow, ahead.batch)


async def _follow_up(services: Services, uow: UnitOfWork, batch: Batch) -> frozenset[str]:
    """What few decisions lead to, once they are written; the cards whose rows that changes."""
    if batch.repeated:
        await uow.transactions.set_decision_state(batch.repeated, DecisionState.UNKNOWN)
    opened = await open_reviews(services, uow, batch.reviews) if batch.reviews else ()
    for card_id in batch.tripped:
        await trip_breaker(services, uow, card_id)
    return frozenset((*batch.tripped, *(review.card_id for review in opened)))
