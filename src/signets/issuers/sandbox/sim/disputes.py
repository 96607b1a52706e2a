"""``/_sim``: what becomes of a claim, in the same words for both faces."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from signets.issuers.sandbox.engine.store import sandbox_of
from signets.issuers.sandbox.lithic_face import disputes as at_lithic
from signets.issuers.sandbox.lithic_face.wire import Form, answer, read_body
from signets.issuers.sandbox.stripe_face import disputes as at_stripe

Amount = Annotated[int, Meta(ge=1, le=2_000_000_000)]


class DecideForm(Form, frozen=True, kw_only=True):
    """What became of it; ``reason`` in the issuer's own words, its usual one if left out."""

    token: str
    outcome: Literal["represented", "won", "lost", "withdrawn", "expired"]
    reason: str | UnsetType | None = UNSET
    amount: Amount | None = None


class CreditForm(Form, frozen=True, kw_only=True):
    """A provisional credit, or its being taken back."""

    token: str
    amount: Amount
    reverse: bool = False


async def decide(request: Request) -> Response:
    """``POST /_sim/dispute``: the network or the issuer moves the claim, again if need be."""
    sandbox, form = sandbox_of(request), await read_body(request, DecideForm)
    face = at_stripe if at_stripe.is_one(form.token) else at_lithic
    async with sandbox.transaction() as connection:
        return answer(
            await face.decide(
                sandbox,
                connection,
                form.token,
                outcome=form.outcome,
                reason=form.reason,
                amount=form.amount,
            )
        )


async def credit(request: Request) -> Response:
    """``POST /_sim/dispute_credit``: a provisional credit is granted, or taken back."""
    sandbox, form = sandbox_of(request), await read_body(request, CreditForm)
    face = at_stripe if at_stripe.is_one(form.token) else at_lithic
    async with sandbox.transaction() as connection:
        return answer(
            await face.credit(sandbox, connection, form.token, form.amount, reverse=form.reverse)
        )
