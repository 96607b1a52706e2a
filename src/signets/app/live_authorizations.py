"""Which live authorizations a batch has to know, for the duplicate check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from signets.app.authorization_records import LiveSearch, request_key
from signets.app.store import UnitOfWork
from signets.core.authorization.case import build_case
from signets.core.authorization.duplicate import may_repeat
from signets.core.authorization.facts import Facts
from signets.core.authorization.request import AuthorizationRequest

if TYPE_CHECKING:
    from signets.app.authorization_batch import Batch


@dataclass(frozen=True, slots=True)
class Searches:
    """What to look for: holds at a vendor, all of an intent; but not under these request ids."""

    sought: list[LiveSearch]
    intents: list[str]
    but: list[str]


def live_searches(batch: Batch, requests: Sequence[AuthorizationRequest]) -> Searches:
    """What each request could be a duplicate of, as far as it can decide.

    That is the nearest amounts around what it asks for, and all of an intent for one purchase
    (:func:`signets.core.authorization.duplicate.deciding`). What the batch itself holds or changes
    is in it already; all else stands still meanwhile.
    """
    times = Counter(request.request_id for request in requests)
    intents: set[str] = set()
    sought: dict[LiveSearch, None] = {}
    for request in requests:
        book, match = batch.cards.get(request.card_token), batch.matches.get(request_key(request))
        if book is None or match is None or match.vendor is None:
            continue
        if book.live_whole or not batch.compares(request):
            continue
        intents |= {one.id for one in batch.paying(request) if not may_repeat(one.usage)}
        # Asked twice in one batch, what the second asks for depends on the answer to the first.
        unsure = times[request.request_id] > 1
        known = Facts(card=None, known=batch.known(request))
        search = LiveSearch(
            card_id=book.card.id,
            vendor=match.vendor,
            currency=request.currency,
            amount=None if unsure else build_case(request, known, batch.now).asked,
        )
        sought[search] = None
    return Searches(list(sought), sorted(intents), list(times))


async def gather_live(uow: UnitOfWork, batch: Batch, searches: Searches) -> None:
    """Load what is looked for."""
    for card_id, one in await uow.authorizations.live(
        searches.sought, searches.intents, searches.but
    ):
        batch.live.setdefault(card_id, {})[one.request_id] = one
