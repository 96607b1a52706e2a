"""What the replay audit needs of the store, beside policies and agents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from signets.app.records import DecisionRow


class ReplayRecords(Protocol):
    """Stored decisions with what they were made among."""

    async def page(
        self, *, card_id: str | None, after: str | None, limit: int
    ) -> list[tuple[DecisionRow, str | None]]: ...

    async def workflows(self, intent_ids: Sequence[str]) -> dict[str, str | None]: ...
