"""Rows to frozen values and back: one table, one record type, the same field names."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from psycopg.types.json import Jsonb

T = TypeVar("T")


def _is_json(annotation: Any) -> bool:
    """Whether the column is jsonb: the record holds a dict, or a list."""
    origin = typing.get_origin(annotation)
    if origin in (types.UnionType, typing.Union):
        return any(_is_json(part) for part in typing.get_args(annotation))
    return (origin or annotation) in (dict, list)


class Table(Generic[T]):
    """SQL text and parameters of one table, derived from its record type.

    ``org_id`` is the first column of every tenant table; it is a parameter of its own and not a
    field of most records.
    """

    def __init__(self, name: str, record: type[T]) -> None:
        hints = typing.get_type_hints(record)
        fields = list(hints)
        self.record = record
        self._name = name
        self._json = frozenset(field for field in fields if _is_json(hints[field]))
        self._fields = tuple(field for field in fields if field != "org_id")
        self.columns = ", ".join(fields)
        self.qualified = ", ".join(f"{name}.{field}" for field in fields)
        named = ", ".join(f"%({field})s" for field in ("org_id", *self._fields))
        self.select = f"SELECT {self.columns} FROM {name} "
        self.insert = f"INSERT INTO {name} (org_id, {', '.join(self._fields)}) VALUES ({named})"
        # Set-wise: one statement for a batch, its rows as one JSON parameter. JSON carries bytes
        # as base64, which PostgreSQL first takes for the bytes themselves.
        values = ", ".join(
            f"decode(encode({field}, 'escape'), 'base64')" if hints[field] is bytes else field
            for field in self._fields
        )
        self._values = values
        self.insert_many = self.inserting("%(org_id)s", "%(rows)s")

    def inserting(self, org_id: str, rows: str) -> str:
        """The set-wise insert, with these placeholders for organization and rows."""
        return (
            f"INSERT INTO {self._name} (org_id, {', '.join(self._fields)})"
            f" SELECT {org_id}, {self._values}"
            f" FROM json_populate_recordset(NULL::{self._name}, {rows}::json)"
        )

    def params(self, org_id: str, record: T) -> dict[str, Any]:
        """Named parameters for :attr:`insert`."""
        values: dict[str, Any] = {"org_id": org_id}
        for field in self._fields:
            value = getattr(record, field)
            if field in self._json and value is not None:
                value = Jsonb(value)
            elif isinstance(value, tuple):
                value = list(value)
            values[field] = value
        return values

    def many(self, org_id: str, records: Sequence[T]) -> dict[str, Any]:
        """Named parameters for :attr:`insert_many`."""
        return {"org_id": org_id, "rows": self.rows(records)}

    @staticmethod
    def rows(records: Iterable[T]) -> str:
        """Records as the JSON that :meth:`inserting` reads."""
        return msgspec.json.encode(list(records)).decode()

    def read(self, row: Mapping[str, Any]) -> T:
        """The record of one row (a dict by column name)."""
        return msgspec.convert(row, type=self.record, strict=False)
