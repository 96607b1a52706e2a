"""Entries: bytes that round-trip, and fields that are refused by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from signets.core.evidence.entry import (
    MAX_ENTRY_BYTES,
    EvidenceEntry,
    encode_entry,
    parse_entry,
)

SUFFIX = "01m8613tcce609bb7kkadmk5wh"
ENTRY = EvidenceEntry(
    id=f"evi_{SUFFIX}",
    organization=f"org_{SUFFIX}",
    kind="intent.approved",
    at=datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC),
    actor=f"member:mem_{SUFFIX}",
    subject=f"int_{SUFFIX}",
    intent=f"int_{SUFFIX}",
    intent_seq=2,
    data={"comment": "ok", "maximum": 2200},
)


def test_bytes_are_as_specified() -> None:
    """One entry written out in full: field order, instant, nulls."""
    expected = (
        '{"actor":"member:mem_S","at":"2026-03-01T12:00:00.000005Z","card":null,"card_seq":null,'
        '"data":{"comment":"ok","maximum":2200},"id":"evi_S","intent":"int_S","intent_seq":2,'
        '"kind":"intent.approved","organization":"org_S","subject":"int_S","v":1}'
    )
    assert encode_entry(ENTRY).decode() == expected.replace("_S", f"_{SUFFIX}")


@given(
    at=st.datetimes(timezones=st.just(UTC)),
    seq=st.integers(1, 2**53 - 1),
    data=st.dictionaries(
        st.text(st.characters(max_codepoint=127)),
        st.text(st.characters(exclude_categories=["Cs"])) | st.booleans() | st.lists(st.none()),
    ),
)
def test_entries_round_trip_and_are_rfc_8785(at: datetime, seq: int, data: dict[str, Any]) -> None:
    """Parsing the bytes gives the entry back, and re-encoding them with JCS changes nothing."""
    entry = replace(ENTRY, at=at, intent_seq=seq, data=data)
    raw = encode_entry(entry)
    assert parse_entry(raw) == entry
    fields = {name: getattr(entry, name) for name in EvidenceEntry.__slots__}
    at_text = raw.split(b'"at":"')[1][:27].decode()
    assert raw == rfc8785.dumps(fields | {"at": at_text, "v": 1})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", f"int_{SUFFIX}"),
        ("organization", "acme"),
        ("kind", "approved"),
        ("kind", "Intent.Approved"),
        ("at", datetime(2026, 3, 1)),
        ("at", datetime(2026, 3, 1, tzinfo=timezone(timedelta(hours=1)))),
        ("actor", "member mem"),
        ("subject", ""),
        ("subject", "int_x\n"),
        ("intent", None),
        ("intent_seq", None),
        ("intent_seq", 0),
        ("intent_seq", True),
        ("card", f"card_{SUFFIX}"),
        ("card_seq", 1),
        ("data", None),
        ("data", {"amount": 20.0}),
        ("data", {"text": "x" * MAX_ENTRY_BYTES}),
    ],
)
def test_a_bad_field_is_refused_by_name(field: str, value: object) -> None:
    """No malformed entry gets bytes; the error starts with the field's name."""
    with pytest.raises(ValueError, match=f"^{field}"):
        encode_entry(replace(ENTRY, **{field: value}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        (b'"v":1', b'"v":2'),
        (b'"v":1', b'"v":1.0'),
        (b'"v":1', b'"v":true'),
        (b'"v":1', b'"v": 1'),
        (b'"v":1', b'"v":1,"v":1'),
        (b'"v":1', b'"v":1,"x":1'),
        (b'"v":1', b'"w":1'),
        (b'"card":null,', b""),
        (b'"comment":"ok"', b'"comment":"\\u006fk"'),
        (b'"comment":"ok","maximum":2200', b'"maximum":2200,"comment":"ok"'),
        (b"2200", b"2200.0"),
        (b"2200", b"22e2"),
        (b"2200", b"-0"),
        (b".000005Z", b".000005+00:00"),
        (b".000005Z", b"Z"),
        (b"2026-03-01", b"2026-02-30"),
    ],
)
def test_other_spellings_of_an_entry_are_refused(change: tuple[bytes, bytes]) -> None:
    """There is one way to write an entry: another order, escape, number or instant is refused."""
    raw = encode_entry(ENTRY)
    assert change[0] in raw
    with pytest.raises(ValueError):
        parse_entry(raw.replace(*change, 1))


@given(st.binary(max_size=200))
def test_garbage_is_a_value_error(raw: bytes) -> None:
    """Any bytes that are no entry are refused, never another exception."""
    with pytest.raises(ValueError):
        parse_entry(raw)
