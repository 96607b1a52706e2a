"""A verifier written from docs/formats alone: nothing of Signets is imported here.

It shows that the documents suffice, and that our own verifier agrees with an independent one.
"""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FOLDER = Path(__file__).parent / "evidence"
BUNDLE = (FOLDER / "bundle.jsonl").read_bytes()
KEY = json.loads((FOLDER / "checkpoint.json").read_text())["verifier_key"]


def climb(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    """evidence-bundle.md, "Inclusion": from a leaf hash to the root that its proof implies."""
    low, high, turns = 0, size, []
    while high - low > 1:  # walk down to the leaf, noting on which side each sibling lies
        middle = low + (1 << (high - low - 1).bit_length() - 1)
        turns.append(index >= middle)
        low, high = (middle, high) if index >= middle else (low, middle)
    assert len(turns) == len(proof)
    for sibling_is_left, sibling in zip(reversed(turns), proof, strict=True):
        pair = sibling + leaf if sibling_is_left else leaf + sibling
        leaf = sha256(b"\x01" + pair).digest()
    return leaf


def verify(data: bytes, vkey: str) -> list[dict[str, Any]]:
    """Return the entries of a bundle, or raise."""
    header_line, head_line, *entry_lines, last_line, rest = data.split(b"\n")
    assert rest == b""
    covered = data[: -len(last_line) - 1]
    assert last_line.decode() == '{"sha256":"%s"}' % sha256(covered).hexdigest()  # noqa: UP031
    header, head = json.loads(header_line), json.loads(head_line)
    assert header["format"] == "signets-evidence/1" and header["entries"] == len(entry_lines)
    assert head["key"] == vkey
    name, key_id, encoded = vkey.split("+", 2)
    public = base64.b64decode(encoded)
    assert sha256(name.encode() + b"\n" + public).digest()[:4].hex() == key_id
    body, signature_lines = head["checkpoint"].split("\n\n")
    origin, size, root, _ = (body + "\n").split("\n")
    assert origin == name == f"signets/{header['organization']}"
    blob = base64.b64decode(signature_lines.split("\n")[0].split(" ")[2])
    assert blob[:4].hex() == key_id
    Ed25519PublicKey.from_public_bytes(public[1:]).verify(blob[4:], (body + "\n").encode())
    entries, last_index = [], -1
    for number, line in enumerate(entry_lines, 1):
        raw = line[len(b'{"entry":') : line.rindex(b',"index":')]
        placed = json.loads(line)
        proof = [base64.b64decode(node) for node in placed["proof"]]
        leaf = sha256(b"\x00" + raw).digest()
        assert climb(leaf, placed["index"], int(size), proof) == base64.b64decode(root)
        entry = json.loads(raw)
        canonical = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert canonical.encode() == raw
        assert entry["organization"] == header["organization"]
        assert (entry["intent"], entry["intent_seq"]) == (header["intent"], number)
        assert placed["index"] > last_index
        last_index = placed["index"]
        entries.append(entry)
    return entries


def test_a_stranger_can_verify_the_golden_bundle() -> None:
    """From the documents alone: signature, proofs and sequence hold, and the story is readable."""
    assert [entry["kind"] for entry in verify(BUNDLE, KEY)] == [
        "intent.declared",
        "intent.approved",
        "card.opened",
        "decision.declined",
        "transaction.updated",
    ]


@pytest.mark.parametrize("place", range(0, len(BUNDLE), 7))
def test_a_stranger_refuses_a_flipped_byte(place: int) -> None:
    """Sampled over the file: the independent verifier refuses each change too."""
    changed = bytearray(BUNDLE)
    changed[place] ^= 0x01
    with pytest.raises((AssertionError, ValueError, KeyError, TypeError, InvalidSignature)):
        verify(bytes(changed), KEY)
