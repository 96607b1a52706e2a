"""A whole Signets in this process, with a sandbox for each issuer, for playing scenarios."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from granian.constants import Interfaces
from granian.server.embed import Server
from prometheus_client import CollectorRegistry

from signets import AsyncSignets
from signets.app.pull_events import pull_connection
from signets.app.records import Connection
from signets.app.services import Services
from signets.app.set_up_organization import set_up_organization
from signets.app.sweep import sweep
from signets.bootstrap import Runtime, open_runtime
from signets.http.metrics import Metrics
from signets.issuers.sandbox import SandboxConfig, create_app
from signets.issuers.sandbox.scenarios import LithicDriver, ScenarioDriver, StripeDriver
from signets.processes.api import build_application
from signets.processes.sandbox import sandbox_key
from signets.processes.sandbox_account import Face, connect_account
from signets.processes.serve import free_port
from signets.settings import Settings
from signets.storage.postgres.database import open_database

#: The network's patience. Shorter than Lithic's six seconds and longer than our own deadline, so
#: that an answer that is too late costs no more than this.
_DEADLINE_SECONDS = 2.0
#: A webhook that was not taken comes again at once; an issuer would wait for seconds, then hours.
_RETRY_SECONDS = (0.0, 0.2, 0.5)
_TIMEOUT_SECONDS = 30.0
#: What every scenario may do: its intents are approved as they are asked for, to the cent.
_POLICY_CHANGES: dict[str, Any] = {
    "tolerance": {"percent": 0, "absolute": 0},
    "budgets": [],
    "caps": [],
}


@dataclass(slots=True)
class Failures:
    """An observer that keeps what was contained: a run with any is not well."""

    seen: list[str] = field(default_factory=list)

    def decided(self, outcome: str, reason: str, seconds: float) -> None:
        """Nothing to keep."""

    def failed(self, what: str, error: BaseException) -> None:
        """Something went wrong and was contained."""
        self.seen.append(f"{what}: {type(error).__name__}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One organization, and the sandbox that its one issuer connection leads to."""

    services: Services
    base_url: str
    connection: Connection
    admin: AsyncSignets
    driver: ScenarioDriver
    failures: Failures
    stack: AsyncExitStack

    @property
    def org_id(self) -> str:
        """The organization's id."""
        return self.connection.org_id

    async def client(self, key: str | None) -> AsyncSignets:
        """The SDK with another key."""
        made = AsyncSignets(api_key=key, base_url=self.base_url)
        self.stack.push_async_callback(made.aclose)
        return made

    async def arrive(self) -> None:
        """Let every webhook arrive, and do all background work."""
        await self.driver.drain()
        await sweep(self.services, self.org_id, self.failures)

    async def settle(self) -> None:
        """The same, and read the issuer's own list."""
        await self.arrive()
        try:
            await pull_connection(self.services, self.connection, grace=timedelta())
        except Exception as error:
            self.failures.failed("pull", error)
        await self.arrive()


@asynccontextmanager
async def open_accounts(
    settings: Settings, faces: tuple[Face, ...]
) -> AsyncIterator[dict[Face, Account]]:
    """One Signets with an organization for each face, each with a sandbox of its own.

    ``settings`` name a folder of this run alone: database, keys and sandboxes live in it.

    Raises:
        Refusal: The database cannot be used.
    """
    async with AsyncExitStack() as stack:
        runtime = await stack.enter_async_context(open_runtime(settings))
        engine, app = build_application(runtime, settings, Metrics(CollectorRegistry()))
        stack.push_async_callback(engine.drain)
        await _serve(stack, app, settings.port)
        yield {face: await _account(stack, runtime, settings, face) for face in faces}


async def _account(
    stack: AsyncExitStack, runtime: Runtime, settings: Settings, face: Face
) -> Account:
    key = await asyncio.to_thread(sandbox_key, settings)
    sandbox_url = await _sandbox(stack, settings, face, key)
    base_url = f"http://{settings.host}:{settings.port}"
    made = await set_up_organization(
        runtime.services,
        name=f"Scenarios at {face.value}",
        currency="USD",
        admin_email="ada@example.com",
        admin_name="Ada",
    )
    connection = await connect_account(
        runtime.services,
        made.organization.org_id,
        face,
        base_url=sandbox_url,
        api_key=key,
        public_url=base_url,
    )
    admin = AsyncSignets(api_key=made.admin_token, base_url=base_url)
    stack.push_async_callback(admin.aclose)
    document = (await admin.policy.get()).document
    await admin.policy.put({**document, **_POLICY_CHANGES})
    http = await stack.enter_async_context(
        httpx.AsyncClient(base_url=sandbox_url, timeout=_TIMEOUT_SECONDS, trust_env=False)
    )
    return Account(
        services=runtime.services,
        base_url=base_url,
        connection=connection,
        admin=admin,
        driver=LithicDriver(http, key) if face is Face.LITHIC else StripeDriver(http, key),
        failures=Failures(),
        stack=stack,
    )


async def _sandbox(stack: AsyncExitStack, settings: Settings, face: Face, key: str) -> str:
    """A sandbox with a database of its own; its address. Faults of one do not reach another."""
    opened = open_database(
        url=None, data_dir=settings.data_dir, name=f"signets_sandbox_{face.value}"
    )
    database = await asyncio.to_thread(opened.__enter__)
    stack.push_async_callback(asyncio.to_thread, opened.__exit__, None, None, None)
    config = SandboxConfig(
        database_url=database.url,
        api_key=key,
        deadline_seconds=_DEADLINE_SECONDS,
        stripe_deadline_seconds=_DEADLINE_SECONDS,
        retry_seconds=_RETRY_SECONDS,
    )
    port = free_port()
    await _serve(stack, create_app(config), port)
    return f"http://127.0.0.1:{port}"


async def _serve(stack: AsyncExitStack, app: Any, port: int) -> None:
    """Serve an ASGI application over real HTTP until the stack closes."""
    server = Server(app, port=port, interface=Interfaces.ASGI, log_enabled=False)
    task = asyncio.create_task(server.serve())

    async def stop() -> None:
        server.stop()  # type: ignore[no-untyped-call]
        await asyncio.wait([task], timeout=5)

    stack.push_async_callback(stop)
    async with httpx.AsyncClient(trust_env=False) as probe:
        while not task.done():
            try:
                await probe.get(f"http://127.0.0.1:{port}/")
                return
            except httpx.TransportError:
                await asyncio.sleep(0.01)
    await task
