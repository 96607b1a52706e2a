"""Policy's action for each flag of a verdict: note it, alert, or lock the card."""

from __future__ import annotations

from signets.app.journal import SYSTEM, alert
from signets.app.refold import Refolded
from signets.app.services import Services
from signets.app.stop_card import freeze
from signets.app.store import UnitOfWork
from signets.core.policy.model import FlagAction


async def carry_out_flags(services: Services, uow: UnitOfWork, done: Refolded) -> None:
    """Act on flags that this change brought; a flag that stood before is not acted on again.

    "Lock" ends the card's window and freezes the card until a member looks and unfreezes it: a
    locked card alone would be opened again by the next intent.
    """
    old = set(done.before.flags) if done.before else set()
    fresh = [(flag, action) for flag, action in done.verdict.actions if flag.value not in old]
    if not fresh:
        return
    names = ", ".join(flag.value for flag, _ in fresh)
    actions = {action for _, action in fresh}
    if actions - {FlagAction.NOTE}:
        await alert(
            services,
            uow,
            "transaction_flagged",
            subject=done.after.id,
            message=f"{done.after.descriptor}: {names}",
        )
    card_id = done.after.card_id
    if FlagAction.LOCK not in actions or card_id is None:
        return
    card = await uow.cards.get(card_id)
    if card is not None:
        await freeze(
            services,
            uow,
            card,
            actor=SYSTEM,
            cause="flagged",
            data={"cause": names, "transaction": done.after.id},
            intent_id=done.after.intent_id,
        )
