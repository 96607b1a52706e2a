"""What type checkers must accept, and, where `type: ignore` stands, refuse. Checked, never run."""

from __future__ import annotations

from typing import assert_type

from signets import AsyncSignets, Signets
from signets.client.pages import AsyncPage, Page
from signets.client.types import Card, Intent, Transaction


def promised(signets: Signets) -> None:
    # fmt: off
    card   = signets.cards.create(agent_id="infra-agent", spending_limit=5000, merchant_lock="openai.com", recurring=False)  # noqa: E501
    intent = signets.intents.create(purpose="Buy $20 of API credits", expectedAmount=2000, expectedMerchant="openai.com")  # noqa: E501
    txns   = signets.transactions.list_for_card(cardId=card.id)
    # fmt: on
    assert_type(card, Card)
    assert_type(intent, Intent)
    assert_type(txns, Page[Transaction])
    assert_type(signets.transactions.list_for_card(card), Page[Transaction])
    assert_type(signets.intents.wait(intent), Intent)


async def awaited(signets: AsyncSignets) -> None:
    assert_type(await signets.cards.get("card_1"), Card)
    assert_type(await signets.cards.list(), AsyncPage[Card])
    async for card in signets.cards.list():
        assert_type(card, Card)
    made = await signets.cards.create(spendingLimit=1, merchantLock="openai.com")
    assert_type(made, Card)
    assert_type(await signets.intents.wait("int_1"), Intent)


def refused(signets: Signets) -> None:
    signets.cards.create(spending_limit="50", merchant_lock="x")  # type: ignore[call-overload]
    signets.cards.create(merchant_lock="x")  # type: ignore[call-overload]
    signets.intents.create(purpose="x", expectedSum=1)  # type: ignore[call-overload]
    signets.cards.get(card="card_1")  # type: ignore[call-arg]
    signets.cards.get(17)  # type: ignore[arg-type]
