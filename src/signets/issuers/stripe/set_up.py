"""How Stripe is to reach us, and what a look at the account finds wrong with it.

Two things Stripe's API does not tell: where real-time requests go, and what Stripe does when no
answer comes in time. A person sets both at dashboard.stripe.com/settings/issuing, and the check
says so every time. Source: docs.stripe.com/issuing/controls/real-time-authorizations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import stripe

from signets.app.ports import Finding, IssuerSecrets, Severity

_AGAIN = "connect again: `signets issuers connect stripe`"
_SETTINGS = "https://dashboard.stripe.com/settings/issuing"
#: A signature is good for five minutes; half of it is too near.
_SKEW_WARNS = timedelta(seconds=30)
_SKEW_BREAKS = timedelta(minutes=4)


async def look_at_set_up(
    client: stripe.StripeClient,
    *,
    event_types: Sequence[str],
    authorize_url: str,
    events_url: str,
    secrets: IssuerSecrets,
    now: Callable[[], datetime],
) -> list[Finding]:
    """Everything that can be read of the set-up, worst first, and what cannot be read."""
    asked = now()
    listed = await client.v1.webhook_endpoints.list_async({"limit": 100})
    middle = asked + (now() - asked) / 2
    response = listed.last_response
    found = _secrets(secrets, authorize_url)
    known = None
    async for one in listed.auto_paging_iter():
        if one.url == events_url and (known is None or known.status != "enabled"):
            known = one
    found += _endpoint(known, events_url, event_types)
    found += clock_skew(response.headers.get("date") if response else None, middle)
    found += _unreadable(authorize_url)
    return sorted(found, key=lambda one: list(Severity).index(one.severity))


def key_refused(said: str) -> Finding:
    """The key is not taken."""
    return Finding(
        code="key_refused",
        severity=Severity.CRITICAL,
        sentence=f"Stripe does not take the API key ({said}): cards cannot be paused or looked up",
        remedy="set STRIPE_API_KEY to a key of this account and " + _AGAIN,
    )


def unreachable(said: str) -> Finding:
    """Nobody answers."""
    return Finding(
        code="unreachable",
        severity=Severity.WARNING,
        sentence=f"Stripe cannot be reached ({said}): nothing of the set-up can be checked",
        remedy="look at status.stripe.com and at this machine's way to the internet",
    )


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
                remedy=f"set the endpoint at {_SETTINGS} to {authorize_url}, put its signing "
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


def _endpoint(
    known: stripe.WebhookEndpoint | None, wanted: str, event_types: Sequence[str]
) -> list[Finding]:
    if known is None or known.status != "enabled":
        state = "is disabled" if known else "does not exist"
        return [
            Finding(
                code="subscription_disabled" if known else "subscription_missing",
                severity=Severity.CRITICAL,
                sentence=f"the events endpoint {wanted} {state}: captures, reversals and refunds "
                "come to nobody's ears until the next pull",
                remedy=_AGAIN,
            )
        ]
    missing = [one for one in event_types if one not in known.enabled_events]
    if missing and "*" not in known.enabled_events:
        return [
            Finding(
                code="event_types_missing",
                severity=Severity.CRITICAL,
                sentence=f"the events endpoint leaves out {', '.join(missing)}",
                remedy=_AGAIN,
            )
        ]
    return []


def _unreadable(authorize_url: str) -> list[Finding]:
    return [
        Finding(
            code="timeout_not_readable",
            severity=Severity.NOTICE,
            sentence="Stripe's API tells neither where real-time requests go nor what Stripe does "
            "when no answer comes in 2 seconds",
            remedy=f"look at {_SETTINGS}: the endpoint must be {authorize_url}, the timeout "
            "setting *decline*, and Autopilot off",
        ),
        Finding(
            code="default_daily_limit",
            severity=Severity.NOTICE,
            sentence="Stripe gives new cards a spending limit of its own (500 USD a day unless "
            "changed), which declines before we are asked",
            remedy=f"set the default at {_SETTINGS} above the largest budget of a card",
        ),
    ]


def clock_skew(date: str | None, ours: datetime) -> list[Finding]:
    """Between the issuer's ``Date`` (whole seconds) and our clock at that moment."""
    try:
        skew = abs(parsedate_to_datetime(date or "") - ours)
    except (TypeError, ValueError):
        return []  # no readable date, nothing to say
    if skew < _SKEW_WARNS:
        return []
    return [
        Finding(
            code="clock_skew",
            severity=Severity.CRITICAL if skew >= _SKEW_BREAKS else Severity.WARNING,
            sentence=f"this machine's clock and Stripe's are {skew.total_seconds():.0f} s apart; "
            "at 300 s every signature is refused",
            remedy="set the clock (NTP) on this machine",
        )
    ]
