"""What late messages do to velocity: amounts given back, amounts added, attempts at the issuer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from msgspec.structs import replace

from signets.app.records import Card, DecisionRow, Transaction, VelocityRow
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.core.ids import Prefix

#: A database's clock may have been set back since the transaction was first seen (a failover to
#: a machine that is behind): what was counted then lies before its beginning.
SET_BACK = timedelta(days=1)


async def count_late(
    services: Services,
    uow: UnitOfWork,
    card: Card | None,
    before: Transaction | None,
    after: Transaction,
    decisions: Sequence[DecisionRow],
) -> None:
    """Make the transaction's velocity amount what it holds and has cleared.

    Reversal and expiry give back amount, never count, at the time of what they reverse, so that
    both leave a rolling window together. More than was counted (over-clearing, stand-in) adds
    amount now. A force post counts once; so does a decline at the issuer, as an attempt. Refunds
    give back nothing.
    """
    if card is None:
        return
    if not decisions and before is None:
        await _first(services, uow, card, after)
        return
    rows = [
        row
        for row in await uow.ledger.velocity_of(card.id, after.id, after.created_at - SET_BACK)
        if row.approved
    ]
    counted = sum(row.amount for row in rows)
    change = after.held + after.cleared - counted
    if change > 0:
        template = (
            rows[0] if rows else await _row(services, uow, card, after, approved=True, counts=1)
        )
        await uow.ledger.add_velocity(
            [
                replace(
                    template,
                    id=services.new_id(Prefix.EVENT),
                    at=uow.now,
                    counts=0 if rows else 1,
                    verification=False,
                    amount=change,
                    capped_by=(),
                )
            ]
        )
    elif change < 0:
        await uow.ledger.add_velocity(_give_back(services, rows, -change))


def _give_back(services: Services, rows: list[VelocityRow], amount: int) -> list[VelocityRow]:
    """Negative rows beside the newest positive ones first."""
    per_time: dict[object, tuple[VelocityRow, int]] = {}
    for row in rows:
        known = per_time.get(row.at)
        per_time[row.at] = (row, (known[1] if known else 0) + row.amount)
    given = []
    for row, standing in sorted(per_time.values(), key=lambda one: one[0].at, reverse=True):
        part = min(amount, standing)
        if part > 0:
            # Amount alone: a verification that is reversed was one, and is not two.
            back = replace(row, counts=0, amount=-part, verification=False)
            given.append(replace(back, id=services.new_id(Prefix.EVENT)))
            amount -= part
    return given


async def _first(services: Services, uow: UnitOfWork, card: Card, after: Transaction) -> None:
    """A transaction that we were never asked about."""
    money = after.held + after.cleared
    declined = after.status == "declined"
    if money > 0 or declined:
        amount = money or after.merchant_amount
        row = await _row(services, uow, card, after, approved=not declined, counts=1)
        await uow.ledger.add_velocity([replace(row, amount=amount)])


async def _row(
    services: Services,
    uow: UnitOfWork,
    card: Card,
    after: Transaction,
    *,
    approved: bool,
    counts: int,
) -> VelocityRow:
    directory = (await services.merchants.of(uow)).directory
    known = directory.vendor(after.vendor) if after.vendor else None
    return VelocityRow(
        at=uow.now,
        id=services.new_id(Prefix.EVENT),
        transaction_id=after.id,
        card_id=card.id,
        agent_id=card.agent_id,
        vendor=after.vendor,
        category=known.category if known else None,
        approved=approved,
        counts=counts,
        amount=after.held + after.cleared,
        currency=after.currency,
        verification=False,
        capped_by=(),
    )
