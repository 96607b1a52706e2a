"""Holds that we approved and no issuer event has named: ask the issuer what became of them."""

from __future__ import annotations

from datetime import timedelta

from signets.app.ports import IssuerRefused, IssuerUnavailable
from signets.app.record_issuer_event import apply_snapshot
from signets.app.records import Transaction
from signets.app.services import Services
from signets.app.void_decision import write_void
from signets.core.settlement.model import EventKind, EventResult, Snapshot

#: How long an event may take before we ask.
AFTER = timedelta(minutes=5)
MOST = 50


async def resolve_unconfirmed(services: Services, org_id: str, *, after: timedelta = AFTER) -> int:
    """Approved there: booked. Declined or unknown there: released. All of it is journalled.

    A hold whose issuer cannot be asked right now waits; it does not hold up the others.

    Raises:
        ExceptionGroup: What could not be asked, after everything else is done.
    """
    async with services.store.unlocked(org_id) as uow:
        waiting = await uow.transactions.unconfirmed_before(uow.now - after, MOST)
    failures: list[Exception] = []
    for row in waiting:
        try:
            await _resolve(services, org_id, row)
        except (IssuerUnavailable, IssuerRefused) as error:
            failures.append(error)
    if failures:
        raise ExceptionGroup("holds whose issuer did not answer", failures)
    return len(waiting)


async def _resolve(services: Services, org_id: str, row: Transaction) -> None:
    async with services.store.unlocked(org_id) as uow:
        connection = await uow.identity.connection(row.connection_id)
    if connection is None:
        return
    snapshot = await services.issuers.client(connection).get_transaction(row.issuer_token)
    async with services.store.transaction(org_id) as uow:
        if snapshot is not None:
            await apply_snapshot(
                services, uow, row.connection_id, snapshot, cause="asked_the_issuer"
            )
        if snapshot is None or _declined(snapshot):
            for one in await uow.transactions.decisions_of(row.connection_id, row.issuer_token):
                if one.approved:
                    await write_void(services, uow, one.id, cause="unknown_to_issuer")


def _declined(snapshot: Snapshot) -> bool:
    """Whether no authorization of it went through at the issuer."""
    asked = [
        event
        for event in snapshot.events
        if event.kind in (EventKind.AUTHORIZATION, EventKind.FINANCIAL)
    ]
    return all(event.result is EventResult.DECLINED for event in asked)
