"""What use cases are given: adapters behind small protocols, wired in ``bootstrap``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from signets.app.known_merchants import MerchantCache
from signets.app.policy_in_force import PolicyCache
from signets.app.ports import Issuer, IssuerSecrets
from signets.app.records import Connection
from signets.app.standing import Standings
from signets.app.store import Store
from signets.core.ids import Prefix


class Vault(Protocol):
    """Encryption at rest and the signature of the evidence log, per organization."""

    def seal(self, org_id: str, plain: bytes) -> bytes: ...

    def open(self, org_id: str, sealed: bytes) -> bytes: ...

    def sign(self, org_id: str, message: bytes) -> bytes:
        """Ed25519 by the organization's evidence key."""
        ...

    def public_key(self, org_id: str) -> bytes:
        """The 32 raw bytes of that key's public half."""
        ...


class Issuers(Protocol):
    """Clients of issuer connections."""

    def client(self, connection: Connection) -> Issuer: ...

    def secrets(self, connection: Connection) -> IssuerSecrets:
        """The connection's live signing secrets (none before enrolment)."""
        ...

    def seal_secrets(self, org_id: str, secrets: IssuerSecrets) -> bytes: ...

    def seal_options(self, org_id: str, options: Mapping[str, str]) -> bytes | None:
        """``None`` where there are none."""
        ...


class Jobs(Protocol):
    """Background work, deferred after the transaction that asks for it has committed.

    Every job only hurries what the periodic sweep finds by itself: losing one costs time, never
    correctness.
    """

    async def sync_card(self, org_id: str, card_id: str) -> None: ...

    async def process_inbox(self, org_id: str) -> None: ...

    async def sequence_evidence(self, org_id: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a use case may reach."""

    store: Store
    new_id: Callable[[Prefix], str]
    vault: Vault
    issuers: Issuers
    jobs: Jobs
    merchants: MerchantCache
    policies: PolicyCache
    standings: Standings
