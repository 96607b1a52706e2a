"""kill -9 of API and database under load: no answered decision is lost, and none is half there.

Three rounds; ``make soak`` plays more.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.postgres.kill_kit import play_rounds

from signets.core.merchant.directory import Directory

ROUNDS = 3


@pytest.mark.timeout(60 + 40 * ROUNDS)
async def test_nothing_answered_is_lost(data_dir: Path, directory: Directory) -> None:
    """The worker, the database and the whole API are killed in turn while requests come in."""
    tally = await play_rounds(data_dir, directory, ROUNDS, print)
    assert tally.rounds.total() == ROUNDS
    assert tally.heard["APPROVED"] > 20 * ROUNDS, tally
    assert tally.heard["UNAUTHORIZED_MERCHANT"] > 0, tally
