"""Records what the issuers' SDKs send, at the last place before the socket, and judges it.

Every test of the whole run is watched (``tests/conftest.py``): a request of an adapter that has no
schema, or is not as its schema says, fails the test that sent it. Where a test drives the sandbox
with an official SDK itself, it marks that client as :data:`DRIVER`. Programs that a test starts
write what they send to the file that :data:`FILE` names (``watched/sitecustomize.py``).
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conformance.request_schemas import Sent, problems

#: A request with this header is a test's own, not an adapter's.
DRIVER = {"x-signets-test": "driver"}
#: Names the variable that holds the path of a program's recording.
FILE = "SIGNETS_TEST_RECORDING"
#: What the SDKs call themselves -> the issuer.
_SDKS = {"AsyncLithic/": "lithic", "Lithic/": "lithic", "Stripe/v1 ": "stripe"}

#: What was sent in this process and not judged yet.
_sent: list[Sent] = []


def watch(keep: Callable[[Sent], None]) -> None:
    """Have every request of an adapter kept, from now on in this process."""
    send = httpx.AsyncHTTPTransport.handle_async_request

    async def recorded(self: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        issuer = _issuer(request)
        if issuer is not None:
            keep(
                Sent(
                    issuer=issuer,
                    method=request.method,
                    url=str(request.url),
                    headers={name.lower(): value for name, value in request.headers.items()},
                    body=await request.aread(),
                )
            )
        return await send(self, request)

    httpx.AsyncHTTPTransport.handle_async_request = recorded  # type: ignore[method-assign]


def _issuer(request: httpx.Request) -> str | None:
    if any(name in request.headers for name in DRIVER):
        return None
    agent = request.headers.get("user-agent", "")
    return next((issuer for sdk, issuer in _SDKS.items() if agent.startswith(sdk)), None)


def watch_this_process() -> None:
    """For a program that a test starts: append to its file."""
    path = Path(os.environ[FILE])

    def keep(sent: Sent) -> None:
        row = {
            "issuer": sent.issuer,
            "method": sent.method,
            "url": sent.url,
            "headers": dict(sent.headers),
            "body": base64.b64encode(sent.body).decode(),
        }
        with path.open("a") as file:
            file.write(json.dumps(row) + "\n")

    watch(keep)


def recorded(path: Path) -> list[Sent]:
    """What a program's file holds."""
    rows: list[dict[str, Any]] = [json.loads(line) for line in path.read_text().splitlines()]
    return [Sent(**{**row, "body": base64.b64decode(row["body"])}) for row in rows]


def taken() -> tuple[Sent, ...]:
    """What the adapters have sent during the test that runs; it is then judged no more."""
    sent = tuple(_sent)
    _sent.clear()
    return sent


def pytest_sessionstart() -> None:
    """Watch from the start."""
    watch(_sent.append)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call() -> Generator[None, object, object]:
    """After each test: everything that was sent must be as its schema says."""
    try:
        outcome = yield
        wrong = sorted({one for sent in _sent for one in problems(sent)})
    finally:
        _sent.clear()
    assert not wrong, "an adapter sent what no schema allows:\n" + "\n".join(wrong)
    return outcome
