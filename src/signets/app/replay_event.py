"""Issuer events for people: look at those that could not be booked, and let them be tried again."""

from __future__ import annotations

from signets.app.caller import Caller, not_found
from signets.app.journal import record
from signets.app.record_issuer_event import process_event
from signets.app.records import InboxOutcome, InboxRow
from signets.app.services import Services
from signets.core.access import Scope
from signets.core.errors import Refusal, RefusalKind


async def list_events(
    services: Services,
    caller: Caller,
    *,
    outcome: InboxOutcome | None,
    waiting: bool = False,
    after: str | None,
    limit: int,
) -> list[InboxRow]:
    """Received events, newest first; their raw bodies stay sealed."""
    caller.require(Scope.IDENTITY_READ)
    async with services.store.unlocked(caller.org_id) as uow:
        return await uow.issuers.events(outcome=outcome, waiting=waiting, after=after, limit=limit)


async def replay_event(services: Services, caller: Caller, event_id: str) -> InboxRow:
    """Read and fold a stored event once more; what came of it.

    Folding what is known already changes nothing, so replaying too often does no harm.

    Raises:
        Refusal: ``event_not_found``, or ``event_erased`` where the raw body is gone.
    """
    caller.require(Scope.IDENTITY_WRITE)
    async with services.store.transaction(caller.org_id) as uow:
        row = await uow.issuers.event(event_id)
        if row is None:
            raise not_found("event", event_id)
        if row.body_sealed is None:
            raise Refusal(
                RefusalKind.CONFLICT,
                "event_erased",
                "the raw body of this event has been erased; only its digest is left",
            )
        await uow.issuers.retry_event(event_id)
        await record(
            services,
            uow,
            "issuer.event_replayed",
            actor=caller.actor,
            subject=event_id,
            data={"body_sha256": row.body_sha256.hex(), "was": row.outcome},
        )
        row = await uow.issuers.event(event_id) or row
    try:
        await process_event(services, caller.org_id, row)
    except Exception as error:
        raise Refusal(
            RefusalKind.CONFLICT,
            "event_failed",
            f"the event could not be folded ({type(error).__name__}); it is tried again by itself",
        ) from error
    async with services.store.unlocked(caller.org_id) as uow:
        return await uow.issuers.event(event_id) or row
