"""Canonical JSON for evidence: a subset of RFC 8785 (JCS) small enough to be encoded fast.

Allowed: objects with ASCII keys, arrays, strings, booleans, null, and integers whose magnitude is
below 2**53. In this subset sorting keys by bytes *is* RFC 8785's order, and no number needs
ECMAScript's formatting, so ``msgspec`` writes the same bytes as a full implementation, some fifty
times faster. A property test holds the two against each other. See docs/formats/evidence-entry.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec

MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 16  # nested objects and arrays; bounds recursion for every reader


class CanonicalError(ValueError):
    """A value outside the subset; ``path`` says which (``data.lines[2].amount``)."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


def encode_canonical(value: object, *, name: str = "$") -> bytes:
    """The RFC 8785 bytes of ``value``; tuples are written as arrays, ``StrEnum`` as its value.

    Args:
        value: Plain JSON data within the subset.
        name: What ``value`` is called in an error's path.

    Raises:
        CanonicalError: Naming the path of a float, big integer, non-ASCII key, lone surrogate,
            foreign type, or nesting beyond ``MAX_DEPTH``.
    """
    check_canonical(value, name=name)
    return msgspec.json.encode(value, order="sorted")


def decode_json(raw: bytes) -> object:
    """Any JSON text as plain values.

    Raises:
        CanonicalError: Not JSON, not UTF-8, or nested too deeply to read.
    """
    try:
        value: object = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as problem:
        raise CanonicalError("$", f"not readable as JSON ({problem})") from problem
    return value


def check_canonical(value: object, *, name: str = "$", depth: int = 1) -> None:
    """Raise :class:`CanonicalError` unless ``value``, at nesting ``depth``, is in the subset."""
    _check_members(((name, value),), (), depth)


def _check_members(
    members: Iterable[tuple[object, Any]], path: tuple[object, ...], depth: int
) -> None:
    # Exact types, no call per scalar, a path only for containers and errors: every entry on the
    # authorization path passes here.
    for step, item in members:
        kind = type(item)
        if kind is str:
            if not item.isascii():
                _check_text(item, (*path, step))
        elif item is None or kind is bool:
            pass
        elif kind is int:
            if not -MAX_INTEGER <= item <= MAX_INTEGER:
                raise _error((*path, step), "integers must be below 2^53; write it as a string")
        elif kind is dict or kind is list or kind is tuple:
            inner = (*path, step)
            if depth > MAX_DEPTH:
                raise _error(inner, f"nested deeper than {MAX_DEPTH} levels")
            if kind is dict:
                _check_keys(item, inner)
                _check_members(item.items(), inner, depth + 1)
            else:
                _check_members(enumerate(item), inner, depth + 1)
        elif isinstance(item, StrEnum):
            _check_text(item.value, (*path, step))
        else:
            raise _error((*path, step), f"{kind.__name__} is not a plain JSON value")


def _check_keys(value: dict[Any, object], path: tuple[object, ...]) -> None:
    try:
        if "".join(value).isascii():
            return
    except TypeError:
        pass
    culprit = next(key for key in value if not isinstance(key, str) or not key.isascii())
    raise _error((*path, ascii(culprit)), "keys must be ASCII strings")


def _check_text(text: str, path: tuple[object, ...]) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as surrogate:
        raise _error(path, "a lone surrogate is not Unicode text") from surrogate


def _error(path: tuple[object, ...], problem: str) -> CanonicalError:
    name, *steps = path
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return CanonicalError(f"{name}{text}", problem)
