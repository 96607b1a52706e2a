"""Which operating-system account runs the server: PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from signets.storage.postgres.errors import unavailable

UNPRIVILEGED_ACCOUNTS = ("postgres", "nobody")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An operating-system account; ``is_us`` when it is the one this process runs as."""

    uid: int
    gid: int
    name: str

    @property
    def is_us(self) -> bool:
        """Whether commands run as this account without switching."""
        return self.uid == os.geteuid()

    def run(
        self, command: Sequence[str], *, cwd: Path, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as this account, in a session of its own, and capture what it says.

        Raises:
            OSError: The account may not execute the program.
            subprocess.TimeoutExpired: It ran longer than ``timeout`` seconds.
        """
        # Output goes through pipes only for programs that leave no server behind holding them;
        # pg_ctl gets the server's output redirected to a log file.
        return subprocess.run(
            list(command),
            cwd=cwd,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            timeout=timeout,
            start_new_session=True,
            umask=0o077,
            user=None if self.is_us else self.uid,
            group=None if self.is_us else self.gid,
            extra_groups=None if self.is_us else [],
        )

    def can_enter(self, folder: Path) -> bool:
        """Whether this account can reach the folder (every parent included)."""
        if self.is_us:
            return os.access(folder, os.X_OK)
        probe = self.run(
            ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)], cwd=Path("/"), timeout=10
        )
        return probe.returncode == 0

    def own(self, path: Path) -> None:
        """Hand one file or folder to this account (only root can and needs to)."""
        if not self.is_us:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def account_for(cluster: Path) -> Account:
    """The account that runs the server for this cluster folder.

    An ordinary user runs it as himself. Root uses the owner of an existing cluster, else
    ``postgres`` or ``nobody``.

    Raises:
        Refusal: The cluster belongs to somebody else, or root has no account to switch to.
    """
    owner = cluster.stat().st_uid if cluster.exists() else None
    us = os.geteuid()
    if us != 0:
        if owner not in (None, us):
            raise unavailable(
                "database_not_ours",
                f"the database in {cluster} belongs to the account {_name(owner or 0)}; start "
                "Signets as that account, or choose another folder with SIGNETS_DATA_DIR",
            )
        return Account(uid=us, gid=os.getegid(), name=_name(us))
    if owner:
        return Account(uid=owner, gid=cluster.stat().st_gid, name=_name(owner))
    for name in UNPRIVILEGED_ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(uid=entry.pw_uid, gid=entry.pw_gid, name=name)
    raise unavailable(
        "no_unprivileged_account",
        "PostgreSQL does not run as root and neither 'postgres' nor 'nobody' exists here; start "
        "Signets as an ordinary user, or set SIGNETS_DATABASE_URL",
    )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _environment() -> dict[str, str]:
    """A small, predictable environment: no PG* setting or secret of ours reaches the server."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
