"""Processes of one machine decide an organization's requests at one desk, and lose none by it.

What they answer when a process dies is in ``test_kills``.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.postgres.kill_kit import (
    APPROVED,
    ELSEWHERE,
    UNDECIDED,
    Api,
    Load,
    check_whole,
    running,
    scene,
)
from tests.postgres.process_kit import (
    OPENAI,
    PIZZA,
    Tenant,
    asa_request,
    audit,
    new_tenant,
    rows,
    tenant_runtime,
)
from tests.world import Strict

from signets.app.authorize import Engine
from signets.app.desk import Desk
from signets.core.merchant.directory import Directory
from signets.core.merchant.model import Merchant
from signets.processes.shared_desk import SharedDesk
from signets.storage.postgres import embedded

DECIDED = "SELECT approved, state FROM decision WHERE request_id = %s"


@dataclass
class Process:
    """What one API process holds, in this one: an engine at a desk that is shared."""

    tenant: Tenant
    desk: SharedDesk
    engine: Engine

    async def ask(
        self, tenant: Tenant, card: str, *, token: str = "", merchant: Merchant = OPENAI
    ) -> str:
        """What the issuer hears."""
        request = asa_request(token or str(uuid.uuid4()), card, 100, merchant=merchant)
        answer = await self.engine.authorize(tenant.connection_id, *request)
        return str(json.loads(answer.body)["result"])

    def remembers(self, tenant: Tenant) -> bool:
        """Whether it decided the organization's last batch."""
        standings = self.tenant.services.standings
        found = standings.take(tenant.org_id)
        if found is not None:
            standings.keep(tenant.org_id, found)
        return found is not None


@asynccontextmanager
async def process(
    folder: Path, directory: Directory, url: str, *, deadline: float = 5.0
) -> AsyncIterator[Process]:
    """One more process on the same data folder and database."""
    async with tenant_runtime(folder, directory, url=url) as runtime:
        desk = SharedDesk(Desk(runtime.services, Strict()), folder, url)
        await desk.open()
        engine = Engine(runtime.services, Strict(), deadline=deadline, desk=desk)
        try:
            yield Process(Tenant(runtime, None, ""), desk, engine)  # type: ignore[arg-type]
        finally:
            await engine.drain()


@dataclass
class Scene:
    """Two processes, and an organization with a card that is held open."""

    first: Process
    second: Process
    tenant: Tenant
    card: str


@pytest.fixture
async def two(database_url: str, tmp_path: Path, directory: Directory) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        runtime = await stack.enter_async_context(
            tenant_runtime(tmp_path, directory, url=database_url)
        )
        tenant = await new_tenant(runtime, "desk")
        card = (await scene(tenant))[0]
        first = await stack.enter_async_context(process(tmp_path, directory, database_url))
        second = await stack.enter_async_context(process(tmp_path, directory, database_url))
        yield Scene(first, second, tenant, card)
        await audit(tenant)


async def joined(one: Process, org_id: str) -> None:
    """Wait until it hands its requests over; the first ones it decides meanwhile."""
    async with asyncio.timeout(5):
        while one.desk.is_here(org_id) is not False:
            await asyncio.sleep(0.01)


async def test_requests_go_to_the_process_that_was_asked_first(two: Scene) -> None:
    """The second hands its own over, and remembers nothing of the organization."""
    assert await two.first.ask(two.tenant, two.card) == APPROVED
    assert two.first.desk.is_here(two.tenant.org_id)
    assert await two.second.ask(two.tenant, two.card) == APPROVED  # here, while it connects
    await joined(two.second, two.tenant.org_id)
    two.second.tenant.services.standings.take(two.tenant.org_id)
    for _ in range(3):
        assert await two.second.ask(two.tenant, two.card) == APPROVED
    assert not two.second.remembers(two.tenant)
    assert two.first.remembers(two.tenant)


async def test_a_decline_comes_back_with_its_reason(two: Scene) -> None:
    """In the issuer's words, as if it had been decided here."""
    assert await two.first.ask(two.tenant, two.card) == APPROVED
    assert await two.second.ask(two.tenant, two.card) == APPROVED
    await joined(two.second, two.tenant.org_id)
    assert await two.second.ask(two.tenant, two.card, merchant=PIZZA) == ELSEWHERE


async def test_each_organization_has_a_desk_of_its_own(two: Scene) -> None:
    """So processes share the organizations among them."""
    other = await new_tenant(two.tenant.runtime, "other")
    card = (await scene(other))[0]
    assert await two.first.ask(two.tenant, two.card) == APPROVED
    assert await two.second.ask(other, card) == APPROVED
    assert two.first.desk.is_here(two.tenant.org_id)
    assert two.second.desk.is_here(other.org_id)
    assert await two.first.ask(other, card) == APPROVED
    await joined(two.first, other.org_id)
    assert await two.first.ask(other, card) == APPROVED
    await audit(other)


async def test_a_repeat_at_another_process_gets_the_same_answer(two: Scene) -> None:
    """One decision, whoever is asked, at the same time too."""
    token = str(uuid.uuid4())
    assert await two.first.ask(two.tenant, two.card) == APPROVED
    assert await two.second.ask(two.tenant, two.card) == APPROVED
    await joined(two.second, two.tenant.org_id)
    answers = await asyncio.gather(
        *(one.ask(two.tenant, two.card, token=token) for one in (two.first, two.second) * 5)
    )
    assert set(answers) == {APPROVED}
    url = two.tenant.runtime.database_url
    assert [row["approved"] for row in rows(url, DECIDED, token)] == [True]


async def test_when_a_process_ends_another_takes_its_place(two: Scene) -> None:
    """What is under way is finished; what comes then is decided here."""
    assert await two.first.ask(two.tenant, two.card) == APPROVED
    assert await two.second.ask(two.tenant, two.card) == APPROVED
    await joined(two.second, two.tenant.org_id)
    asked = [asyncio.create_task(two.second.ask(two.tenant, two.card)) for _ in range(20)]
    await asyncio.sleep(0)
    await two.first.engine.drain()
    assert await asyncio.gather(*asked) == [APPROVED] * 20
    # Each was told what was decided there, and none asked again here.
    url = two.tenant.runtime.database_url
    assert rows(url, "SELECT 1 FROM decision WHERE state <> 'sent'") == []
    async with asyncio.timeout(5):
        while not two.second.desk.is_here(two.tenant.org_id):
            assert await two.second.ask(two.tenant, two.card) == APPROVED
            await asyncio.sleep(0.1)


async def test_who_speaks_nonsense_is_hung_up_on(two: Scene) -> None:
    """And nobody else notices."""
    assert await two.first.ask(two.tenant, two.card) == APPROVED
    assert await two.second.ask(two.tenant, two.card) == APPROVED
    await joined(two.second, two.tenant.org_id)
    for nonsense in (b"\xff\xff\xff\xff", b"\x00\x00\x00\x03abc", b"\x00\x00\x00\x00"):
        reader, writer = await asyncio.open_unix_connection(two.first.desk.address)
        assert await reader.readexactly(4) == b"\x00\x00\x00\x00"
        writer.write(nonsense)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()
    assert await two.second.ask(two.tenant, two.card) == APPROVED
    assert two.second.desk.is_here(two.tenant.org_id) is False


async def test_only_we_ourselves_can_connect(two: Scene) -> None:
    """The folder of the socket is nobody else's."""
    folder = Path(two.first.desk.address).parent
    assert folder.stat().st_mode & 0o077 == 0


async def test_where_no_lock_file_can_be_written_each_decides_for_itself(
    database_url: str, tmp_path: Path, directory: Directory
) -> None:
    """A data folder that is no folder costs speed, not answers."""
    async with tenant_runtime(tmp_path, directory, url=database_url) as runtime:
        tenant = await new_tenant(runtime, "alone")
        [card, *_] = await scene(tenant)
        (tmp_path / "file").write_text("")
        desk = SharedDesk(Desk(runtime.services, Strict()), tmp_path / "file", database_url)
        await desk.open()
        engine = Engine(runtime.services, Strict(), desk=desk)
        request = asa_request(str(uuid.uuid4()), card, 100)
        answer = await engine.authorize(tenant.connection_id, *request)
        assert json.loads(answer.body)["result"] == APPROVED
        await engine.drain()


async def test_a_process_that_stands_still_holds_nobody_up_for_long(
    data_dir: Path, directory: Directory
) -> None:
    """Who waits for it answers in time, decides alone then, and finds back when it goes on.

    What was declined meanwhile is not decided after all when it does.
    """
    with embedded.start(data_dir) as server:
        async with tenant_runtime(data_dir, directory) as runtime:
            tenant = await new_tenant(runtime, "still")
            cards = await scene(tenant)
        first, second = (Api(data_dir, data_dir.parent / f"{n}.log") for n in range(2))
        with running(first), running(second):
            loads = [
                Load([one.authorize_url(tenant.connection_id)], cards) for one in (first, second)
            ]
            async with httpx.AsyncClient(trust_env=False, timeout=10) as http:

                async def ask(load: Load) -> str:
                    token = str(uuid.uuid4())
                    load.sent[token] = asa_request(token, cards[0], 100)
                    await load.one(http, token)
                    return load.heard[token]

                assert await ask(loads[0]) == APPROVED
                for _ in range(5):
                    assert await ask(loads[1]) == APPROVED
                    await asyncio.sleep(0.1)
                with first.standing_still():
                    late = await asyncio.gather(*(ask(loads[1]) for _ in range(3)))
                    assert set(late) == {UNDECIDED}
                    assert [await ask(loads[1]) for _ in range(3)] == [APPROVED] * 3
                await asyncio.sleep(1.2)
                assert await ask(loads[0]) == APPROVED
                assert [await ask(loads[1]) for _ in range(3)] == [APPROVED] * 3
        async with tenant_runtime(data_dir, directory) as runtime:
            whole = Tenant(runtime, tenant.admin, tenant.connection_id)
            for load in loads:
                await check_whole(whole, load)
        declined = [one for one, heard in loads[1].heard.items() if heard == UNDECIDED]
        assert len(declined) == 3
        url = server.url("signets")
        assert [rows(url, DECIDED, one) for one in declined] == [[], [], []]
