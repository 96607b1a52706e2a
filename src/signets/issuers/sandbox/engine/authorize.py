"""One authorization as the network runs it: issuer's own checks, the question, the record."""

from __future__ import annotations

from datetime import datetime

from psycopg.rows import DictRow

from signets.issuers.sandbox.engine import faults
from signets.issuers.sandbox.engine.base import Connection
from signets.issuers.sandbox.engine.checks import card_check, verification_check
from signets.issuers.sandbox.engine.faces import Asked, Presented
from signets.issuers.sandbox.engine.purchase import (
    UNASKED,
    Cause,
    Kind,
    Move,
    Purchase,
    Verdict,
    new_move,
    new_purchase,
    standing,
)
from signets.issuers.sandbox.engine.realtime import Exchange, ask, keep_exchange
from signets.issuers.sandbox.engine.store import (
    Sandbox,
    read_account,
    read_purchase,
    record,
)

_STOOD_IN = Verdict(approved=False, cause=Cause.STAND_IN)


async def authorize(
    sandbox: Sandbox, face: str, card_token: str, presented: Presented
) -> tuple[Purchase, Verdict]:
    """Run a new authorization to its end."""
    async with sandbox.transaction() as connection:
        now = (await read_account(connection)).now
    purchase = new_purchase(
        face=face,
        card_token=card_token,
        merchant=presented.merchant,
        now=now,
        partial_approval=presented.partial_approval,
        verification=presented.verification,
    )
    verdict, exchange, now = await _decide(sandbox, purchase, presented)
    partial = verdict.approved_amount if verdict.approved else None
    amount = presented.amount if partial is None else partial
    new = [
        new_move(
            presented.kind,
            amount,
            presented.rate,
            now,
            verdict=verdict,
            original_network_id=presented.original_network_id,
        )
    ]
    if verdict is _STOOD_IN:
        new.append(_stand_in_advice(presented, presented.amount, now))
    async with sandbox.transaction() as connection:
        stored = await record(connection, sandbox.faces[face], purchase, new, now)
        await keep_exchange(connection, stored, exchange)
        if verdict.approved:
            await _consume(connection, card_token, presented)
    return stored, verdict


def _stand_in_advice(presented: Presented, whole: int, now: datetime) -> Move:
    approved = Verdict(approved=True, cause=Cause.STAND_IN)
    return new_move(Kind.AUTHORIZATION_ADVICE, whole, presented.rate, now, verdict=approved)


async def increment(
    sandbox: Sandbox, token: str, amount: int, *, what: str, partial_approval: bool = False
) -> tuple[Purchase, Verdict]:
    """Ask for ``amount`` more on a known purchase.

    Raises:
        Missing: There is no such purchase.
    """
    async with sandbox.transaction() as connection:
        known = await read_purchase(connection, token, what=what)
    presented = Presented(
        kind=Kind.AUTHORIZATION,
        amount=amount,
        rate=known.rate,
        merchant=known.merchant,
        partial_approval=partial_approval or known.partial_approval,
    )
    verdict, exchange, now = await _decide(sandbox, known, presented)
    partial = verdict.approved_amount if verdict.approved else None
    async with sandbox.transaction() as connection:
        known = await read_purchase(connection, token, what=what)
        size = amount if partial is None else partial
        new = [
            new_move(
                Kind.AUTHORIZATION,
                size,
                known.rate,
                now,
                verdict=verdict,
                original_network_id=known.network_id,
            )
        ]
        if verdict is _STOOD_IN:
            whole = standing(known.moves).held + amount
            new.append(_stand_in_advice(presented, whole, now))
        stored = await record(connection, sandbox.faces[known.face], known, new, now)
        await keep_exchange(connection, stored, exchange)
    return stored, verdict


async def _decide(
    sandbox: Sandbox, purchase: Purchase, presented: Presented
) -> tuple[Verdict, Exchange | None, datetime]:
    """The verdict on ``presented``; no database transaction is open while the responder thinks."""
    face = sandbox.faces[purchase.face]
    async with sandbox.transaction() as connection:
        now = (await read_account(connection)).now
        card = await _card(connection, purchase.card_token)
        verdict = verification_check(presented.verification)
        verdict = verdict or card_check(card, presented)
        verdict = verdict or await face.check(connection, card, presented, now)
        if verdict is not None:
            return verdict, None, now
        question = await face.question(
            connection, Asked(purchase=purchase, presented=presented, card=card, now=now)
        )
        if question is None:
            # Nobody enrolled: the issuer decides alone, and its own checks have passed.
            return UNASKED, None, now
        set_faults = await faults.take_all(connection, faults.ASA)
    exchange = await ask(sandbox.http, question, set_faults)
    if "stand_in" in set_faults:
        # The network did not wait for the answer and approved on its own.
        return _STOOD_IN, exchange, now
    return exchange.verdict, exchange, now


async def _card(connection: Connection, token: str) -> DictRow:
    cursor = await connection.execute("SELECT * FROM cards WHERE token = %s", (token,))
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - found by its number a moment ago, never deleted
    return row


async def _consume(connection: Connection, card_token: str, presented: Presented) -> None:
    """A single-use card closes, a merchant-locked one locks, on the first approval."""
    await connection.execute(
        "UPDATE cards SET state = CASE type WHEN 'SINGLE_USE' THEN 'CLOSED' ELSE state END,"
        " locked_merchant = CASE type WHEN 'MERCHANT_LOCKED'"
        " THEN coalesce(locked_merchant, %s) ELSE locked_merchant END WHERE token = %s",
        (presented.merchant.network_id, card_token),
    )
