"""Fixtures of the SDK's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.client.kit import Driver, Server, serving


@pytest.fixture
def server() -> Iterator[Server]:
    """A scripted server of this test alone."""
    with serving() as running:
        yield running


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def driver(server: Server, request: pytest.FixtureRequest) -> Driver:
    """Both clients in turn."""
    return Driver(server, request.param)
