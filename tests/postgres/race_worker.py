"""One process of a race: reads jobs as JSON lines, does each when told to go, prints the result."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.postgres.process_kit import charge, tenant_runtime

from signets.app.authenticate import authenticate
from signets.app.decide_approval import decide_approval
from signets.app.decide_batch import decide_batch
from signets.app.freeze import switch_agent
from signets.app.services import Services
from signets.core.approval import Vote
from signets.core.errors import Refusal
from signets.core.merchant.directory import Directory
from signets.vendors import load_directory

#: Transactions of one process that are under way at once.
AT_ONCE = 3


async def authorize(services: Services, job: dict[str, Any]) -> list[list[Any]]:
    """Decide batches of ``[token, card token, amount]``."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(batch: list[list[Any]]) -> list[list[Any]]:
        async with turn:
            answers = await decide_batch(
                services,
                job["org_id"],
                job["connection_id"],
                [charge(token, card, amount) for token, card, amount in batch],
            )
        return [
            [one.decision.request_id, one.decision.id, one.decision.approved, one.decision.reason]
            for one in answers
        ]

    done = await asyncio.gather(*(one(batch) for batch in job["batches"]))
    return [answer for answers in done for answer in answers]


async def approve(services: Services, job: dict[str, Any]) -> list[list[Any]]:
    """Approve each intent as one member; ``[intent, outcome]``."""
    caller = await authenticate(services, job["token"])

    async def one(intent_id: str) -> list[Any]:
        try:
            view = await decide_approval(services, caller, intent_id, Vote.APPROVE, "fine")
        except Refusal as refusal:
            return [intent_id, refusal.code]
        return [intent_id, view.intent.state.value]

    return list(await asyncio.gather(*map(one, job["intents"])))


async def freeze(services: Services, job: dict[str, Any]) -> list[list[Any]]:
    """Freeze each agent."""
    caller = await authenticate(services, job["token"])
    for agent in job["agents"]:
        await switch_agent(services, caller, agent, frozen=True)
    return []


JOBS: dict[str, Callable[[Services, dict[str, Any]], Awaitable[list[list[Any]]]]] = {
    "authorize": authorize,
    "approve": approve,
    "freeze": freeze,
}


async def run(job: dict[str, Any], directory: Directory) -> None:
    """One job on a runtime of its own."""
    shift = {"by": timedelta(seconds=job.get("shift_seconds", 0))}
    async with tenant_runtime(
        Path(job["data_dir"]), directory, url=job["url"], shift=shift
    ) as runtime:
        await runtime.services.store.now()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        try:
            said: object = await JOBS[job["kind"]](runtime.services, job)
        except Exception as error:
            said = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(said), flush=True)


def main() -> None:
    """Until the end of the input."""
    directory = load_directory()
    for line in iter(sys.stdin.readline, ""):
        asyncio.run(run(json.loads(line), directory))


if __name__ == "__main__":
    main()
