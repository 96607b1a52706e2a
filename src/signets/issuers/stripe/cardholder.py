"""The one cardholder of a connection, whose cards all of them are."""

from __future__ import annotations

from collections.abc import AsyncIterator

import stripe

from signets.app.ports import IssuerRefused
from signets.issuers.fields import find
from signets.issuers.stripe.options import MARK, StripeOptions
from signets.issuers.stripe.transport import PAGE, plain


async def cardholders(
    client: stripe.StripeClient, options: StripeOptions
) -> AsyncIterator[stripe.issuing.Cardholder]:
    """The one that is configured; else those that carry our mark, whatever their state."""
    holders = client.v1.issuing.cardholders
    if options.cardholder:
        yield await holders.retrieve_async(options.cardholder)
        return
    listed = await holders.list_async({"limit": PAGE})
    async for one in listed.auto_paging_iter():
        if find(plain(one), f"metadata.{MARK}") == options.mark:
            yield one


async def find_cardholder(client: stripe.StripeClient, options: StripeOptions) -> str | None:
    """The id that is configured, else of the active cardholder that carries our mark."""
    if options.cardholder:
        return options.cardholder
    async for one in cardholders(client, options):
        if one.status == "active":
            return one.id
    return None


async def find_or_make_cardholder(client: stripe.StripeClient, options: StripeOptions) -> str:
    """As :func:`find_cardholder`; one is made from the options where there is none.

    Raises:
        IssuerRefused: There is too little to make one.
    """
    known = await find_cardholder(client, options)
    if known is not None:
        return known
    details = options.new_cardholder()
    if details is None:
        raise IssuerRefused(
            "Stripe gives cards to cardholders only: name one in `cardholder`, or give"
            " `name` and `line1`, `city`, `postal_code`, `country` of its address"
        )
    made = await client.v1.issuing.cardholders.create_async(
        {**details, "metadata": {MARK: options.mark}},
        {"idempotency_key": options.cardholder_key()},
    )
    return made.id
