"""Ids are TypeIDs as the library makes them, though its object is not asked for each."""

from __future__ import annotations

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typeid import TypeID
from typeid.base32 import encode
from uuid_utils import UUID

from signets.bootstrap import new_id
from signets.core.ids import Prefix, is_id


@pytest.mark.parametrize("prefix", Prefix)
def test_an_id_is_a_typeid_of_a_time_ordered_uuid(prefix: Prefix):
    """The library reads it back as the same text: its prefix, and a version 7 UUID."""
    made = new_id(prefix)
    read = TypeID.from_string(made)
    assert is_id(made, prefix)
    assert str(read) == made
    assert read.prefix == prefix.value
    assert cast(UUID, read.uuid).version == 7


@given(st.binary(min_size=16, max_size=16), st.sampled_from(Prefix))
def test_any_uuid_is_written_as_the_library_writes_it(raw: bytes, prefix: Prefix):
    """Prefix and encoded bytes are the text of the library's own object."""
    assert f"{prefix}_{encode(raw)}" == str(TypeID.from_uuid(UUID(bytes=raw), prefix.value))
