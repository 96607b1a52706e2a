"""What can happen to a transaction, in Lithic's words, signs and statuses."""

from __future__ import annotations

from typing import Any

import lithic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lithic.types import Transaction
from lithic.types.card_transaction_updated_webhook_event import CardTransactionUpdatedWebhookEvent
from tests.contract.sandbox_kit import Network

from signets.issuers.sandbox.engine.purchase import Rate


async def standing(sandbox: Network, token: str) -> tuple[str, int, int]:
    """Status, hold and settlement as Lithic writes them; checks the object's shape too."""
    transaction = await sandbox.lithic.transactions.retrieve(token)
    Transaction.model_validate(transaction.to_dict())
    amounts = transaction.amounts
    return transaction.status, amounts.hold.amount, amounts.settlement.amount


async def kinds(sandbox: Network, token: str) -> list[tuple[str, int, str]]:
    """The events: type, magnitude, polarity."""
    transaction = await sandbox.lithic.transactions.retrieve(token)
    return [(e.type, e.amount, e.effective_polarity) for e in transaction.events or []]


async def clear(sandbox: Network, token: str, **more: Any) -> None:
    await sandbox.lithic.transactions.simulate_clearing(token=token, **more)


async def void(sandbox: Network, token: str, **more: Any) -> None:
    await sandbox.lithic.transactions.simulate_void(token=token, **more)


async def test_hold_then_whole_clearing(sandbox: Network) -> None:
    """Debits are negative: the hold moves to settlement, and each step sends the whole object."""
    token = await sandbox.authorize(await sandbox.card(), 2000)
    assert await standing(sandbox, token) == ("PENDING", -2000, 0)
    await clear(sandbox, token)
    assert await standing(sandbox, token) == ("SETTLED", 0, -2000)
    first, second = await sandbox.drain()
    for event in (first, second):
        CardTransactionUpdatedWebhookEvent.model_validate(event)
    assert second["events"][0] == first["events"][0]


async def test_partial_and_multiple_clearings_leave_the_rest_held(sandbox: Network) -> None:
    """SETTLED although something is still held, until the rest is cleared."""
    token = await sandbox.authorize(await sandbox.card(), 1000)
    await clear(sandbox, token, amount=400)
    assert await standing(sandbox, token) == ("SETTLED", -600, -400)
    await clear(sandbox, token, amount=100)
    assert await standing(sandbox, token) == ("SETTLED", -500, -500)
    await clear(sandbox, token)
    assert await standing(sandbox, token) == ("SETTLED", 0, -1000)


async def test_clearing_above_the_authorization_is_not_refused(sandbox: Network) -> None:
    """A larger clearing settles in full: nobody can stop it."""
    token = await sandbox.authorize(await sandbox.card(), 2000)
    await clear(sandbox, token, amount=2165)
    assert await standing(sandbox, token) == ("SETTLED", 0, -2165)


async def test_partial_then_full_reversal(sandbox: Network) -> None:
    """A partial reversal shrinks the hold; one larger than the rest voids and stops at 0."""
    token = await sandbox.authorize(await sandbox.card(), 1000)
    await void(sandbox, token, amount=300)
    assert await standing(sandbox, token) == ("PENDING", -700, 0)
    await void(sandbox, token, amount=5000)
    assert await standing(sandbox, token) == ("VOIDED", 0, 0)
    assert (await kinds(sandbox, token))[1:] == [
        ("AUTHORIZATION_REVERSAL", 300, "CREDIT"),
        ("AUTHORIZATION_REVERSAL", 700, "CREDIT"),
    ]
    with pytest.raises(lithic.BadRequestError):
        await void(sandbox, token)


async def test_late_clearing_after_expiry(sandbox: Network) -> None:
    """A clearing may follow an expiry, and settles."""
    token = await sandbox.authorize(await sandbox.card(), 1000)
    await sandbox.lithic.transactions.expire_authorization(token)
    assert await standing(sandbox, token) == ("EXPIRED", 0, 0)
    await clear(sandbox, token)
    assert await standing(sandbox, token) == ("SETTLED", 0, -1000)


async def test_expiry_of_the_rest_of_a_partly_cleared_hold_stays_settled(
    sandbox: Network,
) -> None:
    """Money moved: the status stays SETTLED when the rest expires."""
    token = await sandbox.authorize(await sandbox.card(), 1000)
    await clear(sandbox, token, amount=400)
    await void(sandbox, token, type="AUTHORIZATION_EXPIRY", amount=1)
    assert await standing(sandbox, token) == ("SETTLED", 0, -400)


async def test_advice_sets_the_absolute_amount_unasked(sandbox: Network) -> None:
    """An advice replaces the hold; the responder is not asked."""
    token = await sandbox.authorize(await sandbox.card(), 1000)
    await sandbox.lithic.transactions.simulate_authorization_advice(token=token, amount=1500)
    assert await standing(sandbox, token) == ("PENDING", -1500, 0)
    assert len(sandbox.receiver.asked) == 1


async def test_increment_asks_for_the_new_whole_under_the_same_token(sandbox: Network) -> None:
    """The second request names the new total; the event carries the difference."""
    token = await sandbox.authorize(await sandbox.card(), 1000)
    await sandbox.post("increment", token=token, amount=250)
    first, second = (asked.json for asked in sandbox.receiver.asked)
    assert (first["token"], second["token"]) == (token, token)
    assert (second["amount"], second["amounts"]["hold"]["amount"]) == (1250, 1250)
    assert first["created"] != second["created"]
    assert await standing(sandbox, token) == ("PENDING", -1250, 0)
    assert (await kinds(sandbox, token))[1] == ("AUTHORIZATION", 250, "DEBIT")


async def test_declined_increment_leaves_the_hold(sandbox: Network) -> None:
    """A declined increment changes nothing but is in the events."""
    token = await sandbox.authorize(await sandbox.card(), 1000)
    sandbox.receiver.answers = [(200, b'{"result":"INSUFFICIENT_FUNDS"}')]
    answer = await sandbox.sim.post("/_sim/increment", json={"token": token, "amount": 250})
    assert answer.status_code == 422
    assert await standing(sandbox, token) == ("PENDING", -1000, 0)
    assert len(await kinds(sandbox, token)) == 2


async def test_force_post_settles_unasked_even_on_a_closed_card(sandbox: Network) -> None:
    """The first event is a CLEARING; neither card state nor responder can stop it."""
    card = await sandbox.card()
    await sandbox.lithic.cards.update(card.token, state="CLOSED")
    made = await sandbox.post(
        "force_post", card_token=card.token, amount=4200, descriptor="UBER TRIP"
    )
    assert await standing(sandbox, made["token"]) == ("SETTLED", 0, -4200)
    assert await kinds(sandbox, made["token"]) == [("CLEARING", 4200, "DEBIT")]
    assert sandbox.receiver.asked == []


async def test_unlinked_return_and_its_reversal(sandbox: Network) -> None:
    """A return is a new SETTLED transaction with positive amounts; taken back it is VOIDED."""
    card = await sandbox.card()
    assert card.pan is not None
    made = await sandbox.lithic.transactions.simulate_return(
        amount=2000, descriptor="OPENAI", pan=card.pan
    )
    assert made.token is not None
    assert await standing(sandbox, made.token) == ("SETTLED", 0, 2000)
    await sandbox.lithic.transactions.simulate_return_reversal(token=made.token)
    assert await standing(sandbox, made.token) == ("VOIDED", 0, 0)
    assert [kind for kind, _, _ in await kinds(sandbox, made.token)] == [
        "RETURN",
        "RETURN_REVERSAL",
    ]


async def test_linked_return_and_corrections(sandbox: Network) -> None:
    """A return on the purchase itself, and corrections both ways, move its settlement."""
    token = await sandbox.authorize(await sandbox.card(), 1000)
    await clear(sandbox, token)
    await sandbox.post("linked", token=token, amount=300)
    await sandbox.post("linked", token=token, amount=50, type="CORRECTION_DEBIT")
    await sandbox.post("linked", token=token, amount=20, type="CORRECTION_CREDIT")
    assert await standing(sandbox, token) == ("SETTLED", 0, -730)


async def test_credit_authorization_asks_with_a_negative_amount(sandbox: Network) -> None:
    """A credit is negative in the request, positive on the transaction, and clears as credit."""
    token = await sandbox.authorize(await sandbox.card(), 500, status="CREDIT_AUTHORIZATION")
    assert sandbox.receiver.asked[0].json["amounts"]["hold"]["amount"] == -500
    assert await standing(sandbox, token) == ("PENDING", 500, 0)
    await clear(sandbox, token)
    assert await standing(sandbox, token) == ("SETTLED", 0, 500)


async def test_credit_advice_announces_a_refund_unasked(sandbox: Network) -> None:
    """A credit advice is pending until it clears; nobody is asked."""
    card = await sandbox.card()
    assert card.pan is not None
    made = await sandbox.lithic.transactions.simulate_credit_authorization_advice(
        amount=500, descriptor="OPENAI", pan=card.pan
    )
    assert made.token is not None
    assert await standing(sandbox, made.token) == ("PENDING", 500, 0)
    assert sandbox.receiver.asked == []


@pytest.mark.parametrize(
    ("status", "amount", "expected"),
    [
        ("FINANCIAL_AUTHORIZATION", 700, ("SETTLED", 0, -700)),
        ("FINANCIAL_CREDIT_AUTHORIZATION", 700, ("SETTLED", 0, 700)),
        ("BALANCE_INQUIRY", 0, ("SETTLED", 0, 0)),
        ("AUTHORIZATION", 0, ("PENDING", 0, 0)),
    ],
)
async def test_single_message_and_zero_amount_requests(
    sandbox: Network, status: str, amount: int, expected: tuple[str, int, int]
) -> None:
    """Financial messages settle at once; inquiries and $0 checks are asked and hold nothing."""
    token = await sandbox.authorize(await sandbox.card(), amount, status=status)
    assert sandbox.receiver.asked[0].json["status"] == status
    assert await standing(sandbox, token) == expected


async def test_single_use_closes_and_merchant_locked_locks(sandbox: Network) -> None:
    """Lithic's own card types act at the issuer, before anybody is asked."""
    once = await sandbox.lithic.cards.create(type="SINGLE_USE")
    await sandbox.authorize(once, 100)
    assert (await sandbox.lithic.cards.retrieve(once.token)).state == "CLOSED"
    locked = await sandbox.lithic.cards.create(type="MERCHANT_LOCKED")
    await sandbox.authorize(locked, 100)
    with pytest.raises(lithic.UnprocessableEntityError):
        await sandbox.authorize(locked, 100, merchant_acceptor_id="SOMEBODYELSE")
    await sandbox.authorize(locked, 100)
    assert len(sandbox.receiver.asked) == 3


async def test_clock_moves_business_time_and_expires_old_holds(sandbox: Network) -> None:
    """Eight days later an old hold has expired; signatures still carry real time."""
    token = await sandbox.authorize(await sandbox.card(), 1000)
    moved = await sandbox.post("clock", advance_seconds=8 * 86_400)
    assert moved["expired"] == [token]
    assert await standing(sandbox, token) == ("EXPIRED", 0, 0)
    later = await sandbox.authorize(await sandbox.card(), 500)
    secret = (await sandbox.lithic.auth_stream_enrollment.retrieve_secret()).secret
    asked = sandbox.receiver.asked[1]
    content: Any = sandbox.lithic.webhooks.unwrap(asked.body, asked.headers, secret=secret)
    assert content["created"] > moved["now"]
    assert (await sandbox.post("clock", reset=True))["offset_seconds"] == 0
    assert (await standing(sandbox, later))[0] == "PENDING"


async def test_transactions_filter_by_card_status_and_time(sandbox: Network) -> None:
    """Lists filter by card, status, result and period."""
    one, two = await sandbox.card(), await sandbox.card()
    first = await sandbox.authorize(one, 100)
    await sandbox.post("clock", advance_seconds=3600)
    second = await sandbox.authorize(two, 100)
    await clear(sandbox, second)
    listing = sandbox.lithic.transactions.list
    assert [t.token for t in (await listing()).data] == [second, first]
    assert [t.token for t in (await listing(card_token=one.token)).data] == [first]
    assert [t.token for t in (await listing(status="SETTLED")).data] == [second]
    assert (await listing(result="DECLINED")).data == []
    began = (await sandbox.lithic.transactions.retrieve(second)).created
    assert [t.token for t in (await listing(begin=began)).data] == [second]
    assert [t.token for t in (await listing(end=began)).data] == [first]


@pytest.mark.parametrize("path", ["clearing", "void", "return_reversal"])
async def test_unknown_transactions_are_404(sandbox: Network, path: str) -> None:
    """A token that names nothing, and one that is no UUID, are both Not Found."""
    for token in ("00000000-0000-4000-8000-000000000000", "nonsense"):
        answer = await sandbox.sim.post(f"/v1/simulate/{path}", json={"token": token})
        assert answer.status_code == 404


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(0, 10**9))
def test_merchant_amount_is_proportional(billing: int, merchant: int, part: int) -> None:
    """The merchant's share of a part is the exact proportion to within half a unit."""
    rate = Rate(billing=billing, billing_currency="USD", merchant=merchant, merchant_currency="EUR")
    assert rate.merchant_of(billing) == merchant
    assert abs(2 * (rate.merchant_of(part) * billing - part * merchant)) <= billing
