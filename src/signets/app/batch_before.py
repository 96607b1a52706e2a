"""What a batch changes, laid over the facts of the next one, which were read without it.

Afterwards those are what would be read once it is committed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from signets.app.authorization_batch import Batch, add_usage, hold_live
from signets.app.authorization_records import Writes
from signets.app.gather_authorizations import midnight
from signets.core.authorization.request import AuthorizationRequest
from signets.core.velocity import used_since


@dataclass(frozen=True, slots=True)
class BatchBefore:
    """A batch that is decided and being written."""

    batch: Batch
    writes: Writes

    def lay_over(self, batch: Batch, requests: Sequence[AuthorizationRequest]) -> None:
        """Cards, windows, intents, transactions and decisions as they are after this batch."""
        mine = self.batch
        for token, book in batch.cards.items():
            known = mine.cards.get(token)
            if known is None:
                continue
            book.window, book.evidence_seq = known.window, known.evidence_seq
            if mine.now >= midnight(batch.now):
                book.verifications = known.verifications
        for request_id in {request.request_id for request in requests}:
            if request_id in mine.decisions:
                batch.decisions[request_id] = list(mine.decisions[request_id])
            transaction = mine.transactions.get(request_id)
            if transaction is None:
                continue
            batch.transactions[request_id] = transaction
            if transaction.intent_id in mine.intents:
                batch.intents[transaction.intent_id] = mine.intents[transaction.intent_id]
        for intent_id in batch.intents:
            if intent_id in mine.intents:
                batch.intents[intent_id] = mine.intents[intent_id]
        for subject_id in (*batch.intents, *(one.id for one in batch.transactions.values())):
            if subject_id in mine.exposures:
                batch.exposures[subject_id] = mine.exposures[subject_id]

    def count_over(self, batch: Batch) -> None:
        """Caps, budgets, card limits, declines and live holds, with this batch's own added."""
        mine = self.batch
        for counted in mine.counted:
            for cap, key in counted.limits.caps:
                since = used_since(cap.window, batch.now, batch.policy.time_zone)
                if key in batch.used and mine.now > since:
                    add_usage(batch, cap, key, counted, mine.now)
            declined = (counted.card_id, counted.vendor)
            if not counted.approved and declined in batch.declines:
                batch.declines[declined] += 1
        for staked in mine.staked:
            book = batch.cards.get(staked.book.card.issuer_token or "")
            # Of another limit period, at its very turn, it counts there.
            if book is not None and book.span == staked.book.span:
                book.exposure = book.exposure + staked.change
            for _, key_ in staked.limits.budgets:
                if key_ in batch.budgets:
                    batch.budgets[key_] = batch.budgets[key_] + staked.change
        known = {book.card.id for book in batch.cards.values()}
        for transaction in self.writes.transactions.values():
            if transaction.card_id in known:
                hold_live(batch, transaction)
