"""A small evidence log under a fixed test key, to export bundles from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from signets.core.evidence.bundle import BundledEntry, build_bundle
from signets.core.evidence.checkpoint import Checkpoint, VerifierKey, log_origin, sign_checkpoint
from signets.core.evidence.entry import EvidenceEntry, encode_entry
from signets.core.evidence.merkle import inclusion_proof, leaf_hash, root_of, stored_nodes

ORGANIZATION = "org_01m8613tcce609bb7kkadmk5wh"
INTENT = "int_01m8613tcce609bb7kkadmk5wj"
OTHER_INTENT = "int_01m8613tcce609bb7kkadmk5wm"
CARD = "card_01m8613tcce609bb7kkadmk5wk"
CREATED = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def sample_entry(number: int, intent: str | None, intent_seq: int | None) -> EvidenceEntry:
    """The entry at tree index ``number``; everything in it follows from the arguments."""
    return EvidenceEntry(
        id=f"evi_01m8613tcce609bb7kkadm{number:04d}",
        organization=ORGANIZATION,
        kind="decision.approved",
        at=CREATED + timedelta(seconds=number, microseconds=number),
        actor="system",
        subject=f"dec_01m8613tcce609bb7kkadm{number:04d}",
        intent=intent,
        intent_seq=intent_seq,
        card=CARD,
        card_seq=number + 1,
        data={"amount": 2000 + number, "purpose": "Guthaben für $20 🎫\n"},
    )


class Log:
    """Eight entries; those at tree index 1, 3, 4 and 7 are the intent's."""

    def __init__(self, seed: bytes = b"signets conformance log") -> None:
        places = {1: 1, 3: 2, 4: 3, 7: 4}
        self.private = Ed25519PrivateKey.from_private_bytes(sha256(seed).digest())
        self.key = VerifierKey(
            log_origin(ORGANIZATION), self.private.public_key().public_bytes_raw()
        )
        self.entries = [
            sample_entry(n, INTENT, places[n]) if n in places else sample_entry(n, None, None)
            for n in range(8)
        ]
        self.chosen = list(places)

    def replace_entry(self, index: int, **changes: object) -> None:
        """Log another entry at ``index`` instead (the log's owner may log anything)."""
        self.entries[index] = replace(self.entries[index], **changes)  # type: ignore[arg-type]

    def checkpoint(self) -> bytes:
        """The signed head of the tree."""
        leaves = [leaf_hash(encode_entry(entry)) for entry in self.entries]
        head = Checkpoint(log_origin(ORGANIZATION), len(leaves), root_of(leaves))
        return sign_checkpoint(head, key=self.key, sign=self.private.sign)

    def bundled(self) -> list[BundledEntry]:
        """The chosen entries with proofs."""
        raws = [encode_entry(entry) for entry in self.entries]
        stored = stored_nodes([leaf_hash(raw) for raw in raws])
        return [
            BundledEntry(raws[n], n, inclusion_proof(n, len(raws), stored)) for n in self.chosen
        ]

    def export(self, **changes: object) -> bytes:
        """The bundle, with any argument of :func:`build_bundle` replaced."""
        given: dict[str, object] = {
            "organization": ORGANIZATION,
            "intent": INTENT,
            "created": CREATED,
            "entries": self.bundled(),
            "checkpoint": self.checkpoint(),
            "key": self.key.text(),
        }
        return build_bundle(**(given | changes))  # type: ignore[arg-type]


@pytest.fixture
def log() -> Log:
    """A fresh log of eight entries."""
    return Log()
