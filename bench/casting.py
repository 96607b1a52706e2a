"""Rows of PostgreSQL's binary COPY as moulds: what differs from one cast to the next is cut out.

A cast puts other values into the holes, of the same length, so that rows stay rows and the fields
of JSON, of canonical evidence and of recorded inputs stay what they are. The one value whose
length differs, a card's evidence number, is written with the length of its field.

Format: PostgreSQL documentation, "COPY / Binary Format".
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
TRAILER = struct.pack(">h", -1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
#: A TypeID: what it names, its time (10 characters), and the rest.
_ID = re.compile(rb"([a-z]{3,4})_([0-7][0-9a-hjkmnp-tv-z]{9})([0-9a-hjkmnp-tv-z]{16})")
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SEQUENCE = re.compile(rb'"card_seq":(\d+)')


def base32(number: int, width: int) -> bytes:
    """Crockford's base32 as TypeIDs write it, ``width`` characters."""
    found = ""
    for _ in range(width):
        number, digit = divmod(number, 32)
        found = _DIGITS[digit] + found
    return found.encode()


def binary_time(at: datetime) -> bytes:
    """A ``timestamptz`` as binary COPY writes it."""
    return struct.pack(">q", (at - _EPOCH) // timedelta(microseconds=1))


def text_time(at: datetime) -> bytes:
    """The start that all our forms of an instant as text have in common."""
    return at.isoformat(timespec="microseconds")[:26].encode()


def packed_time(at: datetime) -> bytes:
    """The instant in recorded inputs (msgpack)."""
    return msgspec.msgpack.encode(at)


@dataclass(frozen=True, slots=True)
class Row:
    """The fields of one row by column; ``None`` is NULL."""

    fields: dict[str, bytes | None]


def read_rows(copied: bytes, columns: Sequence[str]) -> list[Row]:
    """The rows of one binary COPY TO.

    Raises:
        ValueError: It is not that, or has other columns.
    """
    if not copied.startswith(HEADER) or not copied.endswith(TRAILER):
        raise ValueError("not a binary COPY")
    at, rows = len(HEADER), []
    while at < len(copied) - len(TRAILER):
        (count,) = struct.unpack_from(">h", copied, at)
        if count != len(columns):
            raise ValueError(f"{count} fields for {len(columns)} columns")
        at += 2
        fields: dict[str, bytes | None] = {}
        for column in columns:
            (length,) = struct.unpack_from(">i", copied, at)
            at += 4
            fields[column] = None if length < 0 else copied[at : at + length]
            at += max(0, length)
        rows.append(Row(fields))
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """The values of one cast.

    Attributes:
        known: What stands in for each value of the mould that is named.
        later: How much later everything happened: whole seconds.
        begun: When it began: the time in its new ids.
        number: Makes its new ids its own.
        sequence: The card's last evidence number before it.
        new_uuid: Gives a fresh UUID.
    """

    known: Mapping[bytes, bytes]
    later: timedelta
    begun: datetime
    number: int
    sequence: int
    new_uuid: Callable[[], bytes]


#: Given the values of one cast, what to put into a hole.
Hole = Callable[[Cast, "_Made"], bytes]


@dataclass(slots=True)
class _Made:
    """What is computed once for a cast."""

    moment: bytes
    counter: bytes
    uuids: list[bytes]
    times: dict[datetime, datetime]


@dataclass
class Mould:
    """Rows of several tables that are cast together.

    Args:
        known: Values to be named anew at each cast: ids of what the rows hang on.
        times: Every instant that stands in the rows.
    """

    known: Sequence[bytes]
    times: Sequence[datetime]
    _tables: dict[str, tuple[list[bytes], list[tuple[int, int]]]] = field(default_factory=dict)
    _holes: dict[object, int] = field(default_factory=dict)
    _fillings: list[Hole] = field(default_factory=list)
    _ids: dict[bytes, int] = field(default_factory=dict)
    _uuids: dict[bytes, int] = field(default_factory=dict)
    _cut: re.Pattern[bytes] | None = None
    _at: dict[bytes, tuple[Callable[[datetime], bytes], datetime]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for at in self.times:
            for form in (binary_time, text_time, packed_time):
                self._at[form(at)] = (form, at)
        named = sorted([*self.known, *self._at], key=len, reverse=True)
        parts = [*map(re.escape, named), _ID.pattern, _UUID.pattern]
        self._cut = re.compile(b"(" + b"|".join(b"(?:" + one + b")" for one in parts) + b")")

    def add(self, table: str, rows: Sequence[Row]) -> None:
        """Cut the holes into a table's rows."""
        parts: list[bytes] = []
        holes: list[tuple[int, int]] = []
        for row in rows:
            parts.append(struct.pack(">h", len(row.fields)))
            for column, value in row.fields.items():
                if value is None:
                    parts.append(struct.pack(">i", -1))
                elif column == "card_seq":
                    parts.append(struct.pack(">i", 4))
                    self._open(parts, holes, *_number(int.from_bytes(value, "big")))
                elif found := _SEQUENCE.search(value):
                    number = int(found[1])
                    self._open(parts, holes, *_length(len(value), number))
                    self._cut_into(value[: found.start(1)], parts, holes)
                    self._open(parts, holes, *_digits(number))
                    self._cut_into(value[found.end(1) :], parts, holes)
                else:
                    parts.append(struct.pack(">i", len(value)))
                    self._cut_into(value, parts, holes)
        self._tables[table] = (parts, holes)

    def cast(self, cast: Cast) -> dict[str, bytes]:
        """The rows of each table, made anew."""
        made = _Made(
            moment=base32(int(cast.begun.timestamp() * 1000), 10),
            counter=base32(cast.number, 8),
            uuids=[cast.new_uuid() for _ in self._uuids],
            times={at: at + cast.later for at in self.times},
        )
        values = [fill(cast, made) for fill in self._fillings]
        found = {}
        for table, (parts, holes) in self._tables.items():
            filled = parts.copy()
            for place, hole in holes:
                filled[place] = values[hole]
            found[table] = b"".join(filled)
        return found

    def _cut_into(self, value: bytes, parts: list[bytes], holes: list[tuple[int, int]]) -> None:
        assert self._cut is not None
        last = 0
        for found in self._cut.finditer(value):
            parts.append(value[last : found.start()])
            last = found.end()
            self._hole(found[0], parts, holes)
        parts.append(value[last:])

    def _hole(self, text: bytes, parts: list[bytes], holes: list[tuple[int, int]]) -> None:
        if text in self.known:
            self._open(parts, holes, ("known", text), lambda cast, _: cast.known[text])
        elif text in self._at:
            form, at = self._at[text]
            self._open(parts, holes, ("at", text), lambda _, made: form(made.times[at]))
        elif found := _ID.fullmatch(text):
            # The version's and variant's characters stay; then which id of the mould, which cast.
            number = self._ids.setdefault(text, len(self._ids))
            parts.append(found[1] + b"_")
            self._open(parts, holes, "moment", lambda _, made: made.moment)
            parts.append(found[3][:4] + base32(number, 4))
            self._open(parts, holes, "counter", lambda _, made: made.counter)
        else:
            number = self._uuids.setdefault(text, len(self._uuids))
            self._open(parts, holes, ("uuid", number), lambda _, made: made.uuids[number])

    def _open(
        self, parts: list[bytes], holes: list[tuple[int, int]], key: object, filling: Hole
    ) -> None:
        if key not in self._holes:
            self._holes[key] = len(self._fillings)
            self._fillings.append(filling)
        holes.append((len(parts), self._holes[key]))
        parts.append(b"")


def _number(number: int) -> tuple[object, Hole]:
    return ("number", number), lambda cast, _: struct.pack(">i", cast.sequence + number)


def _digits(number: int) -> tuple[object, Hole]:
    return ("digits", number), lambda cast, _: str(cast.sequence + number).encode()


def _length(length: int, number: int) -> tuple[object, Hole]:
    rest = length - len(str(number))
    return ("length", length, number), lambda cast, _: struct.pack(
        ">i", rest + len(str(cast.sequence + number))
    )
