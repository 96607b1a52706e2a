"""The bench's arithmetic: percentiles, schedules, what an answer is, what a cast is."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from bench.casting import (
    HEADER,
    TRAILER,
    Cast,
    Mould,
    base32,
    binary_time,
    packed_time,
    read_rows,
    text_time,
)
from bench.figures import Spread, median_ratio, percentile
from bench.load import Job, due_at, run, status_of
from hypothesis import given
from hypothesis import strategies as st

ANSWER = b'HTTP/1.1 200 OK\r\ncontent-length: 21\r\n\r\n{"result":"APPROVED"}'


@given(st.lists(st.integers(), min_size=1), st.floats(min_value=0.001, max_value=1))
def test_a_percentile_is_the_smallest_value_that_covers_the_share(
    values: list[int], share: float
) -> None:
    """At least the share lies at or below it, and less than the share lies below it."""
    found = percentile(values, share)
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) < share * len(values)


def test_a_percentile_of_nothing_is_refused() -> None:
    """No values, or a share that is none, is an error and not a number."""
    for values, share in (([], 0.5), ([1], 0.0), ([1], 1.1)):
        with pytest.raises(ValueError, match="percentile"):
            percentile(values, share)


def test_spread_and_ratio() -> None:
    """Times come out in milliseconds; a ratio is the median of the pairs, not of the medians."""
    spread = Spread.of([n * 1_000_000 for n in range(1, 101)])
    assert (spread.p50, spread.p99, spread.worst) == (50.0, 99.0, 100.0)
    assert median_ratio([10.0, 40.0, 30.0], [10.0, 10.0, 20.0]) == 1.5


def test_an_answer_is_whole_when_its_body_is() -> None:
    """Any cut of an answer is not one yet; one without a length never is."""
    assert [status_of(ANSWER[:n]) for n in range(len(ANSWER))] == [None] * len(ANSWER)
    assert status_of(ANSWER) == 200
    with pytest.raises(ConnectionError, match="length"):
        status_of(b"HTTP/1.1 200 OK\r\n\r\n")


def test_the_schedule_is_even() -> None:
    """Requests are due at equal distances from the start, without drift."""
    assert [due_at(5, 200, n) for n in (0, 1, 2, 1_000_000)] == [
        5,
        5_000_005,
        10_000_005,
        5_000_000_000_005,
    ]


@contextmanager
def one_slow_server(stall: float) -> Iterator[int]:
    """Answers on one connection; the first answer comes after ``stall`` seconds."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            wait = stall
            while connection.recv(65536):
                time.sleep(wait)
                wait = 0
                connection.sendall(ANSWER)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        thread.join(10)
        listener.close()


def test_a_stall_counts_in_every_request_that_it_delayed() -> None:
    """Open loop, one connection: requests that had to wait count from when they were due."""
    with one_slow_server(0.3) as port:
        job = Job(ports=[port], connections=1, seconds=0.1, requests=[b"x"] * 20, rate=100)
        outcome = run(job)
    assert outcome.indexes == list(range(10))
    assert all(outcome.approved)
    # Ten requests were due within 100 ms, all of them before the first answer.
    for index, taken in zip(outcome.indexes, outcome.nanoseconds, strict=True):
        assert taken >= (0.3 - index / 100) * 1e9 - 1e6


def test_the_closed_loop_sends_what_there_is() -> None:
    """Each request once, in order, timed from its own sending."""
    with one_slow_server(0) as port:
        outcome = run(Job(ports=[port], connections=1, seconds=60, requests=[b"x"] * 7))
    assert outcome.indexes == list(range(7))
    assert outcome.statuses == [200] * 7
    assert outcome.processor_seconds >= 0


def _copied(fields: list[bytes | None]) -> bytes:
    row = struct.pack(">h", len(fields))
    for field in fields:
        row += struct.pack(">i", -1) if field is None else struct.pack(">i", len(field)) + field
    return HEADER + row + TRAILER


def test_a_cast_has_values_of_its_own_and_whole_rows() -> None:
    """Ids, times, tokens and a longer evidence number go in; lengths are right; the rest stays."""
    at = datetime(2026, 1, 2, 3, 4, 5, 678_901, UTC)
    card, other = b"card_01m86dhewwejjbeknbh6zywqtq", b"card_01m86dhgn3embrdv73zstjv8cf"
    decision = b"dec_01m86dhewwejjbeknbh6zywqtr"
    token, fresh = b"0b8e2f1e-6c0c-4f6e-9d55-0a8f0e6f3b11", b"11111111-2222-4333-8444-555555555555"
    raw = b'{"at":"%s","card":"%s","card_seq":9,"id":"%s","token":"%s"}'
    columns = ["id", "card_seq", "at", "raw", "none"]
    copied = _copied(
        [
            decision,
            struct.pack(">i", 9),
            binary_time(at),
            raw % (text_time(at), card, decision, token) + packed_time(at),
            None,
        ]
    )
    mould = Mould(known=[card], times=[at])
    mould.add("decision", read_rows(copied, columns))
    later = timedelta(days=1)
    cast = Cast(
        known={card: other},
        later=later,
        begun=at + later,
        number=5,
        sequence=94,
        new_uuid=lambda: fresh,
    )
    [row] = read_rows(HEADER + mould.cast(cast)["decision"] + TRAILER, columns)
    new = row.fields["id"] or b""
    assert new == b"dec_" + base32(int((at + later).timestamp() * 1000), 10) + new[14:]
    assert new.endswith(base32(5, 8))
    assert len(new) == len(decision)
    assert row.fields["card_seq"] == struct.pack(">i", 103)
    assert row.fields["at"] == binary_time(at + later)
    expected = b'{"at":"%s","card":"%s","card_seq":103,"id":"%s","token":"%s"}'
    assert row.fields["raw"] == expected % (
        text_time(at + later),
        other,
        new,
        fresh,
    ) + packed_time(at + later)
    assert row.fields["none"] is None
