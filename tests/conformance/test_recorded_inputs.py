"""The golden vectors of what decisions are stored to have been made on: these bytes are the format.

They were written when the values were dataclasses. A failure here means that decisions of an
earlier version would no longer replay, or that this one writes what an earlier cannot read.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from signets.app.decision_inputs import Inputs, decode_inputs, encode_inputs
from signets.core.authorization.facts import (
    CardFacts,
    Facts,
    IntentFacts,
    KnownRequest,
    LiveAuthorization,
)
from signets.core.authorization.request import AuthorizationRequest, RequestKind
from signets.core.card import CardState, UnlockWindow
from signets.core.intent import Bounds, IntentState, Usage
from signets.core.merchant.model import MatchResult, Merchant, MerchantLock, MerchantMatch
from signets.core.policy.model import (
    Breaker,
    Budget,
    Cap,
    Match,
    Measure,
    Period,
    Scope,
    Tolerance,
    Verification,
    Window,
)
from signets.core.velocity import Exposure
from signets.core.velocity import Usage as Used

AT = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)
INTENT = "int_01h455vb4pex5vsknk084sn02q"

EVERY_FIELD = Inputs(
    request=AuthorizationRequest(
        request_id="req_1",
        kind=RequestKind.PURCHASE,
        card_token="tok_1",
        amount=2000,
        currency="USD",
        merchant_amount=1900,
        merchant_currency="EUR",
        merchant=Merchant(
            descriptor="OPENAI *ÜBER",
            acceptor_id="1",
            network_id="2",
            mcc="5734",
            country="US",
            city="SF",
            state="CA",
            postal_code="94110",
            phone="555",
            url="openai.com",
            facilitator_id="3",
            sub_merchant_id="4",
        ),
        created=AT - timedelta(seconds=2),
        fingerprint="f" * 16,
        amount_is_additional=True,
        partial_approval=True,
        merchant_initiated=True,
    ),
    facts=Facts(
        card=CardFacts(
            card_id="card_01h455vb4pex5vsknk084sn02q",
            agent_id="agt_01h455vb4pex5vsknk084sn02q",
            state=CardState.OPEN,
            frozen=("agent",),
            lock=MerchantLock(vendors=("openai.com", "aws.amazon.com"), allow_facilitators=True),
            currency="USD",
            spending_limit=500_000,
            per_authorization_limit=9_000,
            exposure=Exposure(reserved=1, held=2, cleared=3, refunded=4),
            tripped=True,
        ),
        match=MerchantMatch(
            result=MatchResult.MATCH,
            confidence=95,
            vendor="openai.com",
            rule="name",
            intent_id=INTENT,
        ),
        window=UnlockWindow(
            intent_id=INTENT,
            opens_at=AT,
            closes_at=AT + timedelta(hours=1),
            consumed_at=AT + timedelta(seconds=1),
        ),
        intent=IntentFacts(
            intent_id=INTENT,
            state=IntentState.AUTHORIZED,
            bounds=Bounds(usage=Usage.WINDOW, max_total=9000, max_per_charge=3000, max_count=3),
            currency="EUR",
            expected_amount=8000,
            vendor="openai.com",
            used=10,
            charges=1,
            reserved=11,
        ),
        known=KnownRequest(
            approved_amount=5,
            approved_intent_amount=6,
            first_approved_at=AT,
            intent_id=None,
            verification=True,
        ),
        live=(
            LiveAuthorization(
                request_id="req_2", vendor=None, amount=7, currency="USD", intent_id=INTENT
            ),
        ),
        caps=(
            (
                Cap(
                    name="bot/burst",
                    scope=(Scope.CARD, Scope.VENDOR),
                    window=Window(seconds=600),
                    max_count=5,
                    when=Match(vendors=("openai.com",), categories=("model_api",)),
                ),
                Used(count=2, amount=30, oldest=AT),
            ),
            (
                Cap(
                    name="day",
                    scope=(),
                    window=Window(period=Period.DAY),
                    measure=Measure.ATTEMPTS,
                    max_amount=70_000,
                    currency="USD",
                ),
                Used(),
            ),
        ),
        budgets=(
            (
                Budget(
                    name="month",
                    scope=(Scope.AGENT,),
                    period=Period.MONTH,
                    amount=80_000,
                    currency="USD",
                    refunds_restore=False,
                    when=Match(workflows=("w",), agents=("bot",)),
                ),
                Exposure(held=9),
            ),
        ),
        blocked_categories=("6011",),
        blocked_countries=("KP",),
        tolerance=Tolerance(basis_points=500, absolute=100),
        verification=Verification(per_day=3, max_amounts=(("JPY", 200),)),
        verifications_today=1,
        breaker=Breaker(declines=4, seconds=60),
        recent_declines=2,
        grace=timedelta(minutes=5, microseconds=3),
        zone="Europe/Berlin",
    ),
    at=AT,
)
UNKNOWN_CARD = Inputs(
    request=AuthorizationRequest(
        request_id="req_1",
        kind=RequestKind.BALANCE_INQUIRY,
        card_token="tok_1",
        amount=0,
        currency="USD",
        merchant_amount=0,
        merchant_currency="USD",
        merchant=Merchant(descriptor="X"),
        created=AT,
        fingerprint="f",
    ),
    facts=Facts(card=None),
    at=AT,
)


@pytest.mark.parametrize(
    ("name", "inputs"), [("every_field", EVERY_FIELD), ("unknown_card", UNKNOWN_CARD)]
)
def test_recorded_inputs_are_these_bytes(name: str, inputs: Inputs):
    """Written, the values are the recorded bytes; read, the bytes are the values."""
    text = (Path(__file__).parent / "inputs" / f"{name}.hex").read_text()
    raw = bytes.fromhex(text)
    assert encode_inputs(inputs) == raw
    assert decode_inputs(raw) == inputs
