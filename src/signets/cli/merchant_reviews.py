"""``merchants add|learn|reviews|rule``: what an organization itself says about merchants."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from signets.cli.inputs import AfterOption, LimitOption, both, money
from signets.cli.merchants import LockArgument, NameArgument
from signets.cli.output import USAGE, CommandError, JsonFlag, print_fields, print_json
from signets.cli.session import open_client, plain, show_page

if TYPE_CHECKING:
    from signets.client.merchant_types import MerchantReview

Comment = Annotated[str | None, typer.Option(help="Why, for the evidence.")]


class State(StrEnum):
    """Whether somebody has answered."""

    WAITING = "waiting"
    RULED = "ruled"


class Word(StrEnum):
    """What a member says of a merchant."""

    ALWAYS = "always"
    OTHER = "other"


class Answer(StrEnum):
    """What a member answers to a review."""

    ONCE = "once"
    ALWAYS = "always"
    OTHER = "other"


def add(
    file: Annotated[Path, typer.Argument(help="The vendor's document, JSON, with its `domain`.")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """Add a vendor of your own, or its next version.

    The document is like a file of the directory.

    Example: signets merchants add acme-search.dev.json
    """
    document = _document(file)
    domain = document.pop("domain", None)
    if not isinstance(domain, str):
        raise CommandError(f"{file}: no `domain`", USAGE)
    with open_client() as client:
        made = client.merchants.put(domain, document)
    if as_json:
        print_json(plain(made))
        return
    print_fields(
        (
            ("domain", made.domain),
            ("brand", made.brand),
            ("category", made.category),
            ("names", [one.text for one in made.patterns]),
            ("known ids", [one.id for one in made.network_ids]),
        )
    )


def learn(
    lock: LockArgument,
    descriptor: NameArgument,
    *,
    ruling: Annotated[Word, typer.Option(help="This is the vendor, or another merchant.")],
    mcc: Annotated[str | None, typer.Option(help="Merchant category code.")] = None,
    country: Annotated[str | None, typer.Option(help="Country, two letters.")] = None,
    city: Annotated[str | None, typer.Option(help="What stood in the city field.")] = None,
    acceptor_id: Annotated[str | None, typer.Option(help="Card acceptor id (MID).")] = None,
    network_id: Annotated[str | None, typer.Option(help="The network's merchant id.")] = None,
    comment: Comment = None,
    as_json: JsonFlag = False,
) -> None:
    """Say of a merchant that it is, or is not, the vendor of a lock.

    Example: signets merchants learn acme.dev "ACME SEARCH" --acceptor-id AC123 --ruling always
    """
    with open_client() as client:
        made = client.merchants.learn(
            lock,
            descriptor,
            ruling=ruling.value,
            mcc=mcc,
            country=country,
            city=city,
            acceptor_id=acceptor_id,
            network_id=network_id,
            comment=comment,
        )
    if as_json:
        print_json(plain(made))
        return
    print_fields(
        (
            ("id", made.id),
            ("vendor", made.vendor),
            ("merchant", made.merchant.descriptor),
            ("ruling", made.ruling),
            ("by", made.ruled_by),
        )
    )


def reviews(
    *,
    state: Annotated[State | None, typer.Option(help="Only of this state.")] = None,
    limit: LimitOption = 50,
    after: AfterOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List charges that were declined because it is not proven who charged, newest first.

    Example: signets merchants reviews --state waiting
    """
    with open_client() as client:
        show_page(
            client.merchant_reviews.list(
                state=state.value if state else None, limit=limit, after=after
            ),
            ("id", "state", "merchant", "vendor?", "amount", "attempts", "why"),
            lambda one: (
                one.id,
                one.ruling.ruling if one.ruling else one.state,
                one.merchant.descriptor,
                one.vendor,
                money(one.amount, one.currency),
                one.attempts,
                one.rule,
            ),
            empty="no reviews",
            as_json=as_json,
        )


def rule(
    review: Annotated[str, typer.Argument(help="The review's id, `mrv_…`.", metavar="REVIEW")],
    ruling: Annotated[
        Answer,
        typer.Argument(help="This purchase only; this is the vendor; another merchant."),
    ],
    *,
    comment: Comment = None,
    as_json: JsonFlag = False,
) -> None:
    """Answer who charged; the next charge is decided by it.

    Example: signets merchants rule mrv_01h455vb4pex5vsknk084sn02q always
    """
    with open_client() as client:
        found = client.merchant_reviews.rule(review, ruling=ruling.value, comment=comment)
    _show(found, as_json=as_json)


def register(group: typer.Typer) -> None:
    """Add these commands to the group."""
    for command in (add, learn, reviews, rule):
        group.command()(command)


def _document(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise CommandError(f"{file}: not JSON ({type(wrong).__name__})", USAGE) from None
    if not isinstance(found, dict):
        raise CommandError(f"{file}: not a JSON object", USAGE)
    return found


def _show(review: MerchantReview, *, as_json: bool) -> None:
    if as_json:
        print_json(plain(review))
        return
    seen = review.merchant
    print_fields(
        (
            ("id", review.id),
            ("state", review.state),
            ("ruling", review.ruling.ruling if review.ruling else None),
            ("by", review.ruling.ruled_by if review.ruling else None),
            ("merchant", seen.descriptor),
            ("ids", [one for one in (seen.network_id, seen.acceptor_id) if one]),
            ("mcc", seen.mcc),
            ("country", seen.country),
            ("city", seen.city),
            ("vendor", review.vendor),
            ("amount", both(review.amount, review.currency)),
            ("attempts", review.attempts),
            ("why declined", review.rule),
            ("card", review.card_id),
            ("intent", review.intent_id),
            ("transaction", review.transaction_id),
        )
    )
