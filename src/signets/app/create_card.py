"""Create a card: locked to its vendors, and locked until an intent opens it."""

from __future__ import annotations

from dataclasses import dataclass

from signets.app.caller import Caller
from signets.app.idempotency import Idempotency, recall, remember
from signets.app.make_card import NewCard, make_card
from signets.app.read_cards import card_view
from signets.app.records import Agent
from signets.app.resolve_agent import usable_agent
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.app.sync_card import sync_now
from signets.app.views import CardView
from signets.core.access import Scope
from signets.core.card import LimitPeriod
from signets.core.errors import Refusal, RefusalKind, invalid
from signets.core.merchant.domains import canonical_vendor
from signets.core.money import format_minor, parse_amount, parse_currency
from signets.core.pan import refuse_pan
from signets.core.policy.model import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateCard:
    """A card as asked for. Amounts in minor units of ``currency``."""

    spending_limit: int
    merchant_lock: tuple[str, ...]
    agent_id: str | None = None
    recurring: bool = False
    currency: str | None = None
    limit_period: LimitPeriod | None = None
    per_authorization_limit: int | None = None
    workflow: str | None = None
    memo: str | None = None
    allow_facilitators: bool = False


async def create_card(
    services: Services,
    caller: Caller,
    command: CreateCard,
    idempotency: Idempotency | None = None,
) -> CardView:
    """Create a card here and at the issuer, locked at both.

    Raises:
        Refusal: Naming the field at fault; nothing is written.
    """
    caller.require(Scope.CARDS_WRITE)
    for field in ("workflow", "memo"):
        refuse_pan(getattr(command, field), param=field)
    limit = parse_amount(command.spending_limit, param="spending_limit", minimum=1)
    per_charge = command.per_authorization_limit
    if per_charge is not None:
        parse_amount(per_charge, param="per_authorization_limit", minimum=1)
    if not 1 <= len(command.merchant_lock) <= 20:
        raise invalid(
            "merchant_lock_invalid",
            "`merchant_lock` names one to twenty vendors by domain (`openai.com`)",
            param="merchant_lock",
        )
    async with services.store.transaction(caller.org_id) as uow:
        vendors = await _vendors(services, uow, command)
        earlier = await recall(uow, caller, idempotency)
        if earlier is None:
            agent = await _agent(uow, caller, command.agent_id)
            currency = parse_currency(command.currency or uow.organization.currency)
            _, policy = await services.policies.in_force(uow)
            _check_agent_may(caller, policy, limit, currency, uow.organization.currency)
            new = NewCard(
                merchant_lock=vendors,
                spending_limit=limit,
                currency=currency,
                recurring=command.recurring,
                limit_period=command.limit_period,
                per_authorization_limit=per_charge,
                workflow=command.workflow,
                memo=command.memo or "",
                allow_facilitators=command.allow_facilitators,
            )
            card = await make_card(services, uow, agent, new, actor=caller.actor)
            await remember(uow, caller, idempotency, card.id)
            card_id = card.id
        else:
            card_id = earlier.result_id
    if earlier is None:
        await sync_now(services, caller.org_id, card_id)
    async with services.store.unlocked(caller.org_id) as uow:
        return await card_view(uow, card_id, replayed=earlier is not None)


async def _vendors(services: Services, uow: UnitOfWork, command: CreateCard) -> tuple[str, ...]:
    directory = (await services.merchants.of(uow)).directory
    found = (
        canonical_vendor(one, directory, param="merchant_lock") for one in command.merchant_lock
    )
    return tuple(dict.fromkeys(found))


async def _agent(uow: UnitOfWork, caller: Caller, agent: str | None) -> Agent:
    if caller.agent_id is None:
        if agent is None:
            raise invalid(
                "agent_required", "name the agent in `agent_id` (id or handle)", param="agent_id"
            )
        return await usable_agent(uow, agent)
    own = await usable_agent(uow, caller.agent_id)
    if agent is not None and agent not in (own.id, own.handle):
        raise Refusal(
            RefusalKind.FORBIDDEN,
            "agent_forbidden",
            "an agent's key creates cards for that agent alone; leave `agent_id` out",
            param="agent_id",
        )
    return own


def _check_agent_may(
    caller: Caller, policy: Policy, limit: int, currency: str, organization_currency: str
) -> None:
    if caller.agent_id is None:
        return
    rules = policy.card_rules
    if not rules.agents_may_create:
        raise Refusal(
            RefusalKind.FORBIDDEN,
            "policy_denies",
            "policy does not let agents create cards; ask a member",
        )
    most = rules.max_spending_limit
    if most is not None and (limit > most or currency != organization_currency):
        raise Refusal(
            RefusalKind.FORBIDDEN,
            "policy_denies",
            "policy lets agents create cards of at most "
            f"{format_minor(most, organization_currency)}; ask a member for more",
            param="spending_limit",
        )
