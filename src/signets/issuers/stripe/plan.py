"""What enrolling at Stripe would do, said beforehand; changes nothing."""

from __future__ import annotations

from collections.abc import Sequence

import stripe

from signets.issuers.fields import find
from signets.issuers.stripe.options import MARK, StripeOptions

_SETTINGS = "https://dashboard.stripe.com/settings/issuing"


async def plan_enrolment(
    client: stripe.StripeClient,
    *,
    event_types: Sequence[str],
    authorize_url: str,
    events_url: str,
    options: StripeOptions,
) -> list[str]:
    """What enrolling would do, and what only a person can."""
    listed = await client.v1.webhook_endpoints.list_async({"limit": 100})
    same = [one async for one in listed.auto_paging_iter() if one.url == events_url]
    wanted = f"{events_url} ({', '.join(event_types)})"
    if same and options.events_secrets:
        endpoint = f"bring the events endpoint {wanted} up to date"
    elif same:
        endpoint = f"make the events endpoint {wanted} anew and delete the old one: its secret is "
        endpoint += "shown only once, and is not here"
    else:
        endpoint = f"create the events endpoint {wanted}"
    return [
        endpoint,
        f"leave to you, at {_SETTINGS}: the real-time endpoint {authorize_url}, its timeout "
        "setting *decline*, Autopilot off",
        "take the real-time endpoint's secret from STRIPE_AUTHORIZATION_SECRET"
        if options.authorization_secrets
        else "hold the connection until you connect again with the real-time endpoint's secret in "
        "STRIPE_AUTHORIZATION_SECRET",
        f"issue cards in {options.currency.upper()}, {await _holder(client, options)}",
    ]


async def _holder(client: stripe.StripeClient, options: StripeOptions) -> str:
    if options.cardholder:
        return f"to cardholder {options.cardholder}"
    if await find_cardholder(client, options):
        return "to the cardholder that carries our mark"
    if options.new_cardholder() is None:
        return (
            "to nobody yet: give --option cardholder=ich_…, or a name and an address of a new one"
        )
    return f"to a new cardholder ({options.type}) {options.name}, made with the first card"


async def find_cardholder(client: stripe.StripeClient, options: StripeOptions) -> str | None:
    """The id of the active cardholder that carries our mark."""
    listed = await client.v1.issuing.cardholders.list_async({"status": "active", "limit": 100})
    async for one in listed.auto_paging_iter():
        if find(one.to_dict(for_json=True), f"metadata.{MARK}") == options.mark:
            return one.id
    return None
