"""A vendor's document: what is published as its schema is what is checked."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
from hypothesis import given
from hypothesis import strategies as st
from tests.core.merchant.vendor_schema import (
    POLICY_FILE,
    VENDOR_FILE,
    policy_schema,
    vendor_schema,
)

from signets.core.errors import Refusal
from signets.core.merchant.document import read_document, render_document
from signets.vendors import read_vendor_files

FILES = read_vendor_files()
SCHEMA = jsonschema.Draft202012Validator(vendor_schema())


def test_the_published_schemas_are_written_from_the_types() -> None:
    """The vendor's schema, and its copy in the policy's, are what the types give now."""
    assert json.loads(VENDOR_FILE.read_text(encoding="utf-8")) == vendor_schema()
    assert json.loads(POLICY_FILE.read_text(encoding="utf-8")) == policy_schema()


def test_reading_and_writing_lose_nothing() -> None:
    """Every file of the directory comes back from the document that it was read as."""
    lossy = []
    for data in FILES:
        document = read_document(data, data["domain"])
        written = render_document(document)
        comes_back = taken(written) and read_document(written) == document
        if not comes_back or json.loads(json.dumps(written)) != written:
            lossy.append(data["domain"])
    assert not lossy, ", ".join(lossy)


_WRONG = st.sampled_from(
    [None, "", "x", 3, True, [], {}, ["x"], {"x": 1}, "UPPER.COM", "a" * 400, [1], "a.b"]
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: list[tuple[Any, ...]] = [path] if path else []
    if isinstance(value, dict):
        for key, one in value.items():
            inner += _places(one, (*path, key))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            inner += _places(one, (*path, number))
    return inner


@given(st.sampled_from(FILES), st.data())
def test_schema_and_reader_agree_on_what_is_wrong(
    data: dict[str, Any], draw: st.DataObject
) -> None:
    """One value replaced or a field added anywhere: both take the document, or both refuse it."""
    changed = copy.deepcopy(data)
    place = draw.draw(st.sampled_from(_places(changed)))
    at: Any = changed
    for part in place[:-1]:
        at = at[part]
    at[place[-1]] = draw.draw(_WRONG)
    if isinstance(at, dict) and draw.draw(st.booleans()):
        at["surprise"] = 1
    assert SCHEMA.is_valid(changed) == taken(changed)


def taken(document: dict[str, Any]) -> bool:
    """Whether the document is read."""
    try:
        read_document(document)
    except Refusal:
        return False
    return True
