"""Sends a real-time question and gets a verdict, whatever the responder does."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field

import httpx

from signets.issuers.sandbox.engine.base import Connection
from signets.issuers.sandbox.engine.delivery import keep, post
from signets.issuers.sandbox.engine.faces import Attempt, Question
from signets.issuers.sandbox.engine.faults import Fault
from signets.issuers.sandbox.engine.purchase import Purchase, Verdict
from signets.issuers.sandbox.signing import forged


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One question with every attempt made at it."""

    question: Question
    verdict: Verdict
    fault: str | None = None
    attempts: list[tuple[str, Attempt]] = field(default_factory=list)


async def ask(
    http: httpx.AsyncClient, question: Question, set_faults: dict[str, Fault]
) -> Exchange:
    """Ask the enrolled responder. Never raises for what the responder does."""
    exchange = Exchange(
        question=question, verdict=question.timed_out, fault=", ".join(set_faults) or None
    )
    drop, delay = set_faults.get("asa_drop"), set_faults.get("asa_delay")
    if drop is not None and drop.part == "request":
        return exchange
    try:
        async with asyncio.timeout(question.deadline_seconds):
            answer = await _converse(http, exchange, forge="asa_bad_signature" in set_faults)
            if delay is not None:
                await asyncio.sleep(delay.delay_ms / 1000)
        if drop is None and answer.status_code is not None:
            exchange.verdict = question.read(answer)
    except TimeoutError:
        exchange.attempts.append(("deadline", _timed_out({})))
    if "asa_duplicate" in set_faults:
        await _send_bounded(http, exchange)
    return exchange


async def _converse(http: httpx.AsyncClient, exchange: Exchange, *, forge: bool) -> Attempt:
    question = exchange.question
    for number in range(question.tries):
        headers = question.sign()
        attempt = await post(
            http, question.url, question.body, forged(headers) if forge else headers
        )
        exchange.attempts.append(("retry" if number else "request", attempt))
        if attempt.status_code is not None and attempt.status_code < 500:
            break
    return attempt


async def _send_bounded(http: httpx.AsyncClient, exchange: Exchange) -> None:
    question = exchange.question
    headers = question.sign()
    try:
        async with asyncio.timeout(question.deadline_seconds):
            attempt = await post(http, question.url, question.body, headers)
    except TimeoutError:
        attempt = _timed_out(headers)
    exchange.attempts.append(("duplicate", attempt))


def _timed_out(headers: dict[str, str]) -> Attempt:
    return Attempt(
        headers=headers, status_code=None, response_body=None, error="Timeout", response_headers={}
    )


async def keep_exchange(
    connection: Connection, purchase: Purchase, exchange: Exchange | None
) -> None:
    """Store what was asked and answered."""
    if exchange is None:
        return
    delivery = uuid.uuid4()
    answered = any(attempt.succeeded for _, attempt in exchange.attempts)
    await connection.execute(
        "INSERT INTO deliveries (token, face, kind, message_id, transaction_token, url, body,"
        " state, fault, attempt_count) VALUES (%s, %s, 'asa', %s, %s, %s, %s, %s, %s, %s)",
        (
            delivery,
            purchase.face,
            exchange.question.message_id,
            purchase.token,
            exchange.question.url,
            exchange.question.body,
            "SUCCESS" if answered else "FAILED",
            exchange.fault,
            len(exchange.attempts),
        ),
    )
    for why, attempt in exchange.attempts:
        await keep(connection, delivery, why, attempt)
