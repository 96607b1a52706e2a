"""Money claimed back: what is claimed, what stands where, and what no budget has before `won`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from tests.behaviour.kit import (
    alerts,
    at_each_issuer,
    balanced,
    buy,
    card_for,
    kinds,
    policy,
    refused,
    transaction,
    unbounded,
)
from tests.world import StripeNetwork, World

from signets.app.pull_events import pull_events
from signets.app.pursue_disputes import submit_open_disputes
from signets.client.types import Dispute, Transaction

pytestmark = at_each_issuer


def takes_withdrawals(world: World) -> bool:
    """Issuer-specific: Stripe takes none by API (docs/reference/scenarios.md)."""
    return not isinstance(world.network, StripeNetwork)


async def purchase(world: World, amount: int = 2000) -> Transaction:
    """A cleared purchase of a fresh agent."""
    await unbounded(world)
    agent = await world.agent()
    intent = await buy(agent, amount)
    charge = await world.network.charge(intent.card_id or "", amount)
    await world.network.clear(charge.token)
    await world.settle()
    return await transaction(world, charge.token)


async def decide(world: World, dispute: Dispute, outcome: str, **more: Any) -> None:
    """The network decides the claim, and its event arrives."""
    await world.network.dispute(dispute.issuer_token or "", outcome, **more)
    await world.settle()


async def account(world: World, name: str) -> int:
    """Debits minus credits of one account of the ledger."""
    async with world.services.store.unlocked(world.org_id) as uow:
        cursor = await uow.connection.execute(  # type: ignore[attr-defined]
            "SELECT coalesce(sum(CASE WHEN debit = %(a)s THEN amount ELSE -amount END), 0) AS n"
            " FROM posting WHERE org_id = %(o)s AND (debit = %(a)s OR credit = %(a)s)",
            {"a": name, "o": world.org_id},
        )
        row = await cursor.fetchone()
    return int(row["n"])


async def test_a_claim_is_submitted_and_won(world: World) -> None:
    """Opened and submitted at once; a receivable until it is won, and only then money back."""
    paid = await purchase(world)
    made = await world.signets.disputes.open(paid, reason="not_received", note="no credits came")
    assert (made.state, made.amount, made.currency) == ("submitted", 2000, "USD")
    now = await world.signets.transactions.get(paid.id)
    assert (now.status, now.cleared, now.disputed, now.refunded) == ("disputed", 2000, 2000, 0)
    assert await account(world, "disputed_receivable") == 2000
    assert await account(world, "issuer_payable") == -2000
    await balanced(world)

    await decide(world, made, "represented")
    assert (await world.signets.disputes.get(made)).state == "submitted"
    await decide(world, made, "won")
    won = await world.signets.disputes.get(made)
    assert (won.state, won.recovered) == ("won", 2000)
    assert await account(world, "disputed_receivable") == 0
    assert await account(world, "issuer_payable") == 0
    assert (await world.signets.transactions.get(paid.id)).status == "refunded"
    await balanced(world)
    seen = await kinds(world, card_id=paid.card_id)
    assert [one for one in seen if one.startswith("dispute.")] == [
        "dispute.opened",
        "dispute.submitted",
        "dispute.won",
    ]


@pytest.mark.parametrize(
    ("state", "more"),
    [("lost", {}), ("lost", {"reason": None}), ("withdrawn", {})],
)
async def test_a_claim_that_brings_nothing_is_spend_again(
    world: World, state: str, more: dict[str, Any]
) -> None:
    """Lost, or withdrawn at the issuer: the receivable goes, the spend is back."""
    if state == "withdrawn" and not takes_withdrawals(world):
        pytest.skip("issuer-specific: Stripe shows no dispute as withdrawn")
    paid = await purchase(world)
    made = await world.signets.disputes.open(paid, reason="other", amount=500)
    assert await account(world, "card_cleared") == 1500
    await decide(world, made, state, **more)
    assert (await world.signets.disputes.get(made)).state == state
    assert await account(world, "card_cleared") == 2000
    assert await account(world, "disputed_receivable") == 0
    assert (await world.signets.transactions.get(paid.id)).status == "settled"
    await balanced(world)


@pytest.mark.parametrize("won", [True, False])
async def test_a_provisional_credit_has_its_own_account(world: World, won: bool) -> None:
    """Credited before the outcome: owed less, and owned only when won; taken back when lost."""
    paid = await purchase(world)
    made = await world.signets.disputes.open(paid, reason="not_received")

    async def credit(amount: int, *, reverse: bool = False) -> None:
        body = {"token": made.issuer_token, "amount": amount, "reverse": reverse}
        await world.network.post("/_sim/faults", webhook_duplicate={"count": 1})
        await world.network.post("/_sim/dispute_credit", **body)
        await world.settle()

    await credit(2000)
    assert await account(world, "provisional_credit") == -2000
    assert await account(world, "issuer_payable") == 0
    assert await account(world, "disputed_receivable") == 2000
    await credit(500, reverse=True)
    assert await account(world, "provisional_credit") == -1500
    now = await world.signets.transactions.get(paid.id)
    assert (now.status, now.refunded) == ("disputed", 0)
    await balanced(world)
    await decide(world, made, "won" if won else "lost")
    assert await account(world, "provisional_credit") == 0
    assert await account(world, "issuer_payable") == (0 if won else -2000)
    await balanced(world)


async def test_no_budget_has_it_back_before_won(world: World) -> None:
    """A budget that refunds restore has room again only when the claim is won."""
    await unbounded(world)
    budget = {"name": "month", "scope": "organization", "period": "month", "amount": 4000}
    await policy(world, budgets=[{**budget, "currency": "USD"}])
    agent = await world.agent()
    card = await card_for(world, "infra-agent", 50_000)
    await buy(agent, 2000)
    charge = await world.network.charge(card.id, 2000)
    await world.network.clear(charge.token)
    await world.settle()
    await world.travel(timedelta(minutes=31))
    paid = await transaction(world, charge.token)
    dispute = await world.signets.disputes.open(paid, reason="duplicate")
    again = {"card_id": card.id, "workflow": "again"}
    early = await buy(agent, 1900, **again)
    assert early.state == "denied"
    await decide(world, dispute, "won")
    assert (await buy(agent, 1900, **again)).state == "approved"
    await balanced(world)


async def test_what_can_be_claimed_and_by_whom(world: World) -> None:
    """Members alone, once at a time, never more than cleared, and only what has cleared."""
    paid = await purchase(world)
    agents = [one async for one in world.signets.agents.list()]
    key = await world.signets.keys.create(owner="agent", agent_id=agents[0].id, name="other key")
    agent = await world.client(key.secret)
    await refused(agent.disputes.open(paid, reason="other"), "scope_missing")
    organization = await world.client(world.organization.organization_token)
    await refused(organization.disputes.open(paid, reason="other"), "member_required")
    call = world.signets.disputes.open(paid, reason="other", amount=2001)
    await refused(call, "dispute_amount_invalid", says="$20.00")
    made = await world.signets.disputes.open(paid, reason="other", amount=1)
    await refused(world.signets.disputes.open(paid, reason="other"), "dispute_exists")
    if takes_withdrawals(world):
        assert (await world.signets.disputes.withdraw(made)).state == "withdrawn"
    else:
        says = "support.stripe.com"
        await refused(world.signets.disputes.withdraw(made), "withdrawal_unsupported", says=says)
        assert (await world.signets.disputes.get(made)).state == "submitted"
        await decide(world, made, "lost")
    await world.settle()
    await refused(world.signets.disputes.withdraw(made), "dispute_state")
    again = await world.signets.disputes.open(paid, reason="other")
    # Issuer-specific too: Stripe takes one claim on a capture, ever, and says no to another.
    expected = "submitted" if takes_withdrawals(world) else "withdrawn"
    assert (again.state, again.id != made.id) == (expected, True)
    listed = [one.id async for one in world.signets.disputes.list(transaction_id=paid)]
    assert listed == [again.id, made.id]
    assert (await agent.disputes.get(again)).id == again.id
    await balanced(world)


async def test_a_decided_claim_that_is_decided_again_alerts(world: World) -> None:
    """No transition leads out of an end: a person is told, and the money stays."""
    paid = await purchase(world)
    made = await world.signets.disputes.open(paid, reason="fraudulent")
    await decide(world, made, "won")
    await decide(world, made, "lost")
    assert (await world.signets.disputes.get(made)).state == "won"
    assert "dispute_decided_twice" in await alerts(world)
    await balanced(world)


async def test_a_claim_whose_outcome_no_webhook_brought_is_pulled(world: World) -> None:
    """The pull asks for every claim that waits."""
    paid = await purchase(world)
    made = await world.signets.disputes.open(paid, reason="other")
    # Stripe tells a decision by two events: one for the money, one for the end.
    await world.network.post("/_sim/faults", webhook_drop={"count": 2})
    await decide(world, made, "won")
    assert (await world.signets.disputes.get(made)).state == "submitted"
    await pull_events(world.services, world.org_id)
    assert (await world.signets.disputes.get(made)).state == "won"
    await balanced(world)


async def test_a_claim_that_the_issuer_could_not_take_is_submitted_later_and_once(
    world: World,
) -> None:
    """Nobody answers: the claim is kept, and the sweep submits it when somebody does."""
    paid = await purchase(world)
    async with world.services.store.unlocked(world.org_id) as uow:
        [known] = await uow.identity.connections()
        await uow.issuers.save_connection(replace(known, base_url="http://127.0.0.1:9"))
    made = await world.signets.disputes.open(paid, reason="other")
    assert (made.state, made.issuer_token) == ("opened", None)
    assert await account(world, "disputed_receivable") == 2000
    async with world.services.store.unlocked(world.org_id) as uow:
        await uow.issuers.save_connection(known)
    await world.settle()
    sent = await world.signets.disputes.get(made)
    assert sent.state == "submitted"
    assert await submit_open_disputes(world.services, world.org_id) == 0
    assert await world.network.disputes() == [sent.issuer_token]
    await balanced(world)


async def test_a_claim_that_the_issuer_refuses_is_withdrawn_with_its_word(world: World) -> None:
    """The issuer says no: the money is spend again and a person is told why."""
    paid = await purchase(world)
    token = (await world.signets.decisions.list(limit=1)).data[0].request_id
    await world.network.dispute_directly(token)  # by somebody, at the issuer
    made = await world.signets.disputes.open(paid, reason="other")
    assert (made.state, "disputed already" in (made.problem or "")) == ("withdrawn", True)
    assert await account(world, "card_cleared") == 2000
    assert "dispute_refused" in await alerts(world)
    await balanced(world)
