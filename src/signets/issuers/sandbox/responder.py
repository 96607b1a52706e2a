"""The real-time question (Auth Stream Access): build it, sign it, send it, read the answer.

Source: docs.lithic.com/docs/auth-stream-access-asa and the ``card_authorization.approval_request``
webhook of lithic-openapi. One retry, at once, on a network failure or a 5xx; none on a 4xx.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
import msgspec
from psycopg.rows import DictRow

from signets.issuers.sandbox.delivery import Attempt, live_secrets, post
from signets.issuers.sandbox.faults import Fault
from signets.issuers.sandbox.signing import forged, signed_headers
from signets.issuers.sandbox.transaction import Rate
from signets.issuers.sandbox.wire import Json, stamp

EVENT_TYPE = "card_authorization.approval_request"

#: Answered ``result`` -> (event ``result``, event ``detailed_results[0]``).
DECLINES = {
    "AVS_INVALID": ("DECLINED", "ADDRESS_INCORRECT"),
    "CARD_PAUSED": ("CARD_PAUSED", "CARD_PAUSED"),
    "CHALLENGE": ("DECLINED", "CARDHOLDER_CHALLENGED"),
    "DRIVER_NUMBER_INVALID": ("DECLINED", "DRIVER_NUMBER_INVALID"),
    "INSUFFICIENT_FUNDS": ("INSUFFICIENT_FUNDS", "INSUFFICIENT_FUNDS"),
    "SUSPECTED_FRAUD": ("SUSPECTED_FRAUD", "SUSPECTED_FRAUD"),
    "UNAUTHORIZED_MERCHANT": ("UNAUTHORIZED_MERCHANT", "UNAUTHORIZED_MERCHANT"),
    "VEHICLE_NUMBER_INVALID": ("DECLINED", "VEHICLE_NUMBER_INVALID"),
    "VELOCITY_EXCEEDED": ("USER_TRANSACTION_LIMIT", "CUSTOM_ASA_RESULT"),
}
UNKNOWN_RESULT = ("DECLINED", "CUSTOM_ASA_RESULT")
MALFORMED = ("DECLINED", "MALFORMED_ASA_RESPONSE")
TIMED_OUT = ("DECLINED", "CUSTOMER_ASA_TIMEOUT")
APPROVED = ("APPROVED", "APPROVED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The decision on one request, in the words of a transaction event."""

    result: str
    detail: str
    approved_amount: int | None = None
    rule_results: tuple[Json, ...] = ()


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One question with every attempt made at it."""

    message_id: str
    url: str
    body: bytes
    verdict: Verdict
    fault: str | None = None
    attempts: list[tuple[str, Attempt]] = field(default_factory=list)


class _Answer(msgspec.Struct):
    """The part of the answer that decides; Lithic takes more fields."""

    result: str
    token: str | None = None
    approved_amount: int | None = None


def question(
    *,
    token: str,
    status: str,
    amount: int,
    rate: Rate,
    card: DictRow,
    merchant: Json,
    pos: Json,
    now: datetime,
) -> Json:
    """The body of a request. ``amount`` is the whole amount to hold, positive for a debit."""
    merchant_amount = rate.merchant_of(abs(amount)) * (1 if amount >= 0 else -1)
    held = {"amount": amount, "currency": rate.billing_currency}
    single_message = status.startswith("FINANCIAL")
    return {
        "acquirer_fee": 0,
        "amount": amount,
        "amounts": {
            "cardholder": {**held, "conversion_rate": rate.conversion},
            "hold": None if single_message else held,
            "merchant": {"amount": merchant_amount, "currency": rate.merchant_currency},
            "settlement": held if single_message else None,
        },
        "authorization_amount": amount,
        "avs": {"address": "", "address_on_file_match": "NOT_PRESENT", "zipcode": ""},
        "card": {
            "last_four": card["last_four"],
            "memo": card["memo"],
            "spend_limit": card["spend_limit"],
            "spend_limit_duration": card["spend_limit_duration"],
            "state": card["state"],
            "tags": card["tags"],
            "token": str(card["token"]),
            "type": card["type"],
        },
        "cardholder_currency": rate.billing_currency,
        "cash_amount": 0,
        "conversion_rate": float(rate.conversion),
        "created": stamp(now),
        "event_token": str(uuid.uuid4()),
        "event_type": EVENT_TYPE,
        "merchant": merchant,
        "merchant_amount": merchant_amount,
        "merchant_currency": rate.merchant_currency,
        "name_validation": None,
        "network": "VISA",
        "network_risk_score": None,
        "pos": pos,
        "service_location": None,
        "settled_amount": 0,
        "status": status,
        "token": token,
        "token_info": None,
        "transaction_initiator": "CARDHOLDER",
    }


async def ask(
    http: httpx.AsyncClient,
    account: DictRow,
    content: Json,
    deadline_seconds: float,
    set_faults: dict[str, Fault],
) -> Exchange:
    """Ask the enrolled responder. Never raises for what the responder does."""
    live = live_secrets(
        account["asa_secret"], account["asa_previous_secret"], account["asa_previous_until"]
    )
    exchange = Exchange(
        message_id=content["event_token"],
        url=account["responder_url"],
        body=msgspec.json.encode(content),
        verdict=Verdict(result=TIMED_OUT[0], detail=TIMED_OUT[1]),
        fault=", ".join(set_faults) or None,
    )
    drop, delay = set_faults.get("asa_drop"), set_faults.get("asa_delay")
    if drop is not None and drop.part == "request":
        return exchange
    forge = "asa_bad_signature" in set_faults
    try:
        async with asyncio.timeout(deadline_seconds):
            answer = await _converse(http, exchange, live, forge=forge)
            if delay is not None:
                await asyncio.sleep(delay.delay_ms / 1000)
        lost = drop is not None or answer.status_code is None
        if not lost:
            exchange.verdict = read_answer(answer, content)
    except TimeoutError:
        exchange.attempts.append(
            (
                "deadline",
                Attempt(headers={}, status_code=None, response_body=None, error="Timeout"),
            )
        )
    if "asa_duplicate" in set_faults:
        headers = signed_headers(exchange.message_id, exchange.body, live)
        await _send_bounded(http, exchange, headers, deadline_seconds)
    return exchange


async def _converse(
    http: httpx.AsyncClient, exchange: Exchange, live: tuple[str, ...], *, forge: bool
) -> Attempt:
    for why in ("request", "retry"):
        headers = signed_headers(exchange.message_id, exchange.body, live)
        attempt = await post(
            http, exchange.url, exchange.body, forged(headers) if forge else headers
        )
        exchange.attempts.append((why, attempt))
        if attempt.status_code is not None and attempt.status_code < 500:
            break
    return attempt


async def _send_bounded(
    http: httpx.AsyncClient, exchange: Exchange, headers: dict[str, str], seconds: float
) -> None:
    try:
        async with asyncio.timeout(seconds):
            attempt = await post(http, exchange.url, exchange.body, headers)
    except TimeoutError:
        attempt = Attempt(headers=headers, status_code=None, response_body=None, error="Timeout")
    exchange.attempts.append(("duplicate", attempt))


def read_answer(attempt: Attempt, content: dict[str, Any]) -> Verdict:
    """What an answer means. Anything but a well-formed approval declines."""
    malformed = Verdict(result=MALFORMED[0], detail=MALFORMED[1])
    if attempt.status_code is not None and attempt.status_code >= 500:
        return Verdict(result=TIMED_OUT[0], detail=TIMED_OUT[1])
    if attempt.status_code != 200:
        return malformed
    try:
        answer = msgspec.json.decode(attempt.response_body or "", type=_Answer)
    except msgspec.DecodeError:
        return malformed
    if answer.token is not None and answer.token != content["token"]:
        return malformed
    if answer.result != "APPROVED":
        result, detail = DECLINES.get(answer.result, UNKNOWN_RESULT)
        return Verdict(result=result, detail=detail)
    partial = answer.approved_amount
    if partial is not None and not (
        content["pos"]["terminal"]["partial_approval_capable"] and 0 < partial <= content["amount"]
    ):
        return malformed
    return Verdict(result="APPROVED", detail="APPROVED", approved_amount=partial)
