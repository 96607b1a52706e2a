"""The sequencer: give entries their place in the tree, and sign the new tree head."""

from __future__ import annotations

from signets.app.records import Checkpoint
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.core.evidence.checkpoint import Checkpoint as TreeHead
from signets.core.evidence.checkpoint import VerifierKey, log_origin, sign_checkpoint
from signets.core.evidence.merkle import CompactTree, leaf_hash

#: Entries per transaction: bounds how long one run holds the sequencer's lock.
BATCH = 1000


async def seal_evidence(services: Services, org_id: str) -> int:
    """Sequence what waits, at most one batch; how many entries that was.

    Holds the sequencer's own lock, never the organization's: a busy organization goes on.
    """
    async with (
        services.store.exclusive(f"evidence:{org_id}"),
        services.store.unlocked(org_id) as uow,
    ):
        return await sequence(services, uow)


async def sequence(services: Services, uow: UnitOfWork) -> int:
    """One batch, in commit order."""
    waiting = await uow.evidence.unsequenced(BATCH)
    if not waiting:
        return 0
    last = await uow.evidence.checkpoint()
    tree = CompactTree(size=last.size, peaks=last.peaks) if last else CompactTree()
    grown, nodes = tree.extend(leaf_hash(entry.raw) for _, entry in waiting)
    await uow.evidence.add_leaves(tree.size, [(position, entry.id) for position, entry in waiting])
    await uow.evidence.add_nodes(nodes)
    key = verifier_key(services, uow.org_id)
    note = sign_checkpoint(
        TreeHead(origin=key.name, size=grown.size, root=grown.root()),
        key=key,
        sign=lambda message: services.vault.sign(uow.org_id, message),
    )
    await uow.evidence.add_checkpoint(
        Checkpoint(size=grown.size, root=grown.root(), peaks=grown.peaks, note=note, at=uow.now)
    )
    return len(waiting)


async def seal_all(services: Services, org_id: str) -> int:
    """Sequence until nothing waits (what waited at the start, plus what came meanwhile)."""
    total = 0
    while count := await seal_evidence(services, org_id):
        total += count
    return total


def verifier_key(services: Services, org_id: str) -> VerifierKey:
    """The public key that the organization's checkpoints verify with."""
    return VerifierKey(name=log_origin(org_id), public_key=services.vault.public_key(org_id))
