"""Have Lithic ask and tell us, and what that would do, said beforehand."""

from __future__ import annotations

from lithic import AsyncLithic

from signets.app.ports import IssuerSecrets, IssuerUnavailable
from signets.issuers.lithic.set_up import EVENT_TYPES, find_subscription, missing_types


async def enroll(
    client: AsyncLithic, once: AsyncLithic, *, authorize_url: str, events_url: str
) -> IssuerSecrets:
    """Point Auth Stream Access and the events that we act on at us; idempotent.

    Args:
        once: The client that repeats nothing, for what would act twice.

    Raises:
        IssuerUnavailable: Lithic gave no secret.
    """
    # The secret first: until its first read, Lithic sends requests unsigned.
    authorization = (await once.auth_stream_enrollment.retrieve_secret()).secret
    now = await client.responder_endpoints.check_status(type="AUTH_STREAM_ACCESS")
    if not now.enrolled or now.url != authorize_url:
        await once.responder_endpoints.create(type="AUTH_STREAM_ACCESS", url=authorize_url)
    subscription = await _subscribe(client, once, events_url)
    events = (await client.events.subscriptions.retrieve_secret(subscription)).secret
    if not authorization or not events:
        raise IssuerUnavailable("the issuer gave no signing secret")
    return IssuerSecrets((authorization,), (events,))


async def _subscribe(client: AsyncLithic, once: AsyncLithic, url: str) -> str:
    """The token of a live subscription at ``url``, made or mended where needed."""
    known = await find_subscription(client, url)
    if known is None:
        made = await once.events.subscriptions.create(
            url=url, description="Signets", event_types=list(EVENT_TYPES)
        )
        return made.token
    if known.disabled or missing_types(known):
        await once.events.subscriptions.update(
            known.token, url=url, disabled=False, event_types=list(EVENT_TYPES)
        )
    return known.token


async def plan_enrolment(client: AsyncLithic, *, authorize_url: str, events_url: str) -> list[str]:
    """What enrolling would do. Changes nothing: Lithic makes a secret at the first read."""
    now = await client.responder_endpoints.check_status(type="AUTH_STREAM_ACCESS")
    subscription = await find_subscription(client, events_url)
    if not now.enrolled:
        endpoint = f"enrol {authorize_url} for authorization requests (Auth Stream Access)"
    elif now.url == authorize_url:
        endpoint = f"leave authorization requests at {authorize_url}"
    else:
        endpoint = f"move authorization requests from {now.url} to {authorize_url}"
    if subscription is None:
        events = f"create an event subscription to {events_url} ({', '.join(EVENT_TYPES)})"
    elif subscription.disabled or missing_types(subscription):
        events = f"mend the event subscription to {events_url} ({', '.join(EVENT_TYPES)})"
    else:
        events = f"leave the event subscription to {events_url}"
    return [
        endpoint,
        events,
        "read both signing secrets and store them sealed; Lithic makes the first one when it is "
        "first read, and signs requests from then on",
    ]
