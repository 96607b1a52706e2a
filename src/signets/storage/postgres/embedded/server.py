"""Start the embedded server, or join the one that runs already."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from signets.storage.postgres.durability import check_durability
from signets.storage.postgres.embedded import locks
from signets.storage.postgres.embedded.account import account_for
from signets.storage.postgres.embedded.cluster import Cluster, url
from signets.storage.postgres.errors import unavailable

DATABASE = "signets"


class EmbeddedServer:
    """One user's hold on the running server. The server stops after its last user is gone."""

    def __init__(self, cluster: Cluster, socket_folder: Path, user_lock: int) -> None:
        self._cluster = cluster
        self._socket_folder = socket_folder
        self._user_lock: int | None = user_lock

    def url(self, database: str = DATABASE) -> str:
        """The libpq URL of a database on this server."""
        return url(self._socket_folder, database)

    @property
    def server_pid(self) -> int | None:
        """The server's process id as it stands now, None while it is down."""
        recorded = self._cluster.recorded()
        return recorded.pid if recorded and self._cluster.process_runs() else None

    def create_database(self, name: str) -> None:
        """Create a database unless it exists; safe against others doing the same."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if found.fetchone():
                return
            try:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                return

    def close(self) -> None:
        """Let go of the server; the last user to do so stops it before returning."""
        if self._user_lock is None:
            return
        os.close(self._user_lock)
        self._user_lock = None
        root = self._cluster.root
        if not root.exists():
            return  # deleted under the server, which notices by itself
        with locks.exclusive(root / "start.lock"):
            if locks.is_unheld(root / "users.lock"):
                self._cluster.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def start(data_dir: Path) -> EmbeddedServer:
    """Start the server that lives in ``data_dir/postgres``, or join it; waits until it answers.

    Creates the folder (private) and the database ``signets`` on first use.

    Raises:
        Refusal: It cannot run here, or it is not durable; the sentence holds the remedy.
    """
    root = _prepare_folder(data_dir)
    cluster = Cluster(root=root, account=account_for(root / "cluster"))
    if not cluster.account.can_enter(root):
        raise unavailable(
            "data_folder_unreachable",
            f"PostgreSQL does not run as root, and the account {cluster.account.name} that runs "
            f"it instead cannot reach {root}, which lies in a folder private to root; choose "
            "another place, for example SIGNETS_DATA_DIR=/var/lib/signets",
        )
    with locks.exclusive(root / "start.lock"):
        user_lock = locks.hold_shared(root / "users.lock")
        try:
            # Before the server: whatever kills us from here on, somebody stops it.
            _ensure_watchdog(root)
            server = EmbeddedServer(cluster, cluster.ensure_running(), user_lock)
            server.create_database(DATABASE)
        except BaseException:
            os.close(user_lock)
            raise
    try:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            check_durability(connection)
    except BaseException:
        server.close()
        raise
    return server


def _prepare_folder(data_dir: Path) -> Path:
    """Make ``data_dir`` and our folder in it; nothing above them is touched.

    As root both become enterable (0711, not listable), because another account runs the server.
    """
    data_dir = data_dir.absolute()
    mode = 0o711 if os.geteuid() == 0 else 0o700
    data_dir.mkdir(mode=mode, parents=True, exist_ok=True)
    root = data_dir.resolve() / "postgres"
    root.mkdir(mode=mode, exist_ok=True)
    for folder in (root.parent, root):
        found = folder.stat()
        if found.st_uid not in (os.geteuid(), 0):
            if os.geteuid() == 0:
                continue
            raise unavailable(
                "data_folder_not_ours",
                f"{folder} belongs to another account; choose another one with SIGNETS_DATA_DIR",
            )
        if os.geteuid() == 0 and not found.st_mode & 0o001:
            folder.chmod(0o711)
    for name in ("start.lock", "users.lock", "watchdog.lock"):
        locks.create_lock_file(root / name)
    return root


def _ensure_watchdog(root: Path) -> None:
    """Start the detached watchdog unless one lives; it inherits the lock that proves its life."""
    descriptor = locks.open_lock_file(root / "watchdog.lock")
    try:
        if not locks.try_exclusive(descriptor):
            return
        # All it may import from, made absolute: it runs in another folder and environment.
        path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
        log = os.open(root / "watchdog.log", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        try:
            # Through a shell that exits at once, so that it is nobody's child and no zombie.
            subprocess.run(
                [
                    *("/bin/sh", "-c", '"$@" &', "sh", sys.executable),
                    *("-m", "signets.storage.postgres.embedded.watchdog"),
                    *(str(root), str(descriptor)),
                ],
                cwd="/",
                env={"PATH": os.defpath, "PYTHONPATH": path, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(descriptor,),
                start_new_session=True,
                check=True,
            )
        finally:
            os.close(log)
    finally:
        os.close(descriptor)
