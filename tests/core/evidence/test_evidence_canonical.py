"""Canonical bytes: equal to a full RFC 8785 implementation, and nothing outside the subset."""

from __future__ import annotations

from enum import StrEnum

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from signets.core.evidence.canonical import (
    MAX_DEPTH,
    MAX_INTEGER,
    CanonicalError,
    decode_json,
    encode_canonical,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = st.text(st.characters(max_codepoint=127))
SCALARS = st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | TEXT
PLAIN = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=25,
)


@given(PLAIN)
def test_bytes_equal_a_full_rfc_8785_implementation(value: object) -> None:
    """Whatever is in the subset is encoded to the bytes that the reference library writes."""
    assert encode_canonical(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


@given(PLAIN)
def test_decoding_gives_the_value_back(value: object) -> None:
    """Nothing is lost between a value and its bytes."""
    assert decode_json(encode_canonical(value)) == value


@pytest.mark.parametrize("code", range(0x80))
def test_every_ascii_character_is_escaped_as_rfc_8785_says(code: int) -> None:
    """Control characters, quote, backslash and DEL, each in a key and in a string."""
    value = {f"k{chr(code)}": chr(code), "k": code}
    assert encode_canonical(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": {"b": [1, 1.0]}}, "data.a.b[1]"),
        ({"a": float("nan")}, "data.a"),
        ({"a": MAX_INTEGER + 1}, "data.a"),
        ([0, -MAX_INTEGER - 1], "data[1]"),
        ({"é": 1}, "data.'\\xe9'"),
        ({"a": {1: 2}}, "data.a.1"),
        ({"a": ["fine", "lone \ud800"]}, "data.a[1]"),
        ({"a": b"bytes"}, "data.a"),
        ({"a": {1, 2}}, "data.a"),
        (1.5, "data"),
    ],
)
def test_refusals_name_the_path(value: object, path: str) -> None:
    """Everything outside the subset is refused by the path of the value at fault."""
    with pytest.raises(CanonicalError) as refused:
        encode_canonical(value, name="data")
    assert refused.value.path == path


def test_nesting_is_bounded_exactly() -> None:
    """The deepest allowed nesting passes, one more is refused."""
    deepest: object = 1
    for _ in range(MAX_DEPTH):
        deepest = [deepest]
    assert encode_canonical(deepest) == b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH
    with pytest.raises(CanonicalError, match="nested deeper"):
        encode_canonical([deepest])


def test_tuples_and_enums_are_written_as_their_plain_values() -> None:
    """What the core's own frozen values hold can be logged without conversion."""

    class Colour(StrEnum):
        RED = "red"

    assert encode_canonical({"c": Colour.RED, "t": (1, 2)}) == b'{"c":"red","t":[1,2]}'


@pytest.mark.parametrize(
    "raw", [b"", b"{", b'"\xff"', b'"\\ud800"', b"[" * 100_000, b"1" * 5000, b"1e999", b"1 2"]
)
def test_unreadable_json_is_one_error(raw: bytes) -> None:
    """Malformed, badly encoded or bottomless JSON is refused, never another exception."""
    with pytest.raises(CanonicalError):
        decode_json(raw)
