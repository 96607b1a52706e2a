"""One authorization as the network runs it: issuer's own checks, the question, the record."""

from __future__ import annotations

import uuid
from datetime import datetime

from psycopg.rows import DictRow

from signets.issuers.sandbox import faults
from signets.issuers.sandbox.checks import Purchase, issuer_check
from signets.issuers.sandbox.delivery import keep
from signets.issuers.sandbox.responder import Exchange, Verdict, ask, question
from signets.issuers.sandbox.rules import rule_check
from signets.issuers.sandbox.service import (
    Account,
    Sandbox,
    read_account,
    read_transaction,
    record,
)
from signets.issuers.sandbox.transaction import (
    held_of,
    network_id_of,
    new_event,
    new_network_id,
    new_transaction,
    rate_of,
)
from signets.issuers.sandbox.wire import Connection, Json, LithicError

#: Lithic's name for "the transaction was declined" in a simulate answer.
DECLINED_MESSAGE = "Transaction was declined"


async def authorize(sandbox: Sandbox, card_token: str, purchase: Purchase) -> str:
    """Run a new authorization to its end; the transaction's token.

    Raises:
        LithicError: 422 with the token where it was declined.
    """
    token = str(uuid.uuid4())
    verdict, exchange, now = await _decide(sandbox, card_token, purchase, token, purchase.amount)
    approved = verdict.approved_amount if verdict.approved_amount is not None else purchase.amount
    network_id = new_network_id()
    new = [
        new_event(
            purchase.status,
            approved if verdict.result == "APPROVED" else purchase.amount,
            purchase.rate,
            now,
            result=verdict.result,
            detail=verdict.detail,
            network_id=network_id,
        )
    ]
    new[0]["rule_results"] = list(verdict.rule_results)
    if verdict.result == "UNKNOWN_HOST_TIMEOUT":
        new.append(
            new_event(
                "AUTHORIZATION_ADVICE", purchase.amount, purchase.rate, now, network_id=network_id
            )
        )
    async with sandbox.transaction() as connection:
        account = await read_account(connection)
        transaction = new_transaction(
            token=token,
            account_token=str(account.row["account_token"]),
            card_token=card_token,
            merchant=purchase.merchant,
            pos=purchase.pos,
            now=now,
        )
        stored = await record(connection, transaction, new, purchase.rate, now)
        await _keep_exchange(connection, token, exchange)
        if stored["result"] == "APPROVED":
            await _consume(connection, card_token, purchase)
    _refuse_declined(verdict, token)
    return token


async def increment(sandbox: Sandbox, token: str, amount: int) -> str:
    """Ask for ``amount`` more on a known transaction.

    The question carries the *new whole* hold under the same token with a new ``created``; the
    event carries the difference. Lithic does not document which it does.

    Raises:
        LithicError: 404, or 422 with the token where it was declined.
    """
    async with sandbox.transaction() as connection:
        known = await read_transaction(connection, token)
    token = known["token"]
    purchase = Purchase(
        status="AUTHORIZATION",
        amount=amount,
        rate=rate_of(known),
        merchant=known["merchant"],
        pos=known["pos"],
    )
    whole = held_of(known) + amount
    verdict, exchange, now = await _decide(sandbox, known["card_token"], purchase, token, whole)
    async with sandbox.transaction() as connection:
        known = await read_transaction(connection, token)
        event = new_event(
            "AUTHORIZATION",
            amount,
            rate_of(known),
            now,
            result=verdict.result,
            detail=verdict.detail,
            network_id=network_id_of(known),
        )
        event["rule_results"] = list(verdict.rule_results)
        event["network_info"]["visa"]["original_transaction_id"] = network_id_of(known)
        await record(connection, known, [event], rate_of(known), now)
        await _keep_exchange(connection, token, exchange)
    _refuse_declined(verdict, token)
    return token


async def _decide(
    sandbox: Sandbox, card_token: str, purchase: Purchase, token: str, whole: int
) -> tuple[Verdict, Exchange | None, datetime]:
    """The verdict on ``purchase``; no database transaction is open while the responder thinks."""
    async with sandbox.transaction() as connection:
        account = await read_account(connection)
        card = await _card(connection, card_token)
        verdict = await issuer_check(connection, card, purchase, account.now)
        verdict = verdict or await rule_check(connection, card, purchase, account.now)
        set_faults = (
            await faults.take_all(connection, faults.ASA)
            if verdict is None and account.row["responder_url"] is not None
            else {}
        )
    if verdict is not None:
        return verdict, None, account.now
    if account.row["responder_url"] is None:
        # Nobody enrolled: Lithic decides alone, and its own checks have passed.
        return Verdict(result="APPROVED", detail="APPROVED"), None, account.now
    exchange = await ask(
        sandbox.http,
        account.row,
        _question(account, card, purchase, token, whole),
        sandbox.config.deadline_seconds,
        set_faults,
    )
    if "stand_in" in set_faults:
        # The network did not wait for the answer and approved on its own.
        stood_in = Verdict(result="UNKNOWN_HOST_TIMEOUT", detail="CUSTOMER_ASA_TIMEOUT")
        return stood_in, exchange, account.now
    return exchange.verdict, exchange, account.now


def _question(account: Account, card: DictRow, purchase: Purchase, token: str, whole: int) -> Json:
    return question(
        token=token,
        status=purchase.status,
        amount=-whole if purchase.is_credit else whole,
        rate=purchase.rate,
        card=card,
        merchant=purchase.merchant,
        pos=purchase.pos,
        now=account.now,
    )


async def _card(connection: Connection, card_token: str) -> DictRow:
    cursor = await connection.execute("SELECT * FROM cards WHERE token = %s", (card_token,))
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - found by its number a moment ago, never deleted
    return row


async def _keep_exchange(connection: Connection, token: str, exchange: Exchange | None) -> None:
    if exchange is None:
        return
    delivery = uuid.uuid4()
    answered = any(attempt.succeeded for _, attempt in exchange.attempts)
    await connection.execute(
        "INSERT INTO deliveries (token, kind, message_id, transaction_token, url, body, state,"
        " fault, attempt_count) VALUES (%s, 'asa', %s, %s, %s, %s, %s, %s, %s)",
        (
            delivery,
            exchange.message_id,
            token,
            exchange.url,
            exchange.body,
            "SUCCESS" if answered else "FAILED",
            exchange.fault,
            len(exchange.attempts),
        ),
    )
    for why, attempt in exchange.attempts:
        await keep(connection, delivery, why, attempt)


async def _consume(connection: Connection, card_token: str, purchase: Purchase) -> None:
    """A single-use card closes, a merchant-locked one locks, on the first approval."""
    await connection.execute(
        "UPDATE cards SET state = CASE type WHEN 'SINGLE_USE' THEN 'CLOSED' ELSE state END,"
        " locked_merchant = CASE type WHEN 'MERCHANT_LOCKED'"
        " THEN coalesce(locked_merchant, %s) ELSE locked_merchant END WHERE token = %s",
        (purchase.merchant["acceptor_id"], card_token),
    )


def _refuse_declined(verdict: Verdict, token: str) -> None:
    if verdict.result not in ("APPROVED", "UNKNOWN_HOST_TIMEOUT"):
        raise LithicError(422, f"{DECLINED_MESSAGE}: {verdict.result}", token=token)
