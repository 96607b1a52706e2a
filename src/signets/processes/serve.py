"""``signets serve``: API, worker and, where chosen, the sandbox issuer, under one parent."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

import httpx

from signets.core.errors import Refusal, RefusalKind
from signets.processes.lifeline import PARENT, await_free
from signets.processes.sandbox import sandbox_key, sandbox_url
from signets.processes.sandbox_account import Face, connect_account
from signets.settings import Settings
from signets.storage.postgres.database import open_database

#: Longest wait for a child to be ready, and for it to finish what is in flight, seconds.
READY_SECONDS = 60.0
GRACE_SECONDS = 30.0
#: A child that ends by itself is started again, at most so often in a minute.
MOST_RESTARTS = 5


@dataclass(slots=True)
class Child:
    """One process of ours."""

    name: str
    arguments: list[str]
    process: subprocess.Popen[bytes] | None = None
    restarts: list[float] = field(default_factory=list)

    def start(self, environment: dict[str, str]) -> None:
        """Start it as a group of its own, so that a terminal's Ctrl-C reaches the parent alone.

        It finishes by itself where this process is killed.
        """
        self.process = subprocess.Popen(
            [sys.executable, "-m", "signets", *self.arguments],
            env={**environment, PARENT: str(os.getpid())},
            start_new_session=True,
        )

    def stop(self) -> None:
        """Ask it to finish; insist after the grace."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def public_url(settings: Settings) -> str:
    """How issuers reach the API: the setting, else where it listens."""
    return settings.public_url or f"http://{settings.host}:{settings.port}"


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment that gives children the parent's settings."""
    stated = {
        "SIGNETS_DATA_DIR": str(settings.data_dir),
        "SIGNETS_HOST": settings.host,
        "SIGNETS_PORT": str(settings.port),
        "SIGNETS_SANDBOX_HOST": settings.sandbox_host,
        "SIGNETS_SANDBOX_PORT": str(settings.sandbox_port),
        "SIGNETS_LOG_LEVEL": settings.log_level,
        "SIGNETS_PUBLIC_URL": public_url(settings),
    }
    return {**os.environ, **stated}


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def with_ports(settings: Settings) -> Settings:
    """Ports given as 0 become free ones."""
    return settings.model_copy(
        update={
            "port": settings.port or free_port(),
            "sandbox_port": settings.sandbox_port or free_port(),
        }
    )


def serve(settings: Settings, *, sandbox: bool, workers: int, say: Callable[[str], None]) -> int:
    """Run everything until SIGTERM or SIGINT; returns the exit code.

    Raises:
        Refusal: A port is taken, or a child did not get ready in time.
    """
    settings = with_ports(settings)
    await_free(settings.host, settings.port, "--port")
    if sandbox:
        await_free(settings.sandbox_host, settings.sandbox_port, "--sandbox-port")
    stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    url = settings.database_url.get_secret_value() if settings.database_url else None
    with (
        open_database(url=url, data_dir=settings.data_dir),
        children(settings, sandbox=sandbox, workers=workers, say=say) as running,
    ):
        say(f"ready: {public_url(settings)}")
        while not stopping:
            time.sleep(0.2)
            for child in running:
                if not keep_alive(child, child_environment(settings), say):
                    return 1
        say("stopping; finishing what is in flight")
    return 0


def keep_alive(child: Child, environment: dict[str, str], say: Callable[[str], None]) -> bool:
    """Start a child again that ended by itself; False once it ends too often."""
    if child.process is None or child.process.poll() is None:
        return True
    now = time.monotonic()
    child.restarts = [at for at in child.restarts if now - at < 60.0] + [now]
    if len(child.restarts) > MOST_RESTARTS:
        say(f"{child.name} ended {MOST_RESTARTS} times in a minute; giving up")
        return False
    say(f"{child.name} ended with code {child.process.returncode}; starting it again")
    child.start(environment)
    return True


@contextmanager
def children(
    settings: Settings,
    *,
    sandbox: bool,
    workers: int,
    say: Callable[[str], None],
    face: Face = Face.LITHIC,
) -> Iterator[list[Child]]:
    """All processes, ready; stopped in turn at the end (API first, sandbox last)."""
    environment = child_environment(settings)
    api = Child("api", ["api", "--workers", str(workers)])
    running: list[Child] = []
    try:
        if sandbox:
            running.append(Child("sandbox", ["sandbox", "serve"]))
        running.append(api)
        if settings.workers_enabled:
            running.append(Child("worker", ["worker"]))
        for child in running:
            say(f"starting {child.name}")
            child.start(environment)
        if sandbox:
            await_ready(
                f"{sandbox_url(settings)}/v1/status",
                running[0],
                {"Authorization": sandbox_key(settings)},
            )
        await_ready(f"http://{settings.host}:{settings.port}/readyz", api, {})
        if sandbox:
            connect_sandbox(settings, say, face)
        yield running
    finally:
        order = {"api": 0, "worker": 1, "sandbox": 2}
        for child in sorted(running, key=lambda one: order[one.name]):
            child.stop()


def await_ready(url: str, child: Child, headers: dict[str, str]) -> None:
    """Wait until the child answers.

    Raises:
        Refusal: ``not_ready`` where it ended, or took too long.
    """
    deadline = time.monotonic() + READY_SECONDS
    with httpx.Client(trust_env=False, headers=headers, timeout=2.0) as client:
        while time.monotonic() < deadline:
            if child.process is not None and child.process.poll() is not None:
                break
            try:
                if client.get(url).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass  # not listening yet; that is what is being waited for
            time.sleep(0.05)
    raise Refusal(
        RefusalKind.UNAVAILABLE,
        "not_ready",
        f"{child.name} did not get ready; its log above says why",
    )


def connect_sandbox(
    settings: Settings, say: Callable[[str], None], face: Face = Face.LITHIC
) -> None:
    """Point the sandbox at this API for every organization (ports may have changed)."""
    # Heavy, and needed last: the children start, and the sandbox runs, without it.
    from signets.bootstrap import open_runtime

    async def connect() -> None:
        async with open_runtime(settings, pool_size=2, upgrade=False) as runtime:
            organizations = await runtime.services.store.organization_ids()
            for org_id in organizations:
                await connect_account(
                    runtime.services,
                    org_id,
                    face,
                    base_url=sandbox_url(settings),
                    api_key=sandbox_key(settings),
                    public_url=public_url(settings),
                )
            if not organizations:
                say("no organization yet: make one with `signets init`, then start again")

    asyncio.run(connect())
