"""Export an intent's evidence, for a verifier that has only the file and the public key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from signets.app.caller import Caller
from signets.app.read_intents import own_or_named, visible_intent
from signets.app.records import EvidenceRow
from signets.app.seal_evidence import seal_all, verifier_key
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.core.access import Scope
from signets.core.errors import Refusal, RefusalKind
from signets.core.evidence.bundle import BundledEntry, build_bundle
from signets.core.evidence.merkle import inclusion_positions, inclusion_proof


async def export_bundle(services: Services, caller: Caller, intent_id: str) -> bytes:
    """All entries of the intent with proofs to the newest checkpoint.

    What waits is sequenced first, so that the bundle holds everything up to now.
    """
    caller.require(Scope.EVIDENCE_READ)
    async with services.store.unlocked(caller.org_id) as uow:
        await visible_intent(uow, caller, intent_id)
    await seal_all(services, caller.org_id)
    async with services.store.unlocked(caller.org_id) as uow:
        head = await uow.evidence.checkpoint()
        rows = [
            (index, entry)
            for index, entry in await uow.evidence.of_intent(intent_id)
            if index is not None and head is not None and index < head.size
        ]
        if head is None or not rows:
            raise _empty("the intent has no sealed evidence yet")
        proofs = await _proofs(uow, [index for index, _ in rows], head.size)
        entries = tuple(
            BundledEntry(raw=entry.raw, index=index, proof=proofs[index]) for index, entry in rows
        )
        return build_bundle(
            organization=caller.org_id,
            intent=intent_id,
            created=uow.now,
            entries=entries,
            checkpoint=head.note,
            key=verifier_key(services, caller.org_id).text(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceLog:
    """All that an organization has logged, sealed.

    Attributes:
        entries: Canonical bytes, in the order of the tree.
        checkpoint: The signed note over exactly these.
        proofs: Audit paths of one card's entries, by tree index.
    """

    entries: tuple[bytes, ...]
    checkpoint: bytes
    proofs: Mapping[int, tuple[bytes, ...]]


async def export_log(services: Services, org_id: str, card_id: str) -> EvidenceLog:
    """The whole log up to now, with proofs of every entry of one card.

    What waits is sequenced first. All of it is held in memory.

    Raises:
        Refusal: ``evidence_empty``: the card has no entries.
    """
    await seal_all(services, org_id)
    async with services.store.unlocked(org_id) as uow:
        head = await uow.evidence.checkpoint()
        rows = (await uow.evidence.log())[: head.size if head else 0]
        wanted = [index for index, row in enumerate(rows) if row.card_id == card_id]
        if head is None or not wanted:
            raise _empty(f"card {card_id} has no sealed evidence yet")
        proofs = await _proofs(uow, wanted, head.size)
    return EvidenceLog(entries=tuple(row.raw for row in rows), checkpoint=head.note, proofs=proofs)


async def _proofs(uow: UnitOfWork, wanted: list[int], size: int) -> dict[int, tuple[bytes, ...]]:
    positions = sorted({place for index in wanted for place in inclusion_positions(index, size)})
    nodes = await uow.evidence.nodes(positions)
    return {
        index: inclusion_proof(index, size, lambda level, place: nodes[level, place])
        for index in wanted
    }


def _empty(message: str) -> Refusal:
    return Refusal(RefusalKind.CONFLICT, "evidence_empty", message)


def evidence_key(services: Services, caller: Caller) -> str:
    """The public key in C2SP form, to be kept apart from the exports it verifies."""
    caller.require(Scope.EVIDENCE_READ)
    return verifier_key(services, caller.org_id).text()


async def list_evidence(
    services: Services,
    caller: Caller,
    *,
    card_id: str | None,
    intent_id: str | None,
    after: str | None,
    limit: int,
) -> list[EvidenceRow]:
    """Entries of an intent or card, oldest first; an agent names one of its own."""
    caller.require(Scope.EVIDENCE_READ)
    async with services.store.unlocked(caller.org_id) as uow:
        if intent_id is not None:
            await visible_intent(uow, caller, intent_id)
        if caller.agent_id is not None:
            await own_or_named(uow, caller, None)
            card = await uow.cards.get(card_id) if card_id else None
            if intent_id is None and (card is None or not caller.sees(card.agent_id)):
                raise Refusal(
                    RefusalKind.INVALID,
                    "intent_required",
                    "an agent's key names one of its own intents or cards",
                    param="intent_id",
                )
        return await uow.evidence.page(
            card_id=card_id, intent_id=intent_id, after=after, limit=limit
        )
