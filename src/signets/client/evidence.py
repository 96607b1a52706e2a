"""``client.evidence``: the evidence log, and what an auditor checks offline."""

from __future__ import annotations

from signets.client.call import (
    Call,
    CardRef,
    IntentRef,
    Part,
    get,
    id_of,
    many,
    one,
    optional_id,
)
from signets.client.operation import Resource, RunnerT, listing, operation
from signets.client.types import EvidenceEntry, EvidenceKey


class Evidence(Resource[RunnerT]):
    """The evidence log."""

    @listing
    def list(
        self,
        *,
        intent_id: IntentRef | None = None,
        card_id: CardRef | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> Call[Part[EvidenceEntry]]:
        """Entries, newest first. ``limit``: page size, 1 to 100."""
        return many(
            "/v1/evidence",
            EvidenceEntry,
            limit=limit,
            after=after,
            intent_id=optional_id(intent_id, param="intent_id"),
            card_id=optional_id(card_id, param="card_id"),
        )

    @operation
    def bundle(self, intent_id: IntentRef) -> Call[bytes]:
        """One intent's evidence as the file that ``signets evidence verify`` reads, byte for byte.

        Write it as it is: parsing and writing it again may change bytes that are signed.
        """
        wanted = {"intent_id": id_of(intent_id, param="intent_id")}
        return get("/v1/evidence/bundle", bytes, params=wanted)

    @operation
    def key(self) -> Call[EvidenceKey]:
        """The public key that checkpoints are signed with."""
        return get("/v1/evidence/key", one(EvidenceKey))
