"""The API process: an ASGI application that opens its services when the server starts it."""

from __future__ import annotations

import asyncio
import gc
import os
from contextlib import AsyncExitStack
from importlib.metadata import version

from fastapi import FastAPI
from granian import Granian
from granian.constants import Interfaces, Loops
from prometheus_client import CollectorRegistry
from starlette.types import Receive, Scope, Send

from signets.app.authorize import Engine
from signets.app.desk import Decides, Desk
from signets.app.record_issuer_event import EventReceiver
from signets.bootstrap import LoggingObserver, Runtime, open_runtime
from signets.http.application import create_app
from signets.http.config import HttpConfig
from signets.http.metrics import Metrics
from signets.processes.lifeline import end_with
from signets.processes.shared_desk import SharedDesk
from signets.settings import Settings
from signets.storage.postgres import migrate
from signets.storage.postgres.errors import UNAVAILABLE_ERRORS
from signets.structured_log import configure_logging, server_logging

_YOUNG = 20_000  # new objects after which the youngest generation is searched for cycles


class ApiProcess:
    """Opens database, services and routes on the server's start, and drains on its stop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stack = AsyncExitStack()
        self._app: FastAPI | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif self._app is not None:
            await self._app(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._open()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._stack.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def _open(self) -> None:
        runtime = await self._stack.enter_async_context(open_runtime(self._settings))
        metrics = Metrics(CollectorRegistry())
        desk = SharedDesk(
            Desk(runtime.services, LoggingObserver()), self._settings.data_dir, runtime.database_url
        )
        await desk.open()
        engine, self._app = build_application(runtime, self._settings, metrics, desk=desk)
        self._stack.push_async_callback(engine.drain)
        # What start-up made (routes, schemas, the directory) lives as long as the process: taking
        # it out of the collector's sight saves every later collection from walking through it.
        gc.collect()
        gc.freeze()
        # A batch of decisions makes some ten thousand objects that live as long as the batch and
        # nearly no cycles: looking for those after every 700 takes a tenth of the process's time.
        gc.set_threshold(_YOUNG, 10, 10)


def build_application(
    runtime: Runtime, settings: Settings, metrics: Metrics, *, desk: Decides | None = None
) -> tuple[Engine, FastAPI]:
    """The engine and the HTTP edge over one runtime; without a ``desk`` it decides by itself."""
    observer = LoggingObserver(metrics.decision)
    engine = Engine(runtime.services, observer, deadline=settings.decision_seconds, desk=desk)

    async def at_head() -> str | None:
        current = await asyncio.to_thread(migrate.current, runtime.database_url)
        if current == migrate.head():
            return None
        return f"the schema is at {current}, not at {migrate.head()}: run `signets db upgrade`"

    app = create_app(
        runtime.services,
        engine,
        EventReceiver(runtime.services, observer),
        config=HttpConfig(version=version("signets"), public_url=settings.public_url),
        metrics=metrics,
        checks={"database": runtime.store.ping, "schema": at_head},
        unavailable_errors=UNAVAILABLE_ERRORS,
    )
    return engine, app


def api_app() -> ApiProcess:
    """Factory for the server's own processes; settings come from the environment."""
    end_with(os.getppid())
    settings = Settings()
    configure_logging(settings.log_level)
    return ApiProcess(settings)


def run_api(settings: Settings, *, workers: int = 1) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is in flight."""
    configure_logging(settings.log_level)
    Granian(
        "signets.processes.api:api_app",
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        workers=workers,
        respawn_failed_workers=True,
        workers_kill_timeout=30,
        log_access=False,
        log_level="warning",  # type: ignore[arg-type]  # the enum's value, as its CLI takes it
        log_dictconfig=server_logging(),
    ).serve()
