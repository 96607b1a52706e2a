"""A stretch of history made by the product itself: the mould that :mod:`bench.history` casts from.

One card of each vendor lives through one `window` intent: ten authorizations, eight approved, what
the issuer said of each, the end of the window. Every row is written by the use cases.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from bench.policy import CURRENCY, Role
from bench.world import MCC, WINDOW_SECONDS, Plastic, World, build_world
from signets.app.decide_batch import decide_batch
from signets.app.record_issuer_event import apply_snapshot
from signets.app.services import Services
from signets.app.sweep import end_due_windows
from signets.bootstrap import open_runtime
from signets.core.authorization.request import AuthorizationRequest, RequestKind
from signets.core.merchant.model import Merchant
from signets.core.settlement.model import (
    DecidedBy,
    EventKind,
    EventResult,
    LifecycleEvent,
    Snapshot,
    Totals,
)
from signets.settings import Settings

#: How long ago the mould lives, further back than anything cast from it.
AGO = timedelta(days=100)
#: What is charged in turn, minor units, and how it ends. Declines are the last two.
_CHARGES = (
    (1_250, EventKind.CLEARING),
    (2_999, EventKind.CLEARING),
    (800, EventKind.CLEARING),
    (4_100, EventKind.REVERSAL),
    (2_000, EventKind.CLEARING),
    (1_999, EventKind.CLEARING),
    (3_333, EventKind.EXPIRY),
    (4_999, EventKind.CLEARING),
    (9_000, None),  # more than the intent allows at once
    (1_500, None),  # at another merchant
)
AUTHORIZATIONS = len(_CHARGES)
_BATCH = 64
_PIZZA = Merchant(descriptor="JOES PIZZA 42", acceptor_id="PIZZA42", mcc="5812", country="US")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mould:
    """The organization that lived, a card for each vendor.

    ``said`` are times that stand in rows without being a column of one.
    """

    world: World
    said: tuple[datetime, ...]


async def live(settings: Settings, seed: int) -> Mould:
    """Make the organization, charge its cards, settle, and end its windows."""
    passed = [timedelta()]
    random_ = random.Random(f"mould {seed}")
    async with open_runtime(
        settings, pool_size=2, shift=lambda: passed[0] - AGO, upgrade=True
    ) as runtime:
        world = await build_world(runtime, None, {Role.BUYS: 1})
        cards = world.cards[Role.BUYS]
        services, said = runtime.services, list[datetime]()
        for turn, (amount, end) in enumerate(_CHARGES):
            passed[0] += timedelta(minutes=2)
            async with runtime.store.unlocked(world.org_id) as uow:
                now = uow.now
            said.append(now)
            asked = [_request(card, amount, now, random_, turn) for card in cards]
            answers = await decide_batch(services, world.org_id, world.connection_id, asked)
            passed[0] += timedelta(minutes=1)
            for request, answered in zip(asked, answers, strict=True):
                if answered.decision.approved is (end is None):
                    raise RuntimeError(f"charge {turn} of the mould was decided otherwise")
                if end is not None:
                    await _settle(services, world, request, end, now)
        passed[0] += timedelta(seconds=WINDOW_SECONDS)
        while await end_due_windows(services, world.org_id):
            pass
        return Mould(world=world, said=tuple(said))


async def buy_once(settings: Settings, world: World, seed: int) -> None:
    """One more purchase with every buying card, after a history was loaded.

    Sums that the product keeps where somebody reads them are so kept of the loaded rows too.
    """
    random_ = random.Random(f"bought once {seed}")
    cards = world.cards[Role.BUYS]
    async with open_runtime(settings, pool_size=2) as runtime:
        for begin in range(0, len(cards), _BATCH):
            async with runtime.store.unlocked(world.org_id) as uow:
                now = uow.now
            asked = [
                _request(card, 1_000, now, random_, 0) for card in cards[begin : begin + _BATCH]
            ]
            await decide_batch(runtime.services, world.org_id, world.connection_id, asked)


def _request(
    card: Plastic, amount: int, now: datetime, random_: random.Random, turn: int
) -> AuthorizationRequest:
    elsewhere = turn == AUTHORIZATIONS - 1
    merchant = Merchant(
        descriptor=card.shop.descriptor,
        acceptor_id=card.shop.acceptor_id,
        mcc=MCC,
        country="US",
    )
    token = str(uuid.UUID(int=random_.getrandbits(128), version=4))
    return AuthorizationRequest(
        request_id=token,
        kind=RequestKind.PURCHASE,
        card_token=card.token,
        amount=amount,
        currency=CURRENCY,
        merchant_amount=amount,
        merchant_currency=CURRENCY,
        merchant=_PIZZA if elsewhere else merchant,
        created=now,
        fingerprint=random_.randbytes(32).hex(),
        partial_approval=False,
        merchant_initiated=False,
    )


async def _settle(
    services: Services, world: World, request: AuthorizationRequest, end: EventKind, now: datetime
) -> None:
    """The issuer's word on an approved authorization and its end, as a pull of it finds both."""
    settled = request.amount if end is EventKind.CLEARING else 0
    kinds = (EventKind.AUTHORIZATION, end)
    async with services.store.transaction(world.org_id) as uow:
        await apply_snapshot(
            services,
            uow,
            world.connection_id,
            Snapshot(
                transaction_token=request.request_id,
                card_token=request.card_token,
                currency=CURRENCY,
                merchant=request.merchant,
                created=now,
                updated=now,
                events=tuple(_event(request, n, kind, now) for n, kind in enumerate(kinds)),
                totals=Totals(held=0, settled=settled),
            ),
            cause=f"pull:{request.request_id}",
        )


def _event(
    request: AuthorizationRequest, number: int, kind: EventKind, now: datetime
) -> LifecycleEvent:
    first = kind is EventKind.AUTHORIZATION
    return LifecycleEvent(
        token=f"{request.request_id}-{number}",
        kind=kind,
        result=EventResult.APPROVED,
        amount=request.amount,
        currency=CURRENCY,
        created=now,
        merchant_amount=request.amount,
        merchant_currency=CURRENCY,
        decided_by=DecidedBy.US if first else DecidedBy.NOBODY,
    )
