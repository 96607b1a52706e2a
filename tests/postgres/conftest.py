"""Fixtures of the tests that start servers of their own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder that the database's account can reach (pytest's own is private to root)."""
    made = Path(tempfile.mkdtemp(prefix="signets-test-"))
    made.chmod(0o755)
    yield made / "data"
    shutil.rmtree(made)
