"""The API as `signets serve` runs it: its own process, its own settings, real HTTP."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bench.load import Job, Outcome
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
    with log.open("wb") as sink:
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


def drive(folder: Path, job: Job) -> Outcome:
    """Run the generator in a process of its own."""
    given, came = folder / "job", folder / "outcome"
    given.write_bytes(msgspec.msgpack.encode(job))
    subprocess.run([sys.executable, "-m", "bench.load", str(given), str(came)], check=True)
    return msgspec.msgpack.decode(came.read_bytes(), type=Outcome)


def resident_mb(pid: int) -> float:
    """Memory of a process and its children, MB (Linux; 0 elsewhere)."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(
                line.split(":", 1) for line in status.read_text().splitlines() if ":" in line
            )
        except OSError:
            continue  # it ended meanwhile
        if str(pid) in (fields["Pid"].strip(), fields["PPid"].strip()) and "VmRSS" in fields:
            total += int(fields["VmRSS"].split()[0])
    return total / 1024
