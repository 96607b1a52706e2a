"""What use cases need of the ledger: postings, exposures, velocity events, and their sums."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from signets.app.records import ExposureRow, PostingRow, VelocityRow
from signets.core.policy.model import Match, Measure
from signets.core.velocity import Exposure, Usage

T = TypeVar("T")

#: Values of the columns of one scope, in the scope's order.
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sum(Generic[T]):
    """One sum that can be asked for, of several keys: its query, and what the answer means."""

    text: str
    given: Mapping[str, Any]
    read: Callable[[list[dict[str, Any]]], list[T]]


class Used(NamedTuple):
    """What a cap's window holds at a key, and a time before which nothing of it happened."""

    usage: Usage
    first: datetime | None


class Declined(NamedTuple):
    """How many declines, and the first."""

    times: int
    first: datetime | None


class Ledger(Protocol):
    """Append postings and velocity events; keep exposures; add them up."""

    async def add_up(self) -> None: ...

    async def post(self, postings: Sequence[PostingRow]) -> None: ...

    async def add_velocity(self, events: Sequence[VelocityRow]) -> None: ...

    async def put_exposures(self, rows: Sequence[ExposureRow]) -> None: ...

    async def exposures(self, subject_ids: Sequence[str]) -> dict[str, ExposureRow]: ...

    def exposure(
        self,
        scope: Sequence[str],
        keys: Sequence[Key],
        *,
        since: datetime | None,
        until: datetime | None,
        currency: str,
        when: Match = ...,
    ) -> Sum[Exposure]: ...

    def usage(
        self,
        scope: Sequence[str],
        keys: Sequence[Key],
        *,
        since: datetime,
        measure: Measure,
        cap: str,
        currency: str | None,
        when: Match = ...,
    ) -> Sum[Used]: ...

    def declines(self, keys: Sequence[tuple[str, str | None, datetime]]) -> Sum[Declined]: ...

    async def sums(self, wanted: Sequence[Sum[T]]) -> list[list[T]]: ...

    async def velocity_of(
        self, card_id: str, transaction_id: str, since: datetime
    ) -> list[VelocityRow]: ...

    async def verifications(self, card_ids: Sequence[str], since: datetime) -> dict[str, int]: ...

    async def imbalance(self) -> list[str]: ...
