"""How Stripe is to reach us, and what a look at the account finds wrong with it.

Two things Stripe's API does not tell: where real-time requests go, and what Stripe does when no
answer comes in time. A person sets both at dashboard.stripe.com/settings/issuing, and the check
says so every time. Source: docs.stripe.com/issuing/controls/real-time-authorizations.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import stripe

from signets.app.ports import Finding, IssuerSecrets, Severity
from signets.issuers.set_up import SetUpWords, worst_first
from signets.issuers.stripe.cardholder import cardholders
from signets.issuers.stripe.events import EVENT_TYPES, MONEY_EVENTS
from signets.issuers.stripe.options import StripeOptions
from signets.issuers.stripe.transport import PAGE

_AGAIN = "connect again: `signets issuers connect stripe`"
WORDS = SetUpWords(
    issuer="Stripe", key="STRIPE_API_KEY", status_page="status.stripe.com", again=_AGAIN
)
#: Where a person sets what Stripe's API does not tell.
SETTINGS = "https://dashboard.stripe.com/settings/issuing"


async def look_at_set_up(
    client: stripe.StripeClient,
    *,
    options: StripeOptions,
    authorize_url: str,
    events_url: str,
    secrets: IssuerSecrets,
    now: Callable[[], datetime],
) -> list[Finding]:
    """Everything that can be read of the set-up, worst first, and what cannot be read."""
    asked = now()
    listed = await client.v1.webhook_endpoints.list_async({"limit": PAGE})
    middle = asked + (now() - asked) / 2
    response = listed.last_response
    found = _secrets(secrets, authorize_url)
    known = None
    async for one in listed.auto_paging_iter():
        if one.url == events_url and (known is None or known.status != "enabled"):
            known = one
    found += _endpoint(known, events_url)
    found += await _cardholder(client, options)
    found += WORDS.clock_skew(response.headers.get("date") if response else None, middle)
    found += _unreadable(authorize_url)
    return worst_first(found)


def _secrets(secrets: IssuerSecrets, authorize_url: str) -> list[Finding]:
    found = []
    if not secrets.authorization:
        found.append(
            Finding(
                code="unsigned",
                severity=Severity.CRITICAL,
                sentence="the signing secret of the real-time endpoint is not stored here: every "
                "authorization request is refused as forged, and where Stripe has no endpoint it "
                "approves by itself",
                remedy=f"set the endpoint at {SETTINGS} to {authorize_url}, put its signing "
                "secret into STRIPE_AUTHORIZATION_SECRET, and " + _AGAIN,
            )
        )
    if not secrets.events:
        found.append(
            Finding(
                code="events_secret_unknown",
                severity=Severity.CRITICAL,
                sentence="the events endpoint's signing secret is not stored here: every event is "
                "refused as forged",
                remedy=_AGAIN,
            )
        )
    return found


def _endpoint(known: stripe.WebhookEndpoint | None, wanted: str) -> list[Finding]:
    where = f"the events endpoint {wanted}"
    if known is None or known.status != "enabled":
        return [WORDS.subscription_lost(where, exists=known is not None)]
    missing = [one for one in EVENT_TYPES if one not in known.enabled_events]
    if missing and "*" not in known.enabled_events:
        return [WORDS.types_missing(where, missing, money=MONEY_EVENTS)]
    return []


async def _cardholder(client: stripe.StripeClient, options: StripeOptions) -> list[Finding]:
    """Whose cards all of them are: blocked or inactive, every card is declined."""
    known = [one async for one in cardholders(client, options)]
    if not known or any(one.status == "active" for one in known):
        return []
    return [
        Finding(
            code="cardholder_inactive",
            severity=Severity.CRITICAL,
            sentence=f"the cardholder {known[0].id} is {known[0].status} at Stripe: every card of "
            "it is declined there before we are asked",
            remedy="find out at dashboard.stripe.com/issuing/cardholders why, and activate it",
        )
    ]


def _unreadable(authorize_url: str) -> list[Finding]:
    return [
        Finding(
            code="timeout_not_readable",
            severity=Severity.NOTICE,
            sentence="Stripe's API tells neither where real-time requests go nor what Stripe does "
            "when no answer comes in 2 seconds",
            remedy=f"look at {SETTINGS}: the endpoint must be {authorize_url}, the timeout "
            "setting *decline*, and Autopilot off",
        ),
        Finding(
            code="default_daily_limit",
            severity=Severity.NOTICE,
            sentence="Stripe limits cards by itself, before we are asked: 500 USD a day unless "
            "changed where a card has no limit of its own (every card that Signets opens has), and "
            "10,000 USD in one authorization",
            remedy=f"to be sure, set the default at {SETTINGS} above the largest budget of a card; "
            "for larger single purchases ask Stripe's support",
        ),
    ]
