"""Gathering: all that deciding a batch of authorization requests needs, in a few statements."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from signets.app.authorization_batch import Batch, Limits, live_after
from signets.app.authorization_records import ALL_LIVE, Gathered, request_key
from signets.app.known_merchants import lock_of
from signets.app.ledger_store import Declined, Sum, Used
from signets.app.limits import Span, columns_of, counted_by, key_of, limit_span
from signets.app.live_authorizations import gather_live, live_searches
from signets.app.services import Services
from signets.app.standing import FOREVER, BreakerKey, CardBook, Standing
from signets.app.store import UnitOfWork
from signets.core.authorization.request import AuthorizationRequest
from signets.core.merchant.model import MatchResult
from signets.core.policy.levels import applicable_budgets, applicable_caps
from signets.core.policy.match import Subject
from signets.core.policy.model import Budget, Cap
from signets.core.velocity import Exposure, leaves_at, leaves_rolling, used_since


def named(requests: Sequence[AuthorizationRequest]) -> tuple[list[str], list[str]]:
    """The card tokens and request ids that the requests name."""
    return (
        sorted({request.card_token for request in requests}),
        sorted({request.request_id for request in requests}),
    )


async def gather(
    services: Services,
    uow: UnitOfWork,
    connection_id: str,
    requests: Sequence[AuthorizationRequest],
    rows: Gathered,
    standing: Standing,
) -> Batch:
    """Everything that deciding these requests needs: what stands, and the rows that they name.

    Of the cards that they name, ``rows`` has to hold those that the standing does not.
    """
    version, policy = await services.policies.version(uow, rows.policy_version)
    batch = Batch(
        now=uow.now,
        policy=policy,
        policy_version=version,
        organization_frozen=uow.organization.frozen_at is not None,
        merchants=await services.merchants.of(uow),
        standing=standing,
        connection_id=connection_id,
        tokens=frozenset(request.card_token for request in requests),
    )
    _fill(batch, rows)
    for request in requests:
        _examine(batch, request)
    await _gather_limits(uow, batch, requests)
    return batch


def _fill(batch: Batch, rows: Gathered) -> None:
    """The rows by what they are asked for."""
    windows = {one.card_id: one for one in rows.windows}
    for found in rows.cards:
        card = found.card
        if card.issuer_token in batch.cards:
            continue
        whole = len(found.live) < ALL_LIVE
        batch.cards[card.issuer_token or ""] = CardBook(
            card=card,
            agent_handle=found.agent_handle,
            agent_frozen=found.agent_frozen_at is not None,
            connection_held=found.held_at is not None,
            window=windows.get(card.id),
            verifications=found.verifications,
            evidence_seq=card.evidence_seq,
            live_whole=whole,
        )
        batch.live[card.id] = {one.request_id: one for one in found.live} if whole else {}
    for decision in rows.decisions:
        batch.decisions.setdefault(decision.request_id, []).append(decision)
    batch.transactions.update((one.issuer_token, one) for one in rows.transactions)
    for transaction in rows.transactions:
        live_after(batch, transaction)
    for known in rows.events:
        batch.events.setdefault(known.transaction_id, []).append(known.event)
    batch.intents.update((intent.id, intent) for intent in rows.intents)
    batch.exposures.update((row.subject_id, row) for row in rows.exposures)


def _examine(batch: Batch, request: AuthorizationRequest) -> None:
    """Who is charging, and which limits that touches."""
    book = batch.cards.get(request.card_token)
    if book is None:
        return
    key = request_key(request)
    intent = batch.intents.get(book.window.intent_id) if book.window else None
    earlier = batch.transactions.get(request.request_id)
    under = (earlier and earlier.intent_id) or (intent and intent.id) or None
    match = batch.merchants.match(lock_of(book.card), request.merchant, under)
    batch.matches[key] = match
    vendor = match.vendor if match.result is MatchResult.MATCH else None
    known = batch.merchants.directory.vendor(vendor) if vendor else None
    subject = Subject(
        agent_id=book.card.agent_id,
        agent_handle=book.agent_handle,
        card_id=book.card.id,
        vendor=vendor,
        vendor_category=known.category if known else None,
        workflow=intent.workflow if intent else None,
    )
    at = batch.counts_at(book)
    batch.limits[key] = Limits(
        subject=subject,
        caps=tuple(
            (cap, (cap.name, key_of(cap.scope, subject) or ()))
            for cap in applicable_caps(batch.policy, subject)
        ),
        budgets=tuple(
            (
                budget,
                (
                    budget.name,
                    key_of(budget.scope, subject) or (),
                    batch.span(budget.period, at),
                ),
            )
            for budget in applicable_budgets(batch.policy, subject)
        ),
    )


async def _gather_limits(
    uow: UnitOfWork, batch: Batch, requests: Sequence[AuthorizationRequest]
) -> None:
    """The sums that are not known, or not any more, and the live authorizations."""
    caps: dict[str, tuple[Cap, dict[tuple[str, ...], None]]] = {}
    budgets: dict[tuple[str, Span], tuple[Budget, dict[tuple[str, ...], None]]] = {}
    for limits in batch.limits.values():
        for cap, (name, key) in limits.caps:
            if not batch.stands((name, key)):
                caps.setdefault(name, (cap, {}))[1][key] = None
        for budget, (name, key, span) in limits.budgets:
            if (name, key, span) not in batch.budgets:
                budgets.setdefault((name, span), (budget, {}))[1][key] = None
    reads: list[tuple[Sum[Any], Callable[[list[Any]], None]]] = []
    for cap, wanted in caps.values():
        reads.append(await _cap(uow, batch, cap, list(wanted)))
    for (_, span), (budget, wanted) in budgets.items():
        reads.append(await _budget(uow, batch, budget, span, list(wanted)))
    books = [batch.cards[token] for token in batch.tokens & batch.cards.keys()]
    for (period, currency), some in _by_limit_period(batch, books).items():
        reads.append(_exposure(uow, period, currency, some))
    pairs = _breaker_pairs(batch, books)
    if pairs:
        reads.append(_declines(uow, batch, pairs))
    searches = live_searches(batch, requests)
    if not reads and not searches.sought:
        return
    async with uow.together() as group:
        summing = group.create_task(uow.ledger.sums([one for one, _ in reads]))
        if searches.sought:
            group.create_task(gather_live(uow, batch, searches))
    for (_, put), found in zip(reads, summing.result(), strict=True):
        put(found)


def _breaker_pairs(batch: Batch, books: Sequence[CardBook]) -> dict[BreakerKey, datetime]:
    """Whose declines are to be counted, and since when."""
    pairs: dict[BreakerKey, datetime] = {}
    for book in books:
        since = batch.now - timedelta(seconds=batch.policy.breaker.seconds)
        if book.card.breaker_reset_at is not None:
            since = max(since, book.card.breaker_reset_at)
        for vendor in (None, *book.card.merchant_lock):
            if not batch.stands((book.card.id, vendor)):
                pairs[book.card.id, vendor] = since
    return pairs


def _declines(
    uow: UnitOfWork, batch: Batch, pairs: Mapping[BreakerKey, datetime]
) -> tuple[Sum[Declined], Callable[[list[Declined]], None]]:
    declines = uow.ledger.declines(
        [(card, vendor, since) for (card, vendor), since in pairs.items()]
    )
    kept = batch.policy.breaker.seconds

    def put(found: list[Declined]) -> None:
        for pair, one in zip(pairs, found, strict=True):
            batch.declines[pair] = one.times
            batch.standing.until[pair] = leaves_rolling(kept, one.first) if one.first else FOREVER

    return declines, put


async def _cap(
    uow: UnitOfWork, batch: Batch, cap: Cap, wanted: Sequence[tuple[str, ...]]
) -> tuple[Sum[Used], Callable[[list[Used]], None]]:
    usage = uow.ledger.usage(
        columns_of(cap.scope),
        wanted,
        since=used_since(cap.window, batch.now, batch.policy.time_zone),
        measure=cap.measure,
        cap=cap.name,
        currency=cap.currency,
        when=await counted_by(uow, cap.when),
    )

    def put(found: list[Used]) -> None:
        rolling = cap.window.seconds is not None
        batch.standing.caps[cap.name] = cap
        for key, one in zip(wanted, found, strict=True):
            batch.used[cap.name, key] = one.usage
            # A calendar window is left by all at once.
            first = one.first if rolling else batch.now
            batch.standing.until[cap.name, key] = (
                FOREVER if first is None else leaves_at(cap.window, first, batch.policy.time_zone)
            )

    return usage, put


async def _budget(
    uow: UnitOfWork, batch: Batch, budget: Budget, span: Span, wanted: Sequence[tuple[str, ...]]
) -> tuple[Sum[Exposure], Callable[[list[Exposure]], None]]:
    exposure = uow.ledger.exposure(
        columns_of(budget.scope),
        wanted,
        since=span.since,
        until=span.until,
        currency=budget.currency,
        when=await counted_by(uow, budget.when),
    )
    keys = [(budget.name, key, span) for key in wanted]
    return exposure, lambda found: batch.budgets.update(zip(keys, found, strict=True))


def _by_limit_period(
    batch: Batch, books: Sequence[CardBook]
) -> dict[tuple[Span, str], list[CardBook]]:
    """Cards of which that is not known, by the period and currency that their limit counts in."""
    found: dict[tuple[Span, str], list[CardBook]] = {}
    for book in books:
        at = batch.counts_at(book)
        if book.span is not None and book.span.holds(at):
            continue
        span = limit_span(book.card, at, batch.policy.time_zone)
        found.setdefault((span, book.card.currency), []).append(book)
    return found


def _exposure(
    uow: UnitOfWork, span: Span, currency: str, books: Sequence[CardBook]
) -> tuple[Sum[Exposure], Callable[[list[Exposure]], None]]:
    exposure = uow.ledger.exposure(
        ("card_id",),
        [(book.card.id,) for book in books],
        since=span.since,
        until=span.until,
        currency=currency,
    )

    def put(found: list[Exposure]) -> None:
        for book, one in zip(books, found, strict=True):
            book.exposure, book.span = one, span

    return exposure, put
