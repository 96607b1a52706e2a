"""What was answered, held against what is stored: each decision once, and no bound exceeded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from bench.load import Outcome
from bench.policy import HASTY_COUNT, Role
from bench.traffic import Request

_CHUNK = 10_000
#: The engine's own deadline (``decision_seconds``), less what a timer is early, nanoseconds.
_DEADLINE = 1_400_000_000
#: Bounds that would show a race: each row is one that was exceeded.
_EXCEEDED = """
SELECT format('intent %%s: %%s charges, %%s used', id, charges, used) FROM intent
 WHERE charges > max_count OR used > max_total
UNION ALL
SELECT format('agent %%s: %%s approvals in ten minutes', agent_id, max(many)) FROM (
    SELECT agent_id, sum(counts) OVER (PARTITION BY org_id, agent_id ORDER BY at
             RANGE BETWEEN '10 minutes' PRECEDING AND CURRENT ROW) AS many
      FROM velocity_event JOIN agent USING (org_id)
     WHERE agent.id = agent_id AND handle = %(hasty)s AND approved AND NOT verification
 ) counted GROUP BY agent_id HAVING max(many) > %(most)s
UNION ALL
SELECT format('agent %%s: %%s approvals over its budget', agent_id, count(*))
  FROM velocity_event JOIN agent USING (org_id)
 WHERE agent.id = agent_id AND handle = %(poor)s AND approved AND amount > 0 GROUP BY agent_id
"""


@dataclass(slots=True)
class _Told:
    """What the issuer was told about one question: ``late``: at least once by the deadline."""

    approved: bool
    late: bool


@dataclass(slots=True)
class Answers:
    """Everything that was asked of one database.

    A decline that took as long as the engine's own deadline is the deadline's: its decision may be
    missing, or be an approval that was voided, and a repeat may be told something else.

    Attributes:
        before: Decisions that were stored before the first request.
    """

    before: int = 0
    _told: dict[str, _Told] = field(default_factory=dict)
    _tokens: dict[str, set[str]] = field(default_factory=dict)  # by connection
    _wrong: list[str] = field(default_factory=list)

    @property
    def late(self) -> int:
        """Questions that the deadline answered."""
        return sum(told.late for told in self._told.values())

    def remember(self, requests: Sequence[Request], outcome: Outcome) -> None:
        """Take in one run of the generator."""
        wrong: dict[tuple[int, int], int] = {}
        for index, status, approved, taken in zip(
            outcome.indexes, outcome.statuses, outcome.approved, outcome.nanoseconds, strict=True
        ):
            request = requests[index]
            if status != request.status:
                wrong[status, request.status] = wrong.get((status, request.status), 0) + 1
            if request.token is None:
                if approved:
                    self._wrong.append("what must not be decided was approved")
                continue
            self._tokens.setdefault(request.connection_id, set()).add(request.token)
            late = not approved and taken >= _DEADLINE
            told = self._told.setdefault(request.asked, _Told(approved, late))
            if told.approved != approved and not (told.late or late):
                self._wrong.append(f"{request.asked}: a repeat was answered unlike the first")
            told.approved, told.late = told.approved or approved, told.late or late
        for (status, expected), count in wrong.items():
            self._wrong.append(f"{count} answers were {status}, not {expected}")

    def sent_unheard(self, requests: Sequence[Request]) -> None:
        """Requests whose answers nobody kept: they may be stored, each once."""
        for request in requests:
            if request.token is not None:
                self._tokens.setdefault(request.connection_id, set()).add(request.token)

    def by_reason(self, connection: psycopg.Connection[Any]) -> dict[str, int]:
        """Stored decisions on what was asked here, by reason; ``""``: approved."""
        found: dict[str, int] = {}
        for _, _, _, reason in self._stored(connection):
            found[reason or ""] = found.get(reason or "", 0) + 1
        return found

    def problems(self, connection: psycopg.Connection[Any]) -> list[str]:
        """Sentences on every disagreement; empty: exact."""
        stored: dict[str, list[bool]] = {}
        for asked, approved, void, _ in self._stored(connection):
            stored.setdefault(asked, []).append(approved and not void)
        missing = unlike = 0
        doubled = sum(len(rows) > 1 for rows in stored.values())
        for asked, told in self._told.items():
            rows = stored.get(asked, [])
            if not rows:
                missing += told.approved or not told.late
            elif rows[0] != told.approved:
                unlike += 1
        [[count]] = connection.execute("SELECT count(*) FROM decision").fetchall()
        extra = count - self.before - sum(map(len, stored.values()))
        said = {
            "answered and not stored": missing,
            "stored more than once": doubled,
            "stored unlike they were answered": unlike,
            "stored and never answered": extra,
        }
        exceeded = connection.execute(
            _EXCEEDED, {"hasty": Role.HASTY.value, "poor": Role.POOR.value, "most": HASTY_COUNT}
        ).fetchall()
        return [
            *self._wrong[:20],
            *(f"{number} decisions {what}" for what, number in said.items() if number),
            *(row[0] for row in exceeded),
        ]

    def _stored(
        self, connection: psycopg.Connection[Any]
    ) -> Iterable[tuple[str, bool, bool, str | None]]:
        """``(asked, approved, void, reason)`` of the decisions on what was asked here."""
        for connection_id, tokens in self._tokens.items():
            wanted = sorted(tokens)
            for begin in range(0, len(wanted), _CHUNK):
                yield from connection.execute(
                    "SELECT request_id || ' ' || amount, approved, state = 'void', reason"
                    " FROM decision JOIN issuer_connection USING (org_id)"
                    " WHERE issuer_connection.id = connection_id AND connection_id = %s"
                    " AND request_id = ANY (%s)",
                    (connection_id, wanted[begin : begin + _CHUNK]),
                )
