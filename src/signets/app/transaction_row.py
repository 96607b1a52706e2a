"""A transaction's row from its fold, its verdict and what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from signets.app.records import DecisionRow, DecisionState, Intent, Transaction, WindowRow
from signets.app.reservation import rate_for
from signets.core.authorization.decision import DecisionKind
from signets.core.merchant.model import MatchResult, Merchant, MerchantMatch
from signets.core.policy.model import Policy
from signets.core.settlement.model import DecidedBy, EventResult, OurApproval, SeenTotals
from signets.core.settlement.state import TransactionState
from signets.core.verification import IntentTerms, Verdict, verify

_OURS_OR_NOBODYS = frozenset({DecidedBy.US, DecidedBy.NOBODY})


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What a transaction is about and does not change."""

    id: str
    connection_id: str
    issuer_token: str
    card_id: str | None
    agent_id: str | None
    created_at: datetime


def approvals_of(
    decisions: Sequence[DecisionRow], intent: Intent | None
) -> tuple[OurApproval, ...]:
    """Our approvals among the stored answers, void ones included, in order.

    Under a foreign-currency intent, what was approved in its currency is the merchant's side.
    """
    return tuple(
        OurApproval(
            decision_id=one.id,
            amount=one.hold,
            decided_at=one.decided_at,
            void=one.state is DecisionState.VOID,
            merchant_amount=one.intent_amount if _foreign(one, intent) else None,
            merchant_currency=intent.currency if intent and _foreign(one, intent) else None,
        )
        for one in decisions
        if one.approved
    )


def _foreign(decision: DecisionRow, intent: Intent | None) -> bool:
    return intent is not None and intent.currency != decision.currency


def intent_terms(intent: Intent, window: WindowRow | None) -> IntentTerms:
    """What was agreed, as the verdict reads it."""
    start = intent.approved_at or intent.created_at
    consumed = window is not None and window.consumed_at is not None
    return IntentTerms(
        usage=intent.usage,
        expected=intent.expected_amount,
        maximum=intent.maximum,
        currency=intent.currency,
        vendors=(intent.vendor,),
        window_start=window.opens_at if window else start,
        window_end=window.closes_at if window else start,
        grace_end=window.ends_at if window is not None and consumed else None,
        max_total=intent.max_total,
        max_per_charge=intent.max_per_charge,
    )


def judge(
    *,
    state: TransactionState,
    intent: Intent | None,
    window: WindowRow | None,
    match: MerchantMatch,
    policy: Policy,
    kind: DecisionKind,
    others: int,
    own: str,
) -> Verdict:
    """The verdict of a transaction held against its intent."""
    return verify(
        intent=intent_terms(intent, window) if intent is not None else None,
        transaction=state,
        match=match,
        policy=policy,
        others=others,
        verification=kind is DecisionKind.VERIFICATION,
        rate=rate_for(policy, intent.currency, own) if intent is not None else None,
    )


def intent_use(state: TransactionState, currency: str) -> int:
    """Held + cleared in the intent's currency: the merchant's side where that is the one."""
    if state.merchant is not None and state.merchant.currency == currency != state.currency:
        return state.merchant.held + state.merchant.cleared
    return state.use()


def transaction_row(
    identity: Identity,
    *,
    kind: DecisionKind,
    state: TransactionState,
    intent: Intent | None,
    merchant: Merchant,
    match: MerchantMatch,
    merchant_amount: int,
    merchant_currency: str,
    reason: str | None,
    verdict: Verdict | None,
    totals: SeenTotals | None,
    now: datetime,
) -> Transaction:
    """The row. Without a verdict (the authorization path) it is pending and has no flags."""
    return Transaction(
        id=identity.id,
        connection_id=identity.connection_id,
        issuer_token=identity.issuer_token,
        card_id=identity.card_id,
        agent_id=identity.agent_id,
        intent_id=intent.id if intent else None,
        kind=kind,
        status=state.status.value,
        currency=state.currency,
        authorized=state.authorized,
        held=state.held,
        unconfirmed=state.unconfirmed,
        reversed=state.reversed + state.expired,
        cleared=state.cleared,
        refunded=state.refunded,
        disputed=state.disputed,
        recovered=state.recovered,
        provisional=state.provisional,
        fees=verdict.drift.booked() if verdict and verdict.drift else 0,
        intent_use=intent_use(state, intent.currency) if intent else 0,
        merchant_amount=merchant_amount,
        merchant_currency=merchant_currency,
        descriptor=merchant.descriptor,
        merchant=plain(merchant),
        match=plain(match),
        vendor=match.vendor if match.result is MatchResult.MATCH else None,
        decided_by=state.decided_by.value,
        reason=reason,
        verdict=verdict.status.value if verdict else "pending",
        flags=tuple(flag.value for flag in verdict.flags) if verdict else (),
        notes=tuple(note.value for note in verdict.notes) if verdict else (),
        explanation=[*(verdict.lines if verdict else ()), *_issuers_word(state)],
        totals=plain(totals) if totals else None,
        created_at=identity.created_at,
        updated_at=now,
    )


def _issuers_word(state: TransactionState) -> list[str]:
    """What the issuer called its own decline; our reason is only the nearest."""
    if state.authorized > 0 or state.cleared > 0:
        return []
    words = [
        event.raw_result
        for event in state.events
        if event.result is EventResult.DECLINED and event.decided_by not in _OURS_OR_NOBODYS
    ]
    return [f"the issuer's own word for it: {words[-1][:80]}"] if words and words[-1] else []


def plain(value: Any) -> dict[str, Any]:
    """A frozen value as a JSON object."""
    made: dict[str, Any] = msgspec.to_builtins(value)
    return made


def stored_totals(row: Transaction | None) -> SeenTotals | None:
    """The issuer's newest totals, as kept on the row."""
    if row is None or row.totals is None:
        return None
    return msgspec.convert(row.totals, type=SeenTotals)
