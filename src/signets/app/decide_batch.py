"""The real-time decision of a batch: gather → decide → commit, in one database transaction.

Everything that an approval means is in that transaction, so no answer exists before it is durable
and no half of one ever does. Three round trips: lock, clock and rows; what was used of limits; all
that is written, and the commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from signets.app.authorization_batch import Batch
from signets.app.authorization_records import Writes
from signets.app.decide_authorization import Answered, answer_one
from signets.app.gather_authorizations import gather, named
from signets.app.records import DecisionState
from signets.app.review_merchants import open_reviews
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.app.trip_breaker import trip_breaker
from signets.core.authorization.request import AuthorizationRequest

#: Requests of a batch that are written at once. Writing has a cost of its own for each statement.
_PART = 16


async def decide_batch(
    services: Services,
    org_id: str,
    connection_id: str,
    requests: Sequence[AuthorizationRequest],
) -> list[Answered]:
    """Answer all requests, in order, in one transaction.

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
                sent = [group.create_task(uow.ledger.add_up())]
                for begin in range(0, len(rest), _PART):
                    part, writes = rest[begin : begin + _PART], Writes()
                    for request in part:
                        answers.append(
                            answer_one(services, uow, batch, writes, connection_id, request)
                        )
                        if batch.tripped:
                            break
                    # The database writes this part while the next one is decided.
                    sent.append(group.create_task(uow.authorizations.write(writes)))
                    await asyncio.sleep(0)
                    if batch.tripped:
                        break
                if not batch.needs_follow_up:
                    # Behind all of it: what a full connection delays must not come after the end.
                    await asyncio.gather(*sent)
                    await uow.commit()
            await _follow_up(services, uow, batch)
    return answers


async def _follow_up(services: Services, uow: UnitOfWork, batch: Batch) -> None:
    """What few decisions lead to, once they are written."""
    if batch.repeated:
        await uow.transactions.set_decision_state(batch.repeated, DecisionState.UNKNOWN)
    if batch.reviews:
        await open_reviews(services, uow, batch.reviews)
    for card_id in batch.tripped:
        await trip_breaker(services, uow, card_id)
