"""The golden vectors: these bytes are the format, and they do not change.

A failure here means that evidence written by an earlier version would no longer verify.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from signets.core.evidence.bundle import build_bundle, parse_bundle
from signets.core.evidence.checkpoint import (
    Checkpoint,
    VerifierKey,
    checkpoint_body,
    parse_checkpoint,
    parse_verifier_key,
    sign_checkpoint,
)
from signets.core.evidence.entry import EvidenceEntry, encode_entry, parse_entry, parse_instant
from signets.core.evidence.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    stored_nodes,
)
from signets.verifier import verify_bundle

FOLDER = Path(__file__).parent / "evidence"
ENTRIES = json.loads((FOLDER / "entries.json").read_text())
TREE = json.loads((FOLDER / "tree.json").read_text())
CHECKPOINT = json.loads((FOLDER / "checkpoint.json").read_text())
BUNDLE = (FOLDER / "bundle.jsonl").read_bytes()


@pytest.mark.parametrize("case", ENTRIES["valid"], ids=lambda case: case["name"])
def test_entry_bytes(case: dict[str, Any]) -> None:
    """The listed fields give exactly the listed bytes and leaf hash, and read back."""
    fields = dict(case["fields"])
    assert fields.pop("v") == 1
    entry = EvidenceEntry(**fields | {"at": parse_instant(fields["at"])})
    raw = encode_entry(entry)
    assert raw.hex() == case["canonical_hex"]
    assert leaf_hash(raw).hex() == case["leaf_hash"]
    assert parse_entry(raw) == entry


@pytest.mark.parametrize("case", ENTRIES["refused"], ids=lambda case: case["name"])
def test_entries_to_refuse(case: dict[str, str]) -> None:
    """Each listed near-miss is refused."""
    with pytest.raises(ValueError):
        parse_entry(case["text"].encode())


def test_tree() -> None:
    """Roots for sizes 0 to 8 and every proof between them are the listed ones."""
    leaves = [bytes.fromhex(leaf) for leaf in TREE["leaf_hashes"]]
    assert TREE["leaf_hashes"] == [case["leaf_hash"] for case in ENTRIES["valid"][:8]]
    stored = stored_nodes(leaves)
    assert [root_of(leaves[:size]).hex() for size in range(9)] == TREE["roots"]
    assert len(TREE["inclusion"]) == len(TREE["consistency"]) == 36
    for case in TREE["inclusion"]:
        proof = inclusion_proof(case["index"], case["size"], stored)
        assert [node.hex() for node in proof] == case["proof"]
    for case in TREE["consistency"]:
        proof = consistency_proof(case["old"], case["new"], stored)
        assert [node.hex() for node in proof] == case["proof"]


def test_checkpoint() -> None:
    """The key made from the listed seed signs the listed head to the listed note."""
    seed = sha256(CHECKPOINT["seed_text"].encode()).digest()
    private = Ed25519PrivateKey.from_private_bytes(seed)
    key = VerifierKey(CHECKPOINT["origin"], private.public_key().public_bytes_raw())
    head = Checkpoint(key.name, CHECKPOINT["size"], bytes.fromhex(CHECKPOINT["root"]))
    assert key.text() == CHECKPOINT["verifier_key"]
    assert key.key_id.hex() == CHECKPOINT["key_id"]
    assert parse_verifier_key(CHECKPOINT["verifier_key"]) == key
    assert checkpoint_body(head).decode() == CHECKPOINT["body"]
    note = sign_checkpoint(head, key=key, sign=private.sign)
    assert note.decode() == CHECKPOINT["note"]
    assert parse_checkpoint(note).checkpoint == head
    assert CHECKPOINT["root"] == TREE["roots"][8]


def test_bundle() -> None:
    """The listed bundle verifies under the listed key, and building it again gives its bytes."""
    report = verify_bundle(BUNDLE, CHECKPOINT["verifier_key"])
    assert report.ok, report.lines()
    assert (report.entries, report.tree_size) == (5, 8)
    bundle = parse_bundle(BUNDLE)
    rebuilt = build_bundle(
        organization=bundle.organization,
        intent=bundle.intent,
        created=bundle.created,
        entries=bundle.entries,
        checkpoint=CHECKPOINT["note"].encode(),
        key=CHECKPOINT["verifier_key"],
    )
    assert rebuilt == BUNDLE
