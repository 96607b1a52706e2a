"""What a decision was made on, as it is stored beside the decision for the replay.

By position and not by name: one is stored for every decision, and names would be two thirds of it.
So the order of the fields of these core types is part of the format: new fields go to the end and
have a default.
"""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import astuple, fields

from signets.core.authorization.facts import Facts
from signets.core.authorization.request import AuthorizationRequest
from signets.core.policy.model import Budget, Cap

#: Of a policy, so the same ones come again and again.
_KEPT = (Cap, Budget)
_MOST_KEPT = 1_024


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """The request, the facts, and the time: all that :func:`~...decide.decide` takes."""

    request: AuthorizationRequest
    facts: Facts
    at: datetime


def encode_inputs(inputs: Inputs) -> bytes:
    """MessagePack, each value as an array of its fields."""
    return _ENCODER.encode(_written(Inputs)(inputs))


def decode_inputs(raw: bytes) -> Inputs:
    """The inverse.

    Raises:
        msgspec.MsgspecError: These bytes are not inputs.
    """
    stored = msgspec.msgpack.decode(raw, type=_stored())
    return msgspec.convert(stored, Inputs, from_attributes=True)


_ENCODER = msgspec.msgpack.Encoder()


@functools.cache
def _written(record: type[msgspec.Struct]) -> Callable[[Any], Any]:
    """Makes a record an array of its fields, those that are records too."""
    hints = typing.get_type_hints(record)
    writers = [
        (index, write)
        for index, name in enumerate(record.__struct_fields__)
        if (write := _writer(hints[name])) is not None
    ]
    if not writers:
        return astuple

    def write_fields(value: Any) -> Any:
        made = list(astuple(value))
        for index, write in writers:
            if (part := made[index]) is not None:
                made[index] = write(part)
        return made

    if record not in _KEPT:
        return write_fields

    @functools.lru_cache(maxsize=_MOST_KEPT)
    def kept(value: Any) -> Any:
        return msgspec.Raw(_ENCODER.encode(write_fields(value)))

    return kept


def _writer(hint: Any) -> Callable[[Any], Any] | None:
    """The same for what a field holds beside ``None``; ``None`` where no record is in it."""
    if _is_record(hint):
        return _written(hint)
    arguments = typing.get_args(hint)
    found = [_writer(one) for one in arguments if one not in (..., types.NoneType)]
    if not any(found):
        return None
    write, *more = (one or _as_it_is for one in found)
    if typing.get_origin(hint) is not tuple:
        return write  # of a record or None
    if not more:
        return lambda values: [write(one) for one in values]
    [write_other] = more  # a limit beside what is used of it
    return lambda pair: (write(pair[0]), write_other(pair[1]))


def _as_it_is(value: Any) -> Any:
    return value


@functools.cache
def _stored() -> Any:
    return _positional(Inputs)


def _is_record(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, msgspec.Struct)


def _positional(hint: Any) -> Any:
    """``hint`` with every record in it replaced by one of the same fields in an array."""
    if _is_record(hint):
        return _array_of(hint)
    arguments = typing.get_args(hint)
    if not arguments:
        return hint
    mapped = tuple(one if one is ... else _positional(one) for one in arguments)
    origin = typing.get_origin(hint)
    return (typing.Union if origin is types.UnionType else origin)[mapped]


@functools.cache
def _array_of(record: type[msgspec.Struct]) -> type:
    hints = typing.get_type_hints(record)
    stored = [
        (field.name, _positional(hints[field.name]))
        if field.default is msgspec.NODEFAULT
        else (field.name, _positional(hints[field.name]), field.default)
        for field in fields(record)
    ]
    return msgspec.defstruct(record.__name__, stored, array_like=True, frozen=True, kw_only=True)
