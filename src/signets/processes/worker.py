"""The worker process: background jobs and the periodic sweep."""

from __future__ import annotations

from signets.bootstrap import LoggingObserver, open_runtime
from signets.jobs import register, run_worker
from signets.settings import Settings


async def work(settings: Settings) -> None:
    """Run jobs until a signal; what is under way is finished."""
    async with open_runtime(settings, pool_size=6) as runtime:
        register(runtime.jobs, runtime.services, LoggingObserver())
        await run_worker(runtime.jobs)
