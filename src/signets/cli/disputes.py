"""``disputes``: claim money back."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from signets.cli.inputs import AfterOption, LimitOption, both, money, optional_amount, read_pairs
from signets.cli.output import JsonFlag, print_fields, print_json
from signets.cli.session import open_client, plain, show_page

if TYPE_CHECKING:
    from signets.client.types import Dispute

disputes = typer.Typer(no_args_is_help=True, help="Money claimed back.")

DisputeArgument = Annotated[
    str, typer.Argument(help="The dispute's id, `dsp_…`.", metavar="DISPUTE")
]


class Reason(StrEnum):
    """Why money is claimed back."""

    NOT_RECEIVED = "not_received"
    NOT_AS_DESCRIBED = "not_as_described"
    DUPLICATE = "duplicate"
    CANCELED = "canceled"
    FRAUDULENT = "fraudulent"
    INCORRECT_AMOUNT = "incorrect_amount"
    REFUND_MISSING = "refund_missing"
    NO_AUTHORIZATION = "no_authorization"
    OTHER = "other"


@disputes.command("open")
def open_dispute(
    transaction: Annotated[str, typer.Argument(help="The transaction's id, `txn_…`.")],
    *,
    reason: Annotated[Reason, typer.Option(help="Why.")],
    amount: Annotated[
        str | None, typer.Option(help="In major units, like 20.00; without it, all that can be.")
    ] = None,
    note: Annotated[str | None, typer.Option(help="What happened, for the issuer.")] = None,
    evidence: Annotated[
        list[str] | None,
        typer.Option(help="What the issuer asks for besides, like canceled_at=2026-11-01T00:00Z."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Open a dispute and submit it at the issuer.

    Example: signets disputes open txn_01h455vb4pex5vsknk084sn02q --reason not_received
    """
    with open_client() as client:
        minor = None
        if amount is not None:
            currency = client.transactions.get(transaction).currency
            minor = optional_amount(amount, currency, param="amount")
        made = client.disputes.open(
            transaction,
            reason=reason.value,
            amount=minor,
            note=note,
            evidence=read_pairs(evidence, param="evidence") if evidence else None,
        )
    _show(made, as_json=as_json)


@disputes.command("list")
def list_disputes(
    *,
    transaction: Annotated[str | None, typer.Option(help="Only of this transaction.")] = None,
    limit: LimitOption = 50,
    after: AfterOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List disputes, newest first.

    Example: signets disputes list
    """
    with open_client() as client:
        show_page(
            client.disputes.list(transaction_id=transaction, limit=limit, after=after),
            ("id", "transaction", "state", "reason", "amount", "recovered", "problem"),
            lambda one: (
                one.id,
                one.transaction_id,
                one.state,
                one.reason,
                money(one.amount, one.currency),
                money(one.recovered, one.currency),
                one.problem,
            ),
            empty="no disputes",
            as_json=as_json,
        )


@disputes.command("show")
def show(dispute: DisputeArgument, *, as_json: JsonFlag = False) -> None:
    """Show one dispute.

    Example: signets disputes show dsp_01h455vb4pex5vsknk084sn02q
    """
    with open_client() as client:
        found = client.disputes.get(dispute)
    _show(found, as_json=as_json)


@disputes.command("withdraw")
def withdraw(dispute: DisputeArgument, *, as_json: JsonFlag = False) -> None:
    """Take a dispute back, here and at the issuer.

    Example: signets disputes withdraw dsp_01h455vb4pex5vsknk084sn02q
    """
    with open_client() as client:
        found = client.disputes.withdraw(dispute)
    _show(found, as_json=as_json)


def _show(dispute: Dispute, *, as_json: bool) -> None:
    if as_json:
        print_json(plain(dispute))
        return
    print_fields(
        [
            ("id", dispute.id),
            ("transaction", dispute.transaction_id),
            ("state", dispute.state),
            ("reason", dispute.reason),
            ("amount", both(dispute.amount, dispute.currency)),
            ("recovered", both(dispute.recovered, dispute.currency)),
            ("problem", dispute.problem),
            ("at the issuer", dispute.issuer_token),
            ("opened", dispute.opened_at),
            ("submitted", dispute.submitted_at),
            ("ended", dispute.ended_at),
        ]
    )
