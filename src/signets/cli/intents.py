"""``intents``: declared purchases, from request to decision."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from signets.cli.cards import window_line
from signets.cli.inputs import (
    AfterOption,
    LimitOption,
    both,
    currency_of,
    money,
    optional_amount,
    read_amount,
    read_duration,
    read_pairs,
)
from signets.cli.output import JsonFlag, print_fields, print_json, print_table, say
from signets.cli.session import open_client, plain, show_page

if TYPE_CHECKING:
    from signets.client.types import Intent

intents = typer.Typer(no_args_is_help=True, help="Declared purchases.")

IntentArgument = Annotated[str, typer.Argument(help="The intent's id.")]
CommentOption = Annotated[str | None, typer.Option(help="Why, for the record.")]


class Usage(StrEnum):
    """How often an intent may be charged."""

    SINGLE = "single"
    WINDOW = "window"
    RECURRING = "recurring"


class Period(StrEnum):
    """How often a recurring intent opens its card."""

    MONTH = "month"
    YEAR = "year"


@intents.command("list")
def list_intents(
    *,
    agent: Annotated[str | None, typer.Option(help="Only this agent's (handle or id).")] = None,
    card: Annotated[str | None, typer.Option(help="Only this card's.")] = None,
    state: Annotated[str | None, typer.Option(help="Only these, like pending_approval.")] = None,
    limit: LimitOption = 50,
    after: AfterOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List intents, newest first.

    Example: signets intents list --state pending_approval
    """
    with open_client() as client:
        show_page(
            client.intents.list(
                agent_id=agent, card_id=card, state=state, limit=limit, after=after
            ),
            ("id", "state", "vendor", "expected", "at most", "used", "usage", "purpose"),
            lambda one: (
                one.id,
                one.state,
                one.expected_merchant,
                money(one.expected_amount, one.currency),
                money(one.maximum, one.currency),
                money(one.used, one.currency),
                one.usage,
                one.purpose,
            ),
            empty="no intents",
            as_json=as_json,
        )


@intents.command("show")
def show(intent: IntentArgument, *, as_json: JsonFlag = False) -> None:
    """Show one intent, with what policy made of it.

    Example: signets intents show int_01h455vb4pex5vsknk084sn02q
    """
    with open_client() as client:
        _show(client.intents.get(intent), as_json=as_json)


ItemOption = Annotated[
    list[str] | None, typer.Option(help="What is bought; repeat for several line items.")
]


@intents.command("create")
def create(
    purpose: Annotated[str, typer.Argument(help="What for, in words a person understands.")],
    *,
    amount: Annotated[str, typer.Option(help="Expected amount in major units, like 20.00.")],
    vendor: Annotated[str, typer.Option(help="The vendor's domain.")],
    agent: Annotated[str | None, typer.Option(help="Whose purchase (handle or id).")] = None,
    card: Annotated[str | None, typer.Option(help="On this card; else one is chosen.")] = None,
    currency: Annotated[str | None, typer.Option(help="ISO 4217; the organization's own.")] = None,
    usage: Annotated[Usage, typer.Option(help="How often it may be charged.")] = Usage.SINGLE,
    max_per_charge: Annotated[str | None, typer.Option(help="Most for one charge.")] = None,
    max_total: Annotated[str | None, typer.Option(help="Most for all charges.")] = None,
    max_count: Annotated[int | None, typer.Option(min=1, help="Most charges.")] = None,
    period: Annotated[Period | None, typer.Option(help="Of a recurring purchase.")] = None,
    window: Annotated[str | None, typer.Option(help="How long the card opens, like 30m.")] = None,
    workflow: Annotated[str | None, typer.Option(help="A label for rules and budgets.")] = None,
    quote_url: Annotated[str | None, typer.Option(help="Where the price was quoted.")] = None,
    metadata: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE; repeat for several.")
    ] = None,
    item: ItemOption = None,
    again: Annotated[
        str | None, typer.Option(help="Buy the same again on purpose: why. Always escalated.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until policy or a member decided.")] = False,
    idempotency_key: Annotated[str | None, typer.Option(help="Repeat safely for 24 h.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Declare a purchase; policy approves, denies or asks a member.

    Example: signets intents create "Buy $20 of API credits" --amount 20.00 --vendor openai.com
    """
    with open_client() as client:
        chosen = currency_of(client, currency)
        made = client.intents.create(
            purpose=purpose,
            expected_amount=read_amount(amount, chosen, param="amount"),
            expected_merchant=vendor,
            currency=chosen,
            usage=usage.value,
            agent_id=agent,
            card_id=card,
            max_per_charge=optional_amount(max_per_charge, chosen, param="max_per_charge"),
            max_total=optional_amount(max_total, chosen, param="max_total"),
            max_count=max_count,
            period=None if period is None else period.value,
            window_seconds=None if window is None else read_duration(window, param="window"),
            workflow=workflow,
            quote_url=quote_url,
            line_items=_items(item),
            metadata=read_pairs(metadata, param="metadata") if metadata else None,
            allow_duplicate=again is not None,
            allow_duplicate_reason=again,
            idempotency_key=idempotency_key,
        )
        if wait and made.pending:
            say(f"{made.id} waits for a decision")
            made = client.intents.wait(made)
        _show(made, as_json=as_json)


def _items(descriptions: list[str] | None) -> list[dict[str, str]] | None:
    """Line items as the API takes them; they tell one purchase from another."""
    return [{"description": one} for one in descriptions] if descriptions else None


@intents.command("cancel")
def cancel(intent: IntentArgument, *, as_json: JsonFlag = False) -> None:
    """Give the reservation back and lock the card.

    Example: signets intents cancel int_01h455vb4pex5vsknk084sn02q
    """
    with open_client() as client:
        _show(client.intents.cancel(intent), as_json=as_json)


@intents.command("amend")
def amend(
    intent: IntentArgument,
    amount: Annotated[str, typer.Argument(help="The new expected amount, like 24.00.")],
    *,
    purpose: Annotated[str | None, typer.Option(help="What for, if that changed.")] = None,
    quote_url: Annotated[str | None, typer.Option(help="Where the price was quoted.")] = None,
    item: ItemOption = None,
    idempotency_key: Annotated[str | None, typer.Option(help="Repeat safely for 24 h.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Replace an intent by one with another amount; policy decides anew.

    Example: signets intents amend int_01h455vb4pex5vsknk084sn02q 24.00
    """
    with open_client() as client:
        currency = client.intents.get(intent).currency
        made = client.intents.amend(
            intent,
            expected_amount=read_amount(amount, currency, param="amount"),
            purpose=purpose,
            quote_url=quote_url,
            line_items=_items(item),
            idempotency_key=idempotency_key,
        )
        _show(made, as_json=as_json)


@intents.command("approve")
def approve(
    intent: IntentArgument, *, comment: CommentOption = None, as_json: JsonFlag = False
) -> None:
    """Vote for an escalated intent, as a member other than who asked.

    Example: signets intents approve int_01h455vb4pex5vsknk084sn02q --comment "as agreed"
    """
    with open_client() as client:
        _show(client.intents.approve(intent, comment=comment), as_json=as_json)


@intents.command("deny")
def deny(
    intent: IntentArgument, *, comment: CommentOption = None, as_json: JsonFlag = False
) -> None:
    """Vote against an escalated intent; one denial denies.

    Example: signets intents deny int_01h455vb4pex5vsknk084sn02q --comment "not this quarter"
    """
    with open_client() as client:
        _show(client.intents.deny(intent, comment=comment), as_json=as_json)


def _show(intent: Intent, *, as_json: bool) -> None:
    if as_json:
        print_json(plain(intent))
        return
    currency = intent.currency
    if intent.duplicate_of is not None:
        say(f"this is {intent.duplicate_of} again: nothing new was made")
    approval = intent.approval
    print_fields(
        [
            ("id", intent.id),
            ("state", intent.state),
            ("purpose", intent.purpose),
            ("vendor", intent.expected_merchant),
            ("expected", both(intent.expected_amount, currency)),
            ("at most", both(intent.maximum, currency)),
            ("usage", intent.usage),
            ("most per charge", both(intent.max_per_charge, currency)),
            ("most in all", both(intent.max_total, currency)),
            ("most charges", intent.max_count),
            ("period", intent.period),
            ("used", both(intent.used, currency)),
            ("charges", intent.charges),
            ("agent", intent.agent_id),
            ("card", intent.card_id),
            ("workflow", intent.workflow),
            ("quote", intent.quote_url),
            ("metadata", [f"{name}={value}" for name, value in intent.metadata.items()]),
            ("replaces", intent.supersedes),
            ("part of", intent.parent_id),
            ("card is open", window_line(intent.window)),
            ("policy", intent.policy and f"{intent.policy.outcome} (v{intent.policy.version})"),
            ("because", intent.policy and "; ".join(intent.policy.reasons)),
            ("approval", approval and f"{approval.state}, {approval.required} needed"),
            ("until", approval and approval.expires_at),
            ("created", intent.created_at),
            ("approved", intent.approved_at),
            ("ended", intent.ended_at),
        ]
    )
    if approval is not None and approval.votes:
        rows = [(vote.at, vote.vote, vote.member_id, vote.comment) for vote in approval.votes]
        print_table(("at", "vote", "member", "comment"), rows, empty="")
