"""The whole log verifies offline, also what no intent is about; every change to it is found."""

from __future__ import annotations

from dataclasses import replace

from tests.behaviour.kit import card_for, unbounded
from tests.world import World

from signets.app.export_evidence import EvidenceLog, export_log
from signets.verifier import LogReport, verify_log


def verified(log: EvidenceLog, key: str) -> LogReport:
    return verify_log(log.entries, log.checkpoint, key, log.proofs)


async def test_money_without_an_intent_is_in_the_sealed_log(world: World) -> None:
    """A force post on a locked card: sealed, proven entry by entry, and nothing can be left out."""
    await unbounded(world)
    await world.agent()
    card = await card_for(world, "infra-agent", 50_000)
    await world.network.force_post(card.id, 2000)
    await world.settle()
    key = (await world.signets.evidence.key()).vkey
    log = await export_log(world.services, world.org_id, card.id)
    report = verified(log, key)
    assert (report.ok, report.problems, report.entries) == (True, (), len(log.entries))
    assert len(log.proofs) >= 3

    last, proven = len(log.entries) - 1, max(log.proofs)
    changed = log.entries[last].replace(b'"system"', b'"nobody"')
    broken = {
        "sealed": replace(log, entries=(*log.entries[:last], changed + b" ")),
        "there are": replace(log, entries=log.entries[:last]),
        "proof of entry": replace(log, proofs={proven: log.proofs[min(log.proofs)]}),
        "checkpoint": replace(log, checkpoint=log.checkpoint.replace(b"signets", b"signet5", 1)),
    }
    for word, other in broken.items():
        found = verified(other, key)
        assert not found.ok
        assert any(word in problem for problem in found.problems), (word, found.problems)
    body, _, mark = log.checkpoint.rpartition(b" ")
    forged = body + b" " + mark[:12] + (b"A" if mark[12:13] != b"A" else b"B") + mark[13:]
    assert not verified(replace(log, checkpoint=forged), key).ok


async def test_a_gap_in_a_card_s_entries_is_found_even_where_it_is_sealed(world: World) -> None:
    """Numbers of one card run from 1 without a gap, whatever the tree says."""
    await world.agent()
    card = await card_for(world, "infra-agent", 50_000)
    await world.signets.cards.freeze(card.id)
    await world.signets.cards.unfreeze(card.id)
    log = await export_log(world.services, world.org_id, card.id)
    without = [raw for index, raw in enumerate(log.entries) if index != min(log.proofs)]
    problems = verify_log(without, log.checkpoint, (await world.signets.evidence.key()).vkey)
    assert f"of {card.id} entries are missing" in problems.problems
