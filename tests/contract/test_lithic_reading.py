"""Lithic's JSON into our words, field by field. Pure: no network, no database."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from signets.app.ports import BodyUnreadable
from signets.core.authorization.request import RequestKind
from signets.core.settlement.model import DecidedBy, EventKind, EventResult
from signets.issuers.countries import alpha_2
from signets.issuers.lithic.reading import read_request, read_snapshot

MERCHANT = {
    "acceptor_id": "174030075999",
    "acquiring_institution_id": "2095",
    "city": "8552478786",
    "country": "USA",
    "descriptor": "AWS *Amazon Web Servic",
    "mcc": "7399",
    "phone_number": None,
    "postal_code": "98109",
    "state": "WA",
    "street_address": None,
}

REQUEST: dict[str, Any] = {
    "token": "fabd829d-7f7b-4432-a8f2-07ea4889aaac",
    "status": "AUTHORIZATION",
    "amount": 1200,
    "authorization_amount": 1200,
    "amounts": {
        "cardholder": {"amount": 1100, "conversion_rate": "1.000000", "currency": "USD"},
        "hold": {"amount": 1200, "currency": "USD"},
        "merchant": {"amount": 1000, "currency": "EUR"},
        "settlement": None,
    },
    "card": {"token": "card-1"},
    "cardholder_currency": "USD",
    "created": "2026-11-24T05:00:00Z",
    "merchant": MERCHANT,
    "merchant_amount": 1000,
    "merchant_currency": "EUR",
    "transaction_initiator": "MERCHANT",
}


def event(kind: str, amount: int, **more: Any) -> dict[str, Any]:
    return {
        "token": f"event-{kind}-{amount}",
        "type": kind,
        "result": "APPROVED",
        "amount": amount,
        "amounts": {
            "cardholder": {"amount": amount, "conversion_rate": "1.0", "currency": "USD"},
            "merchant": {"amount": amount, "currency": "USD"},
            "settlement": None,
        },
        "created": "2026-11-24T05:00:00Z",
        "detailed_results": ["APPROVED"],
        "effective_polarity": "DEBIT",
        "rule_results": [],
        **more,
    }


def transaction(*events: dict[str, Any], hold: int = 0, settlement: int = 0) -> dict[str, Any]:
    return {
        "token": "tx-1",
        "card_token": "card-1",
        "amounts": {
            "cardholder": {"amount": 0, "conversion_rate": "1.0", "currency": "USD"},
            "hold": {"amount": hold, "currency": "USD"},
            "merchant": {"amount": 0, "currency": "USD"},
            "settlement": {"amount": settlement, "currency": "USD"},
        },
        "created": "2026-11-24T05:00:00Z",
        "updated": "2026-11-24T06:00:00Z",
        "merchant": MERCHANT,
        "status": "PENDING",
        "events": list(events),
    }


def without(path: str, value: object = ...) -> dict[str, Any]:
    """The request with one field removed, or replaced by ``value``."""
    content = copy.deepcopy(REQUEST)
    *parents, last = path.split(".")
    place = content
    for parent in parents:
        place = place[parent]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return content


def test_the_hold_is_judged_where_there_is_one() -> None:
    """The hold can exceed what the merchant asked; without it the cardholder amount counts."""
    assert read_request(REQUEST).amount == 1200
    assert read_request(without("amounts.hold", None)).amount == 1100
    flat = read_request(without("amounts", None))
    assert (flat.amount, flat.currency, flat.merchant_amount) == (1200, "USD", 1000)


def test_request_fields() -> None:
    """Everything a decision needs is read; a stored credential is recognised."""
    request = read_request(REQUEST)
    assert request.created == datetime(2026, 11, 24, 5, tzinfo=UTC)
    assert request.merchant_initiated
    assert request.merchant.postal_code == "98109"
    assert request.merchant.phone is None
    assert read_request(without("status", "BALANCE_INQUIRY")).kind is RequestKind.BALANCE_INQUIRY


def test_credits_are_magnitudes_and_negative_debits_unreadable() -> None:
    """Lithic's credits come negative; a negative purchase is nonsense and is refused."""
    credit = without("amounts.hold.amount", -500)
    with pytest.raises(BodyUnreadable):
        read_request(credit)
    credit["status"] = "CREDIT_AUTHORIZATION"
    assert (read_request(credit).kind, read_request(credit).amount) == (RequestKind.CREDIT, 500)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("status", "WINK"),
        ("token", ...),
        ("token", 7),
        ("amounts.hold.amount", 12.0),
        ("amounts.hold.amount", "1200"),
        ("amounts.hold.amount", True),
        ("amounts.hold.currency", ...),
        ("amounts.merchant.amount", None),
        ("card.token", ""),
        ("created", "yesterday"),
        ("merchant", ...),
    ],
)
def test_an_unreadable_field_is_named(path: str, value: object) -> None:
    """No float, string or boolean passes as money, and the error names the field."""
    with pytest.raises(BodyUnreadable) as unreadable:
        read_request(without(path, value))
    assert unreadable.value.field == path


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("amounts.hold.amount", 1201),
        ("amounts.hold.currency", "EUR"),
        ("amounts.merchant.amount", 1001),
        ("amounts.merchant.currency", "GBP"),
        ("status", "FINANCIAL_AUTHORIZATION"),
        ("created", "2026-11-24T05:00:01Z"),
    ],
)
def test_fingerprint_tells_each_part_apart(path: str, value: object) -> None:
    """Amounts, currencies, status and created each change it; other fields do not."""
    assert read_request(without(path, value)).fingerprint != read_request(REQUEST).fingerprint
    same = read_request(without("merchant.city", "SEATTLE"))
    assert same.fingerprint == read_request(REQUEST).fingerprint


def test_unknown_kinds_and_results_are_kept() -> None:
    """What Lithic adds tomorrow is UNKNOWN with its own words, never dropped."""
    odd = event("TELEPORT", 5, result="MAYBE")
    [read] = read_snapshot(transaction(odd)).events
    assert (read.kind, read.result) == (EventKind.UNKNOWN, EventResult.UNKNOWN)
    assert (read.raw_kind, read.raw_result, read.amount) == ("TELEPORT", "MAYBE", 5)


def test_amount_falls_back_where_lithic_leaves_zeros() -> None:
    """Settlement, cardholder, flat amount: the first that is not zero is the magnitude."""
    zeros = event("CLEARING", 0) | {"amount": -700}
    settled = event("CLEARING", 500)
    settled["amounts"]["settlement"] = {"amount": 480, "conversion_rate": "1", "currency": "USD"}
    read = read_snapshot(transaction(zeros, settled)).events
    assert [e.amount for e in read] == [700, 480]


def test_totals_turn_lithics_signs() -> None:
    """Debits are negative at Lithic; a credit hold is not our money and holds nothing."""
    totals = read_snapshot(transaction(event("AUTHORIZATION", 9), hold=-9, settlement=-3)).totals
    assert totals is not None
    assert (totals.held, totals.settled) == (9, 3)
    credit = read_snapshot(transaction(event("RETURN", 9), hold=5, settlement=9)).totals
    assert credit is not None
    assert (credit.held, credit.settled) == (0, -9)


@pytest.mark.parametrize(
    ("details", "result", "who"),
    [
        (["CARD_PAUSED"], "CARD_PAUSED", DecidedBy.ISSUER),
        (["CARD_CLOSED"], "CARD_CLOSED", DecidedBy.ISSUER),
        (["CARD_SPEND_LIMIT_EXCEEDED"], "USER_TRANSACTION_LIMIT", DecidedBy.ISSUER),
        (
            ["MERCHANT_LOCKED_CARD_ATTEMPTED_ELSEWHERE"],
            "UNAUTHORIZED_MERCHANT",
            DecidedBy.ISSUER,
        ),
        (["UNAUTHORIZED_MERCHANT"], "UNAUTHORIZED_MERCHANT", DecidedBy.US),
        (["CUSTOM_ASA_RESULT"], "USER_TRANSACTION_LIMIT", DecidedBy.US),
        (["MALFORMED_ASA_RESPONSE"], "DECLINED", DecidedBy.TIMEOUT),
        (["CUSTOMER_ASA_TIMEOUT"], "DECLINED", DecidedBy.TIMEOUT),
        ([], "UNKNOWN_HOST_TIMEOUT", DecidedBy.TIMEOUT),
        ([], "INSUFFICIENT_FUNDS", DecidedBy.US),
    ],
)
def test_who_declined(details: list[str], result: str, who: DecidedBy) -> None:
    """The detail tells an issuer's own rule from our answer and from silence."""
    declined = event("AUTHORIZATION", 5, result=result, detailed_results=details)
    [read] = read_snapshot(transaction(declined)).events
    assert read.decided_by is who


def test_advice_after_a_timeout_is_a_stand_in_and_after_an_answer_is_not() -> None:
    """The network stood in where nobody answered, or where nobody was asked at all."""
    timeout = event("AUTHORIZATION", 5, result="UNKNOWN_HOST_TIMEOUT", detailed_results=[])
    advice = event("AUTHORIZATION_ADVICE", 5)

    def last(*events: dict[str, Any]) -> DecidedBy:
        return read_snapshot(transaction(*events)).events[-1].decided_by

    assert last(timeout, advice) is DecidedBy.STAND_IN
    assert last(advice) is DecidedBy.STAND_IN
    assert last(event("AUTHORIZATION", 5), advice) is DecidedBy.NOBODY


def test_unreadable_event_is_named_with_its_place() -> None:
    """The error says which event and which field."""
    broken = event("CLEARING", 5)
    broken["amounts"]["cardholder"]["amount"] = "5"
    with pytest.raises(BodyUnreadable) as unreadable:
        read_snapshot(transaction(event("AUTHORIZATION", 5), broken))
    assert unreadable.value.field == "events.1.amounts.cardholder.amount"


def test_countries() -> None:
    """Alpha-3 becomes alpha-2; unknown codes stay and so equal no country; empty is none."""
    assert [alpha_2(code) for code in ("USA", "irl", "DEU", "QZZ")] == ["US", "IE", "DE", "XK"]
    assert alpha_2("XQX") == "XQX"
    assert alpha_2("") is None
