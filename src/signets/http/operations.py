"""For whoever runs it: alive, ready, metrics. No key, nothing secret."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from signets.http.exchange import exchange_of
from signets.http.metrics import Metrics

#: Says what is missing, in a sentence without secrets, or ``None`` when all is well.
ReadinessCheck = Callable[[], Awaitable[str | None]]

HEALTH = "/healthz"
READY = "/readyz"
METRICS = "/metrics"
OPENAPI = "/openapi.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """What these routes report on."""

    metrics: Metrics
    checks: Mapping[str, ReadinessCheck]
    seconds: float

    async def health(self, request: Request) -> Response:
        """The process answers."""
        exchange_of(request.scope).template = HEALTH
        return JSONResponse({"status": "ok"})

    async def ready(self, request: Request) -> Response:
        """Every dependency serves; 503 and the failing check's name otherwise."""
        exchange = exchange_of(request.scope)
        exchange.template = READY
        problems = await asyncio.gather(
            *(self._problem(name, check) for name, check in self.checks.items())
        )
        found = dict(zip(self.checks, problems, strict=True))
        ready = not any(found.values())
        body = {
            "status": "ready" if ready else "unavailable",
            "checks": {name: problem or "ok" for name, problem in found.items()},
        }
        return JSONResponse(body, status_code=200 if ready else 503)

    async def _problem(self, name: str, check: ReadinessCheck) -> str | None:
        try:
            async with asyncio.timeout(self.seconds):
                return await check()
        except TimeoutError:
            return "no answer in time"
        except Exception as error:
            # Its text may hold an address with a password: the type has to do.
            structlog.get_logger("signets.http").warning(
                "check_failed", check=name, error=type(error).__name__
            )
            return f"failed ({type(error).__name__})"

    async def expose(self, request: Request) -> Response:
        """Prometheus text format."""
        exchange_of(request.scope).template = METRICS
        return Response(
            generate_latest(self.metrics.registry), headers={"content-type": CONTENT_TYPE_LATEST}
        )

    def routes(self) -> list[Route]:
        """The three of them."""
        return [
            Route(HEALTH, self.health, methods=["GET"]),
            Route(READY, self.ready, methods=["GET"]),
            Route(METRICS, self.expose, methods=["GET"]),
        ]
