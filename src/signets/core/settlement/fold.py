"""The fold: everything known about one card transaction -> its state. Pure, and order-free.

Events are a *set* keyed by the issuer's token, and are replayed in an order taken from their own
content, so any arrival order, duplication or grouping into snapshots gives the same state
(invariant 5). Where the issuer names totals (Lithic), its totals win over our arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise

from signets.core.settlement.model import (
    DecidedBy,
    EventKind,
    EventResult,
    LifecycleEvent,
    OurApproval,
    SeenTotals,
    Snapshot,
)
from signets.core.settlement.state import MerchantSide, TransactionState, TransactionStatus
from signets.core.settlement.tally import Tally, moves_money

_RANK = {
    kind: rank
    for rank, kind in enumerate(
        (
            EventKind.BALANCE_INQUIRY,
            EventKind.AUTHORIZATION,
            EventKind.ADVICE,
            EventKind.CREDIT_AUTHORIZATION,
            EventKind.FINANCIAL,
            EventKind.CLEARING,
            EventKind.CORRECTION_DEBIT,
            EventKind.REVERSAL,
            EventKind.EXPIRY,
            EventKind.REFUND,
            EventKind.REFUND_REVERSAL,
            EventKind.CORRECTION_CREDIT,
            EventKind.DISPUTE_OPENED,
            EventKind.PROVISIONAL_CREDIT,
            EventKind.PROVISIONAL_REVERSED,
            EventKind.DISPUTE_WON,
            EventKind.DISPUTE_LOST,
            EventKind.UNKNOWN,
        )
    )
}
_ASKED = frozenset({EventKind.AUTHORIZATION, EventKind.FINANCIAL})
_HOLDING = frozenset({EventKind.AUTHORIZATION, EventKind.ADVICE, EventKind.FINANCIAL})
_HOLD_MOVERS = _HOLDING | {EventKind.REVERSAL, EventKind.EXPIRY, EventKind.CLEARING}
_SETTING = frozenset({EventKind.ADVICE, EventKind.EXPIRY})
_REFUNDING = frozenset({EventKind.REFUND, EventKind.CORRECTION_CREDIT})
#: Of a claim, not of the network: no issuer counts them among its transaction's events.
_CLAIMS = frozenset(
    {
        EventKind.DISPUTE_OPENED,
        EventKind.PROVISIONAL_CREDIT,
        EventKind.PROVISIONAL_REVERSED,
        EventKind.DISPUTE_WON,
        EventKind.DISPUTE_LOST,
    }
)
#: These name no amount, or none of the merchant's.
_TELL_NOTHING = _CLAIMS | {EventKind.EXPIRY}


def merge_events(*groups: Iterable[LifecycleEvent]) -> tuple[LifecycleEvent, ...]:
    """The union of groups of events by token, in the order in which the fold replays them.

    One token with two contents (the issuer restated it): the readable one is kept, then the
    larger amount, then the larger text; never "the one that came last".
    """
    by_token: dict[str, LifecycleEvent] = {}
    for group in groups:
        for event in group:
            known = by_token.get(event.token)
            if known is None or (known != event and _better(event) > _better(known)):
                by_token[event.token] = event
    return tuple(sorted(by_token.values(), key=_order))


def newest_totals(candidates: Iterable[SeenTotals | None]) -> SeenTotals | None:
    """The totals of the snapshot with the most events, then the latest ``updated``.

    Two that agree in both (an issuer's fault) are told apart by the larger exposure.
    """
    seen = [each for each in candidates if each is not None]
    return max(
        seen,
        default=None,
        key=lambda each: (
            each.event_count,
            each.updated,
            each.totals.held + each.totals.settled,
            each.totals.held,
        ),
    )


def seen_totals(snapshot: Snapshot) -> SeenTotals | None:
    """A snapshot's totals with their age, or ``None`` where the issuer sends none."""
    if snapshot.totals is None:
        return None
    return SeenTotals(
        totals=snapshot.totals,
        event_count=len({event.token for event in snapshot.events}),
        updated=snapshot.updated,
    )


def fold_snapshots(
    snapshots: Sequence[Snapshot], approvals: Sequence[OurApproval] = ()
) -> TransactionState:
    """:func:`fold` over whole snapshots of *one* transaction, in any order, at least one."""
    return fold(
        currency=min(snapshot.currency for snapshot in snapshots),
        events=(event for snapshot in snapshots for event in snapshot.events),
        totals=newest_totals(seen_totals(snapshot) for snapshot in snapshots),
        approvals=approvals,
    )


def fold(
    *,
    currency: str,
    events: Iterable[LifecycleEvent],
    totals: SeenTotals | None = None,
    approvals: Sequence[OurApproval] = (),
) -> TransactionState:
    """The transaction as it stands.

    Args:
        currency: The billing currency of the transaction.
        events: Every event ever seen for it, in any order, with duplicates.
        totals: The newest totals (:func:`newest_totals`), ``None`` where the issuer has none.
        approvals: Our own approvals on its request, in the order in which we decided.
    """
    ordered = merge_events(events)
    moving = [e for e in ordered if e.currency == currency and moves_money(e)]
    live = [approval for approval in approvals if not approval.void]
    unnamed, named = _unnamed(ordered, approvals, live)
    waiting = sum([approval.amount for approval in unnamed])

    tally = Tally(0 if named else waiting, authorized_before=bool(live))
    for event in moving:
        tally.apply(event, event.amount)

    covered = totals is not None and totals.event_count >= _told(ordered)
    confirmed, unconfirmed = _confirm(tally, totals if covered else None, waiting, named=named)
    differ = totals is not None and covered and _adopt(tally, totals, confirmed, moving)
    if totals is not None and covered:
        confirmed = max(0, totals.totals.held)
    return TransactionState(
        currency=currency,
        events=ordered,
        authorized=tally.authorized + (waiting if named else 0),
        held=confirmed + unconfirmed,
        unconfirmed=unconfirmed,
        reversed=tally.reversed,
        expired=tally.expired,
        cleared=tally.cleared,
        refunded=tally.refunded,
        disputed=tally.disputed,
        recovered=tally.recovered,
        provisional=tally.provisional,
        merchant=_merchant_side(
            currency, moving, unnamed, named=named, open_=confirmed > 0, cleared=tally.cleared
        ),
        status=_status(tally, confirmed + unconfirmed, ordered, moving, live),
        first_kind=ordered[0].kind if ordered else None,
        decided_by=_decided_by(ordered, live),
        authorized_at=_authorized_at(ordered, moving, live),
        force_post=bool(tally.force_post),
        stand_in=_stand_in(moving, live),
        late_clearing=tally.late_clearing,
        unknown_events=tuple([e for e in ordered if _unreadable(e, currency)]),
        totals_differ=differ,
        needs_reread=(totals is not None and not covered)
        or (totals is None and _ambiguous(moving)),
    )


def _told(events: Sequence[LifecycleEvent]) -> int:
    """How many of the events the issuer counts among its transaction's."""
    return sum(event.kind not in _CLAIMS for event in events)


def _order(event: LifecycleEvent) -> tuple[datetime, int, str]:
    return (event.created, _RANK[event.kind], event.token)


def _better(event: LifecycleEvent) -> tuple[bool, bool, int, str]:
    return (
        event.kind is not EventKind.UNKNOWN,
        event.result is not EventResult.UNKNOWN,
        event.amount,
        repr(event),
    )


def _unnamed(
    ordered: Sequence[LifecycleEvent],
    approvals: Sequence[OurApproval],
    live: list[OurApproval],
) -> tuple[list[OurApproval], bool]:
    """Our approvals that no issuer event names yet, and whether any event names one at all.

    Counted, not matched by amount (issuers may restate amounts). An approved authorization names
    one approval, unless the network answered for us; one that timed out names a void approval if
    there is one, else the live one that came too late. Declines by us or before us name nothing.
    """
    through = timed_out = 0
    for event in ordered:
        if event.kind in _ASKED:
            if event.result is not EventResult.APPROVED:
                timed_out += event.decided_by in (DecidedBy.TIMEOUT, DecidedBy.STAND_IN)
            elif event.decided_by is not DecidedBy.STAND_IN:
                through += 1
    late = max(0, timed_out - (len(approvals) - len(live)))
    return live[through + late :], through + late > 0


def _confirm(
    tally: Tally, totals: SeenTotals | None, waiting: int, *, named: bool
) -> tuple[int, int]:
    """(computed confirmed hold, unconfirmed hold).

    With no naming event the waiting approvals stood at the start of the replay, so that a
    clearing that overtakes its authorization (Stripe) uses them up.
    """
    if named:
        return tally.held, waiting
    theirs = max(0, totals.totals.held) if totals is not None else 0
    unconfirmed = min(waiting, max(0, tally.held - theirs))
    return tally.held - unconfirmed, unconfirmed


def _adopt(
    tally: Tally, totals: SeenTotals, confirmed: int, moving: Sequence[LifecycleEvent]
) -> bool:
    """Make the tally agree with the issuer's totals; whether it did not already."""
    gap = totals.totals.settled - (tally.cleared - tally.refunded)
    tally.authorized += max(0, totals.totals.held - tally.held)
    if gap > 0:
        back = min(gap, tally.refunded) if tally.cleared == 0 else 0
        tally.refunded -= back
        tally.cleared += gap - back
    elif gap < 0:
        refunding = any(event.kind in _REFUNDING for event in moving)
        off = 0 if refunding else min(tally.cleared, -gap)
        tally.cleared -= off
        tally.refunded += -gap - off
    return gap != 0 or max(0, totals.totals.held) != confirmed


def _merchant_side(
    currency: str,
    moving: Sequence[LifecycleEvent],
    unnamed: Sequence[OurApproval],
    *,
    named: bool,
    open_: bool,
    cleared: int,
) -> MerchantSide | None:
    told = [e for e in moving if e.kind not in _TELL_NOTHING]
    currencies = {e.merchant_currency for e in told} | {a.merchant_currency for a in unnamed}
    if len(currencies) != 1:
        return None
    (merchant_currency,) = currencies
    if merchant_currency is None or any(_untold(e) for e in told):
        return None
    if merchant_currency == currency and all(e.merchant_amount == e.amount for e in told):
        return None
    waiting = sum(approval.merchant_amount or 0 for approval in unnamed)
    tally = Tally(0 if named else waiting, authorized_before=True)
    for event in moving:
        tally.apply(event, event.merchant_amount or 0)
    if (tally.cleared > 0) is not (cleared > 0):
        return None  # the issuer's totals corrected what its events said
    extra = waiting if named else 0
    return MerchantSide(
        currency=merchant_currency,
        authorized=tally.authorized + extra,
        held=(tally.held if open_ or not named else 0) + extra,
        reversed=tally.reversed,
        cleared=tally.cleared,
    )


def _untold(event: LifecycleEvent) -> bool:
    """Issuers leave a merchant amount out, or at 0 beside a billing amount that is not."""
    return event.merchant_amount is None or (event.merchant_amount == 0 and event.amount != 0)


def _status(
    tally: Tally,
    held: int,
    ordered: Sequence[LifecycleEvent],
    moving: Sequence[LifecycleEvent],
    live: Sequence[OurApproval],
) -> TransactionStatus:
    if tally.disputed > 0:
        return TransactionStatus.DISPUTED
    if held > 0:
        cleared = tally.cleared > 0
        return TransactionStatus.PARTIALLY_CLEARED if cleared else TransactionStatus.PENDING
    back = tally.refunded + tally.recovered
    if tally.cleared > 0 or back > 0:
        refunded = back >= tally.cleared
        return TransactionStatus.REFUNDED if refunded else TransactionStatus.SETTLED
    last = next((e for e in reversed(ordered) if e.kind in _HOLD_MOVERS), None)
    if last is not None and last.result is not EventResult.APPROVED:
        return TransactionStatus.DECLINED
    if last is not None and last.kind is EventKind.EXPIRY:
        return TransactionStatus.EXPIRED
    if tally.reversed > 0 or any(
        e.kind in (EventKind.REVERSAL, EventKind.REFUND_REVERSAL) for e in moving
    ):
        return TransactionStatus.REVERSED
    if live or any(e.kind is not EventKind.UNKNOWN for e in ordered):
        return TransactionStatus.PENDING
    return TransactionStatus.UNKNOWN if ordered else TransactionStatus.DECLINED


def _decided_by(ordered: Sequence[LifecycleEvent], live: Sequence[OurApproval]) -> DecidedBy:
    for event in ordered:
        if event.kind in _HOLDING or event.kind is EventKind.BALANCE_INQUIRY:
            return event.decided_by
    return DecidedBy.US if live else DecidedBy.NOBODY


def _authorized_at(
    ordered: Sequence[LifecycleEvent],
    moving: Sequence[LifecycleEvent],
    live: Sequence[OurApproval],
) -> datetime | None:
    if live:
        return live[0].decided_at
    touched = moving or ordered
    return touched[0].created if touched else None


def _stand_in(moving: Sequence[LifecycleEvent], live: Sequence[OurApproval]) -> bool:
    """Whether money was held or taken on an answer that was not ours."""
    through = 0
    for event in moving:
        if event.kind not in _HOLDING or event.amount == 0:
            continue
        if event.decided_by is DecidedBy.STAND_IN:
            return True
        if event.kind is not EventKind.ADVICE:
            forced = event.kind is EventKind.FINANCIAL and event.decided_by is DecidedBy.NOBODY
            through += not forced
        elif not live:
            return True
    return through > len(live)


def _unreadable(event: LifecycleEvent, currency: str) -> bool:
    if event.kind is EventKind.UNKNOWN or event.currency != currency:
        return True
    return event.result is EventResult.UNKNOWN and event.decided_by is DecidedBy.NOBODY


def _ambiguous(moving: Sequence[LifecycleEvent]) -> bool:
    """Two hold-moving events at one time, of which one sets or ends the hold."""
    movers = [event for event in moving if event.kind in _HOLD_MOVERS]
    return len(movers) > 1 and any(
        one.created == two.created and (one.kind in _SETTING or two.kind in _SETTING)
        for one, two in pairwise(movers)
    )
