"""The real-time request: signature, shape, deadline, retries, faults."""

from __future__ import annotations

import json

import lithic
import pytest
from lithic.types.card_authorization_approval_request_webhook_event import (
    CardAuthorizationApprovalRequestWebhookEvent,
)
from standardwebhooks import Webhook, WebhookVerificationError
from tests.contract.sandbox_kit import Network, Received, network


def reply(**content: object) -> tuple[int, bytes]:
    return 200, json.dumps(content).encode()


async def declined_detail(sandbox: Network, amount: int = 100) -> str:
    """Authorize, expect a decline; the event's detail."""
    card = await sandbox.card()
    with pytest.raises(lithic.UnprocessableEntityError) as declined:
        await sandbox.authorize(card, amount)
    token = declined.value.body["token"]  # type: ignore[index]
    transaction = await sandbox.lithic.transactions.retrieve(token)
    assert transaction.status == "DECLINED"
    assert transaction.amounts.hold.amount == 0
    assert transaction.events
    return transaction.events[0].detailed_results[0]


async def verified(sandbox: Network, received: Received) -> object:
    secret = (await sandbox.lithic.auth_stream_enrollment.retrieve_secret()).secret
    return sandbox.lithic.webhooks.unwrap(received.body, received.headers, secret=secret)


async def test_request_is_signed_and_of_lithics_shape(sandbox: Network) -> None:
    """The official SDK accepts the signature and its model accepts every field."""
    card = await sandbox.card(tags={"signets": "card_1"})
    token = await sandbox.authorize(card, 2165)
    [asked] = sandbox.receiver.asked
    content = await verified(sandbox, asked)
    request = CardAuthorizationApprovalRequestWebhookEvent.model_validate(content)
    assert request.token == token
    assert request.amounts.hold is not None
    assert (request.amounts.hold.amount, request.amount) == (2165, 2165)
    assert (request.card.token, request.card.tags) == (card.token, {"signets": "card_1"})
    assert request.merchant.descriptor == "OPENAI *CHATGPT SUBSCR"
    assert card.pan not in asked.body.decode()


async def test_unsigned_until_the_secret_is_first_read(sandbox_url: str) -> None:
    """Like Lithic: before the first read of the secret, requests carry no signature."""
    async with network(sandbox_url) as sandbox:
        await sandbox.lithic.responder_endpoints.create(
            type="AUTH_STREAM_ACCESS", url=sandbox.receiver.authorize_url
        )
        await sandbox.authorize(await sandbox.card(), 100)
        assert "webhook-signature" not in sandbox.receiver.asked[0].headers


async def test_rotation_signs_with_both_secrets(sandbox: Network) -> None:
    """After a rotation the old and the new secret each verify, and no third one does."""
    old = (await sandbox.lithic.auth_stream_enrollment.retrieve_secret()).secret
    await sandbox.lithic.auth_stream_enrollment.rotate_secret()
    new = (await sandbox.lithic.auth_stream_enrollment.retrieve_secret()).secret
    assert old != new
    await sandbox.authorize(await sandbox.card(), 100)
    [asked] = sandbox.receiver.asked
    for secret in (old, new):
        sandbox.lithic.webhooks.unwrap(asked.body, asked.headers, secret=secret)
    with pytest.raises(WebhookVerificationError):
        sandbox.lithic.webhooks.unwrap(asked.body, asked.headers, secret="whsec_AAAA")


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (reply(result="INSUFFICIENT_FUNDS"), "INSUFFICIENT_FUNDS"),
        (reply(result="UNAUTHORIZED_MERCHANT"), "UNAUTHORIZED_MERCHANT"),
        (reply(result="VELOCITY_EXCEEDED"), "CUSTOM_ASA_RESULT"),
        (reply(result="SOMETHING_NEW"), "CUSTOM_ASA_RESULT"),
        (reply(approved=True), "MALFORMED_ASA_RESPONSE"),
        (reply(result="APPROVED", token="another"), "MALFORMED_ASA_RESPONSE"),
        (reply(result="APPROVED", approved_amount=1), "MALFORMED_ASA_RESPONSE"),
        ((200, b"not json"), "MALFORMED_ASA_RESPONSE"),
        ((204, b""), "MALFORMED_ASA_RESPONSE"),
        ((401, b"{}"), "MALFORMED_ASA_RESPONSE"),
    ],
)
async def test_everything_but_a_sound_approval_declines(
    sandbox: Network, answer: tuple[int, bytes], detail: str
) -> None:
    """Declines, unknown results, malformed bodies and 4xx each decline after one request."""
    sandbox.receiver.answers = [answer]
    assert await declined_detail(sandbox) == detail
    assert len(sandbox.receiver.asked) == 1


async def test_partial_approval_where_the_terminal_takes_it(sandbox: Network) -> None:
    """An approved_amount holds just that much at a terminal capable of it."""
    sandbox.receiver.answers = [reply(result="APPROVED", approved_amount=60)]
    token = await sandbox.authorize(await sandbox.card(), 100, partial_approval_capable=True)
    transaction = await sandbox.lithic.transactions.retrieve(token)
    assert transaction.amounts.hold.amount == -60


async def test_one_retry_after_a_5xx_with_the_same_body(sandbox: Network) -> None:
    """A 5xx is asked again once, byte for byte, and the second answer counts."""
    sandbox.receiver.answers = [(503, b"")]
    await sandbox.authorize(await sandbox.card(), 100)
    first, second = sandbox.receiver.asked
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


async def test_two_5xx_decline_without_a_third_request(sandbox: Network) -> None:
    """There is one retry, never two."""
    sandbox.receiver.answers = [(500, b""), (500, b"")]
    assert await declined_detail(sandbox) == "CUSTOMER_ASA_TIMEOUT"
    assert len(sandbox.receiver.asked) == 2


async def test_unreachable_responder_declines(sandbox: Network) -> None:
    """A refused connection is tried twice and declines."""
    await sandbox.lithic.responder_endpoints.create(
        type="AUTH_STREAM_ACCESS", url="http://127.0.0.1:9/authorize"
    )
    assert await declined_detail(sandbox) == "CUSTOMER_ASA_TIMEOUT"
    [delivery] = await sandbox.deliveries(kind="asa")
    assert [a["error"] for a in delivery["attempts"]] == ["ConnectError", "ConnectError"]


async def test_late_approval_declines(sandbox_url: str) -> None:
    """An approval after the deadline is a decline, although the responder approved."""
    async with network(sandbox_url, deadline_seconds=0.2) as sandbox:
        await sandbox.enroll()
        await sandbox.faults(asa_delay={"count": 1, "delay_ms": 5000})
        assert await declined_detail(sandbox) == "CUSTOMER_ASA_TIMEOUT"
        assert len(sandbox.receiver.asked) == 1


@pytest.mark.parametrize(("part", "asked"), [("request", 0), ("answer", 1)])
async def test_lost_request_or_answer_declines(sandbox: Network, part: str, asked: int) -> None:
    """The fault loses the request before it is sent, or the answer after it was given."""
    await sandbox.faults(asa_drop={"count": 1, "part": part})
    assert await declined_detail(sandbox) == "CUSTOMER_ASA_TIMEOUT"
    assert len(sandbox.receiver.asked) == asked


async def test_duplicate_fault_asks_again_after_the_answer(sandbox: Network) -> None:
    """The same token and body come twice; only the first answer counts."""
    await sandbox.faults(asa_duplicate={"count": 1})
    sandbox.receiver.answers = [reply(result="APPROVED"), reply(result="INSUFFICIENT_FUNDS")]
    token = await sandbox.authorize(await sandbox.card(), 100)
    first, second = sandbox.receiver.asked
    assert first.body == second.body
    assert (await sandbox.lithic.transactions.retrieve(token)).status == "PENDING"


async def test_bad_signature_fault_signs_with_no_live_secret(sandbox: Network) -> None:
    """The fault's signature verifies with no secret."""
    await sandbox.faults(asa_bad_signature={"count": 1})
    await sandbox.authorize(await sandbox.card(), 100)
    with pytest.raises(WebhookVerificationError):
        await verified(sandbox, sandbox.receiver.asked[0])


async def test_stand_in_holds_money_although_we_declined(sandbox: Network) -> None:
    """The network approves in our place: UNKNOWN_HOST_TIMEOUT, then an approved advice."""
    await sandbox.faults(stand_in={"count": 1})
    sandbox.receiver.answers = [reply(result="INSUFFICIENT_FUNDS")]
    token = await sandbox.authorize(await sandbox.card(), 700)
    transaction = await sandbox.lithic.transactions.retrieve(token)
    assert transaction.events
    assert [(e.type, e.result) for e in transaction.events] == [
        ("AUTHORIZATION", "UNKNOWN_HOST_TIMEOUT"),
        ("AUTHORIZATION_ADVICE", "APPROVED"),
    ]
    assert (transaction.status, transaction.amounts.hold.amount) == ("PENDING", -700)


async def test_without_enrolment_lithic_decides_alone(sandbox: Network) -> None:
    """A withdrawn endpoint is never asked, and purchases pass: a lost enrolment is dangerous."""
    await sandbox.lithic.responder_endpoints.delete(type="AUTH_STREAM_ACCESS")
    status = await sandbox.lithic.responder_endpoints.check_status(type="AUTH_STREAM_ACCESS")
    assert status.enrolled is False
    await sandbox.authorize(await sandbox.card(), 100)
    assert sandbox.receiver.asked == []


async def test_foreign_currency_carries_both_amounts_and_the_rate(sandbox: Network) -> None:
    """EUR 20.00 billed as USD 21.60: both amounts, and the rate between them."""
    token = await sandbox.authorize(
        await sandbox.card(), 2160, merchant_amount=2000, merchant_currency="EUR"
    )
    amounts = sandbox.receiver.asked[0].json["amounts"]
    assert amounts["cardholder"] == {
        "amount": 2160,
        "conversion_rate": "1.080000",
        "currency": "USD",
    }
    assert amounts["merchant"] == {"amount": 2000, "currency": "EUR"}
    await sandbox.lithic.transactions.simulate_clearing(token=token, amount=1080)
    cleared = await sandbox.lithic.transactions.retrieve(token)
    assert cleared.events
    assert cleared.events[1].amounts.merchant.amount == 1000


async def test_replay_and_forgery_resend_the_same_bytes(sandbox: Network) -> None:
    """A replay repeats body and headers exactly; a forgery changes the signature alone."""
    token = await sandbox.authorize(await sandbox.card(), 100)
    [delivery] = await sandbox.deliveries(kind="asa", transaction_token=token)
    assert delivery["attempts"][0]["status_code"] == 200
    answer = await sandbox.post("replay", delivery=delivery["token"])
    assert json.loads(answer["response_body"])["result"] == "APPROVED"
    await sandbox.post("forge", delivery=delivery["token"])
    first, replayed, forged = sandbox.receiver.asked
    assert (replayed.body, replayed.headers) == (first.body, first.headers)
    assert forged.body == first.body
    assert {k for k in first.headers if first.headers[k] != forged.headers[k]} == {
        "webhook-signature"
    }
    secret = (await sandbox.lithic.auth_stream_enrollment.retrieve_secret()).secret
    assert secret is not None
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(forged.body, forged.headers)
