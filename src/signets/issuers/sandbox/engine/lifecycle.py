"""Everything that happens to a purchase without anybody being asked."""

from __future__ import annotations

from datetime import timedelta

from signets.issuers.sandbox.engine.base import Impossible
from signets.issuers.sandbox.engine.purchase import (
    ASKED,
    UNASKED,
    Cause,
    Kind,
    Merchant,
    Move,
    Purchase,
    Rate,
    Verdict,
    new_move,
    new_purchase,
    standing,
)
from signets.issuers.sandbox.engine.store import (
    Sandbox,
    read_account,
    read_purchase,
    record,
)

#: After how long a hold runs out when the clock is moved (Lithic: typically 7 days).
HOLD_LIFETIME = timedelta(days=7)


async def clear(
    sandbox: Sandbox,
    token: str,
    amount: int | None,
    *,
    what: str,
    merchant_amount: int | None = None,
    final: bool = False,
) -> Purchase:
    """Money moves to the merchant: less, as much, more, again, late; without an amount, the rest.

    Args:
        merchant_amount: What the merchant gets in its own currency, where the rate has changed.
        final: Whether what is left of the hold is released.

    Raises:
        Missing: There is no such purchase.
        Impossible: Nothing is left and no amount is given.
    """
    async with sandbox.transaction() as connection:
        now = (await read_account(connection)).now
        known = await read_purchase(connection, token, what=what)
        size = amount or left_to_clear(known)
        rate = known.rate
        if merchant_amount is not None:
            rate = Rate(
                billing=size,
                billing_currency=rate.billing_currency,
                merchant=merchant_amount,
                merchant_currency=rate.merchant_currency,
            )
        credit = known.moves[0].credit
        move = new_move(Kind.CLEARING, size, rate, now, credit=credit, final=final)
        return await record(connection, sandbox.faces[known.face], known, [move], now)


def left_to_clear(known: Purchase) -> int:
    """The hold, or what a released authorization had asked for and nobody cleared.

    Raises:
        Impossible: Nothing is left.
    """
    cleared = sum(move.amount for move in known.moves if move.kind is Kind.CLEARING)
    asked = sum(
        move.amount
        for move in known.moves
        if move.kind in ASKED and move.kind is not Kind.BALANCE_INQUIRY and move.verdict.approved
    )
    left = abs(standing(known.moves).held) or asked - cleared
    if left <= 0:
        raise Impossible("Nothing is left to clear; name an amount")
    return left


async def release(
    sandbox: Sandbox, token: str, kind: Kind, amount: int | None, *, what: str
) -> Purchase:
    """Give back ``amount`` of the hold, all of it where it is ``None`` or an expiry.

    Raises:
        Missing: There is no such purchase.
        Impossible: Nothing is held.
    """
    async with sandbox.transaction() as connection:
        now = (await read_account(connection)).now
        known = await read_purchase(connection, token, what=what)
        held = standing(known.moves).held
        if held == 0:
            raise Impossible("Nothing is held on this transaction")
        whole = amount is None or kind is Kind.AUTHORIZATION_EXPIRY
        size = abs(held) if whole or amount is None else min(amount, abs(held))
        move = new_move(kind, size, known.rate, now, credit=held > 0)
        return await record(connection, sandbox.faces[known.face], known, [move], now)


async def add(sandbox: Sandbox, token: str, kind: Kind, amount: int, *, what: str) -> Purchase:
    """An advice (``amount`` is the new whole), a return or a correction on a known purchase.

    Raises:
        Missing: There is no such purchase.
    """
    async with sandbox.transaction() as connection:
        now = (await read_account(connection)).now
        known = await read_purchase(connection, token, what=what)
        move = new_move(kind, amount, known.rate, now)
        return await record(connection, sandbox.faces[known.face], known, [move], now)


async def take_back_return(sandbox: Sandbox, token: str, *, what: str) -> Purchase:
    """The refund is taken back, whole.

    Raises:
        Missing: There is no such purchase.
        Impossible: It holds no return.
    """
    async with sandbox.transaction() as connection:
        now = (await read_account(connection)).now
        known = await read_purchase(connection, token, what=what)
        returned = sum(
            move.amount * (1 if move.kind is Kind.RETURN else -1)
            for move in known.moves
            if move.kind in (Kind.RETURN, Kind.RETURN_REVERSAL)
        )
        if returned <= 0:
            raise Impossible("This transaction holds no return")
        move = new_move(Kind.RETURN_REVERSAL, returned, known.rate, now)
        return await record(connection, sandbox.faces[known.face], known, [move], now)


async def undo(sandbox: Sandbox, token: str, *, what: str) -> Purchase:
    """The network takes an approval back: the hold is reversed and the approval declined.

    Raises:
        Missing: There is no such purchase.
        Impossible: Nothing is held.
    """
    async with sandbox.transaction() as connection:
        now = (await read_account(connection)).now
        known = await read_purchase(connection, token, what=what)
        held = standing(known.moves).held
        if held <= 0:
            raise Impossible("Nothing is held on this transaction")
        declined = Verdict(approved=False, cause=Cause.UNDONE)
        new: list[Move] = [
            new_move(Kind.AUTHORIZATION_REVERSAL, held, known.rate, now),
            new_move(Kind.AUTHORIZATION_ADVICE, held, known.rate, now, verdict=declined),
        ]
        return await record(connection, sandbox.faces[known.face], known, new, now)


async def unasked(
    sandbox: Sandbox,
    face: str,
    kind: Kind,
    card_token: str,
    merchant: Merchant,
    rate: Rate,
    verdict: Verdict = UNASKED,
) -> Purchase:
    """A new purchase that begins without any request: force post, refund, advice."""
    async with sandbox.transaction() as connection:
        now = (await read_account(connection)).now
        purchase = new_purchase(face=face, card_token=card_token, merchant=merchant, now=now)
        move = new_move(kind, rate.billing, rate, now, verdict=verdict, final=kind is Kind.CLEARING)
        return await record(connection, sandbox.faces[face], purchase, [move], now)


async def expire_old_holds(sandbox: Sandbox) -> list[str]:
    """Let every hold older than :data:`HOLD_LIFETIME` run out; their purchases' tokens."""
    async with sandbox.transaction() as connection:
        now = (await read_account(connection)).now
        cursor = await connection.execute(
            "SELECT token::text AS token FROM purchases"
            " WHERE held <> 0 AND created < %s ORDER BY seq",
            (now - HOLD_LIFETIME,),
        )
        old = [str(row["token"]) for row in await cursor.fetchall()]
    for token in old:
        await release(sandbox, token, Kind.AUTHORIZATION_EXPIRY, None, what="Transaction")
    return old
