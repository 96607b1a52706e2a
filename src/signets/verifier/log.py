"""Verify a whole evidence log offline: every entry's bytes, its place, and the signed tree head.

A bundle shows one intent's entries; this takes all that an organization has logged, so that
nothing can be missing between them. It needs the entries, the newest checkpoint and the public
key, and no database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from signets.core.evidence.checkpoint import (
    CheckpointInvalid,
    SignedCheckpoint,
    parse_checkpoint,
    parse_verifier_key,
)
from signets.core.evidence.entry import EntryInvalid, parse_entry
from signets.core.evidence.merkle import leaf_hash, root_of, verify_inclusion


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReport:
    """The outcome: ``problems`` in words; none where the log is whole."""

    entries: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether everything held, and there was something to hold."""
        return self.entries > 0 and not self.problems


def verify_log(
    entries: Sequence[bytes],
    checkpoint: bytes,
    expected_key: str,
    proofs: Mapping[int, Sequence[bytes]] | None = None,
) -> LogReport:
    """Check a log; never raises on its content, however broken.

    Args:
        entries: The canonical bytes of every entry, in the order of the tree.
        checkpoint: The signed note over exactly these.
        expected_key: The verifier key, from another source than the log.
        proofs: Audit paths by tree index, as they were handed out.
    """
    problems: list[str] = []
    try:
        signed = parse_checkpoint(checkpoint)
        problems += _signature(signed, expected_key)
    except CheckpointInvalid as problem:
        return LogReport(entries=len(entries), problems=(f"the checkpoint: {problem}",))
    head, leaves = signed.checkpoint, [leaf_hash(raw) for raw in entries]
    if head.size != len(entries):
        problems.append(f"the checkpoint seals {head.size} entries, and there are {len(entries)}")
    elif root_of(leaves) != head.root:
        problems.append("the entries are not those that the checkpoint seals")
    for index, proof in (proofs or {}).items():
        held = index < len(leaves) and verify_inclusion(
            leaf=leaves[index], index=index, size=head.size, proof=proof, root=head.root
        )
        if not held:
            problems.append(f"the proof of entry {index} does not lead to the sealed root")
    return LogReport(entries=len(entries), problems=(*problems, *_sequences(entries)))


def _signature(signed: SignedCheckpoint, expected_key: str) -> list[str]:
    key = parse_verifier_key(expected_key.strip())
    public_key = Ed25519PublicKey.from_public_bytes(key.public_key)
    ours = [one for one in signed.signatures if (one.name, one.key_id) == (key.name, key.key_id)]
    if not ours:
        return ["the checkpoint carries no signature by the expected key"]
    for one in ours:
        try:
            public_key.verify(one.signature, signed.body)
        except InvalidSignature:
            return ["the checkpoint's signature does not verify"]
    return []


def _sequences(entries: Sequence[bytes]) -> list[str]:
    """Of each card and intent: its entries are numbered from 1 without a gap."""
    problems: list[str] = []
    seen: dict[str, set[int]] = {}
    for index, raw in enumerate(entries):
        try:
            entry = parse_entry(raw)
        except EntryInvalid as problem:
            problems.append(f"entry {index}: {problem}")
            continue
        for subject, number in ((entry.card, entry.card_seq), (entry.intent, entry.intent_seq)):
            if subject is not None and number is not None:
                seen.setdefault(subject, set()).add(number)
    for subject, numbers in seen.items():
        if numbers != set(range(1, len(numbers) + 1)):
            problems.append(f"of {subject} entries are missing")
    return problems
