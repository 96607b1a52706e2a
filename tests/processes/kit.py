"""Signets' own processes, to be killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 60.0


@dataclass
class Program:
    """``signets NAME …`` in a process group of its own.

    Attributes:
        ready_url: Answers 200 once the program works; a program without one is ready at once.
    """

    arguments: list[str]
    environment: dict[str, str]
    log: Path
    ready_url: str = ""
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "signets", *self.arguments],
                env={**os.environ, "PYTHONPATH": paths, **self.environment},
                cwd=self.log.parent,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._await_ready()

    def _await_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        with httpx.Client(trust_env=False, timeout=5) as http:
            while self.ready_url:
                try:
                    if http.get(self.ready_url).status_code == httpx.codes.OK:
                        return
                except httpx.HTTPError:
                    pass  # not yet
                assert time.monotonic() < deadline, self.log.read_text()[-3000:]
                assert self.process is not None and self.process.poll() is None, self.said()
                time.sleep(0.05)

    def said(self) -> str:
        """The end of its log."""
        return self.log.read_text()[-3000:]

    def kill(self) -> None:
        """kill -9, children and all: nobody tidies up."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Ask it to finish; insist where it does not."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()
