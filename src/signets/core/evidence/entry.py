"""One state change as evidence: its fields, and the exact bytes that are hashed.

The tree position is not part of an entry: a sequencer assigns it afterwards, so that writers never
wait for each other. What orders entries for a reader are the two sequence numbers, per intent and
per card. Byte-exact specification: docs/formats/evidence-entry.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from signets.core.evidence.canonical import MAX_INTEGER, check_canonical, decode_json
from signets.core.ids import Prefix, is_id

ENTRY_VERSION = 1
MAX_ENTRY_BYTES = 65_535  # so that an entry fits a C2SP tlog-tiles entry bundle (uint16 length)

_KIND = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_ACTOR = re.compile(r"[a-z][a-z_]*(:[!-~]{1,128})?")
_SUBJECT = re.compile(r"[!-~]{1,128}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_NO_OFFSET = timedelta(0)


class EntryInvalid(ValueError):
    """Fields or bytes that are not an entry; the message starts with the field's name."""


class EvidenceEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One state change.

    ``kind`` is ``noun.verb`` and open to new ones (``intent.approved``, ``decision.declined``,
    ``transaction.updated``); ``actor`` says who did it (``agent:agt_…``, ``member:mem_…``,
    ``issuer:conn_…``, ``system``); ``subject`` is the id of the object that changed. ``intent`` and
    ``card`` go with their own sequence number, counted from 1 without a gap, or both are ``None``.
    ``data`` is plain JSON (see :mod:`.canonical`) and never holds a PAN, CVV or key.
    """

    id: str
    organization: str
    kind: str
    at: datetime
    actor: str
    subject: str
    intent: str | None = None
    intent_seq: int | None = None
    card: str | None = None
    card_seq: int | None = None
    data: Mapping[str, object]


def instant_text(at: datetime) -> str:
    """``2026-11-24T05:46:31.123456Z``: RFC 3339, UTC, always six decimals.

    Raises:
        EntryInvalid: Without a time zone, or not in UTC.
    """
    if at.utcoffset() != _NO_OFFSET:
        raise EntryInvalid("at: must be a datetime in UTC")
    return at.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_instant(text: str) -> datetime:
    """The inverse of :func:`instant_text`.

    Raises:
        EntryInvalid: In any other form, or not a calendar date.
    """
    if not _INSTANT.fullmatch(text):
        raise EntryInvalid("at: must look like 2026-11-24T05:46:31.123456Z")
    try:
        return datetime.fromisoformat(text[:-1]).replace(tzinfo=UTC)
    except ValueError as problem:
        raise EntryInvalid(f"at: {problem}") from problem


def encode_entry(entry: EvidenceEntry) -> bytes:
    """The canonical bytes: what is stored, hashed as a leaf, and exported.

    Raises:
        ValueError: :class:`EntryInvalid` or ``CanonicalError``, naming the field or its path.
    """
    _check_fields(entry)
    data = entry.data
    check_canonical(data, name="data", depth=2)
    raw = msgspec.json.encode(
        {
            "v": ENTRY_VERSION,
            "id": entry.id,
            "organization": entry.organization,
            "kind": entry.kind,
            "at": instant_text(entry.at),
            "actor": entry.actor,
            "intent": entry.intent,
            "intent_seq": entry.intent_seq,
            "card": entry.card,
            "card_seq": entry.card_seq,
            "subject": entry.subject,
            "data": data,
        },
        order="sorted",
    )
    if len(raw) > MAX_ENTRY_BYTES:
        raise EntryInvalid(f"data: the entry is {len(raw)} bytes, at most {MAX_ENTRY_BYTES}")
    return raw


def parse_entry(raw: bytes) -> EvidenceEntry:
    """The entry whose canonical bytes are exactly ``raw``.

    Raises:
        ValueError: Not an entry, another version, or not the canonical bytes of one.
    """
    if len(raw) > MAX_ENTRY_BYTES:
        raise EntryInvalid(f"$: {len(raw)} bytes, at most {MAX_ENTRY_BYTES}")
    fields = _fields_of(decode_json(raw))
    version = fields.pop("v")
    if type(version) is not int or version != ENTRY_VERSION:
        raise EntryInvalid(f"v: only version {ENTRY_VERSION} is known")
    if not isinstance(fields["at"], str):
        raise EntryInvalid("at: must be a string")
    if not isinstance(fields["data"], dict):
        raise EntryInvalid("data: must be an object")
    fields["at"] = parse_instant(fields["at"])
    entry = EvidenceEntry(**fields)
    if encode_entry(entry) != raw:
        raise EntryInvalid("$: not the canonical bytes (key order, spacing or escapes differ)")
    return entry


def _fields_of(value: object) -> dict[str, Any]:
    expected = {"v", *EvidenceEntry.__struct_fields__}
    if not isinstance(value, dict) or value.keys() != expected:
        raise EntryInvalid(f"$: must be an object with exactly the fields {sorted(expected)}")
    return value


def _check_fields(entry: EvidenceEntry) -> None:
    _check_id("id", entry.id, Prefix.EVIDENCE)
    _check_id("organization", entry.organization, Prefix.ORGANIZATION)
    _check_form("kind", entry.kind, _KIND, "must look like `intent.approved`")
    _check_form("actor", entry.actor, _ACTOR, "must look like `member:mem_…` or `system`")
    _check_form("subject", entry.subject, _SUBJECT, "must be an id of printable ASCII")
    _check_sequence("intent", entry.intent, entry.intent_seq, Prefix.INTENT)
    _check_sequence("card", entry.card, entry.card_seq, Prefix.CARD)
    if type(entry.data) is not dict:
        raise EntryInvalid("data: must be a dict")


def _check_id(field: str, value: object, prefix: Prefix) -> None:
    if not isinstance(value, str) or not is_id(value, prefix):
        raise EntryInvalid(f"{field}: must be an id that starts with `{prefix.value}_`")


def _check_form(field: str, value: object, form: re.Pattern[str], expected: str) -> None:
    if not isinstance(value, str) or not form.fullmatch(value):
        raise EntryInvalid(f"{field}: {expected}")


def _check_sequence(field: str, value: object, seq: object, prefix: Prefix) -> None:
    if value is None and seq is None:
        return
    if value is None or seq is None:
        raise EntryInvalid(f"{field}_seq: goes with `{field}`; give both or neither")
    _check_id(field, value, prefix)
    if type(seq) is not int or not 1 <= seq <= MAX_INTEGER:
        raise EntryInvalid(f"{field}_seq: must be an integer from 1")
