"""What the adapters may send: one hand-written schema for each operation, under ``schemas``.

A file says method, path (``{name}`` stands for one segment), and JSON Schemas of the headers, the
query and the body as they arrive. Forms and queries are decoded first: ``a[b][0]=1`` is
``{"a": {"b": ["1"]}}``, and every value is text. A body of ``null`` means that none is sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from jsonschema import Draft202012Validator

SCHEMAS = Path(__file__).parent / "schemas"
_PART = re.compile(r"([^\[\]]+)|\[([^\[\]]*)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One request as it leaves; header names in lower case."""

    issuer: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that an adapter asks an issuer for, by the name of its file."""

    issuer: str
    name: str
    schema: Mapping[str, Any]

    def takes(self, sent: Sent) -> bool:
        """Whether the request is this operation."""
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(self.schema["path"]))
        path = unquote(urlsplit(sent.url).path)
        return sent.method == self.schema["method"] and bool(re.fullmatch(pattern, path))

    def problems(self, sent: Sent) -> list[str]:
        """Where the request is not as the schema says."""
        parts: dict[str, Any] = {
            "headers": dict(sent.headers),
            "query": _decoded(parse_qsl(urlsplit(sent.url).query, keep_blank_values=True)),
        }
        found = []
        if self.schema["body"] is None:
            found += ["body: there is to be none"] if sent.body else []
        else:
            try:
                parts["body"] = _body(sent)
            except ValueError as error:
                found.append(f"body: {error}")
        for part, content in parts.items():
            checker = Draft202012Validator(self.schema[part])
            for error in checker.iter_errors(content):
                where = ".".join(map(str, (part, *error.absolute_path)))
                found.append(f"{where}: {error.message}")
        return [f"{self.issuer} {self.name}: {one}" for one in found]


@cache
def operations(issuer: str) -> tuple[Operation, ...]:
    """Everything that may be asked of ``issuer``."""
    return tuple(
        Operation(issuer, path.stem, json.loads(path.read_text()))
        for path in sorted((SCHEMAS / issuer).glob("*.json"))
    )


def operation_of(sent: Sent) -> Operation | None:
    """The operation that a request is; the path without a variable goes before one with."""
    known = [one for one in operations(sent.issuer) if one.takes(sent)]
    return min(known, key=lambda one: one.schema["path"].count("{"), default=None)


def problems(sent: Sent) -> list[str]:
    """What is wrong with a request; empty where it is as its schema says."""
    operation = operation_of(sent)
    if operation is None:
        return [f"{sent.issuer}: no schema for {sent.method} {urlsplit(sent.url).path}"]
    return operation.problems(sent)


def _body(sent: Sent) -> Any:
    kind = sent.headers.get("content-type", "")
    if kind.startswith("application/x-www-form-urlencoded"):
        return _decoded(parse_qsl(sent.body.decode(), keep_blank_values=True))
    if not sent.body:
        raise ValueError("there is none")
    return json.loads(sent.body)


def _decoded(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Bracket names as nested objects; what is numbered from 0 is a list."""
    made: dict[str, Any] = {}
    for name, value in pairs:
        path = [a or b for a, b in _PART.findall(name)]
        place = made
        for part in path[:-1]:
            place = place.setdefault(part, {})
        if path[-1] in place:
            raise ValueError(f"`{name}` comes twice")
        place[path[-1]] = value
    return {name: _listed(value) for name, value in made.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(one) for name, one in value.items()}
    if list(inner) == [str(number) for number in range(len(inner))] or list(inner) == [""]:
        return list(inner.values())
    return inner
