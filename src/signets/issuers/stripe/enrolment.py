"""Have Stripe's events sent to us, and what that would do, said beforehand."""

from __future__ import annotations

import stripe

from signets.app.ports import IssuerSecrets, IssuerUnavailable
from signets.issuers.stripe.answers import API_VERSION
from signets.issuers.stripe.cardholder import find_cardholder
from signets.issuers.stripe.events import EVENT_TYPES
from signets.issuers.stripe.options import StripeOptions
from signets.issuers.stripe.set_up import SETTINGS
from signets.issuers.stripe.transport import PAGE


async def enroll(
    client: stripe.StripeClient, *, events_url: str, options: StripeOptions
) -> IssuerSecrets:
    """Subscribe ``events_url``; idempotent.

    The real-time endpoint is not in Stripe's API: a person enters it at
    dashboard.stripe.com/settings/issuing, sets the timeout there to *decline*, and gives us the
    signing secret it shows (option ``authorization_secret``). Until then no request verifies, and
    Stripe approves by itself whatever an active card is charged.

    Stripe shows an events endpoint's secret once, when it is made. Where we have none (option
    ``events_secret``), an endpoint of that address is made anew and the old one deleted after it;
    what the old one had still to deliver is found by the pull.

    Raises:
        IssuerUnavailable: Stripe gave no secret.
    """
    endpoints = client.v1.webhook_endpoints
    same = await _endpoints(client, events_url)
    if same and options.events_secrets:
        await endpoints.update_async(
            same[0].id, {"enabled_events": list(EVENT_TYPES), "disabled": False}
        )
        return IssuerSecrets(options.authorization_secrets, options.events_secrets)
    made = await endpoints.create_async(
        {
            "url": events_url,
            "enabled_events": list(EVENT_TYPES),
            "api_version": API_VERSION,
            "description": "Signets",
        }
    )
    if not made.secret:
        raise IssuerUnavailable("the issuer gave no signing secret")
    for old in same:
        await endpoints.delete_async(old.id)
    return IssuerSecrets(options.authorization_secrets, (made.secret, *options.events_secrets))


async def _endpoints(client: stripe.StripeClient, url: str) -> list[stripe.WebhookEndpoint]:
    listed = await client.v1.webhook_endpoints.list_async({"limit": PAGE})
    return [one async for one in listed.auto_paging_iter() if one.url == url]


async def plan_enrolment(
    client: stripe.StripeClient,
    *,
    authorize_url: str,
    events_url: str,
    options: StripeOptions,
) -> list[str]:
    """What enrolling would do, and what only a person can. Changes nothing."""
    same = await _endpoints(client, events_url)
    wanted = f"{events_url} ({', '.join(EVENT_TYPES)})"
    if same and options.events_secrets:
        endpoint = f"bring the events endpoint {wanted} up to date"
    elif same:
        endpoint = f"make the events endpoint {wanted} anew and delete the old one: its secret is "
        endpoint += "shown only once, and is not here"
    else:
        endpoint = f"create the events endpoint {wanted}"
    return [
        endpoint,
        f"leave to you, at {SETTINGS}: the real-time endpoint {authorize_url}, its timeout "
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
