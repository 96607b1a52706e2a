"""Whether what a process remembers of an organization is what the database says."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import msgspec
from tests.postgres.process_kit import VENDORS, Tenant, charge

from signets.app.gather_authorizations import gather, named
from signets.app.standing import CardBook, Standing


async def wrong_in_standing(tenant: Tenant) -> tuple[int, list[str]]:
    """How many facts stand, and a sentence for each that the database contradicts.

    A request on every remembered card, at every vendor of its lock, names what can be remembered;
    all of that is gathered anew, from nothing.
    """
    services, connection_id = tenant.services, tenant.connection_id
    standing = services.standings.take(tenant.org_id)
    if standing is None:
        return 0, []
    services.standings.keep(tenant.org_id, standing)
    async with services.store.unlocked(tenant.org_id) as uow:
        if not standing.holds(uow.last, uow.now):
            return 0, []
        requests = [
            charge(f"?{token}{vendor}", token, 100, merchant=VENDORS[vendor])
            for token, book in standing.cards.get(connection_id, {}).items()
            for vendor in book.card.merchant_lock
        ]
        rows = await uow.authorizations.gather(connection_id, *named(requests))
        truth = Standing()
        await gather(services, uow, connection_id, requests, rows, truth)
        now = uow.now
    wrong: list[str] = []
    checked = 0

    def same(what: str, known: Any, stored: Any) -> None:
        nonlocal checked
        checked += 1
        if known != stored:
            wrong.append(f"{what}: remembered {known}, stored {stored}")

    for token, book in truth.cards.get(connection_id, {}).items():
        known = standing.cards[connection_id][token]
        same(f"card {token}", _comparable(known, book), _comparable(book, book))
        if known.live_whole and book.live_whole:
            same(
                f"live on {token}",
                standing.live.get(known.card.id, {}),
                truth.live.get(book.card.id, {}),
            )
    for kind in ("intents", "exposures", "budgets"):
        remembered = getattr(standing, kind)
        for key, value in getattr(truth, kind).items():
            if key in remembered:
                same(f"{kind} {key}", remembered[key], value)
    for kind in ("used", "declines"):
        remembered = getattr(standing, kind)
        for key, value in getattr(truth, kind).items():
            if key in remembered and now < standing.until.get(key, now):
                same(f"{kind} {key}", remembered[key], value)
    return checked, wrong


def _comparable(book: CardBook, other: CardBook) -> dict[str, Any]:
    """The book's values; what differs without meaning anything is taken from the other."""
    card = msgspec.structs.replace(book.card, evidence_seq=0)
    plain = replace(book, card=card, live_whole=other.live_whole)
    if plain.span != other.span:  # another month has begun: it is read again
        plain = replace(plain, span=other.span, exposure=other.exposure)
    return {one.name: getattr(plain, one.name) for one in fields(plain)}
