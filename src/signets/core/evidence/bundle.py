"""The file that carries one intent's evidence: `signets-evidence/1`, strict JSON lines.

Line 1 the header, line 2 the signed checkpoint and its key, then one line per entry with its tree
index and inclusion proof, last the SHA-256 of all bytes before. There is one way to write a given
bundle; a reader rebuilds each line and compares bytes. See docs/formats/evidence-bundle.md.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TypeVar

import msgspec

from signets.core.evidence.canonical import encode_canonical
from signets.core.evidence.checkpoint import (
    CheckpointInvalid,
    SignedCheckpoint,
    VerifierKey,
    log_origin,
    parse_base64,
    parse_checkpoint,
    parse_verifier_key,
)
from signets.core.evidence.entry import (
    EntryInvalid,
    EvidenceEntry,
    instant_text,
    parse_entry,
    parse_instant,
)
from signets.core.evidence.merkle import leaf_hash, verify_inclusion
from signets.core.ids import Prefix, is_id

FORMAT = "signets-evidence/1"

_ID_IN_LINE = re.compile(rb'"id":"(evi_[0-9a-z]{26})"')
_INDEX_IN_LINE = re.compile(rb',"index":([0-9]{1,16}),"proof":\[')


@dataclass(frozen=True, slots=True)
class BadEntry:
    """Which entry is at fault: its place in the file (from 1), and what it claims to be."""

    position: int
    index: int | None
    id: str | None

    def __str__(self) -> str:
        name = self.id or "its id is unreadable"
        place = "unreadable" if self.index is None else str(self.index)
        return f"entry {self.position} of the file ({name}, tree index {place})"


class BundleInvalid(ValueError):
    """A file that is not a whole bundle; ``entry`` says where, if it is in an entry."""

    def __init__(self, problem: str, entry: BadEntry | None = None) -> None:
        super().__init__(f"{entry}: {problem}" if entry else problem)
        self.problem = problem
        self.entry = entry


@dataclass(frozen=True, slots=True)
class BundledEntry:
    """An entry's canonical bytes, where it is in the tree, and its audit path to the root."""

    raw: bytes
    index: int
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A bundle whose *form* is right; nothing in it is proven yet."""

    organization: str
    intent: str
    created: datetime
    signed: SignedCheckpoint
    key: VerifierKey
    entries: tuple[BundledEntry, ...]
    parsed: tuple[EvidenceEntry, ...]
    digest_matches: bool

    def where(self, position: int) -> BadEntry:
        """The name of the entry at ``position`` (from 0) for a message."""
        return BadEntry(position + 1, self.entries[position].index, self.parsed[position].id)


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    created: str
    entries: int
    format: str
    intent: str
    organization: str


class _Checkpoint(msgspec.Struct, forbid_unknown_fields=True):
    checkpoint: str
    key: str


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    entry: msgspec.Raw
    index: int
    proof: list[str]


class _Trailer(msgspec.Struct, forbid_unknown_fields=True):
    sha256: str


_Line = TypeVar("_Line", _Header, _Checkpoint, _Trailer)


def build_bundle(
    *,
    organization: str,
    intent: str,
    created: datetime,
    entries: Sequence[BundledEntry],
    checkpoint: bytes,
    key: str,
) -> bytes:
    """The file's bytes. Entries come in tree order, all of this intent, from its first.

    Args:
        checkpoint: The signed note, as :func:`~.checkpoint.sign_checkpoint` made it.
        key: The verifier key (``name+hash+base64``) that made its signature.

    Raises:
        ValueError: What is put in would not come out whole: a gap, a wrong proof, a foreign entry.
            The signature alone is not checked here.
    """
    header = {
        "created": instant_text(created),
        "entries": len(entries),
        "format": FORMAT,
        "intent": intent,
        "organization": organization,
    }
    lines = [
        encode_canonical(header),
        encode_canonical({"checkpoint": _text(checkpoint), "key": key}),
    ]
    lines += [_entry_line(entry) for entry in entries]
    body = b"".join(line + b"\n" for line in lines)
    data = body + encode_canonical({"sha256": sha256(body).hexdigest()}) + b"\n"
    bundle = parse_bundle(data)
    require_inclusion(bundle)
    require_sequence(bundle)
    return data


def parse_bundle(data: bytes) -> Bundle:
    """Read a bundle strictly. Checks form, *not* signature, inclusion or sequence.

    Raises:
        BundleInvalid: Any byte that is not as :func:`build_bundle` would write it, the digest's
            value excepted: that is left to ``digest_matches``, so that a reader can first say
            which entry was changed.
    """
    lines = data.split(b"\n")
    if lines.pop() or len(lines) < 3:
        raise BundleInvalid("the file ends early: a bundle is whole lines, the last its SHA-256")
    header, created = _parse_header(lines[0])
    signed, key = _parse_checkpoint_line(lines[1])
    if signed.checkpoint.origin != _origin(header.organization):
        raise BundleInvalid("the checkpoint is of another organization's log than the header names")
    if key.name != signed.checkpoint.origin:
        raise BundleInvalid("the key is not named after the checkpoint's log")
    entry_lines = lines[2:-1]
    read = [_parse_entry_line(number, line) for number, line in enumerate(entry_lines, 1)]
    if not entry_lines or len(entry_lines) != header.entries:
        raise BundleInvalid(
            f"the header announces {header.entries} entries, the file has {len(entry_lines)}"
        )
    digest = _parse_line(lines[-1], _Trailer, "the last line").sha256
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise BundleInvalid("the last line is not a SHA-256 in lower-case hex")
    body = data[: -len(lines[-1]) - 1]
    return Bundle(
        organization=header.organization,
        intent=header.intent,
        created=created,
        signed=signed,
        key=key,
        entries=tuple(entry for entry, _ in read),
        parsed=tuple(parsed for _, parsed in read),
        digest_matches=sha256(body).hexdigest() == digest,
    )


def require_inclusion(bundle: Bundle) -> None:
    """Every entry, byte for byte, is the leaf it claims to be under the checkpoint's root.

    Raises:
        BundleInvalid: Naming the first entry that is not.
    """
    checkpoint = bundle.signed.checkpoint
    for position, entry in enumerate(bundle.entries):
        if not verify_inclusion(
            leaf=leaf_hash(entry.raw),
            index=entry.index,
            size=checkpoint.size,
            proof=entry.proof,
            root=checkpoint.root,
        ):
            problem = "its bytes, index or proof do not lead to the checkpoint's root"
            raise BundleInvalid(problem, bundle.where(position))


def require_sequence(bundle: Bundle) -> None:
    """All entries are this intent's: numbered 1 to n without a gap, in tree order.

    Raises:
        BundleInvalid: Naming the first entry that breaks this.
    """
    if all(entry.intent != bundle.intent for entry in bundle.parsed):
        raise BundleInvalid(f"the header names intent {bundle.intent}, but no entry is of it")
    last_index, last_card_seq, ids = -1, dict[str, int](), set[str]()
    for position, (placed, entry) in enumerate(zip(bundle.entries, bundle.parsed, strict=True)):
        where = bundle.where(position)
        if entry.organization != bundle.organization:
            raise BundleInvalid("it is of another organization", where)
        if entry.intent != bundle.intent:
            raise BundleInvalid("it is of another intent", where)
        if entry.intent_seq != position + 1:
            raise BundleInvalid(
                f"it has intent_seq {entry.intent_seq} where {position + 1} must follow", where
            )
        if placed.index <= last_index:
            raise BundleInvalid(f"its tree index is not above {last_index}", where)
        if entry.id in ids:
            raise BundleInvalid("its id occurs twice", where)
        if entry.card is not None and entry.card_seq is not None:
            if entry.card_seq <= last_card_seq.get(entry.card, 0):
                raise BundleInvalid("its card_seq does not rise", where)
            last_card_seq[entry.card] = entry.card_seq
        last_index = placed.index
        ids.add(entry.id)


def _text(note: bytes) -> str:
    try:
        return note.decode()
    except UnicodeDecodeError as problem:
        raise CheckpointInvalid("a checkpoint is UTF-8 text") from problem


def _origin(organization: str) -> str:
    if not is_id(organization, Prefix.ORGANIZATION):
        raise BundleInvalid("the header's organization is not an organization id")
    return log_origin(organization)


def _entry_line(entry: BundledEntry) -> bytes:
    tail = {"index": entry.index, "proof": [base64.b64encode(h).decode() for h in entry.proof]}
    return b'{"entry":' + entry.raw + b"," + encode_canonical(tail)[1:]


def _parse_header(line: bytes) -> tuple[_Header, datetime]:
    header = _parse_line(line, _Header, "the header")
    if header.format != FORMAT:
        raise BundleInvalid(f"the format is not {FORMAT}")
    if not is_id(header.intent, Prefix.INTENT):
        raise BundleInvalid("the header's intent is not an intent id")
    try:
        return header, parse_instant(header.created)
    except EntryInvalid as problem:
        raise BundleInvalid("the header's `created` is not an instant") from problem


def _parse_checkpoint_line(line: bytes) -> tuple[SignedCheckpoint, VerifierKey]:
    head = _parse_line(line, _Checkpoint, "the checkpoint line")
    try:
        return parse_checkpoint(head.checkpoint.encode()), parse_verifier_key(head.key)
    except ValueError as problem:
        raise BundleInvalid(str(problem)) from problem


def _parse_entry_line(number: int, line: bytes) -> tuple[BundledEntry, EvidenceEntry]:
    try:
        read = msgspec.json.decode(line, type=_Entry)
        proof = tuple(parse_base64(text, "a proof's hash") for text in read.proof)
        placed = BundledEntry(bytes(read.entry), read.index, proof)
        parsed = parse_entry(placed.raw)
        if _entry_line(placed) != line:
            raise EntryInvalid("$: not written as the format demands")
    except (msgspec.MsgspecError, ValueError, RecursionError) as problem:
        # The claimed id and index are only names for the reader: the line itself is broken.
        claimed_id, claimed_index = _ID_IN_LINE.search(line), _INDEX_IN_LINE.search(line)
        where = BadEntry(
            number,
            int(claimed_index[1]) if claimed_index else None,
            claimed_id[1].decode() if claimed_id else None,
        )
        raise BundleInvalid(f"unreadable ({problem})", where) from problem
    return placed, parsed


def _parse_line(line: bytes, shape: type[_Line], what: str) -> _Line:
    try:
        value = msgspec.json.decode(line, type=shape)
        canonical = encode_canonical(msgspec.to_builtins(value))
    except (msgspec.MsgspecError, ValueError, RecursionError) as problem:
        raise BundleInvalid(f"{what} is unreadable ({problem})") from problem
    if canonical != line:
        raise BundleInvalid(f"{what} is not written as the format demands")
    return value
