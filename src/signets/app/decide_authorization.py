"""One request of a batch, decided: its decision as rows, and its effect on those that follow.

Everything that an approval means (decision, hold, exposure, postings, velocity, evidence) is in
these rows, which are written together or not at all.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from signets.app.authorization_batch import (
    Batch,
    Limits,
    count_decline,
    count_exposure,
    count_usage,
    live_after,
)
from signets.app.authorization_records import Writes, request_key
from signets.app.booking import book
from signets.app.decision_inputs import Inputs, encode_inputs
from signets.app.journal import evidence_row, posting_rows
from signets.app.records import (
    Card,
    DecisionRow,
    DecisionState,
    EvidenceRow,
    ExposureRow,
    Intent,
    Transaction,
    VelocityRow,
)
from signets.app.review_merchants import review_of
from signets.app.services import Services
from signets.app.standing import CardBook
from signets.app.store import UnitOfWork
from signets.app.transaction_row import Identity, approvals_of, stored_totals, transaction_row
from signets.core.authorization.decide import decide
from signets.core.authorization.decision import Check, CheckStatus, Decision, DecisionKind
from signets.core.authorization.facts import Facts
from signets.core.authorization.request import AuthorizationRequest
from signets.core.ids import Prefix
from signets.core.intent import IntentState
from signets.core.ledger import EntryKind
from signets.core.settlement.fold import fold
from signets.core.settlement.model import DecidedBy

_PASSED, _FAILED = CheckStatus.PASSED, CheckStatus.FAILED


class Answered(msgspec.Struct, frozen=True):
    """The stored answer to a request, and whether this batch made it."""

    decision: DecisionRow
    fresh: bool


def answer_one(
    services: Services,
    uow: UnitOfWork,
    batch: Batch,
    writes: Writes,
    request: AuthorizationRequest,
) -> Answered:
    """Decide one request of a batch; its rows go to ``writes``. A repeat changes nothing."""
    earlier = batch.earlier(request)
    if earlier is not None:
        if earlier.approved and earlier.state is DecisionState.SENT:
            # The issuer asks again, so whether it heard us nobody knows. From now on the answer
            # stands: the process that may have been too late with it must not void it.
            batch.repeated.append(earlier.id)
        return Answered(earlier, fresh=False)
    facts = batch.facts(request)
    decision = decide(request, facts, batch.now)
    row = _decision_row(services, batch, request, facts, decision)
    batch.decisions.setdefault(request.request_id, []).append(row)
    book_ = batch.cards.get(request.card_token)
    if book_ is None:
        writes.evidence.append(_unknown_card(services, uow, row, request))
    else:
        _apply(services, uow, batch, writes, request, decision, row, book_)
    writes.decisions.append(row)
    return Answered(row, fresh=True)


def _decision_row(
    services: Services,
    batch: Batch,
    request: AuthorizationRequest,
    facts: Facts,
    decision: Decision,
) -> DecisionRow:
    known = batch.transactions.get(request.request_id)
    if known is not None:
        transaction_id: str | None = known.id
    else:
        transaction_id = services.new_id(Prefix.TRANSACTION) if facts.card else None
    return DecisionRow(
        id=services.new_id(Prefix.DECISION),
        connection_id=batch.connection_id,
        request_id=request.request_id,
        fingerprint=request.fingerprint,
        card_id=facts.card.card_id if facts.card else None,
        intent_id=decision.intent_id,
        transaction_id=transaction_id,
        kind=decision.kind,
        approved=decision.approved,
        reason=decision.reason.value if decision.reason else None,
        state=DecisionState.SENT,
        amount=request.amount,
        currency=request.currency,
        hold=decision.hold,
        intent_amount=decision.intent_amount,
        policy_version=batch.policy_version,
        answer={
            "sentence": decision.sentence,
            "level": decision.level,
            "would_pass": decision.would_pass,
            "checks": [_check_json(check) for check in decision.checks],
        },
        inputs=encode_inputs(Inputs(request=request, facts=facts, at=batch.now)),
        decided_at=batch.now,
    )


def _check_json(check: Check) -> dict[str, Any]:
    """A check without what it leaves empty; one that says no status has passed."""
    made: dict[str, Any] = {"reason": check.reason}
    status = check.status
    if status is not _PASSED:
        made["status"] = status
        if status is _FAILED:
            made |= {"level": check.level, "detail": check.detail}
    if check.room is not None:
        made["room"] = check.room
    if check.opens_at is not None:
        made["opens_at"] = check.opens_at.isoformat()
    return made


def _apply(
    services: Services,
    uow: UnitOfWork,
    batch: Batch,
    writes: Writes,
    request: AuthorizationRequest,
    decision: Decision,
    row: DecisionRow,
    card_book: CardBook,
) -> None:
    """Turn a decision into rows, and let later requests of the batch see it."""
    card = card_book.card
    key = request_key(request)
    limits, match = batch.limits[key], batch.matches[key]
    before = batch.transactions.get(request.request_id)
    totals = stored_totals(before)
    identity = Identity(
        id=row.transaction_id or "",
        connection_id=row.connection_id,
        issuer_token=request.request_id,
        card_id=card.id,
        agent_id=card.agent_id,
        created_at=before.created_at if before else batch.now,
    )
    intent = batch.intents.get(decision.intent_id) if decision.intent_id else None
    owner = intent if decision.approved else None
    if owner is None and before is not None and before.intent_id is not None:
        owner = batch.intents.get(before.intent_id)
    state = fold(
        currency=before.currency if before else request.currency,
        events=batch.events.get(identity.id, ()),
        totals=totals,
        approvals=approvals_of(batch.decisions[request.request_id], owner),
    )
    after = transaction_row(
        identity,
        kind=before.kind if before and not decision.approved else _lasting(decision, before),
        state=state,
        intent=owner,
        merchant=request.merchant,
        match=match,
        merchant_amount=request.merchant_amount,
        merchant_currency=request.merchant_currency,
        reason=row.reason if not decision.approved and state.authorized == 0 else None,
        verdict=None,
        totals=totals,
        now=batch.now,
    )
    if not state.events:
        # The fold knows our approvals alone; until the issuer speaks, a decline is ours too.
        after = replace(after, decided_by=DecidedBy.US.value)
    writes.transactions[after.id] = after
    if decision.approved:
        _hold(services, uow, batch, writes, card_book, limits, before, after, intent, decision)
    live_after(batch, after)
    _count(batch, writes, row, request, decision, limits, _added(before, after))
    _record(services, uow, batch, writes, request, decision, row, card_book)
    _ask(services, batch, request, row, card_book)
    if decision.trips_breaker:
        batch.tripped.append(card.id)


def _ask(
    services: Services,
    batch: Batch,
    request: AuthorizationRequest,
    row: DecisionRow,
    card_book: CardBook,
) -> None:
    """A merchant that is not proven to be the vendor is a question for a member."""
    window = card_book.window
    intent = batch.intents.get(window.intent_id) if window else None
    match = batch.matches[request_key(request)]
    review = review_of(services, batch.merchants, card_book.card, intent, request, match, row)
    if review is not None:
        batch.reviews.append(review)


def _lasting(decision: Decision, before: Transaction | None) -> DecisionKind:
    """A transaction is what its first approval was; increments do not rename it."""
    if decision.kind is DecisionKind.INCREMENT and before is not None:
        return before.kind
    return decision.kind


def _hold(
    services: Services,
    uow: UnitOfWork,
    batch: Batch,
    writes: Writes,
    card_book: CardBook,
    limits: Limits,
    before: Transaction | None,
    after: Transaction,
    intent: Intent | None,
    decision: Decision,
) -> None:
    """Reservation turns into hold; the intent knows it was used."""
    card = card_book.card
    subject_id = intent.id if intent else after.id
    exposure = batch.exposures.get(subject_id)
    if exposure is None:
        exposure = _no_exposure(batch, limits, card, subject_id, after.vendor)
    window = card_book.window
    is_open = window is not None and intent is not None and window.intent_id == intent.id
    if decision.hold > 0:
        booking = book(
            before,
            after,
            exposure,
            reserved=intent.reserve if intent else 0,
            was_open=is_open,
            is_open=is_open,
            own=batch.exposures.get(after.id),
        )
        kind = (
            EntryKind.INCREMENT
            if decision.kind is DecisionKind.INCREMENT
            else EntryKind.AUTHORIZATION
        )
        writes.postings.extend(posting_rows(services, uow, kind, booking.postings))
        for row in booking.exposures:
            writes.exposures[row.subject_id] = row
            count_exposure(batch, card_book, limits, batch.exposures.get(row.subject_id), row)
    if intent is not None:
        changed = replace(
            intent,
            state=(
                IntentState.AUTHORIZED if intent.state is IntentState.APPROVED else intent.state
            ),
            charges=intent.charges + int(decision.kind is DecisionKind.PURCHASE),
            used=intent.used + after.intent_use - (before.intent_use if before else 0),
            evidence_seq=intent.evidence_seq + 1,  # the decision's entry
        )
        batch.intents[intent.id] = writes.intents[intent.id] = changed
    if decision.consumes and window is not None:
        grace = timedelta(seconds=batch.policy.grace_seconds)
        ends_at = min(window.closes_at, batch.now + grace)
        card_book.window = replace(window, consumed_at=batch.now, ends_at=ends_at)
        writes.windows[window.id] = card_book.window
    if decision.kind is DecisionKind.VERIFICATION:
        card_book.verifications += 1


def _no_exposure(
    batch: Batch, limits: Limits, card: Card, subject_id: str, vendor: str | None
) -> ExposureRow:
    """Nothing at stake yet under this intent or transaction."""
    return ExposureRow(
        subject_id=subject_id,
        card_id=card.id,
        agent_id=card.agent_id,
        vendor=vendor,
        category=limits.subject.vendor_category,
        workflow=limits.subject.workflow,
        currency=card.currency,
        counts_at=batch.now,
        reserved=0,
        held=0,
        cleared=0,
        refunded=0,
    )


def _added(before: Transaction | None, after: Transaction) -> int:
    """How much more the transaction holds and has cleared; as a rule, what was approved.

    Where the network stood in before us, what it let through is held and counted already.
    """
    known = before.held + before.cleared if before else 0
    return max(0, after.held + after.cleared - known)


def _count(
    batch: Batch,
    writes: Writes,
    row: DecisionRow,
    request: AuthorizationRequest,
    decision: Decision,
    limits: Limits,
    added: int,
) -> None:
    """Velocity and the breaker. An approval counts what it ``added`` to the transaction."""
    subject = limits.subject
    amount = added if decision.approved else decision.asked
    writes.velocity.append(
        VelocityRow(
            at=batch.now,
            id=row.id,
            transaction_id=row.transaction_id,
            card_id=subject.card_id or "",
            agent_id=subject.agent_id,
            vendor=decision.vendor,
            category=subject.vendor_category,
            approved=decision.approved,
            counts=int(decision.counts),
            amount=amount,
            currency=request.currency,
            verification=decision.kind is DecisionKind.VERIFICATION,
            capped_by=decision.capped_by,
        )
    )
    count_usage(
        batch,
        limits,
        approved=decision.approved,
        counts=decision.counts,
        amount=amount,
        currency=request.currency,
        capped_by=decision.capped_by,
    )
    if not decision.approved:
        count_decline(batch, (subject.card_id or "", decision.vendor))


def _record(
    services: Services,
    uow: UnitOfWork,
    batch: Batch,
    writes: Writes,
    request: AuthorizationRequest,
    decision: Decision,
    row: DecisionRow,
    card_book: CardBook,
) -> None:
    """The evidence entry, numbered within card and intent."""
    card = card_book.card
    card_book.evidence_seq += 1
    card_seq = writes.card_seqs[card.id] = card_book.evidence_seq
    intent = batch.intents.get(row.intent_id) if row.intent_id else None
    if intent is not None and not decision.approved:
        intent = replace(intent, evidence_seq=intent.evidence_seq + 1)
        batch.intents[intent.id] = writes.intents[intent.id] = intent
    writes.evidence.append(
        evidence_row(
            services,
            uow,
            "decision.approved" if decision.approved else "decision.declined",
            actor=f"issuer:{row.connection_id}",
            subject=row.id,
            card=(card.id, card_seq),
            intent=(intent.id, intent.evidence_seq) if intent else (None, None),
            data={
                **_decision_data(row, request),
                "transaction": row.transaction_id,
                "vendor": decision.vendor,
                "match": batch.matches[request_key(request)].result.value,
                "failed": [
                    check.reason.value for check in decision.checks if check.status is _FAILED
                ],
                "intent_state": intent.state.value if intent else None,
                "breaker": decision.trips_breaker,
            },
        )
    )


def _decision_data(row: DecisionRow, request: AuthorizationRequest) -> dict[str, Any]:
    return {
        "request": request.request_id,
        "kind": row.kind.value,
        "amount": row.amount,
        "hold": row.hold,
        "currency": row.currency,
        "merchant_amount": request.merchant_amount,
        "merchant_currency": request.merchant_currency,
        "descriptor": request.merchant.descriptor,
        "acceptor": request.merchant.acceptor_id,
        "mcc": request.merchant.mcc,
        "country": request.merchant.country,
        "reason": row.reason,
        "policy_version": row.policy_version,
    }


def _unknown_card(
    services: Services, uow: UnitOfWork, row: DecisionRow, request: AuthorizationRequest
) -> EvidenceRow:
    """A card that is not ours: in the organization's log, under no card."""
    return evidence_row(
        services,
        uow,
        "decision.declined",
        actor=f"issuer:{row.connection_id}",
        subject=row.id,
        card=(None, None),
        intent=(None, None),
        data=_decision_data(row, request),
    )
