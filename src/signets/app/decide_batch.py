"""The real-time decision of a batch: gather → decide → commit, in one database transaction.

Everything that an approval means is in that transaction, so no answer exists before it is durable
and no half of one ever does. Three round trips: lock, clock and rows; what was used of limits; all
that is written, and the commit.
"""

from __future__ import annotations

from collections.abc import Sequence

from signets.app.authorization_batch import Batch, remember
from signets.app.authorization_records import Writes
from signets.app.decide_authorization import Answered, answer_one
from signets.app.gather_authorizations import gather, named
from signets.app.records import DecisionState
from signets.app.review_merchants import open_reviews
from signets.app.services import Services
from signets.app.standing import Standing
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
    standing = services.standings.take(org_id) or Standing()
    tokens, ids = named(requests)
    unread = standing.unread(connection_id, tokens)
    since = None if standing.alone else standing.at
    async with services.store.deciding(org_id, connection_id, unread, ids, since=since) as (
        uow,
        rows,
    ):
        alone = standing.holds(uow.last, uow.now)
        if not alone and not standing.follows(uow.last, rows, uow.now):
            standing = Standing()
        standing.alone = alone
        forgotten = standing.unread(connection_id, tokens)
        if len(forgotten) > len(unread):
            rows = await uow.authorizations.gather(connection_id, forgotten, ids)
        while True:
            rest = requests[len(answers) :]
            batch = await gather(services, uow, connection_id, rest, rows, standing)
            answers += await _decide_and_write(services, uow, batch, rest, tokens)
            await _follow_up(services, uow, batch)
            remember(batch)
            if len(answers) == len(requests):
                break
            # A breaker tripped; what comes after it sees what that changed.
            left, ids = named(requests[len(answers) :])
            unread = standing.unread(connection_id, left)
            rows = await uow.authorizations.gather(connection_id, unread, ids)
    standing.mark = uow.mark
    services.standings.keep(org_id, standing)
    return answers


async def _decide_and_write(
    services: Services,
    uow: UnitOfWork,
    batch: Batch,
    requests: Sequence[AuthorizationRequest],
    touched: Sequence[str],
) -> list[Answered]:
    """Answer the requests as far as no breaker trips; where nothing is to follow, commit."""
    answers: list[Answered] = []
    async with uow.together():
        await uow.ledger.add_up()
        if not batch.standing.alone:
            await uow.touched(batch.connection_id, touched)
        for begin in range(0, len(requests), _PART):
            writes = Writes()
            for request in requests[begin : begin + _PART]:
                answers.append(answer_one(services, uow, batch, writes, request))
                if batch.tripped:
                    break
            # On its way when this returns: the database writes it while the next one is decided.
            await uow.authorizations.write(writes)
            if batch.tripped:
                break
        if not batch.needs_follow_up:
            await uow.commit()
    return answers


async def _follow_up(services: Services, uow: UnitOfWork, batch: Batch) -> None:
    """What few decisions lead to, once they are written."""
    if batch.repeated:
        await uow.transactions.set_decision_state(batch.repeated, DecisionState.UNKNOWN)
    if batch.reviews:
        await open_reviews(services, uow, batch.reviews)
    for card_id in batch.tripped:
        await trip_breaker(services, uow, card_id)
