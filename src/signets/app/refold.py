"""Bring one transaction up to date: fold everything known, book the difference, judge it.

The one path for every late message: issuer events, voided approvals, re-reads. It is idempotent:
folding what is known already changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from signets.app.booking import book, position
from signets.app.count_late import count_late
from signets.app.journal import posting_rows, record
from signets.app.learn_merchant import learn_merchant
from signets.app.records import Card, DecisionRow, ExposureRow, Intent, Transaction, WindowRow
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.app.transaction_row import (
    Identity,
    approvals_of,
    judge,
    stored_totals,
    transaction_row,
)
from signets.app.unlock_card import move_intent
from signets.core.authorization.decision import DecisionKind
from signets.core.intent import ENDED, IntentState, Usage, state_after
from signets.core.ledger import EntryKind, Subject, postings_between
from signets.core.merchant.model import Merchant, MerchantMatch
from signets.core.policy.model import Policy
from signets.core.settlement.fold import fold, merge_events
from signets.core.settlement.model import LifecycleEvent, SeenTotals
from signets.core.settlement.position import entry_kind
from signets.core.settlement.state import TransactionState
from signets.core.verification import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Everything known about a transaction before this change.

    ``row`` None: it is new. ``merchant`` is the one that was judged, ``settled`` the one that the
    issuer's newest message names, where there is one.
    """

    identity: Identity
    row: Transaction | None
    card: Card | None
    currency: str
    merchant: Merchant
    match: MerchantMatch
    merchant_amount: int
    merchant_currency: str
    kind: DecisionKind
    decisions: Sequence[DecisionRow]
    events: Sequence[LifecycleEvent]
    totals: SeenTotals | None
    settled: Merchant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refolded:
    """What came of it."""

    before: Transaction | None
    after: Transaction
    state: TransactionState
    verdict: Verdict
    changed: bool


async def refold(
    services: Services,
    uow: UnitOfWork,
    policy: Policy,
    known: Known,
    *,
    actor: str,
    cause: str,
) -> Refolded:
    """Fold, judge, book and record. Flag actions are the caller's next step."""
    decided_for = await _decided_intent(uow, known)
    state = fold(
        currency=known.currency,
        events=merge_events(known.events),
        totals=known.totals,
        approvals=approvals_of(known.decisions, decided_for),
    )
    intent = decided_for or await _found_intent(uow, known, state)
    window = await _window(uow, intent)
    verdict = _verdict(uow, policy, known, state, intent, window)
    after = _row(uow, known, state, intent, verdict)
    before = known.row
    same = before is not None and replace(before, updated_at=after.updated_at) == after
    if not same:
        await uow.transactions.put([after])
        await _book(services, uow, known, after, intent, window, state)
        await count_late(services, uow, known.card, before, after, known.decisions)
        await learn_merchant(
            services, uow, policy.learning, after, known.merchant, known.match, known.settled
        )
        await record(
            services,
            uow,
            "transaction.updated",
            actor=actor,
            subject=after.id,
            card_id=after.card_id,
            intent_id=after.intent_id,
            data=_data(after, state, cause),
        )
    return Refolded(before=before, after=after, state=state, verdict=verdict, changed=not same)


def _verdict(
    uow: UnitOfWork,
    policy: Policy,
    known: Known,
    state: TransactionState,
    intent: Intent | None,
    window: WindowRow | None,
) -> Verdict:
    others = 0
    if intent is not None:
        mine = known.row if _same_intent(known.row, intent) else None
        others = max(0, intent.used - (mine.intent_use if mine else 0))
    return judge(
        state=state,
        intent=intent,
        window=window,
        match=known.match,
        policy=policy,
        kind=known.kind,
        others=others,
        own=uow.organization.currency,
    )


def _row(
    uow: UnitOfWork,
    known: Known,
    state: TransactionState,
    intent: Intent | None,
    verdict: Verdict,
) -> Transaction:
    return transaction_row(
        known.identity,
        kind=_kind(known, intent),
        state=state,
        intent=intent,
        merchant=known.merchant,
        match=known.match,
        merchant_amount=known.merchant_amount,
        merchant_currency=known.merchant_currency,
        reason=_reason(known, state),
        verdict=verdict,
        totals=known.totals,
        now=uow.now,
    )


def _same_intent(row: Transaction | None, intent: Intent) -> bool:
    return row is not None and row.intent_id == intent.id


async def _decided_intent(uow: UnitOfWork, known: Known) -> Intent | None:
    """The intent that our decision was made for."""
    if known.row is not None and known.row.intent_id is not None:
        return await uow.intents.get(known.row.intent_id)
    return None


async def _found_intent(uow: UnitOfWork, known: Known, state: TransactionState) -> Intent | None:
    """A verification that clears has become a purchase of the intent whose window is open."""
    if known.kind is DecisionKind.VERIFICATION and state.cleared > 0 and known.card is not None:
        window = await uow.cards.window_of_card(known.card.id)
        found = await uow.intents.get(window.intent_id) if window else None
        if found is not None and found.charges < found.max_count:
            return found
    return None


async def _window(uow: UnitOfWork, intent: Intent | None) -> WindowRow | None:
    if intent is None:
        return None
    windows = await uow.cards.windows_of_intent(intent.id)
    return windows[-1] if windows else None


def _kind(known: Known, intent: Intent | None) -> DecisionKind:
    """A verification that clears under an intent has become a purchase."""
    if known.kind is DecisionKind.VERIFICATION and intent is not None:
        return DecisionKind.PURCHASE
    return known.kind


def _reason(known: Known, state: TransactionState) -> str | None:
    if state.authorized > 0 or state.cleared > 0:
        return None
    declined = [event.reason for event in state.events if event.reason]
    ours = known.row.reason if known.row else None
    return ours or (declined[-1] if declined else None)


async def _book(
    services: Services,
    uow: UnitOfWork,
    known: Known,
    after: Transaction,
    intent: Intent | None,
    window: WindowRow | None,
    state: TransactionState,
) -> None:
    kind = entry_kind(state.events[-1].kind) if state.events else EntryKind.HOLD_RELEASED
    before = known.row
    if known.card is None:
        # Not a card of ours: it has no limits to count in, but money that moved is booked.
        subject = Subject(card_id=None, transaction_id=after.id)
        postings = postings_between(
            position(before), position(after), currency=after.currency, subject=subject
        )
        await uow.ledger.post(posting_rows(services, uow, kind, postings))
        return
    if before is not None and intent is not None and before.intent_id is None:
        await _leave_own(services, uow, known.card, before)
        before = None
    subject_id = intent.id if intent else after.id
    exposure = await _exposure(uow, known.card, after, subject_id)
    alive = intent is not None and window is not None and window.ended_at is None
    next_state = intent.state if intent else None
    if intent is not None:
        held = exposure.held + after.held - (before.held if before else 0)
        cleared = exposure.cleared + after.cleared - (before.cleared if before else 0)
        first = intent.state is IntentState.APPROVED and held + cleared > 0
        next_state = state_after(
            # Money that comes under an unused intent uses it, and may settle it at once.
            state=IntentState.AUTHORIZED if first else intent.state,
            usage=intent.usage,
            held=held,
            cleared=cleared,
            # Past its end the window is over, whether or not the sweep has been there yet.
            window_open=alive and window is not None and uow.now < window.ends_at,
            reopens=intent.reopens,
        )
    booking = book(
        before,
        after,
        exposure,
        reserved=intent.reserve if intent else 0,
        was_open=alive and intent is not None and intent.state not in ENDED,
        is_open=alive and next_state not in ENDED,
    )
    await uow.ledger.put_exposures([booking.exposure])
    await uow.ledger.post(posting_rows(services, uow, kind, booking.postings))
    if intent is not None and next_state is not None:
        await _progress(services, uow, before, after, intent, window, next_state)


async def _exposure(
    uow: UnitOfWork, card: Card, after: Transaction, subject_id: str
) -> ExposureRow:
    """The row as it stands, or an empty one."""
    found = (await uow.ledger.exposures([subject_id])).get(subject_id)
    return found or ExposureRow(
        subject_id=subject_id,
        card_id=card.id,
        agent_id=card.agent_id,
        vendor=after.vendor,
        category=None,
        workflow=card.workflow,
        currency=after.currency,
        counts_at=uow.now,
        reserved=0,
        held=0,
        cleared=0,
        refunded=0,
    )


async def _leave_own(services: Services, uow: UnitOfWork, card: Card, before: Transaction) -> None:
    """A transaction that finds its intent takes its money out of its own exposure first."""
    nothing = replace(
        before,
        held=0,
        unconfirmed=0,
        cleared=0,
        refunded=0,
        disputed=0,
        recovered=0,
        provisional=0,
        fees=0,
    )
    exposure = await _exposure(uow, card, before, before.id)
    left = book(before, nothing, exposure, reserved=0, was_open=False, is_open=False)
    await uow.ledger.put_exposures([left.exposure])
    await uow.ledger.post(posting_rows(services, uow, EntryKind.MATCHED, left.postings))


async def _progress(
    services: Services,
    uow: UnitOfWork,
    before: Transaction | None,
    after: Transaction,
    intent: Intent,
    window: WindowRow | None,
    next_state: IntentState,
) -> None:
    """What the intent's money and charges come to, and where that leaves it."""
    mine = before if _same_intent(before, intent) else None
    used = intent.used + after.intent_use - (mine.intent_use if mine else 0)
    stands, stood = _stands(after), mine is not None and _stands(mine)
    charges = max(0, intent.charges + int(stands) - int(stood))
    if intent.usage is Usage.SINGLE:
        # The network may still clear what was reversed and then bought again. A purchase that is
        # meant once counts once; the second one is flagged.
        charges = int(any(map(_stands, await uow.transactions.of_intent(intent.id))))
    reopened = intent.state is IntentState.AUTHORIZED and next_state is IntentState.APPROVED
    await uow.intents.set_use(
        intent.id, charges=charges, used=max(0, used), reopens=intent.reopens + int(reopened)
    )
    if reopened and window is not None:
        await uow.cards.consume_window(window.id, None, window.closes_at)
    if intent.state is IntentState.APPROVED and next_state is IntentState.SETTLED:
        await move_intent(services, uow, intent, IntentState.AUTHORIZED, actor="system")
        intent = replace(intent, state=IntentState.AUTHORIZED)
    await move_intent(services, uow, intent, next_state, actor="system")


def _stands(row: Transaction) -> bool:
    """Whether the transaction is a charge of its intent: money is held or has cleared."""
    return row.held + row.cleared > 0


def _data(after: Transaction, state: TransactionState, cause: str) -> dict[str, object]:
    return {
        "cause": cause,
        "status": after.status,
        "currency": after.currency,
        "authorized": after.authorized,
        "held": after.held,
        "unconfirmed": after.unconfirmed,
        "reversed": after.reversed,
        "cleared": after.cleared,
        "refunded": after.refunded,
        "disputed": after.disputed,
        "recovered": after.recovered,
        "decided_by": after.decided_by,
        "reason": after.reason,
        "verdict": after.verdict,
        "flags": list(after.flags),
        "notes": list(after.notes),
        "descriptor": after.descriptor,
        "events": [event.token for event in state.events],
    }


def known_of(
    row: Transaction,
    card: Card | None,
    decisions: Sequence[DecisionRow],
    events: Sequence[LifecycleEvent],
    *,
    merchant: Merchant,
    match: MerchantMatch,
) -> Known:
    """What is stored of a transaction, ready to be folded again."""
    return Known(
        identity=Identity(
            id=row.id,
            connection_id=row.connection_id,
            issuer_token=row.issuer_token,
            card_id=row.card_id,
            agent_id=row.agent_id,
            created_at=row.created_at,
        ),
        row=row,
        card=card,
        currency=row.currency,
        merchant=merchant,
        match=match,
        merchant_amount=row.merchant_amount,
        merchant_currency=row.merchant_currency,
        kind=row.kind,
        decisions=decisions,
        events=events,
        totals=stored_totals(row),
    )
