"""``cards``: virtual cards, locked until an approved intent opens them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from signets.cli.inputs import (
    AfterOption,
    LimitOption,
    both,
    currency_of,
    money,
    optional_amount,
    read_amount,
)
from signets.cli.output import USAGE, CommandError, JsonFlag, print_fields, print_json
from signets.cli.session import open_client, plain, show_page

if TYPE_CHECKING:
    from signets.client.types import Card, Window

cards = typer.Typer(no_args_is_help=True, help="Virtual cards, locked until an intent opens them.")

CardArgument = Annotated[str, typer.Argument(help="The card's id.")]


class LimitPeriod(StrEnum):
    """Over what a spending limit holds."""

    LIFETIME = "lifetime"
    MONTH = "month"


@cards.command("list")
def list_cards(
    *,
    agent: Annotated[str | None, typer.Option(help="Only this agent's (handle or id).")] = None,
    vendor: Annotated[str | None, typer.Option(help="Only those for this vendor.")] = None,
    limit: LimitOption = 50,
    after: AfterOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List cards, newest first.

    Example: signets cards list --agent infra-agent
    """
    with open_client() as client:
        show_page(
            client.cards.list(agent_id=agent, vendor=vendor, limit=limit, after=after),
            ("id", "agent", "state", "frozen", "vendors", "limit", "per", "last four"),
            lambda one: (
                one.id,
                one.agent_handle or one.agent_id,
                one.state,
                one.frozen,
                one.merchant_lock,
                money(one.spending_limit, one.currency),
                one.limit_period,
                one.last_four,
            ),
            empty="no cards",
            as_json=as_json,
        )


@cards.command("show")
def show(card: CardArgument, *, as_json: JsonFlag = False) -> None:
    """Show one card.

    Example: signets cards show card_01h455vb4pex5vsknk084sn02q
    """
    with open_client() as client:
        _show(client.cards.get(card), as_json=as_json)


@cards.command("create")
def create(
    *,
    limit: Annotated[str, typer.Option(help="Spending limit in major units, like 50.00.")],
    vendor: Annotated[list[str], typer.Option(help="Vendor domain; repeat for several.")],
    agent: Annotated[str | None, typer.Option(help="Whose card (handle or id).")] = None,
    recurring: Annotated[bool, typer.Option("--recurring", help="For a subscription.")] = False,
    currency: Annotated[str | None, typer.Option(help="ISO 4217; the organization's own.")] = None,
    period: Annotated[
        LimitPeriod | None, typer.Option(help="Over what the limit holds; month if recurring.")
    ] = None,
    per_charge: Annotated[str | None, typer.Option(help="Most for one charge.")] = None,
    workflow: Annotated[str | None, typer.Option(help="A label for rules and budgets.")] = None,
    memo: Annotated[str | None, typer.Option(help="A note.")] = None,
    allow_facilitators: Annotated[
        bool,
        typer.Option("--allow-facilitators", help="Let the vendor charge through a facilitator."),
    ] = False,
    idempotency_key: Annotated[str | None, typer.Option(help="Repeat safely for 24 h.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a locked card.

    Example: signets cards create --agent infra-agent --limit 50.00 --vendor openai.com
    """
    with open_client() as client:
        chosen = currency_of(client, currency)
        made = client.cards.create(
            agent_id=agent,
            spending_limit=read_amount(limit, chosen, param="limit"),
            merchant_lock=vendor[0] if len(vendor) == 1 else vendor,
            recurring=recurring,
            currency=chosen,
            limit_period=None if period is None else period.value,
            per_authorization_limit=optional_amount(per_charge, chosen, param="per_charge"),
            workflow=workflow,
            memo=memo,
            allow_facilitators=allow_facilitators,
            idempotency_key=idempotency_key,
        )
        _show(made, as_json=as_json)


@cards.command("freeze")
def freeze(card: CardArgument, *, as_json: JsonFlag = False) -> None:
    """Stop a card at once; nothing opens it until it is unfrozen.

    Example: signets cards freeze card_01h455vb4pex5vsknk084sn02q
    """
    with open_client() as client:
        _show(client.cards.freeze(card), as_json=as_json)


@cards.command("unfreeze")
def unfreeze(card: CardArgument, *, as_json: JsonFlag = False) -> None:
    """Undo a freeze.

    Example: signets cards unfreeze card_01h455vb4pex5vsknk084sn02q
    """
    with open_client() as client:
        _show(client.cards.unfreeze(card), as_json=as_json)


@cards.command("close")
def close(card: CardArgument, *, as_json: JsonFlag = False) -> None:
    """Close a card for good.

    Example: signets cards close card_01h455vb4pex5vsknk084sn02q
    """
    with open_client() as client:
        _show(client.cards.close(card), as_json=as_json)


@cards.command("reset-breaker")
def reset_breaker(card: CardArgument, *, as_json: JsonFlag = False) -> None:
    """Let a card work again that its circuit breaker has locked.

    Example: signets cards reset-breaker card_01h455vb4pex5vsknk084sn02q
    """
    with open_client() as client:
        _show(client.cards.reset_breaker(card), as_json=as_json)


@cards.command("reveal")
def reveal(
    card: CardArgument,
    *,
    yes_show: Annotated[
        bool, typer.Option("--yes-show", help="Yes, print number and CVC here.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Print number, CVC and expiry: with the owning agent's key, while the card is open.

    Every reveal is recorded and counts against an hourly limit.

    Example: signets cards reveal card_01h455vb4pex5vsknk084sn02q --yes-show
    """
    if not yes_show:
        raise CommandError(
            "this prints the card's number and CVC; add --yes-show if nobody looks on", USAGE
        )
    with open_client() as client:
        details = client.cards.reveal(card)
    if as_json:
        print_json(plain(details))
        return
    print_fields(
        [
            ("number", details.number),
            ("cvc", details.cvc),
            ("expires", f"{details.exp_month:02d}/{details.exp_year}"),
            ("name", details.name),
            *(
                (name.replace("_", " "), part)
                for name, part in (details.billing_address or {}).items()
            ),
        ]
    )


def window_line(window: Window | None) -> str | None:
    """An unlock window in words."""
    if window is None:
        return None
    opens, ends = window.opens_at.astimezone(), window.ends_at.astimezone()
    return f"{opens:%Y-%m-%d %H:%M:%S} to {ends:%Y-%m-%d %H:%M:%S}"


def _show(card: Card, *, as_json: bool) -> None:
    if as_json:
        print_json(plain(card))
        return
    print_fields(
        [
            ("id", card.id),
            ("agent", card.agent_handle or card.agent_id),
            ("state", card.state),
            ("frozen", card.frozen),
            ("at the issuer", card.issuer_state),
            ("last four", card.last_four),
            ("vendors", card.merchant_lock),
            ("facilitators", card.allow_facilitators),
            ("spending limit", both(card.spending_limit, card.currency)),
            ("over", card.limit_period),
            ("most per charge", both(card.per_authorization_limit, card.currency)),
            ("recurring", card.recurring),
            ("workflow", card.workflow),
            ("memo", card.memo),
            ("breaker tripped", card.breaker_tripped_at),
            ("open", window_line(card.window)),
            ("opened by", card.window and card.window.intent_id),
            ("created", card.created_at),
            ("closed", card.closed_at),
        ]
    )
