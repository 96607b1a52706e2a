"""One PostgreSQL cluster on disk: create, start, look at, stop.

Every function here that changes something expects its caller to hold ``start.lock``.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import psycopg

from signets.storage.postgres.embedded.account import Account
from signets.storage.postgres.embedded.binaries import Binaries, find_binaries
from signets.storage.postgres.errors import unavailable

SUPERUSER = "signets"
PORT = 5432  # only names the socket file; nothing listens on the network
START_SECONDS = 600  # crash recovery replays the log first, which can take minutes
STOP_SECONDS = 120
CONNECT_SECONDS = 5
_READY_BUT_DEAF_SECONDS = 5
_ORPHANS_SECONDS = 30  # what a killed server's backends get to notice and leave
_ORPHANS_MESSAGE = "pre-existing shared memory block"
_LONGEST_SOCKET_PATH = 103  # bytes: macOS; Linux allows 107

# Many cards are many places in every index. Where those do not fit into shared buffers, and are
# logged whole after each of too many checkpoints, millions of stored authorizations make the next
# one slow (docs/engine.md). What a crash leaves to be replayed grows with it, to a minute or two.
_CONFIGURATION = """
# --- Signets ---
shared_buffers = {shared_buffers}MB
max_connections = 100
max_wal_size = {log_size}MB
checkpoint_timeout = 15min
timezone = 'UTC'
log_timezone = 'UTC'
log_checkpoints = off
log_error_verbosity = terse  # a failing row's values stay out of the log
"""


def _shared_buffers() -> int:
    """An eighth of the machine's memory, in MB; it is taken as it is used."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    return min(2048, max(256, memory // 8))


def _log_size(folder: Path) -> int:
    """What the log may grow to between two checkpoints: an eighth of the free disk, in MB."""
    free = shutil.disk_usage(folder).free >> 20
    return min(8192, max(1024, free // 8))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningServer:
    """What ``postmaster.pid`` says about a server (format: PostgreSQL's miscadmin.h)."""

    pid: int
    socket_folder: Path
    ready: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster in ``root/cluster`` and the account that runs it."""

    root: Path
    account: Account

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.root / "cluster"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.root / "server.log"

    def recorded(self) -> RunningServer | None:
        """The server that ``postmaster.pid`` names, dead or alive."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            status = lines[7].strip() if len(lines) > 7 else ""
            return RunningServer(
                pid=int(lines[0]), socket_folder=Path(lines[4]), ready=status == "ready"
            )
        except (FileNotFoundError, IndexError, ValueError):
            return None

    def process_runs(self) -> bool:
        """Whether the recorded process is a live server *of this cluster* (not a zombie)."""
        recorded = self.recorded()
        if recorded is None:
            return False
        state, command = _process(recorded.pid)
        return state not in ("", "Z") and str(self.data) in command

    def answers(self) -> bool:
        """Whether a real connection succeeds: the only proof of life that counts."""
        recorded = self.recorded()
        if recorded is None:
            return False
        try:
            with psycopg.connect(
                url(recorded.socket_folder, "postgres"), connect_timeout=CONNECT_SECONDS
            ) as connection:
                row = connection.execute("SHOW data_directory").fetchone()
        except psycopg.OperationalError as problem:
            return "too many clients" in str(problem)
        return row is not None and Path(row[0]) == self.data

    def ensure_running(self) -> Path:
        """Make the server run and answer; returns the folder of its socket.

        Raises:
            Refusal: No usable PostgreSQL, or it does not start (the end of its log is quoted).
        """
        if self.process_runs() and not self._becomes_reachable():
            self.stop()
        if not self.process_runs():
            binaries = find_binaries(self.account, self.root)
            self._initialise(binaries)
            self._start(binaries)
        recorded = self.recorded()
        if recorded is None or not self.answers():
            raise self._not_started("it does not answer on its socket")
        return recorded.socket_folder

    def stop(self) -> None:
        """Stop the server: roll back what is open and write all out, else stop it at once.

        By signals (PostgreSQL documentation, "Shutting Down the Server"), for the programs may
        be gone by now.
        """
        recorded = self.recorded()
        if recorded is None:
            return
        for how in (signal.SIGINT, signal.SIGQUIT):
            deadline = time.monotonic() + STOP_SECONDS
            if self.process_runs():
                os.kill(recorded.pid, how)
            while self.process_runs() and time.monotonic() < deadline:
                time.sleep(0.02)
        if not self.process_runs():
            shutil.rmtree(recorded.socket_folder, ignore_errors=True)

    def _becomes_reachable(self) -> bool:
        """Wait for a live process to answer: through recovery, but not for a lost socket."""
        deadline = time.monotonic() + START_SECONDS
        deaf_since: float | None = None
        while time.monotonic() < deadline and self.process_runs():
            if self.answers():
                return True
            recorded = self.recorded()
            if recorded is not None and recorded.ready:
                deaf_since = deaf_since or time.monotonic()
                if time.monotonic() - deaf_since > _READY_BUT_DEAF_SECONDS:
                    return False
            time.sleep(0.1)
        return False

    def _initialise(self, binaries: Binaries) -> None:
        """Create the cluster if there is none: built aside, then moved into place at once."""
        version_file = self.data / "PG_VERSION"
        if version_file.exists():
            made_by = int(version_file.read_text().strip())
            if made_by != binaries.major:
                raise unavailable(
                    "database_version",
                    f"the database in {self.data} was made by PostgreSQL {made_by} but "
                    f"{binaries.folder} holds {binaries.major}; install version {made_by}, or "
                    "dump and restore into a new folder",
                )
            return
        for leftover in self.root.glob("cluster.new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        fresh = Path(tempfile.mkdtemp(prefix="cluster.new-", dir=self.root))
        self.account.own(fresh)
        locale = ["--locale=C"]
        if binaries.major >= 17:
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        made = self.account.run(
            [
                *(binaries.program("initdb"), "-D", str(fresh), "-U", SUPERUSER),
                *("--auth-local=trust", "--auth-host=reject", "--encoding=UTF8"),
                *("--data-checksums", "--no-instructions", *locale),
            ],
            cwd=self.root,
            timeout=START_SECONDS,
        )
        if made.returncode != 0:
            raise unavailable("database_not_created", f"initdb failed: {made.stdout.strip()}")
        with (fresh / "postgresql.conf").open("a") as configuration:
            configuration.write(
                _CONFIGURATION.format(
                    shared_buffers=_shared_buffers(), log_size=_log_size(self.root)
                )
            )
        fresh.rename(self.data)

    def _start(self, binaries: Binaries) -> None:
        folder = self._socket_folder()
        self._forget_dead_process(folder)
        descriptor = os.open(self.log, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        os.close(descriptor)
        self.account.own(self.log)
        options = (
            f"-c listen_addresses='' -c port={PORT} -c unix_socket_permissions=0700 "
            f"-c unix_socket_directories={shlex.quote(str(folder))}"
        )
        command = [
            *(binaries.program("pg_ctl"), "start", "-s", "-D", str(self.data)),
            *("-w", "-t", str(START_SECONDS), "-l", str(self.log), "-o", options),
        ]
        deadline = time.monotonic() + _ORPHANS_SECONDS
        while True:
            started = self.account.run(command, cwd=self.root, timeout=START_SECONDS + 30)
            if started.returncode == 0:
                return
            if _ORPHANS_MESSAGE not in self._log_end() or time.monotonic() > deadline:
                raise self._not_started(started.stdout.strip())
            time.sleep(0.2)

    def _socket_folder(self) -> Path:
        """A short folder private to the account: the dead server's own again, else a new one.

        Keeping it means that a URL handed out before a crash works again afterwards.
        """
        recorded = self.recorded()
        if recorded is not None and _is_private(recorded.socket_folder, self.account):
            return recorded.socket_folder
        base = Path("/tmp")  # noqa: S108 - short, and what is made in it is private
        folder = Path(tempfile.mkdtemp(prefix="signets-pg-", dir=base))
        self.account.own(folder)
        if len(bytes(socket_file(folder))) > _LONGEST_SOCKET_PATH:
            raise unavailable("socket_path", f"{folder} is too long a path for a socket")
        return folder

    def _forget_dead_process(self, socket_folder: Path) -> None:
        """Let PostgreSQL see that its recorded process is dead although the pid is taken.

        A killed server that nobody has reaped yet (a container without an init), or whose pid
        went to another process, looks alive to PostgreSQL, which then refuses to start. Removing
        ``postmaster.pid`` would also remove its guard against orphaned backends; writing our own
        pid, which PostgreSQL ignores as its starter's, keeps that guard (miscinit.c,
        CreateLockFile). The socket's lock guards nothing else, and its folder is ours.
        """
        socket_file(socket_folder).with_name(f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)
        path = self.data / "postmaster.pid"
        if path.exists():
            lines = path.read_text().splitlines(keepends=True)
            path.write_text("".join([f"{os.getpid()}\n", *lines[1:]]))

    def _log_end(self) -> str:
        try:
            lines = self.log.read_text(errors="replace").strip().splitlines()
        except FileNotFoundError:
            return ""
        return " | ".join(lines[-5:])

    def _not_started(self, what: str) -> Exception:
        return unavailable(
            "database_not_started",
            f"the embedded PostgreSQL in {self.root} did not start ({what}); its log ends: "
            + self._log_end(),
        )


def socket_file(folder: Path) -> Path:
    """The socket inside its folder."""
    return folder / f".s.PGSQL.{PORT}"


def url(socket_folder: Path, database: str) -> str:
    """The libpq URL of a database behind a socket."""
    query = urlencode({"host": str(socket_folder), "port": PORT, "user": SUPERUSER})
    return f"postgresql:///{database}?{query}"


def _is_private(folder: Path, account: Account) -> bool:
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    mode = stat.S_IMODE(found.st_mode)
    return stat.S_ISDIR(found.st_mode) and mode == 0o700 and found.st_uid == account.uid


def _process(pid: int) -> tuple[str, str]:
    """State letter and command line of a process, or two empty strings if there is none."""
    proc = Path("/proc") / str(pid)
    try:
        if proc.parent.joinpath("self").exists():
            state = (proc / "stat").read_text().rpartition(")")[2].split()[0]
            return state, (proc / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        shown = subprocess.run(
            ["/bin/ps", "-o", "stat=,args=", "-p", str(pid)],
            capture_output=True,
            text=True,
            check=False,
        ).stdout.strip()
        return shown[:1], shown
    except (FileNotFoundError, ProcessLookupError):
        return "", ""
