"""What fails a bench: an answer that is not stored as it was given, or a bound exceeded."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest
from bench.bed import Bed
from bench.books import Answers
from bench.load import Outcome
from bench.traffic import Request, Traffic

from signets.app.authorize import Engine
from signets.bootstrap import LoggingObserver, open_runtime
from signets.core.reasons import Reason
from signets.storage.postgres.embedded import EmbeddedServer

SIZE = 3_000


@pytest.fixture(scope="module")
def bed(postgres: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    """A database with one organization."""
    folder = tmp_path_factory.mktemp("bench")
    name = f"test_bench_books_{folder.parent.name}".replace("-", "_")
    postgres.create_database(name)
    bed = Bed(
        name="books",
        url=postgres.url(name),
        data_dir=folder / "data",
        folder=folder,
        connections=4,
        say=lambda text: None,
    )
    bed.data_dir.mkdir()
    try:
        bed.add_world(1_000)
        yield bed
    finally:
        bed.drop()


@pytest.fixture(scope="module")
def answered(bed: Bed) -> tuple[list[Request], Outcome]:
    """The bench's traffic, answered by the engine itself."""
    requests = Traffic(bed.worlds, seed=1).batch(SIZE)
    return requests, asyncio.run(_answer(bed, requests))


async def _answer(bed: Bed, requests: Sequence[Request]) -> Outcome:
    statuses, approved = [], []
    async with open_runtime(bed.settings(), pool_size=4, upgrade=False) as runtime:
        engine = Engine(runtime.services, LoggingObserver(), deadline=60)
        for begin in range(0, len(requests), 64):
            asked = requests[begin : begin + 64]
            for answer in await asyncio.gather(*(_ask(engine, one) for one in asked)):
                statuses.append(answer[0])
                approved.append(answer[1])
        await engine.drain()
    return Outcome(
        seconds=1,
        processor_seconds=1,
        indexes=list(range(len(requests))),
        statuses=statuses,
        approved=approved,
        nanoseconds=[1] * len(requests),
    )


async def _ask(engine: Engine, request: Request) -> tuple[int, bool]:
    head, _, body = request.content.partition(b"\r\n\r\n")
    lines = (line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    answer = await engine.authorize(request.connection_id, body, dict(lines))
    return answer.status, b'"APPROVED"' in answer.body


def _found(bed: Bed, requests: Sequence[Request], outcome: Outcome) -> list[str]:
    answers = Answers()
    answers.remember(requests, outcome)
    with psycopg.connect(bed.url) as connection:
        return answers.problems(connection)


def test_what_was_answered_is_stored(bed: Bed, answered: tuple[list[Request], Outcome]) -> None:
    """An honest run has no problems."""
    assert _found(bed, *answered) == []


def test_most_pass_and_every_reason_occurs(
    bed: Bed, answered: tuple[list[Request], Outcome]
) -> None:
    """The load holds approvals, repeats, and declines of every kind that there is."""
    requests, outcome = answered
    answers = Answers()
    answers.remember(requests, outcome)
    with psycopg.connect(bed.url) as connection:
        by_reason = answers.by_reason(connection)
    assert by_reason.pop("") / SIZE >= 0.7
    assert set(by_reason) == set(Reason)
    assert outcome.statuses.count(401) > 0
    asked = [request.asked for request in requests]
    assert 0.02 < 1 - len(set(asked)) / SIZE < 0.05


def _changed(outcome: Outcome, **changes: Any) -> Outcome:
    fields = {name: getattr(outcome, name) for name in outcome.__struct_fields__}
    return Outcome(**{**fields, **changes})


def test_an_answer_that_was_another_is_found(
    bed: Bed, answered: tuple[list[Request], Outcome]
) -> None:
    """Told approved though declined, told a decline though approved, an error, a missing one."""
    requests, outcome = answered
    once = {one.asked for one in requests if sum(two is one for two in requests) == 1}
    first_declined = next(
        n
        for n, one in enumerate(requests)
        if one.token and not outcome.approved[n] and one.asked in once
    )
    approved = list(outcome.approved)
    approved[first_declined] = True
    [problem] = _found(bed, requests, _changed(outcome, approved=approved))
    assert problem == "1 decisions stored unlike they were answered"

    statuses = list(outcome.statuses)
    statuses[first_declined] = 500
    assert _found(bed, requests, _changed(outcome, statuses=statuses)) == [
        "1 answers were 500, not 200"
    ]

    unknown = Traffic(bed.worlds, seed=2).batch(1)
    fewer = Outcome(
        seconds=1,
        processor_seconds=1,
        indexes=[0],
        statuses=[unknown[0].status],
        approved=[True],
        nanoseconds=[1],
    )
    assert "1 decisions answered and not stored" in _found(bed, unknown, fewer)


def test_the_deadlines_decline_need_not_be_stored(bed: Bed) -> None:
    """A decline after the deadline may leave nothing; an approval never may."""
    [request] = Traffic(bed.worlds, seed=3).batch(1)
    late = {
        "seconds": 1,
        "processor_seconds": 1,
        "indexes": [0],
        "statuses": [request.status],
        "nanoseconds": [int(1.5e9)],
    }
    missing = "1 decisions answered and not stored"
    assert missing not in _found(bed, [request], Outcome(**late, approved=[False]))
    assert missing in _found(bed, [request], Outcome(**late, approved=[True]))


def test_a_bound_that_was_exceeded_is_found(
    bed: Bed, answered: tuple[list[Request], Outcome]
) -> None:
    """A purchase on the card whose agent's budget is used up would show."""
    [world] = bed.worlds
    with psycopg.connect(bed.url) as connection:
        connection.execute(
            "INSERT INTO velocity_event (org_id, at, id, card_id, agent_id, approved, counts,"
            " amount, currency, verification, capped_by)"
            " SELECT org_id, now(), 'x', card_id, agent_id, true, 1, 5, 'USD', false, '{}'"
            " FROM velocity_event JOIN agent USING (org_id)"
            " WHERE org_id = %s AND agent.id = agent_id AND handle = 'poor' LIMIT 1",
            (world.org_id,),
        )
        problems = Answers().problems(connection)
        connection.rollback()
    assert any("1 approvals over its budget" in problem for problem in problems)
