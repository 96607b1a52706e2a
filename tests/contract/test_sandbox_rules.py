"""Auth rules at the issuer: they decline before anybody is asked."""

from __future__ import annotations

from typing import Any

import lithic
import pytest
from lithic.types import Card
from lithic.types.auth_rules import AuthRule
from tests.contract.sandbox_kit import OPENAI, Network


async def rule(sandbox: Network, kind: str, parameters: dict[str, Any], **scope: Any) -> AuthRule:
    made = await sandbox.lithic.auth_rules.v2.create(
        type=kind,  # type: ignore[call-overload]
        parameters=parameters,
        **scope,
    )
    AuthRule.model_validate(made.to_dict())
    return made


async def passes(sandbox: Network, card: Card, amount: int = 100, **more: Any) -> bool:
    """Whether the purchase passes; a decline must come from a rule, with nobody asked."""
    asked = len(sandbox.receiver.asked)
    try:
        await sandbox.authorize(card, amount, **more)
    except lithic.UnprocessableEntityError as declined:
        token = declined.body["token"]  # type: ignore[index]
        [event] = (await sandbox.lithic.transactions.retrieve(token)).events or []
        assert event.detailed_results == ["AUTH_RULE"]
        assert event.rule_results
        assert len(sandbox.receiver.asked) == asked
        return False
    return True


async def test_merchant_lock_lets_its_merchants_in(sandbox: Network) -> None:
    """By acceptor id or exact descriptor; a longer descriptor is somebody else."""
    card, free = await sandbox.card(), await sandbox.card()
    await rule(
        sandbox,
        "MERCHANT_LOCK",
        {
            "merchants": [
                {"merchant_id": OPENAI["merchant_acceptor_id"]},
                {"descriptor": "OPENAI"},
            ]
        },
        card_tokens=[card.token],
    )
    elsewhere = {"merchant_acceptor_id": "OTHER"}
    assert await passes(sandbox, card)
    assert await passes(sandbox, card, descriptor="OPENAI", **elsewhere)
    assert not await passes(sandbox, card, descriptor="OPENAI X", **elsewhere)
    assert await passes(sandbox, free, **elsewhere)


async def test_velocity_counts_to_the_limit_and_forgets_with_time(sandbox: Network) -> None:
    """Up to the limit passes, one more does not, and a window later it passes again."""
    card = await sandbox.card()
    await rule(
        sandbox,
        "VELOCITY_LIMIT",
        {
            "scope": "CARD",
            "period": {"type": "CUSTOM", "duration": 60},
            "limit_amount": 250,
            "limit_count": 2,
        },
        program_level=True,
    )
    assert await passes(sandbox, card, 150)
    assert not await passes(sandbox, card, 101)
    assert await passes(sandbox, card, 100)
    assert not await passes(sandbox, card, 0)
    await sandbox.post("clock", advance_seconds=61)
    assert await passes(sandbox, card, 250)


@pytest.mark.parametrize(
    ("attribute", "operation", "value", "breaking"),
    [
        ("MCC", "IS_ONE_OF", ["7995"], {"mcc": "7995"}),
        ("COUNTRY", "IS_NOT_ONE_OF", ["USA"], {"merchant_acceptor_country": "FRA"}),
        ("TRANSACTION_AMOUNT", "IS_GREATER_THAN", 100, {"amount": 101}),
        ("DESCRIPTOR", "IS_EQUAL_TO", "CASINO", {"descriptor": "CASINO"}),
    ],
)
async def test_conditions_decline_what_they_name_and_nothing_else(
    sandbox: Network, attribute: str, operation: str, value: object, breaking: dict[str, Any]
) -> None:
    """The named purchase is declined, an ordinary one passes, and off means off."""
    card = await sandbox.card()
    condition = {"attribute": attribute, "operation": operation, "value": value}
    made = await rule(
        sandbox,
        "CONDITIONAL_ACTION",
        {"action": "DECLINE", "conditions": [condition]},
        card_tokens=[card.token],
    )
    assert await passes(sandbox, card)
    assert not await passes(sandbox, card, **breaking)
    off = await sandbox.lithic.auth_rules.v2.update(made.token, state="INACTIVE")
    assert off.state == "INACTIVE"
    assert await passes(sandbox, card, **breaking)


async def test_rules_are_listed_read_and_deleted(sandbox: Network) -> None:
    """A deleted rule is gone from the list and from decisions."""
    card = await sandbox.card()
    made = await rule(
        sandbox, "MERCHANT_LOCK", {"merchants": [{"descriptor": "X"}]}, card_tokens=[card.token]
    )
    rules = sandbox.lithic.auth_rules.v2
    assert (await rules.retrieve(made.token)).card_tokens == [card.token]
    assert [r.token for r in (await rules.list(card_token=card.token)).data] == [made.token]
    await rules.delete(made.token)
    assert (await rules.list()).data == []
    assert await passes(sandbox, card)


@pytest.mark.parametrize(
    "body",
    [
        {"type": "TYPESCRIPT_CODE", "parameters": {}, "program_level": True},
        {"type": "MERCHANT_LOCK", "parameters": {"merchants": []}, "program_level": True},
        {"type": "MERCHANT_LOCK", "parameters": {"merchants": [{"descriptor": "X"}]}},
        {
            "type": "VELOCITY_LIMIT",
            "parameters": {"scope": "CARD", "period": {"type": "DAY"}},
            "program_level": True,
        },
    ],
)
async def test_what_is_not_evaluated_is_refused(sandbox: Network, body: dict[str, Any]) -> None:
    """A rule that the sandbox could not apply is never accepted in silence."""
    answer = await sandbox.sim.post("/v2/auth_rules", json=body)
    assert answer.status_code == 422
    assert (await sandbox.lithic.auth_rules.v2.list()).data == []
