"""``client.issuers``, ``.issuer_events`` and ``.disputes``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from signets.client.call import (
    Call,
    Part,
    Repeat,
    get,
    given,
    many,
    one,
    optional_id,
    path_id,
    post,
)
from signets.client.operation import Resource, RunnerT, listing, operation
from signets.client.types import (
    Dispute,
    Issuer,
    IssuerCheck,
    IssuerEvent,
    IssuerList,
    Transaction,
)


class Issuers(Resource[RunnerT]):
    """Connections to card issuers."""

    @operation
    def list(self) -> Call[IssuerList]:
        """All connections, oldest first, with how many of their events came to what."""
        return get("/v1/issuers", one(IssuerList))

    @operation
    def check(self, connection_id: str | Issuer) -> Call[IssuerCheck]:
        """Look at the set-up now; a critical finding holds the connection."""
        return post(f"{_path(connection_id)}/check", one(IssuerCheck))

    @operation
    def rotate_secret(self, connection_id: str | Issuer) -> Call[Issuer]:
        """A new signing secret for authorization requests; the old one stays live beside it."""
        return post(f"{_path(connection_id)}/rotate_secret", one(Issuer), repeat=Repeat.UNEXECUTED)


class IssuerEvents(Resource[RunnerT]):
    """What issuers sent."""

    @listing
    def list(
        self,
        *,
        outcome: Literal["folded", "unknown_kind", "problem"] | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> Call[Part[IssuerEvent]]:
        """Events, newest first; ``outcome="problem"`` is the list for people."""
        return many("/v1/issuer_events", IssuerEvent, limit=limit, after=after, outcome=outcome)

    @operation
    def replay(self, event_id: str | IssuerEvent) -> Call[IssuerEvent]:
        """Read and book a stored event once more."""
        return post(
            f"/v1/issuer_events/{path_id(event_id, param='event_id')}/replay", one(IssuerEvent)
        )


class Disputes(Resource[RunnerT]):
    """Money claimed back."""

    @operation
    def open(
        self,
        transaction_id: str | Transaction,
        *,
        reason: Literal[
            "not_received",
            "not_as_described",
            "duplicate",
            "canceled",
            "fraudulent",
            "incorrect_amount",
            "refund_missing",
            "no_authorization",
            "other",
        ],
        amount: int | None = None,
        note: str | None = None,
        evidence: Mapping[str, object] | None = None,
    ) -> Call[Dispute]:
        """Claim ``amount`` (minor units; all that can be, if left out) and submit it.

        ``evidence``: what the issuer asks for besides, like ``canceled_at``.
        """
        wanted = path_id(transaction_id, param="transaction_id")
        body = given(reason=reason, amount=amount, note=note, evidence=evidence)
        return post(
            f"/v1/transactions/{wanted}/disputes",
            one(Dispute),
            body=body,
            repeat=Repeat.UNEXECUTED,
        )

    @listing
    def list(
        self,
        *,
        transaction_id: str | Transaction | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> Call[Part[Dispute]]:
        """Claims, newest first. ``limit``: page size, 1 to 100."""
        return many(
            "/v1/disputes",
            Dispute,
            limit=limit,
            after=after,
            transaction_id=optional_id(transaction_id, param="transaction_id"),
        )

    @operation
    def get(self, dispute_id: str | Dispute) -> Call[Dispute]:
        """One claim."""
        return get(f"/v1/disputes/{path_id(dispute_id, param='dispute_id')}", one(Dispute))

    @operation
    def withdraw(self, dispute_id: str | Dispute) -> Call[Dispute]:
        """Take a claim back."""
        return post(
            f"/v1/disputes/{path_id(dispute_id, param='dispute_id')}/withdraw",
            one(Dispute),
            repeat=Repeat.UNEXECUTED,
        )


def _path(connection: str | Issuer) -> str:
    return f"/v1/issuers/{path_id(connection, param='connection_id')}"
