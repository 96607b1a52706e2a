"""``signets serve`` leaves nothing behind that could answer in its place, however it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from signets.processes.serve import free_port

ROOT = Path(__file__).resolve().parents[2]
LONGEST_SECONDS = 60


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short, because socket addresses are, and readable for whoever runs the database."""
    with tempfile.TemporaryDirectory(prefix="sgn") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def serve(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """API and worker, in a folder of their own; what they say goes to ``log``."""
    environment = {name: value for name, value in os.environ.items() if "SIGNETS" not in name}
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "signets", "serve", "--no-sandbox", "--port", str(port)],
            env={
                **environment,
                "PYTHONPATH": str(ROOT / "src"),
                "SIGNETS_DATA_DIR": str(folder / "data"),
            },
            stdout=log,
            stderr=log,
        )


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_killed_serve_takes_its_processes_along(folder: Path) -> None:
    """After kill -9 of the parent the port is given back: nothing old answers beside the new."""
    port = free_port()
    running = serve(folder, port)
    try:
        deadline = time.monotonic() + LONGEST_SECONDS
        while b"ready: " not in (folder / "log").read_bytes():
            assert running.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert listening(port)
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait()

    deadline = time.monotonic() + LONGEST_SECONDS
    while listening(port):
        assert time.monotonic() < deadline, "the API still answers"
        time.sleep(0.1)


def test_a_taken_port_is_refused_by_name(folder: Path) -> None:
    """Ports can be shared, so another program's is not taken into use: requests would be split."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        assert serve(folder, port).wait(LONGEST_SECONDS) != 0

    said = (folder / "log").read_text()
    assert f"another program listens on 127.0.0.1:{port}" in said
    assert "starting" not in said
