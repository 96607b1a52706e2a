"""What the issuer declines by itself: a second line behind ours, and never before it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.behaviour.kit import (
    alerts,
    at_each_issuer,
    balanced,
    buy,
    card_for,
    entries,
    policy,
    unbounded,
)
from tests.conformance.recording import taken
from tests.conformance.request_schemas import operation_of, problems
from tests.world import SANDBOX_KEY, World

from signets.client.types import Transaction
from signets.core.issuer_controls import HEADROOM

pytestmark = at_each_issuer

#: What the default policy blocks, in Stripe's words.
CASH_LIKE = [
    "wires_money_orders",
    "manual_cash_disburse",
    "automated_cash_disburse",
    "non_fi_money_orders",
    "government_owned_lotteries_us_region_only",
    "government_licensed_online_casions_online_gambling_us_region_only",
    "government_licensed_horse_dog_racing_us_region_only",
    "betting_casino_gambling",
]


async def held_to(world: World, card_id: str) -> tuple[int | None, list[str] | None]:
    """The issuer's own limit over the card's life, and the categories that it blocks."""
    card = await world.network.card(card_id)
    if "spend_limit" in card:
        if card["spend_limit"] == 0:
            return None, None
        assert card["spend_limit_duration"] == "FOREVER"
        return card["spend_limit"], None
    controls = card["spending_controls"]
    limits = controls["spending_limits"]
    if not limits:
        return None, controls["blocked_categories"]
    [limit] = limits
    assert (limit["interval"], limit["categories"]) == ("all_time", None)
    return limit["amount"], controls["blocked_categories"]


async def meddle(world: World, card_id: str, *, limit: int) -> None:
    """Somebody sets another limit at the issuer: for each month, beside or instead of ours."""
    card = await world.network.card(card_id)
    if "spend_limit" in card:
        change: dict[str, Any] = {"json": {"spend_limit": limit, "spend_limit_duration": "MONTHLY"}}
        answer = await world.network._http.patch(f"/v1/cards/{card['token']}", **change)
    else:
        name = "spending_controls[spending_limits]"
        answer = await world.network._http.post(
            f"/v1/issuing/cards/{card['id']}",
            data={f"{name}[0][amount]": limit, f"{name}[0][interval]": "monthly"},
            headers={"Authorization": f"Bearer {SANDBOX_KEY}"},
        )
    assert answer.is_success, answer.text


async def pay(world: World, card_id: str, amount: int, **merchant: Any) -> bool:
    """Charge and clear."""
    charge = await world.network.charge(card_id, amount, **merchant)
    if charge.approved:
        await world.network.clear(charge.token)
    await world.settle()
    return charge.approved


async def transactions(world: World, card_id: str) -> list[Transaction]:
    """Newest first."""
    return (await world.signets.transactions.list_for_card(card_id=card_id)).data


def is_stripe(world: World) -> bool:
    return type(world.network).__name__ == "StripeNetwork"


async def test_the_limit_comes_with_the_opening_in_one_request(world: World) -> None:
    """A locked card has none. Open, it has a generous one, and stays with it when locked again."""
    await unbounded(world)
    agent = await world.agent()
    card = await card_for(world, "infra-agent", 5000)
    assert await held_to(world, card.id) == (None, None)
    taken()
    intent = await buy(agent, 2000, card_id=card.id)
    sent = taken()
    assert not [problem for one in sent for problem in problems(one)]
    pushed = [one for one in sent if (found := operation_of(one)) and found.name == "cards.update"]
    assert len(pushed) == 1
    bound = (HEADROOM * 5000, CASH_LIKE if is_stripe(world) else None)
    assert await held_to(world, card.id) == bound
    await agent.intents.cancel(intent.id)
    await world.settle()
    assert (await agent.cards.get(card.id)).issuer_state == "paused"
    assert await held_to(world, card.id) == bound
    assert not [one for one in await alerts(world) if "at_issuer" in one]


async def test_a_dearer_purchase_on_its_own_card_passes_the_issuer(world: World) -> None:
    """Amended to far more than the old backstop: the new one is there when the call returns."""
    await unbounded(world)
    agent = await world.agent()
    first = await buy(agent, 1000)
    before, _ = await held_to(world, first.card_id or "")
    assert before is not None
    assert before < 40_000
    second = await agent.intents.amend(first.id, expected_amount=40_000)
    assert second.card_id == first.card_id
    after, _ = await held_to(world, second.card_id or "")
    assert after is not None
    assert after >= 3 * 40_000
    assert await pay(world, second.card_id or "", 40_000)


async def test_a_limit_for_each_month_never_meets_the_one_over_the_cards_life(
    world: World,
) -> None:
    """All of the limit, month after month: the issuer's moves on with what it has counted."""
    await unbounded(world)
    agent = await world.agent()
    card = await card_for(world, "infra-agent", 5500, limit_period="month")
    for month in range(2 * HEADROOM):
        intent = await buy(agent, 5000, card_id=card.id)
        assert intent.state == "approved", month
        assert await pay(world, card.id, 5500), month
        await world.travel(timedelta(days=31))
    backstop, _ = await held_to(world, card.id)
    assert backstop is not None
    assert 2 * HEADROOM * 5500 <= backstop <= 3 * HEADROOM * 5500
    await balanced(world)


async def test_above_its_limit_the_issuer_declines_by_itself(world: World) -> None:
    """Nobody is asked; it is told afterwards, in our words, and counts as the issuer's."""
    await unbounded(world)
    agent = await world.agent()
    card = await card_for(world, "infra-agent", 5000)
    await buy(agent, 2000, card_id=card.id)
    await world.network.force_post(card.id, HEADROOM * 5000)  # not told yet
    charge = await world.network.charge(card.id, 2000)
    assert not charge.approved
    assert not await world.network.deliveries("asa")
    await world.settle()
    [found] = [one for one in await transactions(world, card.id) if one.status == "declined"]
    assert (found.decided_by, found.reason) == ("issuer", "spending_limit_exceeded")
    await balanced(world)


async def test_a_blocked_category_is_declined_there_where_the_issuer_has_a_name_for_it(
    world: World,
) -> None:
    """Stripe does not ask; Lithic asks, and we decline. Unblocked by a new policy, both let it."""
    await unbounded(world)
    agent = await world.agent()
    card = await card_for(world, "infra-agent", 50_000)
    await policy(world, blocked_categories=["4511", "5734", "5813"])
    await buy(agent, 2000, card_id=card.id)
    assert (await held_to(world, card.id))[1] == (["drinking_places"] if is_stripe(world) else None)
    for mcc, decider in (("5734", "us"), ("5813", "issuer" if is_stripe(world) else "us")):
        assert not await pay(world, card.id, 2000, mcc=mcc)
        assert (await transactions(world, card.id))[0].decided_by == decider
    await policy(world, blocked_categories=[])
    await world.settle()
    assert (await held_to(world, card.id))[1] is None
    assert await pay(world, card.id, 2000)


async def test_a_limit_that_somebody_sets_there_is_told_and_ours_set_again(world: World) -> None:
    """Open: at once. Locked: told, and with the next opening. The log says what was found."""
    await unbounded(world)
    agent = await world.agent()
    card = await card_for(world, "infra-agent", 5000)
    intent = await buy(agent, 2000, card_id=card.id)
    bound = await held_to(world, card.id)
    await world.settle()
    await meddle(world, card.id, limit=100)
    await world.settle()
    assert await held_to(world, card.id) == bound
    assert [one for one in await alerts(world) if "at_issuer" in one] == [
        "card_limits_changed_at_issuer"
    ]
    told = [one for one in await entries(world, card_id=card.id) if "limits_changed" in one.kind]
    assert len(told) == 1
    assert await pay(world, card.id, 2000)
    await agent.cards.get(card.id)
    await world.travel(timedelta(hours=1))
    await world.settle()
    assert (await agent.intents.get(intent.id)).state == "settled"
    await meddle(world, card.id, limit=100)
    await world.settle()
    assert len([one for one in await alerts(world) if "limits_changed" in one]) == 2
    await buy(agent, 2500, card_id=card.id)
    assert await held_to(world, card.id) == bound
    assert await pay(world, card.id, 2500)
