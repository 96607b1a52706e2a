"""What Lithic's face writes, byte for byte, fits the official SDK's models, strictly read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from lithic.types import (
    AuthStreamSecret,
    Card,
    Dispute,
    Event,
    EventSubscription,
    ResponderEndpointStatus,
    Transaction,
)
from lithic.types.auth_rules import AuthRule
from lithic.types.card_authorization_approval_request_webhook_event import (
    CardAuthorizationApprovalRequestWebhookEvent,
)
from lithic.types.card_transaction_updated_webhook_event import CardTransactionUpdatedWebhookEvent
from lithic.types.dispute_transaction_updated_webhook_event import (
    DisputeTransactionUpdatedWebhookEvent,
)
from lithic.types.dispute_updated_webhook_event import DisputeUpdatedWebhookEvent
from lithic.types.events import SubscriptionRetrieveSecretResponse
from pydantic import BaseModel, TypeAdapter, ValidationError
from tests.contract.sandbox_kit import Network

EVENTS: dict[str, type[BaseModel]] = {
    "card_transaction.updated": CardTransactionUpdatedWebhookEvent,
    "dispute.updated": DisputeUpdatedWebhookEvent,
    "dispute_transaction.updated": DisputeTransactionUpdatedWebhookEvent,
}


def fits(model: type[BaseModel], raw: bytes) -> None:
    """Every required field is there, and each of its own type: no text for a number."""
    model.model_validate_json(raw, strict=True)


async def test_every_object_fits_its_model(sandbox: Network) -> None:
    """Cards, transactions, rules, enrolment, subscriptions, events and disputes, as answered."""
    card = await sandbox.card(state="OPEN", memo="card_1", spend_limit=5000)
    token = await sandbox.authorize(card, 2000)
    await sandbox.lithic.transactions.simulate_clearing(token=token)
    await sandbox.lithic.transactions.simulate_return(amount=10, descriptor="X", pan=card.pan or "")
    rule = await sandbox.lithic.auth_rules.v2.create(
        type="MERCHANT_LOCK",
        parameters={"merchants": [{"merchant_id": "1"}]},
        card_tokens=[card.token],
    )
    claim = await sandbox.lithic.disputes.create(
        amount=500,
        reason="OTHER",
        transaction_token=token,
        customer_filed_date=datetime.now(UTC),
    )
    await sandbox.drain()
    [subscription] = (await sandbox.lithic.events.subscriptions.list()).data
    pages: list[tuple[str, type[BaseModel]]] = [
        ("/v1/cards", Card),
        ("/v1/transactions", Transaction),
        ("/v2/auth_rules", AuthRule),
        ("/v1/event_subscriptions", EventSubscription),
        ("/v1/events", Event),
        ("/v1/disputes", Dispute),
    ]
    for path, model in pages:
        answer = await sandbox.sim.get(path)
        page = TypeAdapter(dict[str, Any]).validate_json(answer.content)
        assert page["data"], path
        for one in page["data"]:
            fits(model, TypeAdapter(dict[str, Any]).dump_json(one))
    single: list[tuple[str, type[BaseModel]]] = [
        (f"/v1/cards/{card.token}", Card),
        (f"/v1/transactions/{token}", Transaction),
        (f"/v2/auth_rules/{rule.token}", AuthRule),
        (f"/v1/disputes/{claim.token}", Dispute),
        ("/v1/responder_endpoints?type=AUTH_STREAM_ACCESS", ResponderEndpointStatus),
        ("/v1/auth_stream/secret", AuthStreamSecret),
        (f"/v1/event_subscriptions/{subscription.token}", EventSubscription),
        (
            f"/v1/event_subscriptions/{subscription.token}/secret",
            SubscriptionRetrieveSecretResponse,
        ),
    ]
    for path, model in single:
        answer = await sandbox.sim.get(path)
        assert answer.is_success, path
        fits(model, answer.content)


async def test_every_request_and_event_fits_its_model(sandbox: Network) -> None:
    """All that a purchase and a claim on it send: signed bodies as they came."""
    card = await sandbox.card()
    token = await sandbox.authorize(
        card, 2160, merchant_amount=2000, merchant_currency="EUR", partial_approval_capable=True
    )
    await sandbox.post("increment", token=token, amount=100)
    await sandbox.lithic.transactions.simulate_void(token=token, amount=100)
    await sandbox.lithic.transactions.simulate_clearing(token=token)
    await sandbox.post("linked", token=token, amount=5, type="CORRECTION_CREDIT")
    await sandbox.post("force_post", card_token=card.token, amount=7, descriptor="X")
    claim = await sandbox.lithic.disputes.create(
        amount=500,
        reason="OTHER",
        transaction_token=token,
        customer_filed_date=datetime.now(UTC),
    )
    for credit in ({"amount": 500}, {"amount": 200, "reverse": True}):
        await sandbox.post("dispute_credit", token=claim.token, **credit)
    for outcome in ("represented", "won"):
        await sandbox.post("dispute", token=claim.token, outcome=outcome)
    events = await sandbox.drain()
    for asked in sandbox.receiver.asked:
        fits(CardAuthorizationApprovalRequestWebhookEvent, asked.body)
    assert {one["event_type"] for one in events} == EVENTS.keys()
    for received in sandbox.receiver.events:
        fits(EVENTS[received.json["event_type"]], received.body)


def test_the_check_can_fail() -> None:
    """Text for a number, and a required field left out."""
    for raw in (b'{"secret": 7}', b'{"enrolled": "yes"}'):
        model = AuthStreamSecret if b"secret" in raw else ResponderEndpointStatus
        with pytest.raises(ValidationError):
            fits(model, raw)
    with pytest.raises(ValidationError, match="Field required"):
        fits(Card, b"{}")
