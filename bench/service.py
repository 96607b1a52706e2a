"""The processes under measurement: the API as `signets serve` runs it, and its memory."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from signets.settings import Settings

_READY_SECONDS = 30.0


@contextmanager
def running_api(settings: Settings, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """One API process with the default settings; its log goes to a file, as a service's does.

    Raises:
        RuntimeError: It did not get ready.
    """
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SIGNETS_")},
        "SIGNETS_DATA_DIR": str(settings.data_dir),
        "SIGNETS_PORT": str(settings.port),
    }
    if settings.database_url is not None:
        environment["SIGNETS_DATABASE_URL"] = settings.database_url.get_secret_value()
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "signets", "api"], env=environment, stdout=sink, stderr=sink
        )
        try:
            _await_ready(process, settings.port, log)
            yield process
        finally:
            process.terminate()
            process.wait(30)


def _await_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with opener.open(f"http://127.0.0.1:{port}/readyz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the API did not get ready: {log.read_text()[-2000:]}")


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def process_tree(pid: int) -> list[int]:
    """A process and all below it (Linux; elsewhere itself alone)."""
    below: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        fields = _status(status)
        if "PPid" in fields:
            below.setdefault(int(fields["PPid"]), []).append(int(fields["Pid"]))
    found = [pid]
    for one in found:
        found.extend(below.get(one, ()))
    return found


def resident_mb(pid: int) -> list[float]:
    """Memory of a process and of those below it, MB, the largest first (Linux; empty elsewhere)."""
    sizes = []
    for one in process_tree(pid):
        fields = _status(Path(f"/proc/{one}/status"))
        if "VmRSS" in fields:
            sizes.append(int(fields["VmRSS"].split()[0]) / 1024)
    return sorted(sizes, reverse=True)


def _status(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}  # it ended meanwhile
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
