"""What a decision was made on, as it is stored beside the decision for the replay.

By position and not by name: one is stored for every decision, and names would be two thirds of it.
So the order of the fields of these core types is part of the format: new fields go to the end and
have a default.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from signets.core.authorization.facts import Facts
from signets.core.authorization.request import AuthorizationRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The request, the facts, and the time: all that :func:`~...decide.decide` takes."""

    request: AuthorizationRequest
    facts: Facts
    at: datetime


def encode_inputs(inputs: Inputs) -> bytes:
    """MessagePack, each value as an array of its fields."""
    return msgspec.msgpack.encode(msgspec.convert(inputs, _stored(), from_attributes=True))


def decode_inputs(raw: bytes) -> Inputs:
    """The inverse.

    Raises:
        msgspec.MsgspecError: These bytes are not inputs.
    """
    stored = msgspec.msgpack.decode(raw, type=_stored())
    return msgspec.convert(stored, Inputs, from_attributes=True)


@functools.cache
def _stored() -> Any:
    return _positional(Inputs)


def _positional(hint: Any) -> Any:
    """``hint`` with every dataclass in it replaced by a struct of the same fields in an array."""
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _array_of(hint)
    arguments = typing.get_args(hint)
    if not arguments:
        return hint
    mapped = tuple(one if one is ... else _positional(one) for one in arguments)
    origin = typing.get_origin(hint)
    return (typing.Union if origin is types.UnionType else origin)[mapped]


@functools.cache
def _array_of(record: type) -> type:
    hints = typing.get_type_hints(record)
    fields = [
        (field.name, _positional(hints[field.name]))
        if field.default is dataclasses.MISSING
        else (field.name, _positional(hints[field.name]), field.default)
        for field in dataclasses.fields(record)
    ]
    return msgspec.defstruct(record.__name__, fields, array_like=True, frozen=True, kw_only=True)
