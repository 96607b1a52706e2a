"""PostgreSQL itself stops answering (SIGSTOP of all its processes) while charges come in."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from tests.postgres.kill_kit import UNDECIDED, Api, Load, check_whole, running, scene
from tests.postgres.process_kit import (
    Tenant,
    asa_request,
    new_tenant,
    rows,
    tenant_runtime,
)

from signets.core.merchant.directory import Directory
from signets.storage.postgres import embedded

#: Seconds after which the engine wants to read its issuer connection again.
FORGOTTEN = 5.5


@contextmanager
def stopped(postmaster: int) -> Iterator[None]:
    """The server and every process of it stand still."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    )
    pairs = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
    still = [postmaster, *(pid for pid, parent in pairs if parent == postmaster)]
    for pid in still:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in still:
            os.kill(pid, signal.SIGCONT)


def standing(tenant: Tenant) -> list[dict[str, object]]:
    """Approvals that were not voided, by request."""
    return rows(
        tenant.runtime.database_url,
        "SELECT request_id FROM decision WHERE approved AND state <> 'void' ORDER BY request_id",
    )


async def test_a_database_that_stands_still_past_the_deadline(
    data_dir: Path, directory: Directory
) -> None:
    """Every answer is a decline and none hangs; afterwards the books are what the issuer heard.

    That is also so for who asks when the issuer connection would have to be read again.

    What committed late is void and holds nothing; asked again it is declined. What was never
    decided is decided when it is asked again, once.
    """
    with embedded.start(data_dir) as server:
        async with tenant_runtime(data_dir, directory) as runtime:
            tenant = await new_tenant(runtime, "paused")
            cards = await scene(tenant)
        api = Api(data_dir, data_dir.parent / "api.log")
        with running(api):
            load = Load([api.authorize_url(tenant.connection_id)], cards)
            tokens = [str(uuid.uuid4()) for _ in range(12)]
            for n, token in enumerate(tokens):
                load.sent[token] = asa_request(token, cards[n % len(cards)], 500 + n)
            async with httpx.AsyncClient(trust_env=False, timeout=15) as http:
                before, during = tokens[:4], tokens[4:]
                assert set((await load.repeat(before)).values()) == {"APPROVED"}
                assert server.server_pid is not None
                with stopped(server.server_pid):
                    await asyncio.gather(*(load.one(http, token) for token in during[:4]))
                    await asyncio.sleep(FORGOTTEN)
                    await asyncio.gather(*(load.one(http, token) for token in during[4:]))
                assert {load.heard.get(one) for one in during} == {UNDECIDED}
            async with tenant_runtime(data_dir, directory) as runtime:
                awake = Tenant(runtime, tenant.admin, tenant.connection_id)
                for _ in range(200):  # what was under way commits and is voided
                    if [row["request_id"] for row in standing(awake)] == sorted(before):
                        break
                    await asyncio.sleep(0.05)
                assert [row["request_id"] for row in standing(awake)] == sorted(before)
                late = {
                    str(row["request_id"])
                    for row in rows(
                        runtime.database_url, "SELECT request_id FROM decision WHERE state = 'void'"
                    )
                }
                again = await load.repeat(tokens)
                assert {again[one] for one in before} == {"APPROVED"}
                assert {again[one] for one in late} <= {UNDECIDED}
                assert {again[one] for one in set(during) - late} == {"APPROVED"}
                decided = {token: said for token, said in again.items() if token not in late}
                load.heard = decided
                await check_whole(awake, load)
                held = rows(runtime.database_url, "SELECT sum(held)::bigint AS n FROM transaction")
                wanted = sum(500 + tokens.index(one) for one in tokens if one not in late)
                assert held == [{"n": wanted}]
