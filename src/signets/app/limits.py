"""What stands in the way of an intent's maximum: card limit, budgets and caps, in sentences.

The same pure checks as at authorization (:mod:`signets.core.velocity`), on facts gathered under
the organization's lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec.structs import replace

from signets.app.records import Card
from signets.app.reservation import Reserve
from signets.app.store import UnitOfWork
from signets.core.card import LimitPeriod
from signets.core.money import format_minor
from signets.core.policy.levels import applicable_budgets, applicable_caps
from signets.core.policy.match import Subject
from signets.core.policy.model import Match, Measure, Period, Policy, Scope
from signets.core.velocity import (
    Exposure,
    check_budget,
    check_cap,
    next_period_start,
    period_start,
    room_in,
    used_since,
)

_COLUMNS = {
    Scope.CARD: "card_id",
    Scope.VENDOR: "vendor",
    Scope.AGENT: "agent_id",
    Scope.WORKFLOW: "workflow",
}


def columns_of(scope: tuple[Scope, ...]) -> tuple[str, ...]:
    """The columns that a cap's or budget's scope counts by; none for the organization."""
    return tuple(_COLUMNS[one] for one in scope if one is not Scope.ORGANIZATION)


def key_of(scope: tuple[Scope, ...], subject: Subject) -> tuple[str, ...] | None:
    """The values of those columns; ``None`` where one is missing and nothing can be counted."""
    key: list[str] = []
    for one in scope:
        if one is Scope.ORGANIZATION:
            continue
        value: str | None = getattr(subject, _COLUMNS[one])
        if value is None:
            return None
        key.append(value)
    return tuple(key)


async def counted_by(uow: UnitOfWork, when: Match) -> Match:
    """``when`` with agents as ids: rows are counted by id, policies may name handles."""
    if not when.agents:
        return when
    agents = await uow.identity.agents()
    named = tuple(one.id for one in agents if {one.id, one.handle} & set(when.agents))
    return replace(when, agents=named or ("",))


@dataclass(frozen=True, slots=True)
class Span:
    """A calendar period: its start, and its end (exclusive); ``None`` is without a bound."""

    since: datetime | None
    until: datetime | None

    def holds(self, at: datetime) -> bool:
        """Whether ``at`` lies in it."""
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)


def span_of(period: Period, at: datetime, zone: str) -> Span:
    """The period that holds ``at``."""
    return Span(period_start(period, at, zone), next_period_start(period, at, zone))


def limit_span(card: Card, at: datetime, zone: str) -> Span:
    """The card's limit period that holds ``at``: its whole life, or a month."""
    lifetime = card.limit_period is LimitPeriod.LIFETIME
    return span_of(Period.LIFETIME if lifetime else Period.MONTH, at, zone)


async def card_exposure(
    uow: UnitOfWork, card: Card, zone: str, *, at: datetime | None = None
) -> Exposure:
    """What the card has at stake in its limit period that holds ``at`` (now, unless given)."""
    span = limit_span(card, at or uow.now, zone)
    [[exposure]] = await uow.ledger.sums(
        [
            uow.ledger.exposure(
                ("card_id",),
                [(card.id,)],
                since=span.since,
                until=span.until,
                currency=card.currency,
            )
        ]
    )
    return exposure


async def exceeded_limits(
    uow: UnitOfWork,
    policy: Policy,
    subject: Subject,
    reserve: Reserve,
    *,
    at: datetime | None = None,
) -> tuple[str, ...]:
    """One sentence for each budget or cap that the intent's maximum would exceed.

    ``at`` is when the intent counts: now, or when a period that opens early is due.
    """
    sentences = []
    for budget in applicable_budgets(policy, subject):
        key = key_of(budget.scope, subject)
        if key is None:
            continue
        span = span_of(budget.period, at or uow.now, policy.time_zone)
        wanted = uow.ledger.exposure(
            columns_of(budget.scope),
            [key],
            since=span.since,
            until=span.until,
            currency=budget.currency,
            when=await counted_by(uow, budget.when),
        )
        [[used]] = await uow.ledger.sums([wanted])
        fits, room = check_budget(
            budget, used, amount=reserve.total, covered=0, currency=reserve.currency
        )
        if not fits:
            sentences.append(
                f"budget `{budget.name}` has {format_minor(room, budget.currency)} left and the "
                f"intent may cost {format_minor(reserve.total, reserve.currency)}"
            )
    for cap in applicable_caps(policy, subject):
        key = key_of(cap.scope, subject)
        # Attempts happen at authorization; an intent is none.
        if key is None or cap.measure is Measure.ATTEMPTS:
            continue
        counted = uow.ledger.usage(
            columns_of(cap.scope),
            [key],
            since=used_since(cap.window, uow.now, policy.time_zone),
            measure=cap.measure,
            cap=cap.name,
            currency=cap.currency,
            when=await counted_by(uow, cap.when),
        )
        [[(usage, _)]] = await uow.ledger.sums([counted])
        result = check_cap(
            cap,
            usage,
            amount=reserve.per_charge,
            currency=reserve.currency,
            counts=True,
            now=uow.now,
            zone=policy.time_zone,
        )
        # A rolling cap that is used up now but opens inside the window is left to the charge.
        if not result.fits and not _opens_within(result.opens_at, uow.now):
            sentences.append(result.sentence)
    return tuple(sentences)


def _opens_within(opens_at: datetime | None, now: datetime) -> bool:
    return opens_at is not None and opens_at <= now + timedelta(minutes=30)


def fits_card(card: Card, used: Exposure, amount: int) -> bool:
    """Whether a reservation of ``amount`` minor units fits the card's spending limit."""
    return amount <= room_in(card.spending_limit, used, covered=0, refunds_restore=False)
