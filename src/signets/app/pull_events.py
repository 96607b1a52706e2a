"""Look at the issuer for what its webhooks did not bring, apply it, and say so."""

from __future__ import annotations

from datetime import datetime, timedelta

from signets.app.follow_dispute import follow_dispute
from signets.app.journal import SYSTEM, alert, record
from signets.app.ports import DisputeOutcome, TakesDisputes
from signets.app.record_issuer_event import apply_snapshot
from signets.app.records import Connection
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.app.sync_card import sync_now
from signets.core.settlement.dispute import DisputeState
from signets.core.settlement.model import Snapshot

#: What changed in the last minutes may still be on its way as a webhook: not missed yet.
GRACE = timedelta(minutes=2)
#: Issuers list by when a transaction *began*, and an event may be about an older one.
OVERLAP = timedelta(hours=1)
#: So once a day the look goes back over the time in which holds end and clearings come.
DEEP = timedelta(days=35)
DEEP_EVERY = timedelta(days=1)
_MOST_DISPUTES = 50


async def pull_events(services: Services, org_id: str) -> int:
    """How many transactions had events that no webhook had brought."""
    async with services.store.unlocked(org_id) as uow:
        connections = [one for one in await uow.identity.connections() if one.enrolled_at]
    missed = 0
    for connection in connections:
        missed += await pull_connection(services, connection)
    return missed


async def pull_connection(
    services: Services, connection: Connection, *, grace: timedelta = GRACE
) -> int:
    """The same for one connection, whose webhooks are missed once they are later than ``grace``.

    Raises:
        IssuerUnavailable, IssuerRefused: The issuer was not asked; the next pull starts where this
            one did.
    """
    async with services.store.exclusive(f"pull:{connection.id}"):
        now = await services.store.now()
        async with services.store.unlocked(connection.org_id) as uow:
            connection = await uow.identity.connection(connection.id) or connection
        deep = connection.pulled_deep_at is None or now - connection.pulled_deep_at >= DEEP_EVERY
        begin = _begin(connection, now, deep=deep)
        client = services.issuers.client(connection)
        missed = 0
        for snapshot in await client.list_transactions(begin=begin, end=now):
            if snapshot.updated <= now - grace:
                missed += await _apply(services, connection, snapshot)
        await _pull_disputes(services, connection)
        async with services.store.unlocked(connection.org_id) as uow:
            await uow.issuers.set_pulled(connection.id, now, now if deep else None)
    return missed


def _begin(connection: Connection, now: datetime, *, deep: bool) -> datetime:
    since = connection.pulled_until or connection.created_at
    return min(since - OVERLAP, now - DEEP if deep else now)


async def _apply(services: Services, connection: Connection, snapshot: Snapshot) -> bool:
    """Whether the snapshot had events that were not known."""
    org_id = connection.org_id
    async with services.store.unlocked(org_id) as uow:
        if not await _unseen(uow, connection, snapshot):
            return False
    async with services.store.transaction(org_id) as uow:
        # Again, under the lock: a webhook may have come in between.
        unseen = await _unseen(uow, connection, snapshot)
        if not unseen:
            return False
        done = await apply_snapshot(services, uow, connection.id, snapshot, cause="pulled")
        await record(
            services,
            uow,
            "issuer.missed_event",
            actor=SYSTEM,
            subject=done.after.id,
            card_id=done.after.card_id,
            intent_id=done.after.intent_id,
            data={"transaction": snapshot.transaction_token, "events": sorted(unseen)},
        )
        await alert(
            services,
            uow,
            "issuer_missed_event",
            subject=done.after.id,
            message=f"{connection.issuer} had {len(unseen)} event(s) of {done.after.descriptor} "
            "that no webhook brought; they are booked now",
        )
    if done.after.card_id is not None:
        await sync_now(services, org_id, done.after.card_id)
    return True


async def _unseen(uow: UnitOfWork, connection: Connection, snapshot: Snapshot) -> set[str]:
    row = await uow.transactions.by_token(connection.id, snapshot.transaction_token)
    known = {one.token for one in await uow.transactions.events(row.id)} if row else set()
    return {one.token for one in snapshot.events} - known


async def _pull_disputes(services: Services, connection: Connection) -> None:
    """Claims that wait: an outcome may have been missed too."""
    client = services.issuers.client(connection)
    if not isinstance(client, TakesDisputes):
        return
    async with services.store.unlocked(connection.org_id) as uow:
        waiting = await uow.issuers.disputes_in(DisputeState.SUBMITTED, _MOST_DISPUTES)
    for one in waiting:
        if one.connection_id != connection.id or one.issuer_token is None:
            continue
        told = await client.get_dispute(one.issuer_token)
        if told.steps or told.outcome is not DisputeOutcome.WAITING:
            async with services.store.transaction(connection.org_id) as uow:
                await follow_dispute(services, uow, connection.id, told)
