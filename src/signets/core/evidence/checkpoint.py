"""The signed head of a tree: a C2SP tlog-checkpoint in a C2SP signed note, Ed25519.

Sources: https://c2sp.org/tlog-checkpoint and https://c2sp.org/signed-note@v1.0.0. Signing and
verifying need a cryptography library, so both are the caller's: signing comes in as a function,
verification lives in :mod:`signets.verifier`. See docs/formats/checkpoint.md.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from signets.core.evidence.merkle import HASH_BYTES
from signets.core.ids import Prefix, parse_id

ED25519 = b"\x01"  # signature type byte of the signed-note specification
PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64
MAX_SIGNATURES = 16
MAX_CHECKPOINT_BYTES = 128 * 1024

_KEY_NAME = re.compile(r"[!-*,-~]{1,255}")  # printable ASCII without space and plus
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
_DASH = "\u2014"


class CheckpointInvalid(ValueError):
    """Text that is not a checkpoint or a verifier key in exactly the specified form."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is signed: which log, how many leaves, and their root."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line; who made it is the pair of name and key id."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint with its signatures; ``body`` is the bytes that were signed."""

    checkpoint: Checkpoint
    body: bytes
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """An Ed25519 public key under its name, as the signed-note specification identifies it."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        if not _KEY_NAME.fullmatch(self.name):
            raise CheckpointInvalid("a key name is printable ASCII without spaces and plus")
        if len(self.public_key) != PUBLIC_KEY_BYTES:
            raise CheckpointInvalid(f"an Ed25519 public key has {PUBLIC_KEY_BYTES} bytes")

    @property
    def key_id(self) -> bytes:
        """The first four bytes of SHA-256(name, newline, 0x01, public key)."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public_key).digest()[:4]

    def text(self) -> str:
        """``name+hash+base64``: how a key is published and pinned (vkey)."""
        encoded = base64.b64encode(ED25519 + self.public_key).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"


def log_origin(organization: str) -> str:
    """The name of an organization's log, and of its key: ``signets/org_…``."""
    return f"signets/{parse_id(organization, Prefix.ORGANIZATION, param='organization')}"


def checkpoint_body(checkpoint: Checkpoint) -> bytes:
    """The three lines that are signed.

    Raises:
        CheckpointInvalid: A field that would not survive the text form.
    """
    if not _KEY_NAME.fullmatch(checkpoint.origin):
        raise CheckpointInvalid("an origin is printable ASCII without spaces and plus")
    if not _SIZE.fullmatch(str(checkpoint.size)):
        raise CheckpointInvalid("a size is a count of leaves")
    if len(checkpoint.root) != HASH_BYTES:
        raise CheckpointInvalid(f"a root has {HASH_BYTES} bytes")
    root = base64.b64encode(checkpoint.root).decode()
    return f"{checkpoint.origin}\n{checkpoint.size}\n{root}\n".encode()


def sign_checkpoint(
    checkpoint: Checkpoint, *, key: VerifierKey, sign: Callable[[bytes], bytes]
) -> bytes:
    """The signed note. ``sign`` makes the 64-byte Ed25519 signature that ``key`` verifies.

    Raises:
        CheckpointInvalid: The key's name is not the log's origin, or a malformed field.
    """
    if key.name != checkpoint.origin:
        raise CheckpointInvalid(f"key {key.name} does not sign for the log {checkpoint.origin}")
    body = checkpoint_body(checkpoint)
    signature = sign(body)
    if len(signature) != SIGNATURE_BYTES:
        raise CheckpointInvalid(f"an Ed25519 signature has {SIGNATURE_BYTES} bytes")
    encoded = base64.b64encode(key.key_id + signature).decode()
    return body + f"\n{_DASH} {key.name} {encoded}\n".encode()


def parse_checkpoint(note: bytes) -> SignedCheckpoint:
    """Read a signed checkpoint. Checks form only, *not* the signatures.

    Raises:
        CheckpointInvalid: Anything but three lines, an empty line, and 1 to 16 signature lines.
    """
    if len(note) > MAX_CHECKPOINT_BYTES:
        raise CheckpointInvalid(f"a checkpoint has at most {MAX_CHECKPOINT_BYTES} bytes")
    try:
        lines = note.decode().split("\n")
    except UnicodeDecodeError as problem:
        raise CheckpointInvalid("a checkpoint is UTF-8 text") from problem
    if len(lines) < 6 or lines[3] or lines[-1]:
        raise CheckpointInvalid("a checkpoint is three lines, an empty one, and signature lines")
    origin, size, root = lines[:3]
    if not _SIZE.fullmatch(size):
        raise CheckpointInvalid("the second line is the tree's size in decimal")
    checkpoint = Checkpoint(origin, int(size), parse_base64(root, "the third line, the root"))
    body = checkpoint_body(checkpoint)
    signature_lines = lines[4:-1]
    if len(signature_lines) > MAX_SIGNATURES:
        raise CheckpointInvalid(f"a checkpoint carries at most {MAX_SIGNATURES} signatures")
    signatures = tuple(_parse_signature(line) for line in signature_lines)
    return SignedCheckpoint(checkpoint, body, signatures)


def parse_verifier_key(text: str) -> VerifierKey:
    """Read ``name+hash+base64``.

    Raises:
        CheckpointInvalid: Another form or key type, or the hash does not belong to the key.
    """
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise CheckpointInvalid("a verifier key looks like `signets/org_…+1a2b3c4d+AQ…=`")
    encoded = parse_base64(parts[2], "the key")
    if encoded[:1] != ED25519:
        raise CheckpointInvalid("only Ed25519 verifier keys (type 0x01) are supported")
    key = VerifierKey(parts[0], encoded[1:])
    if key.text() != text:
        raise CheckpointInvalid("the key's hash does not belong to its name and bytes")
    return key


def _parse_signature(line: str) -> NoteSignature:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != _DASH or not _KEY_NAME.fullmatch(parts[1]):
        raise CheckpointInvalid("a signature line is an em dash, a key name and base64")
    raw = parse_base64(parts[2], "a signature")
    if len(raw) <= 4:
        raise CheckpointInvalid("a signature starts with four bytes of key id")
    return NoteSignature(parts[1], raw[:4], raw[4:])


def parse_base64(text: str, what: str) -> bytes:
    """Standard base64 with padding, and only the one spelling that encoding gives back."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError as problem:
        raise CheckpointInvalid(f"{what} is not base64") from problem
    if base64.b64encode(raw).decode() != text:
        raise CheckpointInvalid(f"{what} is not in canonical base64")
    return raw
