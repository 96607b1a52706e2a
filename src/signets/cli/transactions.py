"""``transactions``, ``decisions`` and ``ledger``: what was charged, decided and booked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from signets.cli.inputs import AfterOption, LimitOption, both, money
from signets.cli.output import (
    REFUSED,
    JsonFlag,
    print_fields,
    print_json,
    print_lines,
    print_table,
)
from signets.cli.session import open_client, plain, show_page

if TYPE_CHECKING:
    from signets.client.types import Check, Decision, Transaction

transactions = typer.Typer(no_args_is_help=True, help="What was charged.")
decisions = typer.Typer(no_args_is_help=True, help="Our answers to authorization requests.")
ledger = typer.Typer(no_args_is_help=True, help="The double-entry books.")


@transactions.command("list")
def list_transactions(
    *,
    card: Annotated[str | None, typer.Option(help="Only this card's.")] = None,
    intent: Annotated[str | None, typer.Option(help="Only this intent's.")] = None,
    limit: LimitOption = 50,
    after: AfterOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List transactions, newest first.

    Example: signets transactions list --card card_01h455vb4pex5vsknk084sn02q
    """
    with open_client() as client:
        show_page(
            client.transactions.list(card_id=card, intent_id=intent, limit=limit, after=after),
            ("id", "descriptor", "status", "held", "cleared", "refunded", "verdict", "flags"),
            lambda one: (
                one.id,
                one.descriptor,
                one.status,
                money(one.held, one.currency),
                money(one.cleared, one.currency),
                money(one.refunded, one.currency),
                one.verdict,
                (*one.flags, *one.notes),
            ),
            empty="no transactions",
            as_json=as_json,
        )


@transactions.command("show")
def show_transaction(
    transaction: Annotated[str, typer.Argument(help="The transaction's id.")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """Show one transaction, with its verdict and why.

    Example: signets transactions show txn_01h455vb4pex5vsknk084sn02q
    """
    with open_client() as client:
        found = client.transactions.get(transaction)
    if as_json:
        print_json(plain(found))
        return
    print_fields(_transaction_fields(found))
    print_lines(f"  {line}" for line in found.explanation)


def _transaction_fields(one: Transaction) -> list[tuple[str, object]]:
    currency = one.currency
    amounts = ("authorized", "held", "unconfirmed", "reversed", "cleared", "refunded", "disputed")
    foreign = one.merchant_currency not in (None, currency)
    return [
        ("id", one.id),
        ("card", one.card_id),
        ("intent", one.intent_id),
        ("agent", one.agent_id),
        ("kind", one.kind),
        ("status", one.status),
        ("descriptor", one.descriptor),
        ("vendor", one.vendor),
        ("match", one.match and one.match.result),
        *((name, both(getattr(one, name), currency)) for name in amounts),
        (
            "at the merchant",
            both(one.merchant_amount, one.merchant_currency or currency) if foreign else None,
        ),
        ("decided by", one.decided_by),
        ("reason", one.reason),
        ("verdict", one.verdict),
        ("flags", one.flags),
        ("notes", one.notes),
        ("created", one.created_at),
        ("updated", one.updated_at),
    ]


@decisions.command("list")
def list_decisions(
    *, limit: LimitOption = 50, after: AfterOption = None, as_json: JsonFlag = False
) -> None:
    """List decisions, declined ones included, newest first.

    Example: signets decisions list --limit 10
    """
    with open_client() as client:
        show_page(
            client.decisions.list(limit=limit, after=after),
            ("at", "answer", "reason", "amount", "kind", "card", "id"),
            lambda one: (
                one.decided_at,
                _answer(one),
                one.reason,
                money(one.amount, one.currency),
                one.kind,
                one.card_id,
                one.id,
            ),
            empty="no decisions",
            as_json=as_json,
        )


@decisions.command("show")
def show_decision(
    decision: Annotated[str, typer.Argument(help="The decision's id.")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """Show one decision with every check.

    Example: signets decisions show dec_01h455vb4pex5vsknk084sn02q
    """
    with open_client() as client:
        found = client.decisions.get(decision)
    if as_json:
        print_json(plain(found))
        return
    print_fields(
        [
            ("id", found.id),
            ("answer", _answer(found)),
            ("reason", found.reason),
            ("in words", found.sentence),
            ("level", found.level),
            ("would pass", found.would_pass),
            ("kind", found.kind),
            ("amount", both(found.amount, found.currency)),
            ("hold", both(found.hold, found.currency)),
            ("state", found.state),
            ("card", found.card_id),
            ("intent", found.intent_id),
            ("transaction", found.transaction_id),
            ("policy version", found.policy_version),
            ("decided", found.decided_at),
        ]
    )
    print_lines([""])
    print_table(
        ("check", "result", "level", "detail", "room", "opens"),
        [_check_row(check, found.currency) for check in found.checks],
        empty="no checks were run",
    )


def _answer(decision: Decision) -> str:
    return "approved" if decision.approved else "declined"


def _check_row(check: Check, currency: str) -> tuple[object, ...]:
    room = money(check.room, currency)
    return (check.reason, check.status, check.level, check.detail, room, check.opens_at)


@ledger.command("check")
def check(*, as_json: JsonFlag = False) -> None:
    """Check that the books balance; exit code 1 where they do not.

    Example: signets ledger check
    """
    with open_client() as client:
        found = client.ledger.check()
    if as_json:
        print_json(plain(found))
    elif found.balanced:
        print_lines(["balanced: debits equal credits everywhere"])
    else:
        print_lines(["NOT BALANCED", *(f"  {problem}" for problem in found.problems)])
    if not found.balanced:
        raise typer.Exit(REFUSED)
