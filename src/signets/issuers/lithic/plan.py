"""What enrolling at Lithic would do, said beforehand; changes nothing."""

from __future__ import annotations

from lithic import AsyncLithic

from signets.issuers.lithic.set_up import EVENT_TYPES, find_subscription, missing_types


async def plan_enrolment(client: AsyncLithic, *, authorize_url: str, events_url: str) -> list[str]:
    """What enrolling would do. Reads no secret: Lithic makes one at the first read."""
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
