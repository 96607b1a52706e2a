"""Faults on demand, each with a count that runs down. All are off until set under ``/_sim``."""

from __future__ import annotations

from dataclasses import dataclass

from signets.issuers.sandbox.engine.base import Connection

#: Faults of the real-time request.
ASA = ("asa_delay", "asa_drop", "asa_bad_signature", "asa_duplicate", "stand_in")
#: Faults of webhooks, in the order in which they are used up.
WEBHOOK = (
    "webhook_drop",
    "webhook_reorder",
    "webhook_delay",
    "webhook_duplicate",
    "webhook_bad_signature",
)
#: One change is told by two events.
TWIN = "webhook_twin"
#: The card, or the claim, is made and the answer is a 500.
CREATE_CARD = "create_card_500_after_commit"
CREATE_DISPUTE = "create_dispute_500_after_commit"

NAMES = (*ASA, *WEBHOOK, TWIN, CREATE_CARD, CREATE_DISPUTE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One use of a fault. ``part`` says what ``asa_drop`` loses: ``request`` or ``answer``."""

    name: str
    delay_ms: int
    part: str


async def take(connection: Connection, name: str) -> Fault | None:
    """Use up one count of ``name``; ``None`` where it is off."""
    cursor = await connection.execute(
        "UPDATE faults SET remaining = remaining - 1 WHERE name = %s AND remaining > 0"
        " RETURNING delay_ms, part",
        (name,),
    )
    row = await cursor.fetchone()
    return None if row is None else Fault(name=name, delay_ms=row["delay_ms"], part=row["part"])


async def take_first(connection: Connection, names: tuple[str, ...]) -> Fault | None:
    """Use up one count of the first of ``names`` that is set."""
    for name in names:
        if (fault := await take(connection, name)) is not None:
            return fault
    return None


async def take_all(connection: Connection, names: tuple[str, ...]) -> dict[str, Fault]:
    """Use up one count of each of ``names`` that is set."""
    found = [await take(connection, name) for name in names]
    return {fault.name: fault for fault in found if fault is not None}
