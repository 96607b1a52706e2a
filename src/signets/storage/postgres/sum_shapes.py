"""What caps and budgets count by, as tables, columns and conditions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from signets.core.policy.model import Match

#: Values of the columns of one scope, in the scope's order.
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A table that is added up, and where its subtotals are.

    Rows of one ``series`` are added up together; ``sums`` are ``(column, its sum over rows, its sum
    over subtotals)``, and ``summed`` the columns of a row that they are made of.
    """

    name: str
    rows: str
    subtotals: str
    time: str
    series: tuple[str, ...]
    summed: tuple[str, ...]
    sums: tuple[tuple[str, str, str], ...]


def _sums(kind: str, condition: str) -> tuple[tuple[str, str, str], ...]:
    counted = f"counted AND {condition}"
    return (
        (
            f"{kind}_counts",
            f"coalesce(sum(counts) FILTER (WHERE {counted}), 0)",
            f"sum({kind}_counts)",
        ),
        (
            f"{kind}_amount",
            f"coalesce(sum(amount) FILTER (WHERE {counted}), 0)",
            f"sum({kind}_amount)",
        ),
        (
            f"{kind}_oldest",
            f"min(at) FILTER (WHERE {counted} AND counts = 1)",
            f"min({kind}_oldest)",
        ),
    )


VELOCITY = Source(
    name="velocity",
    rows="velocity_event",
    subtotals="velocity_subtotal",
    time="at",
    series=("currency", "capped_by"),
    summed=("approved", "counts", "amount"),
    sums=(*_sums("approved", "approved"), *_sums("declined", "NOT approved")),
)
EXPOSURE = Source(
    name="exposure",
    rows="exposure",
    subtotals="exposure_subtotal",
    time="counts_at",
    series=("currency",),
    summed=("reserved", "held", "cleared", "refunded"),
    sums=tuple(
        (name, f"coalesce(sum({name}) FILTER (WHERE counted), 0)", f"sum({name})")
        for name in ("reserved", "held", "cleared", "refunded")
    ),
)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a cap or budget counts by: the columns of its scope, and what its ``when`` names."""

    source: Source
    columns: tuple[str, ...]
    when: Match

    @property
    def lists(self) -> dict[str, list[str]]:
        """Column → the values that count; a column that is not named counts with any."""
        return {
            "agent_id": list(self.when.agents),
            "vendor": list(self.when.vendors),
            "category": list(self.when.categories),
            "workflow": list(self.when.workflows),
        }

    @property
    def name(self) -> str:
        """The same for equal shapes, and for no others."""
        name = f"{self.source.name}/{','.join(self.columns) or 'organization'}"
        if any(self.lists.values()):
            name += f"/{hashlib.sha256(json.dumps(self.lists).encode()).hexdigest()}"
        return name

    @property
    def driver(self) -> tuple[str, ...]:
        """The column whose index finds a key's rows; none: the organization's.

        Stretches are cut by the rows that this finds, counted or not, so that reading a key costs
        the same however few of them it counts.
        """
        found = (one for one in ("card_id", "agent_id", "vendor") if one in self.columns)
        return tuple(found)[:1]

    @property
    def counted(self) -> str:
        """Whether the key counts a ``row`` that its index found (SQL)."""
        conditions = [
            f"row.{name} = wanted.{name}" for name in self.columns if name not in self.driver
        ]
        conditions += [
            f"row.{name} = ANY (%(only_{name})s)" for name, only in self.lists.items() if only
        ]
        return f"({' AND '.join(conditions)}) IS TRUE" if conditions else "true"

    def given(self, org_id: str, keys: Sequence[Key]) -> dict[str, Any]:
        """Parameters of :attr:`wanted`, :attr:`counted` and :attr:`mine`."""
        columns = {
            f"key_{name}": [key[position] for key in keys]
            for position, name in enumerate(self.columns)
        }
        only = {f"only_{name}": values for name, values in self.lists.items() if values}
        return {"org": org_id, "shape": self.name, **columns, **only}

    @property
    def register(self) -> str:
        """Let the triggers know of the shape, and until when to look for its stretches (SQL)."""
        lists = ", ".join(
            f"%(only_{name})s::text[]" if only else "'{}'" for name, only in self.lists.items()
        )
        columns = ", ".join(f"'{name}'" for name in self.columns)
        return (
            "INSERT INTO subtotal_shape AS known (org_id, shape, source, columns, agents, vendors,"
            f" categories, workflows, until_at) VALUES (%(org)s, %(shape)s, '{self.source.name}',"
            f" ARRAY[{columns}]::text[], {lists}, %(until)s::timestamptz)"
            " ON CONFLICT (org_id, shape) DO UPDATE"
            " SET until_at = greatest(known.until_at, excluded.until_at)"
        )

    @property
    def wanted(self) -> str:
        """The keys as rows with their place ``n`` (SQL).

        Each array comes from a subquery: a plan that saw its length would never be kept.
        """
        if not self.columns:
            return "(SELECT 1 AS n) AS wanted"
        arrays = ", ".join(f"(SELECT %(key_{name})s::text[])" for name in self.columns)
        return f"unnest({arrays}) WITH ORDINALITY AS wanted ({', '.join(self.columns)}, n)"

    @property
    def wanted_since(self) -> str:
        """The same, each with a ``since`` of its own (SQL)."""
        arrays = [f"(SELECT %(key_{name})s::text[])" for name in self.columns]
        arrays.append("(SELECT %(sinces)s::timestamptz[])")
        columns = ", ".join([*self.columns, "since", "n"])
        return f"unnest({', '.join(arrays)}) WITH ORDINALITY AS wanted ({columns})"

    @property
    def key(self) -> str:
        """The key ``wanted`` as subtotals hold it (SQL)."""
        return f"ARRAY[{', '.join(f'wanted.{name}' for name in self.columns)}]::text[]"

    @property
    def mine(self) -> str:
        """Of all stretches ``span``, those of the key ``wanted`` (SQL)."""
        return (
            "span.org_id = %(org)s AND span.shape = %(shape)s"
            f' AND span.key = {self.key} COLLATE "C"'
        )

    @property
    def found(self) -> str:
        """Of all rows ``row``, those that the key's index finds (SQL)."""
        return "row.org_id = %(org)s" + "".join(
            f" AND row.{name} = wanted.{name}" for name in self.driver
        )
