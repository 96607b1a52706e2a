"""What the issuer says afterwards: store it first, answer, then fold it into its transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import msgspec

from signets.app.authorize import DOWN, NOT_FOUND, NOT_SIGNED, Connections
from signets.app.bound_card import count_for_issuer
from signets.app.carry_out_flags import carry_out_flags
from signets.app.check_issuer import check_issuer
from signets.app.follow_card import follow_card
from signets.app.follow_dispute import credit_dispute, follow_dispute
from signets.app.journal import alert, record
from signets.app.known_merchants import lock_of
from signets.app.observer import Observer
from signets.app.ports import (
    AccountChanged,
    Answer,
    BodyUnreadable,
    CardUpdated,
    DisputeCredited,
    DisputeUpdated,
    Issuer,
    IssuerEvent,
    OtherEvent,
    SignatureInvalid,
    TakesDisputes,
    TransactionUpdated,
)
from signets.app.records import InboxOutcome, InboxRow
from signets.app.refold import Known, Refolded, known_of, refold
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.app.sync_card import sync_now
from signets.app.transaction_row import Identity
from signets.core.authorization.decision import DecisionKind
from signets.core.ids import Prefix
from signets.core.merchant.model import (
    MatchResult,
    Merchant,
    MerchantMatch,
)
from signets.core.settlement.fold import merge_events, newest_totals, seen_totals
from signets.core.settlement.model import DecidedBy, EventResult, LifecycleEvent, Snapshot

TAKEN = Answer(status=200, body=b"{}")
#: Tries before an event is left for a person, and the wait after the first; it doubles each time.
MOST_ATTEMPTS = 8
_FIRST_WAIT = timedelta(seconds=2)


class EventReceiver:
    """Takes issuers' event webhooks."""

    def __init__(self, services: Services, observer: Observer) -> None:
        self._services = services
        self._observer = observer
        self._connections = Connections(services)

    async def receive(
        self, connection_id: str | None, body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        """Verify, store the raw bytes (sealed), answer; a worker does the rest.

        A signed body that cannot be read is stored too, with its problem: nothing is dropped.
        """
        services = self._services
        try:
            live = await self._connections.get(connection_id)
        except Exception as error:
            self._observer.failed("connection", error)
            return DOWN
        if live is None:
            return NOT_FOUND
        digest = hashlib.sha256(body).digest()
        problem: str | None = None
        try:
            event = live.client.read_event(body, headers, live.secrets)
            event_id, event_type = _names(event)
        except SignatureInvalid as error:
            await services.store.reject_webhook(
                id=services.new_id(Prefix.EVENT),
                connection_id=live.connection.id,
                path="events",
                problem=str(error),
                body_sha256=digest,
            )
            return NOT_SIGNED
        except BodyUnreadable as error:
            event_id, event_type = f"sha256:{digest.hex()}", "unreadable"
            problem = f"{error.field}: {error.message}"
        org_id = live.connection.org_id
        async with services.store.unlocked(org_id) as uow:
            await uow.transactions.receive(
                InboxRow(
                    id=services.new_id(Prefix.EVENT),
                    connection_id=live.connection.id,
                    event_id=event_id,
                    event_type=event_type,
                    body_sha256=digest,
                    body_sealed=services.vault.seal(org_id, body),
                    received_at=uow.now,
                    processed_at=uow.now if problem else None,
                    outcome=InboxOutcome.PROBLEM if problem else None,
                    problem=problem,
                )
            )
        await services.jobs.process_inbox(org_id)
        return TAKEN


def _names(event: object) -> tuple[str, str]:
    if isinstance(event, TransactionUpdated):
        return event.event_id, "transaction_updated"
    if isinstance(event, DisputeUpdated | DisputeCredited):
        return event.event_id, "dispute_updated"
    if isinstance(event, CardUpdated):
        return event.event_id, "card_updated"
    if isinstance(event, AccountChanged):
        return event.event_id, "account_changed"
    if isinstance(event, OtherEvent):
        return event.event_id, event.event_type
    return "", "unknown"


async def process_inbox(services: Services, org_id: str, *, limit: int = 200) -> int:
    """Fold what waits, oldest first; how many that was. One event, one transaction.

    An event that fails stays and is tried again, less and less often; it does not hold up the
    others. After :data:`MOST_ATTEMPTS` it is left for a person (:mod:`signets.app.replay_event`).

    Raises:
        ExceptionGroup: What failed, after everything else is done.
    """
    async with services.store.unlocked(org_id) as uow:
        waiting = await uow.transactions.inbox_waiting(uow.now, limit)
    failures: list[Exception] = []
    for row in waiting:
        try:
            await process_event(services, org_id, row)
        except Exception as error:
            failures.append(error)
    if failures:
        raise ExceptionGroup("events that could not be folded", failures)
    return len(waiting)


async def process_event(services: Services, org_id: str, row: InboxRow) -> None:
    """Fold one received event.

    Raises:
        Exception: What kept it from being folded; the event waits, or is left for a person.
    """
    try:
        await _process(services, org_id, row)
    except BodyUnreadable as error:
        async with services.store.transaction(org_id) as uow:
            await _set_aside(services, uow, row, f"{error.field}: {error.message}")
    except Exception as error:
        async with services.store.transaction(org_id) as uow:
            attempts = row.attempts + 1
            if attempts < MOST_ATTEMPTS:
                later = uow.now + _FIRST_WAIT * 2**row.attempts
                await uow.issuers.event_failed(row.id, attempts, later)
            else:
                # The kind of error alone: its text may hold what the body says.
                said = f"could not be folded {attempts} times: {type(error).__name__}"
                await _set_aside(services, uow, row, said)
        raise


async def _set_aside(services: Services, uow: UnitOfWork, row: InboxRow, problem: str) -> None:
    await uow.transactions.inbox_done(row.id, uow.now, InboxOutcome.PROBLEM, problem)
    await alert(
        services,
        uow,
        "issuer_event_problem",
        subject=row.id,
        message=f"an event of the issuer is kept and not booked: {problem}; "
        "see `signets issuers events --problem`",
    )


async def _process(services: Services, org_id: str, row: InboxRow) -> None:
    if row.body_sealed is None:
        raise BodyUnreadable("body", "the raw body has been erased")
    body = services.vault.open(org_id, row.body_sealed)
    push: str | None = None
    async with services.store.unlocked(org_id) as uow:
        connection = await uow.identity.connection(row.connection_id)
    if connection is None:
        raise BodyUnreadable("connection", "the issuer connection is gone")
    client = services.issuers.client(connection)
    event = await _whole(client, client.parse_event(row.event_id, body))
    # These ask the issuer, and so come before any lock of the organization is taken.
    if isinstance(event, CardUpdated):
        await follow_card(services, connection, event)
    elif isinstance(event, AccountChanged):
        await check_issuer(services, connection)
    async with services.store.transaction(org_id) as uow:
        outcome = InboxOutcome.FOLDED
        if isinstance(event, TransactionUpdated):
            done = await apply_snapshot(
                services,
                uow,
                row.connection_id,
                event.snapshot,
                cause=f"event:{row.event_id}",
                body_sha256=row.body_sha256.hex(),
            )
            push = done.after.card_id
        elif isinstance(event, DisputeUpdated):
            await follow_dispute(services, uow, row.connection_id, event.dispute)
        elif isinstance(event, DisputeCredited):
            await credit_dispute(services, uow, row.connection_id, event)
        elif isinstance(event, OtherEvent):
            outcome = InboxOutcome.UNKNOWN_KIND
        await uow.transactions.inbox_done(row.id, uow.now, outcome)
    if push is not None:
        await sync_now(services, org_id, push)


async def _whole(client: Issuer, event: IssuerEvent) -> IssuerEvent:
    """An event that tells that money moved on a claim, and not how, is read again.

    Raises:
        IssuerUnavailable, IssuerRefused: The issuer could not be asked; the event waits.
    """
    if not isinstance(event, DisputeUpdated) or not event.money_moved:
        return event
    if event.dispute.steps is not None or not isinstance(client, TakesDisputes):
        return event
    return replace(event, dispute=await client.get_dispute(event.dispute.token))


async def apply_snapshot(
    services: Services,
    uow: UnitOfWork,
    connection_id: str,
    snapshot: Snapshot,
    *,
    cause: str,
    body_sha256: str | None = None,
) -> Refolded:
    """Fold one whole transaction, as the issuer sent or showed it, into what is known."""
    _, policy = await services.policies.in_force(uow)
    known = await _known(services, uow, connection_id, snapshot)
    if known.row is not None:
        await uow.transactions.add_events(known.identity.id, known.events, uow.now)
    done = await refold(services, uow, policy, known, actor=f"issuer:{connection_id}", cause=cause)
    if known.row is None:
        await uow.transactions.add_events(known.identity.id, known.events, uow.now)
    if body_sha256 is not None and done.changed:
        await record(
            services,
            uow,
            "issuer.event",
            actor=f"issuer:{connection_id}",
            subject=done.after.id,
            card_id=done.after.card_id,
            intent_id=done.after.intent_id,
            data={"cause": cause, "body_sha256": body_sha256},
        )
    await count_for_issuer(uow, done.after)
    await carry_out_flags(services, uow, done)
    return done


async def _known(
    services: Services, uow: UnitOfWork, connection_id: str, snapshot: Snapshot
) -> Known:
    row = await uow.transactions.by_token(connection_id, snapshot.transaction_token)
    decisions = await uow.transactions.decisions_of(connection_id, snapshot.transaction_token)
    if any(not one.approved for one in decisions):
        snapshot = replace(snapshot, events=tuple(map(_ours, snapshot.events)))
    card = await uow.cards.by_token(connection_id, snapshot.card_token)
    if row is not None:
        stored = await uow.transactions.events(row.id)
        merchant = msgspec.convert(row.merchant, type=Merchant)
        known = known_of(
            row,
            card,
            decisions,
            merge_events(stored, snapshot.events),
            merchant=merchant,
            match=msgspec.convert(row.match, type=MerchantMatch),
        )
        return replace(
            known,
            totals=newest_totals([known.totals, seen_totals(snapshot)]),
            settled=snapshot.merchant,
        )
    match = MerchantMatch(
        result=MatchResult.NO_MATCH, confidence=0, vendor=None, rule="the card is not ours"
    )
    if card is not None:
        here = await services.merchants.of(uow)
        match = here.match(lock_of(card), snapshot.merchant)
    first = snapshot.events[0] if snapshot.events else None
    return Known(
        identity=Identity(
            id=services.new_id(Prefix.TRANSACTION),
            connection_id=connection_id,
            issuer_token=snapshot.transaction_token,
            card_id=card.id if card else None,
            agent_id=card.agent_id if card else None,
            created_at=uow.now,
        ),
        row=None,
        card=card,
        currency=snapshot.currency,
        merchant=snapshot.merchant,
        match=match,
        merchant_amount=(first.merchant_amount or first.amount) if first else 0,
        merchant_currency=(first.merchant_currency if first else None) or snapshot.currency,
        kind=DecisionKind.PURCHASE,
        decisions=decisions,
        events=merge_events(snapshot.events),
        totals=seen_totals(snapshot),
    )


def _ours(event: LifecycleEvent) -> LifecycleEvent:
    """A decline that an issuer's words leave open was ours where we did decline."""
    if event.result is EventResult.DECLINED and event.decided_by is DecidedBy.ISSUER:
        return replace(event, decided_by=DecidedBy.US)
    return event
