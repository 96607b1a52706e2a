"""Export an intent's evidence, for a verifier that has only the file and the public key."""

from __future__ import annotations

from signets.app.caller import Caller
from signets.app.read_intents import own_or_named, visible_intent
from signets.app.records import EvidenceRow
from signets.app.seal_evidence import seal_all, verifier_key
from signets.app.services import Services
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
            raise Refusal(
                RefusalKind.CONFLICT, "evidence_empty", "the intent has no sealed evidence yet"
            )
        positions = sorted(
            {place for index, _ in rows for place in inclusion_positions(index, head.size)}
        )
        nodes = await uow.evidence.nodes(positions)
        entries = tuple(
            BundledEntry(
                raw=entry.raw,
                index=index,
                proof=inclusion_proof(index, head.size, lambda level, place: nodes[level, place]),
            )
            for index, entry in rows
        )
        return build_bundle(
            organization=caller.org_id,
            intent=intent_id,
            created=uow.now,
            entries=entries,
            checkpoint=head.note,
            key=verifier_key(services, caller.org_id).text(),
        )


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
