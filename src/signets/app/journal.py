"""Evidence, ledger postings and alerts, written in the transaction that changes the state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from signets.app.records import Alert, EvidenceRow, PostingRow
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.core.evidence.entry import EvidenceEntry, encode_entry
from signets.core.ids import Prefix
from signets.core.ledger import EntryKind, Posting

SYSTEM = "system"


async def record(
    services: Services,
    uow: UnitOfWork,
    kind: str,
    *,
    actor: str,
    subject: str,
    data: dict[str, Any],
    card_id: str | None = None,
    intent_id: str | None = None,
) -> str:
    """Append one evidence entry, with the next numbers of its intent and card."""
    card_seq = await uow.evidence.next_card_seq(card_id) if card_id else None
    intent_seq = await uow.evidence.next_intent_seq(intent_id) if intent_id else None
    entry = evidence_row(
        services,
        uow,
        kind,
        actor=actor,
        subject=subject,
        data=data,
        card=(card_id, card_seq),
        intent=(intent_id, intent_seq),
    )
    await uow.evidence.append([entry])
    return entry.id


def evidence_row(
    services: Services,
    uow: UnitOfWork,
    kind: str,
    *,
    actor: str,
    subject: str,
    data: dict[str, Any],
    card: tuple[str | None, int | None],
    intent: tuple[str | None, int | None],
) -> EvidenceRow:
    """The row of an entry whose sequence numbers are known (batches take several at once)."""
    entry = EvidenceEntry(
        id=services.new_id(Prefix.EVIDENCE),
        organization=uow.org_id,
        kind=kind,
        at=uow.now,
        actor=actor,
        subject=subject,
        card=card[0],
        card_seq=card[1],
        intent=intent[0],
        intent_seq=intent[1],
        data=data,
    )
    return EvidenceRow(
        id=entry.id,
        kind=kind,
        card_id=card[0],
        card_seq=card[1],
        intent_id=intent[0],
        intent_seq=intent[1],
        raw=encode_entry(entry),
        at=uow.now,
    )


def posting_rows(
    services: Services, uow: UnitOfWork, kind: EntryKind, postings: Sequence[Posting]
) -> list[PostingRow]:
    """One ledger entry as rows; none where nothing moves."""
    entry_id = services.new_id(Prefix.LEDGER)
    return [
        PostingRow(
            id=entry_id,
            line=line,
            kind=kind,
            debit=posting.debit,
            credit=posting.credit,
            amount=posting.amount,
            currency=posting.currency,
            card_id=posting.subject.card_id,
            intent_id=posting.subject.intent_id,
            transaction_id=posting.subject.transaction_id,
            at=uow.now,
        )
        for line, posting in enumerate(postings)
    ]


async def alert(
    services: Services, uow: UnitOfWork, kind: str, *, subject: str, message: str
) -> None:
    """Leave something for a person to look at."""
    await uow.housekeeping.add_alert(
        Alert(
            id=services.new_id(Prefix.ALERT),
            kind=kind,
            subject_id=subject,
            message=message,
            at=uow.now,
        )
    )
