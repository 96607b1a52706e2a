"""The history that the bench loads is what the product would have left."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from bench.bed import Bed
from bench.life import AUTHORIZATIONS, buy_once
from psycopg.rows import dict_row

from signets.app.decision_inputs import decode_inputs
from signets.app.seal_evidence import seal_all
from signets.bootstrap import open_runtime
from signets.core.authorization.decide import decide
from signets.core.evidence.entry import parse_entry
from signets.core.evidence.merkle import CompactTree, leaf_hash
from signets.storage.postgres.embedded import EmbeddedServer

WANTED = 2_000
Connection = psycopg.Connection[dict[str, Any]]


@pytest.fixture(scope="module")
def bed(postgres: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    """A database with one organization whose cards have a history."""
    folder = tmp_path_factory.mktemp("bench")
    name = f"test_bench_{folder.parent.name}".replace("-", "_")
    postgres.create_database(name)
    bed = Bed(
        name="history",
        url=postgres.url(name),
        data_dir=folder / "data",
        folder=folder,
        connections=4,
        say=lambda text: None,
    )
    bed.data_dir.mkdir()
    try:
        bed.load_history(bed.add_world(300), WANTED, seed=1)
        yield bed
    finally:
        bed.drop()


@pytest.fixture
def connection(bed: Bed) -> Iterator[Connection]:
    with psycopg.connect(bed.url, row_factory=dict_row) as connection:
        yield connection


def test_all_of_it_is_there_and_the_books_balance(bed: Bed, connection: Connection) -> None:
    """As many authorizations as asked for, over ninety days; nothing out of balance."""
    [world] = bed.worlds
    rows = connection.execute(
        "SELECT approved, count(*) AS n, min(decided_at) AS first, now() AS now FROM decision"
        " WHERE org_id = %s AND decided_at < now() - interval '1 hour' GROUP BY 1 ORDER BY 1",
        (world.org_id,),
    ).fetchall()
    assert [row["n"] for row in rows] == [WANTED // 5, WANTED // 5 * 4]
    age = rows[1]["now"] - rows[1]["first"]
    assert timedelta(days=89) < age < timedelta(days=92)
    assert bed.problems() == []


def test_evidence_is_canonical_numbered_without_gaps_and_can_be_sealed(
    bed: Bed, connection: Connection
) -> None:
    """Each entry is its own canonical bytes under its own row; a card's numbers have no gap."""
    [world] = bed.worlds
    rows = connection.execute(
        "SELECT * FROM evidence_entry WHERE org_id = %s ORDER BY position", (world.org_id,)
    ).fetchall()
    last: dict[str, int] = {}
    for row in rows:
        entry = parse_entry(row["raw"])
        assert (entry.id, entry.kind, entry.at) == (row["id"], row["kind"], row["at"])
        assert (entry.organization, entry.card, entry.card_seq) == (
            world.org_id,
            row["card_id"],
            row["card_seq"],
        )
        if entry.card and entry.card_seq:
            assert entry.card_seq == last.get(entry.card, 0) + 1
            last[entry.card] = entry.card_seq
    stored = connection.execute(
        "SELECT id, evidence_seq FROM card WHERE org_id = %s AND evidence_seq > 0", (world.org_id,)
    ).fetchall()
    assert {row["id"]: row["evidence_seq"] for row in stored} == last

    async def seal() -> int:
        async with open_runtime(bed.settings(), pool_size=2, upgrade=False) as runtime:
            return await seal_all(runtime.services, world.org_id)

    assert asyncio.run(seal()) == len(rows)
    tree, _ = CompactTree().extend(leaf_hash(row["raw"]) for row in rows)
    [head] = connection.execute(
        "SELECT size, root FROM evidence_checkpoint WHERE org_id = %s ORDER BY size DESC LIMIT 1",
        (world.org_id,),
    ).fetchall()
    assert (head["size"], head["root"]) == (tree.size, tree.root())


def test_recorded_inputs_decide_the_same_again(bed: Bed, connection: Connection) -> None:
    """A loaded decision replays from what it says it was made on, at the time it says."""
    [world] = bed.worlds
    rows = connection.execute(
        "SELECT * FROM decision WHERE org_id = %s", (world.org_id,)
    ).fetchall()
    cards = {card.card_id: card for found in world.cards.values() for card in found}
    for row in rows:
        inputs = decode_inputs(row["inputs"])
        again = decide(inputs.request, inputs.facts, inputs.at)
        assert (again.approved, again.reason) == (row["approved"], row["reason"])
        assert (inputs.at, inputs.request.request_id) == (row["decided_at"], row["request_id"])
        assert inputs.facts.card is not None
        assert inputs.facts.card.card_id == row["card_id"]
        assert inputs.request.card_token == cards[row["card_id"]].token


def test_no_value_of_the_mould_is_left(bed: Bed, connection: Connection) -> None:
    """Nothing that was cast names the organization it was cast from, nor its connection."""
    [world] = bed.worlds
    moulds = connection.execute(
        "SELECT org_id, id FROM issuer_connection WHERE org_id <> %s", (world.org_id,)
    ).fetchall()
    needles = [row[name].encode() for row in moulds for name in ("org_id", "id")]
    for table in ("decision", "transaction", "evidence_entry", "transaction_event", "intent"):
        with connection.cursor().copy(
            f"COPY (SELECT * FROM {table} WHERE org_id = '{world.org_id}') TO STDOUT"
            " (FORMAT binary)"
        ) as copy:
            copied = b"".join(map(bytes, copy))
        assert copied
        assert not [needle for needle in needles if needle in copied]


def test_cards_with_a_history_go_on(bed: Bed, connection: Connection, tmp_path: Path) -> None:
    """The next purchases are approved, numbered on, and leave the books balanced."""
    [world] = bed.worlds

    def approved_since(moment: datetime) -> int:
        [row] = connection.execute(
            "SELECT count(*) AS n FROM decision WHERE org_id = %s AND approved AND decided_at > %s",
            (world.org_id, moment),
        ).fetchall()
        return int(row["n"])

    [row] = connection.execute("SELECT clock_timestamp() AS now").fetchall()
    connection.commit()
    asyncio.run(buy_once(bed.settings(), world, seed=2))
    assert approved_since(row["now"]) == 300 * 62 // 100
    bed.answers.before += 300 * 62 // 100
    assert bed.problems() == []
    assert WANTED % AUTHORIZATIONS == 0
