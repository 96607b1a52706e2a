"""Background work on PostgreSQL, through procrastinate: each job calls one use case.

Jobs only hurry what the periodic sweep finds by itself; losing one costs seconds, never
correctness. So what a killed worker was doing is taken away, not done again: while it counts as
under way, its lock keeps every later job of that lock waiting. Its tables live in a schema of their
own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import procrastinate
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.jobs import Status

from signets.app.check_issuer import check_issuers
from signets.app.observer import Observer
from signets.app.pull_events import pull_events
from signets.app.record_issuer_event import process_inbox
from signets.app.seal_evidence import seal_evidence
from signets.app.services import Services
from signets.app.sweep import sweep
from signets.app.sync_card import sync_card

QUEUE = "signets"
#: Every two seconds. In cron with six fields, seconds come last.
SWEEP = "* * * * * */2"
#: Every five seconds: what was a worker doing that is no longer there?
BURY = "* * * * * */5"
#: How often a worker says that it is there, and how long its silence may last, seconds. A worker
#: that is only slow and takes up its job again does no harm: every job may run twice at once.
HEARTBEAT = 2.0
SILENCE = 15.0
#: Every minute: is each issuer's set-up as it has to be?
CHECK = "* * * * *"
#: Every five minutes: what did webhooks not bring?
PULL = "*/5 * * * *"


def open_app(url: str, *, connections: int = 4) -> procrastinate.App:
    """A procrastinate application on this database; to be opened with ``open_async``."""
    return procrastinate.App(
        connector=procrastinate.PsycopgConnector(
            conninfo=url,
            min_size=1,
            max_size=connections,
            kwargs={"options": "-c search_path=public,procrastinate"},
        )
    )


class ProcrastinateJobs:
    """Defers jobs by name; whoever runs a worker has the tasks registered."""

    def __init__(self, app: procrastinate.App) -> None:
        self._app = app

    async def sync_card(self, org_id: str, card_id: str) -> None:
        """Push a card's state to the issuer."""
        await self._defer("sync_card", card_id, org_id=org_id, card_id=card_id)

    async def process_inbox(self, org_id: str) -> None:
        """Fold the issuer's events that wait."""
        await self._defer("process_inbox", org_id, org_id=org_id)

    async def sequence_evidence(self, org_id: str) -> None:
        """Give evidence entries their place in the tree."""
        await self._defer("sequence_evidence", org_id, org_id=org_id)

    async def _defer(self, name: str, lock: str, **values: str) -> None:
        job = self._app.configure_task(
            name, queue=QUEUE, queueing_lock=f"{name}:{lock}", lock=f"{name}:{lock}"
        )
        try:
            await job.defer_async(**values)
        except AlreadyEnqueued:
            return  # one that waits already will see the newest state


def register(app: procrastinate.App, services: Services, observer: Observer) -> None:
    """Make the tasks known to a worker."""
    retry = procrastinate.RetryStrategy(max_attempts=8, exponential_wait=2)

    def task(name: str, function: Callable[..., Awaitable[object]]) -> None:
        async def run(**values: str) -> None:
            await function(services, **values)

        app.task(name=name, queue=QUEUE, retry=retry)(run)

    task("sync_card", sync_card)
    task("process_inbox", process_inbox)
    task("sequence_evidence", seal_evidence)

    async def sweep_all(timestamp: int) -> None:
        for org_id in await services.store.organization_ids():
            await sweep(services, org_id, observer)

    swept = app.task(name="sweep", queue=QUEUE, queueing_lock="sweep", lock="sweep")(sweep_all)
    app.periodic(cron=SWEEP, periodic_id="sweep")(swept)

    async def bury(timestamp: int) -> None:
        manager = app.job_manager
        for job in await manager.get_stalled_jobs(seconds_since_heartbeat=SILENCE):
            await manager.finish_job(job, Status.FAILED, delete_job=True)

    # Without a lock of its own, or it could be what is buried.
    buried = app.task(name="bury", queue=QUEUE, queueing_lock="bury")(bury)
    app.periodic(cron=BURY, periodic_id="bury")(buried)

    def watch(name: str, cron: str, look: Callable[[Services, str], Awaitable[object]]) -> None:
        """Run ``look`` for every organization; one that fails does not hold up the others."""

        async def look_at_all(timestamp: int) -> None:
            for org_id in await services.store.organization_ids():
                try:
                    await look(services, org_id)
                except Exception as error:
                    observer.failed(name, error)

        task = app.task(name=name, queue=QUEUE, queueing_lock=name, lock=name)(look_at_all)
        app.periodic(cron=cron, periodic_id=name)(task)

    watch("check_issuers", CHECK, check_issuers)
    watch("pull_events", PULL, pull_events)


async def run_worker(app: procrastinate.App) -> None:
    """Run jobs until a SIGTERM or SIGINT, then finish what is under way."""
    await app.run_worker_async(
        queues=[QUEUE],
        concurrency=4,
        fetch_job_polling_interval=0.5,
        delete_jobs="successful",
        shutdown_graceful_timeout=20,
        update_heartbeat_interval=HEARTBEAT,
        stalled_worker_timeout=SILENCE,
        listen_notify=True,
    )
